"""Workflow: how much a run asks of the server at once, and how long it waits."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Choice, ChoiceMenu, Field, number_between
from felix.gui.settings_tab.rows import Section
from felix.llm.address import default_silence_timeout_s
from felix.settings import Settings, limits

KEYS = ("max_parallel", "max_tokens", "silence_timeout_s", "notify_when_done")

_PARALLEL = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32)
_AUTOMATIC, _NEVER, _OWN = "automatic", "0", "own"
_SILENCES_S = (30, 60, 120, 300, 600, 1800)


class WorkflowRows:
    """The rows of the section. `change` puts values in force."""

    def __init__(self, section: Section, kit: Kit, read: Callable[[], Settings], change: Callable[..., None]) -> None:
        self._kit, self._read, self._change = kit, read, change
        row = section.row("Agents at once", "At most this many requests to one server; the others wait")
        self.parallel = ChoiceMenu(
            row.control, kit, on_choose=lambda value: change(max_parallel=int(value)), tooltip="Agents at once"
        )
        self.parallel.button.pack()

        row = section.row("Longest answer", "Of one agent, in tokens; 0 = the server's own limit")
        self.tokens = Field(row, kit, read=lambda: str(read().max_tokens), commit=self._set_tokens, width=8)
        self.tokens.entry.pack(side="left")
        kit.label(row.control, "tokens", "Small", "text2", "card").pack(side="left", padx=(kit.px(6), 0))

        self._silence_row = section.row("Give up when silent for")
        control = self._silence_row.control
        self._own = kit.frame(control, "card")
        self.seconds = Field(
            self._silence_row, kit, read=self._seconds_text, commit=self._set_seconds, width=6, parent=self._own
        )
        self.seconds.entry.pack(side="left")
        kit.label(self._own, "s", "Small", "text2", "card").pack(side="left", padx=kit.px(6))
        self.silence = ChoiceMenu(control, kit, on_choose=self._choose_silence, tooltip="How long a silence may last")
        self.silence.button.pack(side="right")
        self._notify = tk.BooleanVar(section.frame)
        row = section.row("Say when a run has ended", "A notification, while another window is in front")
        self.notify = kit.toggle(row.control, self._notify, lambda: change(notify_when_done=self._notify.get()))
        self.notify.pack()
        self.fields = (self.tokens, self.seconds)

    def refresh(self) -> None:
        """Show what is in force."""
        settings = self._read()
        parallel = sorted({*_PARALLEL, settings.max_parallel})
        self.parallel.show([Choice(str(number), str(number)) for number in parallel], str(settings.max_parallel))
        self.tokens.refresh()
        self._notify.set(settings.notify_when_done)
        self._show_silence(settings)

    def _show_silence(self, settings: Settings) -> None:
        seconds = settings.silence_timeout_s
        automatic = duration_words(round(default_silence_timeout_s(settings.base_url)))
        choices = [
            Choice(_AUTOMATIC, f"Automatic: {automatic} for this server", f"Automatic, {automatic}"),
            *(Choice(str(each), duration_words(each)) for each in _SILENCES_S),
            Choice(_NEVER, "Never"),
            Choice(_OWN, "Another number of seconds…", "Other"),
        ]
        is_own = seconds is not None and seconds != 0 and seconds not in _SILENCES_S
        value = _OWN if is_own or self._own.winfo_manager() else _AUTOMATIC if seconds is None else str(seconds)
        self.silence.show(choices, value)
        if is_own:
            self._own.pack(side="left")
        self.seconds.refresh()
        never = "Waits for ever: only Stop ends a silent answer"
        self._silence_row.set_hint(never if seconds == 0 else "Then that answer fails; the other agents go on")

    def _choose_silence(self, value: str) -> None:
        if value == _OWN:
            self._own.pack(side="left")
            self.seconds.restore()
            self.seconds.entry.focus_set()
            self.seconds.entry.selection_range(0, "end")
            self._show_silence(self._read())
            return
        self._own.pack_forget()
        self.seconds.restore()
        self._change(silence_timeout_s=None if value == _AUTOMATIC else int(value))
        self._show_silence(self._read())

    def _seconds_text(self) -> str:
        settings = self._read()
        in_force = settings.silence_timeout_s
        return str(round(default_silence_timeout_s(settings.base_url)) if in_force is None else in_force)

    def _set_seconds(self, text: str) -> None:
        low, high = limits("silence_timeout_s") or (0, 0)
        self._change(silence_timeout_s=number_between(text, low, high, "The number of seconds"))

    def _set_tokens(self, text: str) -> None:
        low, high = limits("max_tokens") or (0, 0)
        self._change(max_tokens=number_between(text, low, high, "The number of tokens"))


def duration_words(seconds: int) -> str:
    """`90 s`, `10 min`."""
    return f"{seconds // 60} min" if seconds % 60 == 0 and seconds > 60 else f"{seconds} s"
