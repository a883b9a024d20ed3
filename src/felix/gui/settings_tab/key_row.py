"""The row of the API key: whence it comes, shown as its last four characters, entered behind dots, never read back."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import assert_never

from felix.endpoints import Endpoint, KeySource
from felix.errors import SettingsError
from felix.gui.kit import Kit
from felix.gui.settings_tab.rows import Row
from felix.keys import VARIABLE, VARIABLES, KeyState, clean_key

_ASIDE = "Hosted services need one, most local servers none"


class KeyRow:
    """A menu that names the key, or a field to enter one."""

    def __init__(
        self,
        row: Row,
        kit: Kit,
        *,
        endpoint: Callable[[], Endpoint],
        on_put: Callable[[str], object],
        on_remove: Callable[[], object],
        on_source: Callable[[KeySource], object],
    ) -> None:
        """`endpoint` is the one whose key it is; `on_source` hears where its key is to come from."""
        self._row, self._kit, self._endpoint = row, kit, endpoint
        self._on_put, self._on_remove, self._on_source = on_put, on_remove, on_source
        self._state: KeyState | None = None
        self._source = tk.StringVar(row.frame)
        self._view = kit.frame(row.control, "card")
        self.menu = kit.menu_button(self._view, "…", None, "outline", "card", tooltip="Enter or remove the key")
        self.menu.pack()
        self.menu.bind("<Down>", lambda _event: self.menu.event_generate("<<Invoke>>"))
        self._edit = kit.frame(row.control, "card")
        self.entry = kit.entry(self._edit, "card", 24, show="•")
        self.eye = kit.button(
            self._edit, icon="eye", on="card", padding=(6, 6), tooltip="Show or hide the key", command=self._toggle_eye
        )
        self.save = kit.button(self._edit, "Save", kind="outline", on="card", padding=(10, 5), command=self._save)
        cancel = kit.button(
            self._edit, icon="x-lg", on="card", padding=(6, 6), icon_size=11, tooltip="Leave the key as it is (Esc)",
            command=self.leave,
        )  # fmt: skip
        for widget in (self.entry, self.eye, self.save, cancel):
            widget.pack(side="left", padx=(0 if widget is self.entry else kit.px(4), 0))
            widget.bind("<Escape>", self._escaped)
        self.entry.bind("<Return>", lambda _event: self._save())
        self.entry.bind("<KP_Enter>", lambda _event: self._save())
        self.entry.bind("<Key>", lambda _event: self._mark(""), add="+")
        self._view.pack()
        self.show(None)

    def show(self, state: KeyState | None) -> None:
        """Say where the key is kept; None until that is known."""
        self._state = state
        source = self._endpoint().key
        self._row.set_hint(_hint(state, source))
        self._row.set_fault(state.fault if state else "")
        self._kit.set_button(self.menu, text=_words(state, source))
        is_given = state is not None and state.variable == VARIABLE
        self.menu.state(["disabled" if state is None or is_given else "!disabled"])
        self._fill(state.place if state else "none", source)

    def _fill(self, place: str, source: KeySource) -> None:
        menu = self.menu.menu
        menu.delete(0, "end")
        is_kept = place in ("store", "session")
        menu.add_command(label="Replace…" if is_kept else "Enter a key…", command=self.edit)
        if is_kept:
            menu.add_command(label="Remove", command=self._on_remove)
        menu.add_separator()
        self._source.set(source)
        variable = VARIABLES.get(self._endpoint().kind, "")
        choices = [("store", "From the key store of this system"), ("none", "Send no key")]
        if variable or source == "environment":
            choices.insert(1, ("environment", f"From {variable or 'the environment'}"))
        for value, words in choices:
            menu.add_radiobutton(label=words, value=value, variable=self._source, command=self._choose_source)

    def _choose_source(self) -> None:
        for source in ("store", "environment", "none"):
            if source == self._source.get():
                self._on_source(source)

    def edit(self) -> None:
        """Show the field to enter a key."""
        self._view.pack_forget()
        self._edit.pack()
        self.entry.focus_set()

    @property
    def is_editing(self) -> bool:
        return bool(self._edit.winfo_manager())

    def leave(self) -> None:
        """Back to the menu; what was typed is forgotten."""
        self.entry.delete(0, "end")
        self.entry.configure(show="•")
        self._kit.set_button(self.eye, icon="eye")
        self._edit.pack_forget()
        self._view.pack()
        self._mark(self._state.fault if self._state else "")
        self.menu.focus_set()

    def _save(self) -> None:
        try:
            key = clean_key(self.entry.get())
        except SettingsError as error:
            self._mark(str(error))
            self.entry.focus_set()
            return
        self.leave()
        self._row.set_hint("Saving the key")
        self._on_put(key)

    def _mark(self, fault: str) -> None:
        self._row.set_fault(fault)
        self._kit.set_bad(self.entry, bool(fault))

    def _toggle_eye(self) -> None:
        is_hidden = bool(self.entry.cget("show"))
        self.entry.configure(show="" if is_hidden else "•")
        self._kit.set_button(self.eye, icon="eye-slash" if is_hidden else "eye")

    def _escaped(self, _event: tk.Event[tk.Misc]) -> str:
        self.leave()
        return "break"


def _words(state: KeyState | None, source: KeySource) -> str:
    """On the button."""
    if state is None:
        return "…"
    if state.place == "environment" and state.variable:
        return f"{state.masked} from {state.variable}" if state.masked else f"From {state.variable}"
    return state.masked or ("Not sent" if source == "none" else "None")


def _hint(state: KeyState | None, source: KeySource) -> str:
    if state is None:
        return _ASIDE
    match state.place:
        case "none" if source == "none":
            return "No key is sent to this endpoint"
        case "none":
            return f"{_ASIDE}; each address has its own"
        case "store":
            return "Kept in the key store of this system, for this server alone"
        case "session":
            return "Kept for this session only: this system has no usable key store"
        case "environment" if state.variable == VARIABLE:
            return "Set from outside; change the variable and start Felix again"
        case "environment":
            return "Read from the environment, and sent to this address alone"
        case _:
            assert_never(state.place)
