"""The foot of the window: what it says where there is little room."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

import pytest

from felix.endpoints import Endpoint
from felix.events import Tokens
from felix.gui.kit import Kit
from felix.gui.status_bar import StatusBar
from felix.gui.wall.chips import ChipsRow
from tests.gui.scene import Scene


def _cut(frame: tk.Misc) -> list[str]:
    """Words that are on screen and not whole."""
    found: list[str] = []
    for child in frame.winfo_children():
        is_small = child.winfo_width() < child.winfo_reqwidth() or child.winfo_height() < child.winfo_reqheight()
        if child.winfo_ismapped() and child.winfo_class() == "TLabel" and child.cget("text") and is_small:
            found.append(str(child.cget("text")))
        found += _cut(child) if child.winfo_ismapped() else []
    return found


@pytest.mark.parametrize("percent", [100, 130, 200])
@pytest.mark.parametrize("width", [920, 1400])
def test_what_has_no_room_goes_rather_than_being_cut(
    window: tk.Toplevel, kit: Kit, percent: int, width: int, update: Callable[[], None]
) -> None:
    window.geometry(f"{width}x300")
    bar = StatusBar(window, kit, on_show_log=lambda: None)
    bar.frame.place(x=0, rely=1, relwidth=1, anchor="sw")
    kit.scale_fonts(percent)
    bar.say_server("LM Studio 192.168.178.25:1234", "up")
    bar.say_model("qwen3-30b-a3b-thinking · 32k", icon="cpu")
    bar.show(Scene().state)
    update()
    assert _cut(bar.frame) == []
    assert (bar._speed.winfo_ismapped() and bar._bar.winfo_ismapped()) == (width == 1400 and percent < 200)


@pytest.mark.parametrize("percent", [100, 130, 200])
def test_a_chip_shows_both_of_its_lines_whole(
    window: tk.Toplevel, kit: Kit, percent: int, update: Callable[[], None]
) -> None:
    row = ChipsRow(window, kit, on_choose=lambda _agent: None)
    row.frame.place(x=0, y=0, relwidth=1)
    row.show(Scene().state)
    kit.scale_fonts(percent)
    update()
    assert _cut(row.frame) == []


def test_a_run_that_has_ended_says_what_it_cost(window: tk.Toplevel, kit: Kit, update: Callable[[], None]) -> None:
    scene = Scene()
    scene.say("research-1", "Words.")
    scene.end("research-1", usage=Tokens(prompt=1_000_000, completion=0))
    assert scene.state.plan is not None
    own = Endpoint(name="Own", base_url=scene.state.plan.server, prompt_price=1.25, completion_price=2.0)
    bar = StatusBar(window, kit, on_show_log=lambda: None, endpoints=lambda: (own,))
    scene.finish()
    bar.show(scene.state)
    assert bar._speed.cget("text").endswith(" · cost 1.25")
