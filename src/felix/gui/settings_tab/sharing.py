"""Sharing: whether others may watch the runs of this window in a browser, and from where. Off at every start."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass

from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Choice, ChoiceMenu
from felix.gui.settings_tab.rows import Section

_OFF = "A phone or another browser shows what this window does; nobody can change anything"
_ASIDE = "Off: only this machine can reach it"
_WARNING = "Anybody in this network who sees the link can watch, and what is sent is not encrypted"
_LINK = "Good for one browser, within a minute"
_PROGRAMS = "Sent as Authorization: Bearer …, good until the sharing ends"


@dataclass(frozen=True, slots=True)
class SharingActs:
    """Callables, all called on Tk's thread. Each returns at once; `SharingRows.show` hears what came of it."""

    on_share: Callable[[bool], object]
    on_network: Callable[[bool], object]
    """Whether others in the network may reach it."""
    on_address: Callable[[str], None]
    """The address of this machine to listen at."""
    on_copy: Callable[[], object]
    """Put a new link on the clipboard."""
    on_open: Callable[[], object]
    """Open a new link in the browser of this machine."""
    on_token: Callable[[], object]
    """Put what programs send on the clipboard."""


@dataclass(frozen=True, slots=True)
class SharingState:
    is_possible: bool = True
    is_on: bool = False
    is_busy: bool = False
    """It is being started or ended."""
    address: str = ""
    """Where it listens."""
    network: str = ""
    """The address in the network that was chosen; empty: this machine alone."""
    addresses: tuple[str, ...] = ()
    """Those of this machine that others may reach it by, as far as they were looked up."""
    network_fault: str = ""
    """One sentence: why the network cannot be had."""
    watchers: int = 0
    fault: str = ""
    """One sentence: why it could not be started."""
    said: str = ""
    """What came of a link."""
    said_for_programs: str = ""
    """What came of their token."""


class SharingRows:
    """The rows of the section."""

    def __init__(self, section: Section, kit: Kit, acts: SharingActs) -> None:
        self._share, self._network = tk.BooleanVar(section.frame), tk.BooleanVar(section.frame)
        self._row = section.row("Let others watch", _OFF, lines=2)
        self.share = kit.toggle(self._row.control, self._share, lambda: acts.on_share(self._share.get()))
        self.share.pack()
        self._link_row = section.row("Link", _LINK)
        self.copy = kit.button(
            self._link_row.control, "Copy", "copy", "outline", "card", padding=(10, 5), command=acts.on_copy
        )
        self.open = kit.button(
            self._link_row.control, "Open here", "box-arrow-up-right", "outline", "card", padding=(10, 5),
            command=acts.on_open, tooltip="In the browser of this machine",
        )  # fmt: skip
        for button in (self.copy, self.open):
            button.pack(side="left", padx=(kit.px(6), 0))
        self._token_row = section.row("Token for programs", _PROGRAMS)
        self.token = kit.button(
            self._token_row.control, "Copy", "copy", "outline", "card", padding=(10, 5), command=acts.on_token
        )
        self.token.pack()
        self._network_row = section.row("In my network", _ASIDE, lines=2)
        self.address = ChoiceMenu(
            self._network_row.control, kit, on_choose=acts.on_address, tooltip="The address of this machine"
        )
        self.network = kit.toggle(
            self._network_row.control, self._network, lambda: acts.on_network(self._network.get())
        )
        self.network.pack(side="right")
        self.show(SharingState(is_possible=False))

    def show(self, state: SharingState) -> None:
        """What is so now."""
        self._share.set(state.is_on)
        self._network.set(bool(state.network))
        self._row.set_fault(state.fault)
        watching = f"{state.watchers} watching" if state.watchers else "nobody is watching"
        self._row.set_hint("Starting …" if state.is_busy else f"{state.address} · {watching}" if state.is_on else _OFF)
        self._link_row.set_hint(state.said or _LINK)
        self._token_row.set_hint(state.said_for_programs or _PROGRAMS)
        self._network_row.set_fault(state.network_fault)
        self._network_row.set_hint(_WARNING if state.network else _ASIDE)
        can_act = state.is_possible and not state.is_busy
        for widget, is_wanted in (
            (self.share, can_act),
            (self.network, can_act),
            (self.copy, can_act and state.is_on),
            (self.open, can_act and state.is_on),
            (self.token, can_act and state.is_on),
        ):
            widget.state(["!disabled" if is_wanted else "disabled"])
        if state.network:
            self.address.show([Choice(each, each) for each in state.addresses], state.network)
            self.address.button.state(["!disabled" if can_act else "disabled"])
            self.address.button.pack(side="left", padx=(0, 8))
        else:
            self.address.button.pack_forget()
