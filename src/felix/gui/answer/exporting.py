"""A run written to a file of the user's choice: as Markdown, as its events, or as a page that plays it again.

The ledger's thread reads and writes; the window goes on meanwhile.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from felix.engine import Engine
from felix.errors import FelixError, LedgerError
from felix.events import RunId
from felix.gui.bridge import Bridge
from felix.gui.file_dialogs import FileDialogs
from felix.gui.folders import show_folder
from felix.ledger.reader import Reader
from felix.ledger.words import file_stem
from felix.settings import write_atomically

if TYPE_CHECKING:
    from felix.ledger.export import Format

FORMATS: tuple[tuple[str, Format], ...] = (
    ("Markdown…", "md"),
    ("JSON, all events…", "json"),
    ("Page that replays it…", "html"),
)
OPEN_FOLDER = "Open the folder of the last export"
AskPath = Callable[[str], Path | None]
"""Given a name to offer, says where to write; None when the user thought better of it."""


class Exporting:
    """Fills the menu of an export button, and does what is chosen there. Tk's thread."""

    def __init__(
        self,
        root: tk.Misc,
        engine: Engine,
        bridge: Bridge,
        *,
        ask_path: Mapping[Format, AskPath],
        say: Callable[[str], object],
    ) -> None:
        """`say` is told where the file is, or why there is none."""
        self._engine, self._bridge = engine, bridge
        self._ask_path, self._say = ask_path, say
        self._with_thinking = tk.BooleanVar(root, value=False)
        self._last: Path | None = None
        """The folder of the last export."""

    def fill(self, menu: tk.Menu) -> None:
        """Give `menu` its lines; they are about the run on screen."""
        for label, kind in FORMATS:
            menu.add_command(label=label, command=partial(self.export_shown, kind))
        menu.add_separator()
        menu.add_checkbutton(label="With what the models thought", variable=self._with_thinking)
        menu.add_command(label=OPEN_FOLDER, command=self._open_folder)
        menu.configure(
            postcommand=lambda: menu.entryconfigure(OPEN_FOLDER, state="normal" if self._last else "disabled")
        )

    def export_shown(self, kind: Format) -> None:
        """Export the run on screen."""
        state = self._bridge.state
        if state.run is not None and state.plan is not None:
            self.export(state.run, state.plan.task, kind)

    def export(self, run: RunId, task: str, kind: Format) -> None:
        """Ask where to, offering a name made of the task, and write the run there."""
        path = self._ask_path[kind](f"{file_stem(task)}.{kind}")
        if path is None:
            return
        write = partial(_write, run=run, kind=kind, path=path, include_thinking=self._with_thinking.get())
        self._bridge.expect(self._engine.ask_ledger(write), self._written)

    def _written(self, value: object, error: FelixError | None) -> None:
        if isinstance(value, Path):
            self._last = value.parent
            self._say(f"Exported to {value}")
        elif error is not None:
            self._say(str(error))

    def _open_folder(self) -> None:
        if self._last and (trouble := show_folder(self._last)):
            self._say(trouble)


def ask_paths(dialogs: FileDialogs, parent: tk.Misc) -> dict[Format, AskPath]:
    """The desktop's dialogs, one for each format."""
    title = "Export the run"
    return {
        "md": lambda name: dialogs.save_markdown(parent, title, name),
        "json": lambda name: dialogs.save_json(parent, title, name),
        "html": lambda name: dialogs.save_page(parent, title, name),
    }


def _write(reader: Reader, run: RunId, kind: Format, path: Path, *, include_thinking: bool) -> Path:
    """On the ledger's thread, which may take its time to load what makes pages."""
    from felix.ledger.export import rendered

    records = reader.records(run)
    if not records:
        raise LedgerError(
            "The run is not in the ledger any more, so it was not exported – look whether it was deleted."
        )
    try:
        write_atomically(path, rendered(records, kind, include_thinking=include_thinking))
    except OSError as error:
        raise LedgerError(f"{path.name} could not be written ({error.strerror}) – choose another folder.") from None
    return path
