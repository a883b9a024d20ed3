"""What several tests of texts are done on."""

from __future__ import annotations

import tkinter as tk

import pytest

from felix.gui.kit import Kit
from felix.gui.text.markdown_text import MarkdownText


@pytest.fixture
def page(window: tk.Toplevel, kit: Kit) -> MarkdownText:
    """A finished answer, empty."""
    page = MarkdownText(window, kit, on_citation=lambda _agent: None, hint=str)
    page.widget.place(x=0, y=0, width=600, height=400)
    window.update()
    return page
