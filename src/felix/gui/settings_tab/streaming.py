"""Streaming: whether text is shown while it is written, and in what steps."""

from __future__ import annotations

import bisect
import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Field, number_between
from felix.gui.settings_tab.rows import Section
from felix.settings import Settings, limits

KEYS = ("enable_streaming", "streaming_batch_interval", "streaming_batch_chars", "typing_effect")

STOPS_MS = (0, 10, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000)
"""Of the slider. Between 0 and 300 ms a step can be seen; above, only large ones can."""
_SETTLED_MS = 150
"""A knob at rest this long is where it was meant to be: the file is not written at every step of a drag."""


class StreamingRows:
    """The rows of the section. `change` puts values in force."""

    def __init__(self, section: Section, kit: Kit, read: Callable[[], Settings], change: Callable[..., None]) -> None:
        self._kit, self._read, self._change = kit, read, change
        self._after = ""
        self._streaming = tk.BooleanVar(section.frame)
        self._typing = tk.BooleanVar(section.frame)
        row = section.row("Show text while it is written", "Off: each answer appears whole when it is complete")
        self.streaming = kit.toggle(
            row.control, self._streaming, lambda: change(enable_streaming=self._streaming.get())
        )
        self.streaming.pack()

        self._interval_row = section.row("Batch interval")
        control = self._interval_row.control
        self.slider = kit.slider(control, 0, len(STOPS_MS) - 1, 0, self._slid)
        self.slider.widget.pack(side="left", padx=(0, kit.px(12)))
        self.slider.widget.bind("<ButtonRelease-1>", lambda _event: self._settle())
        self.slider.widget.bind("<Destroy>", lambda _event: self._stop_waiting())
        self.interval = Field(self._interval_row, kit, read=self._interval_text, commit=self._set_interval, width=6)
        self.interval.entry.pack(side="left")
        kit.label(control, "ms", "Small", "text2", "card").pack(side="left", padx=(kit.px(6), 0))

        row = section.row("Batch characters", "Also update when this many wait; 0 = by the interval alone")
        self.characters = Field(
            row, kit, read=lambda: str(read().streaming_batch_chars), commit=self._set_characters, width=8
        )
        self.characters.entry.pack()
        self.fields = (self.interval, self.characters)

        row = section.row("Typing effect", "Reveals each batch evenly; adds up to one interval")
        self.typing = kit.toggle(row.control, self._typing, lambda: change(typing_effect=self._typing.get()))
        self.typing.pack()

    def refresh(self) -> None:
        """Show what is in force."""
        settings = self._read()
        self._streaming.set(settings.enable_streaming)
        self._typing.set(settings.typing_effect)
        self.interval.refresh()
        self.characters.refresh()
        if not self._after:
            ms = round(settings.streaming_batch_interval * 1000)
            self.slider.set(position(ms))
            self._interval_row.set_hint(pace_words(ms))

    def _interval_text(self) -> str:
        return str(round(self._read().streaming_batch_interval * 1000))

    def _set_interval(self, text: str) -> None:
        low, high = limits("streaming_batch_interval") or (0, 2)
        ms = number_between(text, low * 1000, high * 1000, "The interval")
        self._stop_waiting()
        if ms != round(self._read().streaming_batch_interval * 1000):
            self._change(streaming_batch_interval=ms / 1000)

    def _set_characters(self, text: str) -> None:
        low, high = limits("streaming_batch_chars") or (0, 0)
        self._change(streaming_batch_chars=number_between(text, low, high, "The number of characters"))

    def _slid(self, value: float) -> None:
        ms = STOPS_MS[round(value)]
        self.interval.preview(str(ms))
        self._interval_row.set_hint(pace_words(ms))
        self._stop_waiting()
        self._after = self.slider.widget.after(_SETTLED_MS, self._settle)

    def _settle(self) -> None:
        if self._after:
            self._stop_waiting()
            self._set_interval(str(STOPS_MS[round(self.slider.value)]))

    def _stop_waiting(self) -> None:
        if self._after:
            self.slider.widget.after_cancel(self._after)
            self._after = ""


def position(ms: int) -> float:
    """Where a number of milliseconds stands on the slider, between two stops too."""
    after = bisect.bisect_left(STOPS_MS, ms)
    if after == 0 or after == len(STOPS_MS):
        return min(after, len(STOPS_MS) - 1)
    low, high = STOPS_MS[after - 1], STOPS_MS[after]
    return after - 1 + (ms - low) / (high - low)


def pace_words(ms: int) -> str:
    """What an interval means, in updates."""
    if ms == 0:
        pace = "Every token at once"
    elif ms < 1000:
        pace = f"{round(1000 / ms)} updates a second"
    else:
        pace = "1 update a second" if ms == 1000 else f"1 update every {ms / 1000:g} s"
    return f"{pace}  ·  applies to the next call"
