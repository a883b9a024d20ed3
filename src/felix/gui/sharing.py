"""The runs of this window for others' browsers: the switch in the settings, and the word in the status bar.

The server is handed in by whoever opens the window; starting and ending it takes a moment, so that is done aside. That
it was on is remembered; in a network it is not shared again before its user has said so.
"""

from __future__ import annotations

import math
import tkinter as tk
import webbrowser
from collections.abc import Callable
from dataclasses import replace

from felix.engine import Engine
from felix.errors import FelixError
from felix.gui.aside import Aside
from felix.gui.settings_tab.sharing import SharingActs, SharingRows, SharingState
from felix.gui.text.shown_text import to_clipboard
from felix.sharing import LOOPBACK, Serve, Serving, Sharing, own

LOOK_MS = 1_000
"""How often it is looked who watches."""


class WindowSharing:
    """On Tk's thread. `rows` are asked for when there is something to show, None while there are none."""

    def __init__(self, root: tk.Misc, engine: Engine, aside: Aside, rows: Callable[[], SharingRows | None]) -> None:
        self._root, self._engine, self._aside, self._rows = root, engine, aside, rows
        self._serve: Serve | None = None
        self._say: Callable[[str, str], object] = lambda _words, _tip: None
        self._serving: Serving | None = None
        self._port = 0
        """That it listened at last: whoever comes back finds it there, while nobody else has taken it."""
        self._after = ""
        self._is_closed = False
        self.wish = ""
        """The address at which its user wants it; empty: nowhere."""
        self.on_wish: Callable[[], object] = lambda: None
        self.state = SharingState(is_possible=False)
        self.acts = SharingActs(
            self.share, self.reach_network, self.choose_address, self.agree, self.make_link, self.copy, self.open,
            self.copy_token,
        )  # fmt: skip

    def offer(self, serve: Serve, say: Callable[[str, str], object]) -> None:
        """From now on it can be switched on. `say` puts a word in the status bar, with a tip; empty takes it away."""
        self._serve, self._say = serve, say
        self._show(is_possible=True)

    def resume(self) -> None:
        """Share again, as `wish` has it from the last time; in a network only once its user has agreed again."""
        if self.wish == LOOPBACK:
            self.share(True)
        elif self.wish:
            self.reach_network(True)

    def share(self, is_on: bool) -> None:  # noqa: FBT001  a switch's own value
        """Start, for this machine alone, or end."""
        if self._serve is None or self.state.is_busy:
            return
        self._want(LOOPBACK if is_on else "")
        if is_on:
            self._start()
        else:
            self._end(self._ended)

    def reach_network(self, is_wanted: bool) -> None:  # noqa: FBT001  a switch's own value
        """Ask at which address others in the network are to reach it; or let this machine alone, at once."""
        if self.state.is_busy:
            return
        if is_wanted:
            self._show(is_busy=True, network_fault="")
            self._aside.do(own, self._found)  # a name is looked up, which may take seconds
            return
        was_there = bool(self.state.network)
        self._want(LOOPBACK if self.state.is_on else "")
        self._show(choice="", network="", network_fault="")
        if was_there:
            self._end(lambda _value, _error: self._start())

    def choose_address(self, address: str) -> None:
        """Another address, to be agreed to."""
        self._show(choice="" if address == self.state.network else address)

    def agree(self) -> None:
        """Listen at the address that was chosen; what was shared before ends, with its links."""
        if self._serve is None or self.state.is_busy or not self.state.choice:
            return
        self._want(self.state.choice)
        self._show(network=self.state.choice, choice="")
        self._end(lambda _value, _error: self._start())

    def make_link(self) -> None:
        """Show a new link."""
        if self._serving is not None:
            self._show(link=self._serving.link(), said="")
            self._tell_link()

    def copy(self) -> None:
        """Put the link on the clipboard, a new one where there is none."""
        if self._serving is not None:
            if not self._serving.link_left_s(self.state.link):
                self.make_link()
            to_clipboard(self._root, self.state.link)
            self._show(said="Copied")

    def open(self) -> None:
        """Open a link of its own in the browser of this machine."""
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
        if (serving := self._leave()) is not None:
            serving.close()

    def _want(self, address: str) -> None:
        self.wish = address
        self.on_wish()

    def _start(self) -> None:
        self._show(is_busy=True, fault="", said="", said_for_programs="")
        sharing, serve = Sharing(lan=self.state.network, port=self._port), self._serve
        assert serve is not None

        def begin() -> Serving:
            try:
                return serve(self._engine, sharing)
            except FelixError:
                if not sharing.port:
                    raise
                return serve(self._engine, replace(sharing, port=0))  # another program has its port by now

        self._aside.do(begin, self._started)

    def _end(self, then: Callable[[object, FelixError | None], None]) -> None:
        """End what is shared, if anything is, and go on with `then`."""
        self._show(is_busy=True, fault="", said="", said_for_programs="", link="")
        serving = self._leave()
        self._aside.do(serving.close if serving else lambda: None, then)

    def _leave(self) -> Serving | None:
        """It is not this window's any more; whoever takes it closes it."""
        serving, self._serving = self._serving, None
        if self._after:
            self._root.after_cancel(self._after)
            self._after = ""
        return serving

    def _found(self, value: object, _error: FelixError | None) -> None:
        addresses = tuple(map(str, value)) if isinstance(value, list) else ()
        choice = self.wish if self.wish in addresses else next(iter(addresses), "")
        fault = "" if choice else "This machine is in no network – connect it to one, then try again."
        self._show(is_busy=False, addresses=addresses, choice=choice, network_fault=fault)

    def _started(self, value: object, error: FelixError | None) -> None:
        if error is not None:
            self._show(is_busy=False, is_on=False, network="", choice=self.state.network, fault=str(error))
            return
        self._serving = value  # type: ignore[assignment]  # what `Serve` returns
        assert self._serving is not None
        if self._is_closed:  # the window was faster
            self.close()
            return
        self._port = int(self._serving.address.rpartition(":")[2])
        if self.state.network:  # it is for another device, which is at hand
            self.make_link()
        self._look()

    def _ended(self, _value: object, _error: FelixError | None) -> None:
        self._show(is_busy=False, is_on=False, watchers=0, address="", network="", choice="")

    def _opened(self, value: object, _error: FelixError | None) -> None:
        self._show(said="" if value else "No browser could be opened – copy the link instead")

    def _look(self) -> None:
        self._after = ""
        if self._serving is not None and not self._serving.is_running:
            self._leave()
            self._show(is_on=False, is_busy=False, watchers=0, link="", network="")
            self._show(fault="The sharing broke off – the log has the details.")
        if self._serving is not None:
            self._tell_link()
            self._show(is_busy=False, is_on=True, address=self._serving.address, watchers=self._serving.watchers)
            self._after = self._root.after(LOOK_MS, self._look)

    def _tell_link(self) -> None:
        assert self._serving is not None
        left_s = math.ceil(self._serving.link_left_s(self.state.link))
        if left_s or not self.state.link:
            self._show(link_left_s=left_s)
        else:
            self._show(link="", said="The last link was used, or its minute is over – make a new one")

    def _show(self, **changes: object) -> None:
        state = replace(self.state, **changes)  # type: ignore[arg-type]  # its own fields
        if state == self.state:
            return
        self.state = state
        if (rows := self._rows()) is not None:
            rows.show(state)
        where = "in the network" if state.network else "on this machine"
        watching = f", {state.watchers} watching" if state.watchers else ""
        if state.is_on:
            self._say(f"Shared {where}{watching}", f"{state.address}\nSettings, Sharing ends it")
        elif state.choice and state.choice == self.wish:
            self._say("Share again?", f"It was shared at {self.wish} – Settings, Sharing does so again")
        else:
            self._say("", "")
