"""The runs of this window for others' browsers: the switch in the settings, and the word in the status bar.

The server is handed in by whoever opens the window; starting and ending it takes a moment, so that is done aside.
"""

from __future__ import annotations

import tkinter as tk
import webbrowser
from collections.abc import Callable
from dataclasses import replace

from felix.engine import Engine
from felix.errors import FelixError
from felix.gui.aside import Aside
from felix.gui.settings_tab.sharing import SharingActs, SharingRows, SharingState
from felix.gui.text.shown_text import to_clipboard
from felix.sharing import Serve, Serving, Sharing, own

LOOK_MS = 1_000
"""How often it is looked who watches."""


class WindowSharing:
    """On Tk's thread. `rows` are asked for when there is something to show, None while there are none."""

    def __init__(self, root: tk.Misc, engine: Engine, aside: Aside, rows: Callable[[], SharingRows | None]) -> None:
        self._root, self._engine, self._aside, self._rows = root, engine, aside, rows
        self._serve: Serve | None = None
        self._say: Callable[[str, str], object] = lambda _words, _tip: None
        self._serving: Serving | None = None
        self._after = ""
        self._is_closed = False
        self.state = SharingState(is_possible=False)
        self.acts = SharingActs(
            self.share, self.reach_network, self.choose_address, self.copy, self.open, self.copy_token
        )

    def offer(self, serve: Serve, say: Callable[[str, str], object]) -> None:
        """From now on it can be switched on. `say` puts a word in the status bar, with a tip; empty takes it away."""
        self._serve, self._say = serve, say
        self._show(is_possible=True)

    def share(self, is_on: bool) -> None:  # noqa: FBT001  a switch's own value
        """Start, or end."""
        if self._serve is None or self.state.is_busy:
            return
        self._show(is_busy=True, fault="", said="", said_for_programs="")
        if is_on:
            serve, sharing = self._serve, Sharing(lan=self.state.network)
            self._aside.do(lambda: serve(self._engine, sharing), self._started)
        else:
            serving = self._serving
            self._leave()
            if serving is None:
                self._ended(None, None)
            else:
                self._aside.do(serving.close, self._ended)

    def reach_network(self, is_wanted: bool) -> None:  # noqa: FBT001  a switch's own value
        """Let others in the network reach it, or this machine alone."""
        if self.state.is_busy:
            return
        if not is_wanted:
            self.choose_address("")
            return
        self._show(is_busy=True, network_fault="")
        self._aside.do(own, self._found)  # a name is looked up, which may take seconds

    def choose_address(self, address: str) -> None:
        """Listen at another address; what was shared before ends, with its links. Empty: this machine alone."""
        if self.state.is_busy or address == self.state.network:
            return
        self._show(network=address, network_fault="")
        if (serving := self._serving) is not None:
            self._leave()
            self._show(is_busy=True)
            self._aside.do(serving.close, lambda _value, _error: self._again())

    def copy(self) -> None:
        """Put a new link on the clipboard."""
        if self._serving is not None:
            to_clipboard(self._root, self._serving.link())
            self._show(said="Copied: open it within a minute")

    def open(self) -> None:
        """Open a new link in the browser of this machine."""
        if self._serving is not None:
            link = self._serving.link()
            self._aside.do(lambda: webbrowser.open(link), self._opened)

    def copy_token(self) -> None:
        """Put what programs send on the clipboard."""
        if self._serving is not None:
            to_clipboard(self._root, self._serving.token)
            self._show(said_for_programs="Copied: send it as Authorization: Bearer …")

    def close(self) -> None:
        """The window closes: let nobody watch any more."""
        self._is_closed = True
        if (serving := self._serving) is not None:
            self._leave()
            serving.close()

    def _again(self) -> None:
        self._show(is_busy=False)
        self.share(True)

    def _leave(self) -> None:
        """It is not this window's any more; whoever took it closes it."""
        self._serving = None
        if self._after:
            self._root.after_cancel(self._after)
            self._after = ""

    def _found(self, value: object, _error: FelixError | None) -> None:
        addresses = tuple(map(str, value)) if isinstance(value, list) else ()
        self._show(is_busy=False, addresses=addresses)
        if addresses:
            self.choose_address(addresses[0])
        else:
            self._show(network_fault="This machine is in no network – connect it to one, then try again.")

    def _started(self, value: object, error: FelixError | None) -> None:
        if error is not None:
            self._show(is_busy=False, is_on=False, fault=str(error))
            return
        self._serving = value  # type: ignore[assignment]  # what `Serve` returns
        if self._is_closed:  # the window was faster
            self.close()
            return
        self._look()

    def _ended(self, _value: object, _error: FelixError | None) -> None:
        self._show(is_busy=False, is_on=False, watchers=0, address="")

    def _opened(self, value: object, _error: FelixError | None) -> None:
        self._show(said="" if value else "No browser could be opened – copy the link instead")

    def _look(self) -> None:
        self._after = ""
        if self._serving is not None and not self._serving.is_running:
            self._leave()
            self._show(is_on=False, is_busy=False, watchers=0, fault="The sharing broke off – the log has the details.")
        if self._serving is not None:
            self._show(is_busy=False, is_on=True, address=self._serving.address, watchers=self._serving.watchers)
            self._after = self._root.after(LOOK_MS, self._look)

    def _show(self, **changes: object) -> None:
        state = replace(self.state, **changes)  # type: ignore[arg-type]  # its own fields
        if state == self.state:
            return
        self.state = state
        if (rows := self._rows()) is not None:
            rows.show(state)
        where = "in the network" if state.network else "on this machine"
        watching = f", {state.watchers} watching" if state.watchers else ""
        self._say(f"Shared {where}{watching}" if state.is_on else "", f"{state.address}\nSettings, Sharing ends it")
