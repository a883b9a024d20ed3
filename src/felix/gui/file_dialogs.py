"""The desktop's dialogs for files. They open in the user's documents, then wherever the last file was chosen."""

from __future__ import annotations

import tkinter as tk
from pathlib import Path
from tkinter import filedialog


class FileDialogs:
    """Remembers the folder for as long as it lives; the window has one for all its dialogs."""

    def __init__(self) -> None:
        self._last: Path | None = None

    def open_several(self, parent: tk.Misc, title: str) -> list[Path]:
        """Files to read; none when the user thought better of it."""
        names = filedialog.askopenfilenames(parent=parent, title=title, initialdir=self._folder())
        chosen = [Path(name) for name in names]
        if chosen:
            self._last = chosen[0].parent
        return chosen

    def open_model(self, parent: tk.Misc, title: str) -> Path | None:
        """A GGUF file; None when the user thought better of it."""
        chosen = filedialog.askopenfilename(
            parent=parent,
            title=title,
            initialdir=self._folder(),
            filetypes=[("Models", "*.gguf"), ("All files", "*")],
        )
        return self._remembered(chosen)

    def save_markdown(self, parent: tk.Misc, title: str, name: str) -> Path | None:
        """Where to write, with `name` offered; None when the user thought better of it."""
        chosen = filedialog.asksaveasfilename(
            parent=parent,
            title=title,
            initialdir=self._folder(),
            initialfile=name,
            defaultextension=".md",
            filetypes=[("Markdown", "*.md"), ("All files", "*")],
        )
        return self._remembered(chosen)

    def save_json(self, parent: tk.Misc, title: str, name: str) -> Path | None:
        """As `save_markdown`, for a JSON file."""
        chosen = filedialog.asksaveasfilename(
            parent=parent,
            title=title,
            initialdir=self._folder(),
            initialfile=name,
            defaultextension=".json",
            filetypes=[("JSON", "*.json"), ("All files", "*")],
        )
        return self._remembered(chosen)

    def save_page(self, parent: tk.Misc, title: str, name: str) -> Path | None:
        """As `save_markdown`, for a page to be opened in a browser."""
        chosen = filedialog.asksaveasfilename(
            parent=parent,
            title=title,
            initialdir=self._folder(),
            initialfile=name,
            defaultextension=".html",
            filetypes=[("Web pages", "*.html"), ("All files", "*")],
        )
        return self._remembered(chosen)

    def choose_folder(self, parent: tk.Misc, title: str) -> Path | None:
        """A folder to write into; None when the user thought better of it."""
        chosen = filedialog.askdirectory(parent=parent, title=title, initialdir=self._folder())
        if not chosen:
            return None
        self._last = Path(chosen)
        return Path(chosen)

    def choose_ledger(self, parent: tk.Misc, title: str) -> Path | None:
        """A file to keep runs in, which may be there or not; None when the user thought better of it."""
        chosen = filedialog.asksaveasfilename(
            parent=parent,
            title=title,
            initialdir=self._folder(),
            initialfile="ledger.db",
            confirmoverwrite=False,  # a ledger that is there is taken up, not replaced
            filetypes=[("Ledgers of Felix", "*.db"), ("All files", "*")],
        )
        return self._remembered(chosen)

    def _remembered(self, chosen: str) -> Path | None:
        if not chosen:
            return None
        self._last = Path(chosen).parent
        return Path(chosen)

    def _folder(self) -> Path:
        import platformdirs

        places = (self._last, platformdirs.user_documents_path())
        return next((place for place in places if place and place.is_dir()), Path.home())
