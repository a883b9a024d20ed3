"""Sharing: whether others may watch the runs of this window in a browser, and from where."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass

from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Choice, ChoiceMenu
from felix.gui.settings_tab.rows import Section

_OFF = "A phone or another browser shows what this window does; nobody can change anything"
_ASIDE = "Off: only this machine can reach it"
_ASK = "Share there, and anybody in this network who sees the link can watch; what is sent is not encrypted"
_WARNING = "Anybody in this network who sees the link can watch, and what is sent is not encrypted"
_LINK = "Lets one browser in, within a minute; that one stays in until the sharing ends"
_PROGRAMS = "Sent as Authorization: Bearer …, good until the sharing ends"
_NO_CODE = "With the package segno (`pip install segno`) there is a code for its camera; else send it the link"
_NO_LINK = "A new link is shown as a code for its camera"
_MODULE = 4
"""Pixels of the smallest part of the code."""
_QUIET = 4
"""Such parts of white that a camera needs around it."""


@dataclass(frozen=True, slots=True)
class SharingActs:
    """Callables, all called on Tk's thread. Each returns at once; `SharingRows.show` hears what came of it."""

    on_share: Callable[[bool], object]
    on_network: Callable[[bool], object]
    """Whether others in the network may reach it."""
    on_address: Callable[[str], None]
    """Another address of this machine, to be agreed to."""
    on_agree: Callable[[], object]
    """Listen at it."""
    on_link: Callable[[], object]
    """Show a new link."""
    on_copy: Callable[[], object]
    """Put it on the clipboard."""
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
    """The address in the network that was agreed to; empty: this machine alone."""
    choice: str = ""
    """Another one, which is chosen and not agreed to yet."""
    addresses: tuple[str, ...] = ()
    """Those of this machine that others may reach it by, as far as they were looked up."""
    network_fault: str = ""
    """One sentence: why the network cannot be had."""
    watchers: int = 0
    fault: str = ""
    """One sentence: why it could not be started."""
    link: str = ""
    """The newest, while it lets somebody in."""
    link_left_s: int = 0
    said: str = ""
    """What came of a link."""
    said_for_programs: str = ""
    """What came of their token."""


class SharingRows:
    """The rows of the section."""

    def __init__(self, section: Section, kit: Kit, acts: SharingActs) -> None:
        self._kit = kit
        self._share, self._network = tk.BooleanVar(section.frame), tk.BooleanVar(section.frame)
        self._row = section.row("Let others watch", _OFF, lines=2)
        self.share = kit.toggle(self._row.control, self._share, lambda: acts.on_share(self._share.get()))
        self.share.pack()
        self._network_row = section.row("In my network", _ASIDE, lines=2)
        self.address = ChoiceMenu(
            self._network_row.control, kit, on_choose=acts.on_address, tooltip="The address of this machine"
        )
        self.agree = kit.button(
            self._network_row.control, "Share there", "broadcast", "outline", "card", padding=(10, 5),
            command=acts.on_agree, tooltip="Let the network reach it at this address",
        )  # fmt: skip
        self.network = kit.toggle(
            self._network_row.control, self._network, lambda: acts.on_network(self._network.get())
        )
        self.network.pack(side="right")
        self._link_row = section.row("Link", _LINK, lines=3)
        self.link, self.copy, self.open = (
            kit.button(
                self._link_row.control, text, icon, "outline", "card", padding=(10, 5), command=command, tooltip=tip
            )
            for text, icon, command, tip in (
                ("New link", "plus-lg", acts.on_link, "Show one here"),
                ("Copy", "copy", acts.on_copy, "The link, or a new one"),
                ("Open here", "box-arrow-up-right", acts.on_open, "In the browser of this machine"),
            )
        )
        for button in (self.link, self.copy, self.open):
            button.pack(side="left", padx=(kit.px(6), 0))
        self._token_row = section.row("Token for programs", _PROGRAMS)
        self.token = kit.button(
            self._token_row.control, "Copy", "copy", "outline", "card", padding=(10, 5), command=acts.on_token
        )
        self.token.pack()
        self._phone = section.another_card()
        self._phone_row = self._phone.row("On a phone", _NO_LINK)
        self._picture = tk.Label(self._phone_row.control, borderwidth=0)
        self._code: tk.PhotoImage | None = None
        self._coded = ""
        self.show(SharingState(is_possible=False))

    def show(self, state: SharingState) -> None:
        """What is so now."""
        self._share.set(state.is_on)
        self._network.set(bool(state.network or state.choice))
        self._row.set_fault(state.fault)
        watching = f"{state.watchers} watching" if state.watchers else "nobody is watching"
        self._row.set_hint("Starting …" if state.is_busy else f"{state.address} · {watching}" if state.is_on else _OFF)
        left = f"{state.link}\nLets one browser in, for {state.link_left_s} s yet" if state.link else ""
        self._link_row.set_hint("\n".join(filter(None, (left, state.said))) or _LINK)
        self._token_row.set_hint(state.said_for_programs or _PROGRAMS)
        is_far = bool(state.network or state.choice)
        self._network_row.set_fault(state.network_fault)
        self._network_row.set_hint(_ASK if state.choice else _WARNING if is_far else _ASIDE, is_warning=is_far)
        can_act = state.is_possible and not state.is_busy
        for widget, is_wanted in (
            (self.share, can_act),
            (self.network, can_act),
            (self.address.button, can_act),
            (self.agree, can_act),
            *((each, can_act and state.is_on) for each in (self.link, self.copy, self.open, self.token)),
        ):
            widget.state(["!disabled" if is_wanted else "disabled"])
        self.address.show([Choice(each, each) for each in state.addresses], state.choice or state.network)
        for button, is_wanted in ((self.agree, bool(state.choice)), (self.address.button, is_far)):
            if not is_wanted:
                button.pack_forget()
            elif not button.winfo_manager():
                button.pack(side="right", padx=(0, self._kit.px(8)))
        self._show_code(state)

    def _show_code(self, state: SharingState) -> None:
        self._phone.show(is_shown=state.is_on and bool(state.network))
        if state.link != self._coded:
            self._coded = state.link
            self._code = code_of(state.link, self._kit.px(_MODULE), self._picture) if state.link else None
            if self._code:
                self._picture.configure(image=self._code)
                self._picture.pack(pady=self._kit.px(6))
            else:
                self._picture.pack_forget()
        left = f"Point its camera at this, in the same network: good for {state.link_left_s} s yet"
        self._phone_row.set_hint(left if self._code else _NO_CODE if state.link else _NO_LINK)


def code_of(link: str, module_px: int, master: tk.Misc) -> tk.PhotoImage | None:
    """A picture that a camera reads as the link; None when there is nothing to draw it with."""
    try:
        import segno
    except ImportError:
        return None
    rows = segno.make(link, micro=False).matrix_iter(border=_QUIET)
    small = tk.PhotoImage(master=master)
    # black on white in both themes: cameras want the light around the dark
    small.put(" ".join("{" + " ".join("#000000" if dark else "#ffffff" for dark in row) + "}" for row in rows))
    return small.zoom(module_px)
