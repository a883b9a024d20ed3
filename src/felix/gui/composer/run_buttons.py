"""What can be done with a run as a whole, at the right of the task's row: words where there is room, else shapes.

Run, Stop and Run again are one button in one place; beside it opens a menu with all that the moment allows.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tkinter import ttk as plain
from typing import Literal, assert_never

from felix.events import Pause
from felix.gui import shortcuts
from felix.gui.kit import Kit

Phase = Literal["idle", "starting", "running", "stopping", "finished"]
"""`starting`: asked for, the engine has not said anything yet. `stopping`: asked for, not confirmed."""

SETTLE_S = 0.6
"""A click or key that was meant for what stood there before is not taken for what has come under it."""
GAP = 2
LEFT_HALF, RIGHT_HALF = (1, 0, 0, 1), (0, 1, 1, 0)


@dataclass(frozen=True, slots=True)
class Steer:
    """What a user may want of a run beside starting and stopping it; each returns at once."""

    note: Callable[[], object]
    pause: Callable[[], object]
    """The same again has it go on."""
    wrap_up: Callable[[], object]
    follow_up: Callable[[], object]
    synthesise_again: Callable[[], object]
    continue_run: Callable[[], object]
    """Have done what is missing of a run that ended before its time."""


@dataclass(frozen=True, slots=True)
class Course:
    """Where a run is, as far as its buttons show it. What was asked for counts at once, before the run says so."""

    pause: Pause = "off"
    is_wrapping_up: bool = False
    is_concluding: bool = False
    """The hub speaks, or will next: there is nothing left to pause or to wrap up."""
    has_answer: bool = False
    """The run that is shown has a synthesis, so it can be asked further."""
    has_thoughts: bool = False
    """There is something to make another synthesis from."""
    can_continue: bool = False
    """The run that is shown ended before its time."""


class RunButtons:
    """Packed into `row` from the right. `main` is Run, Stop or Run again."""

    def __init__(
        self,
        row: tk.Misc,
        kit: Kit,
        steer: Steer,
        *,
        on_main: Callable[[], object],
        on_files: Callable[[], object],
        main_tip: Callable[[], str],
    ) -> None:
        self._row, self._kit, self._steer, self._on_main, self._on_files = row, kit, steer, on_main, on_files
        self._phase: Phase = "idle"
        self._course = Course()
        self._label = "Run"
        self._is_follow_up = False
        self._fitted: tuple[object, ...] = ()
        self._new_at: dict[tk.Misc, float] = {}
        self.main = kit.button(
            row, "Run", "play-fill", "primary", "card", padding=(12, 4, 12, 5), corners=LEFT_HALF, command=on_main,
            tooltip=main_tip,
        )  # fmt: skip
        self.more = kit.menu_button(row, kind="primary", on="card", corners=RIGHT_HALF, tooltip="More to do")
        self.more.menu.configure(postcommand=self._fill)
        self.more.bind("<Down>", lambda _event: self.more.event_generate("<<Invoke>>"))
        shortcuts.leave_run(self.more)

        def ghost(icon: str, command: Callable[[], object], tip: str | Callable[[], str]) -> plain.Button:
            button = kit.button(
                row, icon=icon, on="card", padding=(8, 4, 8, 5), tooltip=tip,
                command=lambda: None if self.is_new(button) else command(),
            )  # fmt: skip
            return button

        self.note = ghost("chat-left-dots", steer.note, "A note to the agents (Ctrl+Shift+N)")
        self.pause = ghost("pause", steer.pause, self._pause_tip)
        self.wrap_up = ghost("flag", steer.wrap_up, "End the rounds and write the answer now (Ctrl+Shift+Enter)")
        self.follow_up = ghost("chat-left-text", steer.follow_up, "Ask further, with this answer as the start")
        self.go_on = ghost("play-fill", steer.continue_run, "Ask for what is missing, then synthesise (Ctrl+Shift+P)")
        self.more.pack(side="right")
        self.main.pack(side="right")
        self._packed: tuple[plain.Button, ...] = ()
        self.is_whole = True
        """Whether `fit` could give all of them their words."""

    def set_label(self, label: str, *, is_follow_up: bool) -> None:
        """What the button says that starts a run; a follow-up is another run, not the same again."""
        self._label, self._is_follow_up = label, is_follow_up
        self.show(self._phase, self._course)

    def show(self, phase: Phase, course: Course) -> None:
        """Show where the run is. `fit` must follow: other words need other room."""
        if phase == "finished" and self._phase in ("running", "stopping"):
            self._new_at |= dict.fromkeys((self.main, self.follow_up, self.go_on), time.monotonic())
        self._phase, self._course = phase, course
        kit, main = self._kit, self.main
        main.state(["!disabled"])
        match phase:
            case "idle":
                kit.set_button(main, text=self._label, icon="play-fill", kind="primary")
            case "finished" if self._is_follow_up:
                kit.set_button(main, text=self._label, icon="play-fill", kind="primary")
            case "starting" | "running":
                kit.set_button(main, text="Stop", icon="stop-fill", kind="outline")
            case "stopping":
                kit.set_button(main, text="Stopping…", icon="stop-fill", kind="outline")
                main.state(["disabled"])
            case "finished":
                kit.set_button(main, text="Run again", icon="arrow-clockwise", kind="primary")
            case _:
                assert_never(phase)
        kit.set_button(self.more, kind="primary" if phase in ("idle", "finished") else "outline")
        self.more.state(["disabled" if phase == "stopping" else "!disabled"])
        self._fitted = ()  # for the next `fit`

    def is_new(self, button: tk.Misc) -> bool:
        """Whether it does what it does only since a moment, in the place of something else."""
        return time.monotonic() - self._new_at.get(button, -SETTLE_S) < SETTLE_S

    def fit(self, room: int) -> int:
        """Give words to as many as `room` pixels allow, and return the pixels they take.

        First the note loses its words and Pause and Continue go to the menu, then Wrap up loses its own. A pause that
        was asked for keeps its words: they say what the run does.
        """
        wanted = self._wanted()
        key = (room, self._kit.font_percent, self.main.winfo_reqwidth(), *wanted)
        if key != self._fitted:
            self._fitted = key
            has_paused = self._course.pause != "off"
            shown: list[plain.Button] = []
            for bare in ((), (self.note, self.follow_up), (self.note, self.follow_up, self.wrap_up)):
                to_menu = {self.go_on, *(() if has_paused else (self.pause,))} if bare else set()
                shown = [each for each, _ in wanted if each not in to_menu]
                for each, words in wanted:
                    self._kit.set_button(each, text="" if each in bare else words)
                self.is_whole = not bare
                if self._width(shown) <= room:
                    break
            self._pack(tuple(shown))
        return self._width(self._packed)

    def _width(self, buttons: Sequence[plain.Button]) -> int:
        return sum(each.winfo_reqwidth() + self._kit.px(GAP) for each in (self.main, self.more, *buttons))

    @property
    def all(self) -> tuple[tk.Misc, ...]:
        return self.main, self.more, self.wrap_up, self.pause, self.note, self.follow_up, self.go_on

    def _wanted(self) -> list[tuple[plain.Button, str]]:
        """The buttons of this moment with their words, from the right."""
        course, kit = self._course, self._kit
        if self._phase == "finished":
            if self._is_follow_up:
                return []
            go_on = [(self.go_on, "Continue")] if course.can_continue else []
            return [*go_on, (self.follow_up, "Ask a follow-up")] if course.has_answer else go_on
        if self._phase != "running" or course.is_concluding:
            return []
        if course.is_wrapping_up:
            self.wrap_up.state(["disabled"])
            return [(self.wrap_up, "Wrapping up…")]
        self.wrap_up.state(["!disabled"])
        kit.set_button(
            self.pause,
            icon="pause" if course.pause == "off" else "play-fill" if course.pause == "paused" else "hourglass-split",
            kind="soft" if course.pause == "paused" else "ghost",
        )
        words = {"off": "Pause", "asked": "Pausing after this round…", "paused": "Paused – Go on"}[course.pause]
        # not Wrap up in the place where Continue was: it cannot be taken back
        return [(self.pause, words), (self.note, "Note to agents"), (self.wrap_up, "Wrap up now")]

    def _pack(self, buttons: tuple[plain.Button, ...]) -> None:
        if buttons == self._packed:
            return
        for each in self._packed:
            each.pack_forget()
        before = self.main
        for each in buttons:
            if self._packed and each not in self._packed:
                self._new_at[each] = time.monotonic()
            each.pack(side="right", after=before, padx=(0, self._kit.px(2)))
            before = each
        self._packed = buttons

    def _pause_tip(self) -> str:
        what = {"off": "Pause after this round", "asked": "Go on without a pause", "paused": "Go on"}[
            self._course.pause
        ]
        return f"{what} (Ctrl+Shift+P)"

    def _fill(self) -> None:
        menu, steer, course = self.more.menu, self._steer, self._course
        menu.delete(0, "end")

        def add(
            label: str, icon: str, command: Callable[[], object], keys: str = "", *, is_possible: bool = True
        ) -> None:
            state: Literal["normal", "disabled"] = "normal" if is_possible else "disabled"
            menu.add_command(
                label=f"  {label}", image=self._kit.icon(icon, 12, "text2"), compound="left", command=command,
                accelerator=keys, state=state,
            )  # fmt: skip

        match self._phase:
            case "starting" | "running" | "stopping":
                can_steer = self._phase == "running" and not (course.is_concluding or course.is_wrapping_up)
                add("Stop", "stop-fill", self._on_main, "Esc")
                add("Wrap up now", "flag", steer.wrap_up, "Ctrl+Shift+Enter", is_possible=can_steer)
                if course.pause == "off":
                    add("Pause after this round", "pause", steer.pause, "Ctrl+Shift+P", is_possible=can_steer)
                else:
                    add("Go on", "play-fill", steer.pause, "Ctrl+Shift+P", is_possible=can_steer)
                menu.add_separator()
                add("Note to agents…", "chat-left-dots", steer.note, "Ctrl+Shift+N", is_possible=can_steer)
            case "finished":
                add("Run" if self._is_follow_up else "Run again", "play-fill", self._on_main, "Ctrl+Enter")
                add("Continue", "play-fill", steer.continue_run, "Ctrl+Shift+P", is_possible=course.can_continue)
                menu.add_separator()
                add("Ask a follow-up", "chat-left-text", steer.follow_up, is_possible=course.has_answer)
                add("Synthesise again…", "arrow-repeat", steer.synthesise_again, is_possible=course.has_thoughts)
                menu.add_separator()
                add("Add a text file…", "paperclip", self._on_files)
            case "idle":
                add(self._label, "play-fill", self._on_main, "Ctrl+Enter")
                menu.add_separator()
                add("Add a text file…", "paperclip", self._on_files)
            case _:
                assert_never(self._phase)
