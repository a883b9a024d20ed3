"""The card in which a task is written, its files are added, and a run is started, steered and stopped.

Run, Stop and Run again are one button in one place. A double click cannot start two runs, since the first click has
changed what the second one would do; nor can it stop the one it started.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tkinter import ttk as plain

from felix.errors import FelixError
from felix.events import RunId
from felix.gui.composer.attachment import Attachment, context_warning, read_attachment, with_attachments
from felix.gui.composer.guard_line import GuardLine
from felix.gui.composer.run_buttons import Course, Phase, RunButtons, Steer
from felix.gui.composer.task_box import TaskBox
from felix.gui.kit import Kit
from felix.gui.shortcuts import WRAP_UP
from felix.team.prompts import estimate_tokens

DOUBLE_CLICK_S = 0.4
"""The second half of a double click on Run must not stop what the first half started."""
LONGEST_NAME = 60
_EMPTY = "Write what the team shall think about; then press Run."


class Composer:
    """The task and its buttons. `frame` belongs to `parent` and may be placed in any descendant of it."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_run: Callable[[str], None],
        on_stop: Callable[[], None],
        steer: Steer,
        ask_files: Callable[[], list[Path]],
        add_pickers: Callable[[tk.Misc], None],
    ) -> None:
        """`on_run` gets the whole task, files included; `steer` is what a run can be asked for; `ask_files` asks the
        user for some; `add_pickers` fills the left of the button row."""
        self._kit, self._on_run, self._on_stop, self._ask_files = kit, on_run, on_stop, ask_files
        self.phase: Phase = "idle"
        self.course = Course()
        self.attachments: list[Attachment] = []
        self.follows: RunId | None = None
        """The run that the next one follows up."""
        self._followed = self._task_before = ""
        self._context: tuple[int | None, str] = (None, "")
        self._is_demo = False
        self._is_wide = True
        self._pressed_at = 0.0
        self._sentence = self._fits_not = ""
        self.on_task: list[Callable[[], object]] = []
        """Called when the task, its files or where the run is have changed."""
        self.frame = kit.frame(parent, "card", padding=(4, 4, 6, 6), box="card")
        self.box = TaskBox(self.frame, kit, on_change=self._task_changed)
        self.box.widget.pack(fill="x")
        self._chips = kit.frame(self.frame, "card", padding=(5, 2, 0, 2))
        self._notice = kit.label(self.frame, font="Small", color="ink:stop", on="card", padding=(10, 2, 10, 2))
        self._guard = GuardLine(self.frame, kit)
        self._row = kit.frame(self.frame, "card", padding=(3, 4, 0, 0))
        self._row.pack(fill="x")
        self._fill_row(add_pickers, steer)
        text = self.box.widget
        for keys in ("<Control-Return>", "<Control-KP_Enter>"):
            text.bind(keys, self._run_by_key)
        for keys in WRAP_UP.sequences:
            text.bind(keys, lambda _event: self._wrap_up_by_key(steer))
        text.bind("<FocusIn>", lambda _event: self._show_ring(has_focus=True), add="+")
        text.bind("<FocusOut>", lambda _event: self._show_ring(has_focus=False), add="+")
        text.bind("<Key>", lambda _event: self.hush(), add="+")
        self.frame.bind("<Configure>", lambda event: self._notice.configure(wraplength=max(200, event.width - 40)))
        self.frame.bind("<Configure>", lambda event: self._guard.fit(event.width), add="+")

    def _fill_row(self, add_pickers: Callable[[tk.Misc], None], steer: Steer) -> None:
        kit, row = self._kit, self._row
        left = kit.frame(row, "card")
        add_pickers(left)
        self._add = kit.button(
            row, icon="paperclip", on="card", padding=(7, 6), tooltip="Add a text file to the task",
            command=self.choose_files,
        )  # fmt: skip
        self._parallel = kit.label(row, "", "Small", "text2", "card", icon="layers", padding=(8, 0))
        self.buttons = RunButtons(
            row, kit, steer, on_main=self._pressed, on_files=self.choose_files, main_tip=self._button_tip
        )
        self.button = self.buttons.main
        # behind the buttons: where there is little room, it is not Run that is cut
        left.pack(side="left", after=self.button)
        self._add.pack(side="left", after=left)
        self._plan_words = ""
        self._plan = kit.label(row, "", "Small", "text2", "card", padding=(10, 0))
        for part in (row, left):  # the chips take another width with another choice
            part.bind("<Configure>", lambda _event: self._fit_row(), add="+")

    # -- what the window tells -----------------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """The whole of what the agents would get."""
        return with_attachments(self.box.text, self.attachments)

    def take(self, task: str) -> None:
        """Put a task in the box, instead of what stands there, and the keyboard with it."""
        self.hush()
        self.box.text = task
        self.box.widget.focus_set()

    def show_task(self, task: str, files: Iterable[Path] = ()) -> None:
        """Another run is on screen, or none: its task, or what was not sent, instead of all that stands here."""
        self.hush()
        self.follows, self._followed, self.attachments = None, "", []
        self.box.text = task
        self._draw_chips()
        for path in files:
            self.add_file(path)

    def set_phase(self, phase: Phase) -> None:
        """Show where the run is; only the window knows."""
        self.phase = phase
        self.box.is_locked = phase in ("starting", "running", "stopping")
        self.buttons.show(phase, self.course)
        for widget in (self._add, *self._chips.winfo_children()):
            if isinstance(widget, plain.Button):
                widget.state(["disabled" if self.box.is_locked else "!disabled"])
        self._fit_row()
        self._show_ring(has_focus=str(self.frame.tk.call("focus")) == str(self.box.widget))
        self.box.refresh()
        if self.box.is_locked:
            self.set_guard("")
        self._tell_of_task()

    def set_course(self, course: Course) -> None:
        """Show how the run goes on, or is about to."""
        if course != self.course:
            self.course = course
            self.buttons.show(self.phase, course)
            self._fit_row()

    def follow_up(self, run: RunId, name: str) -> None:
        """Make room for a task that begins with another run's answer; the chip says whose, and takes it back."""
        if self.box.is_locked:
            return
        if self.follows is None:
            self._task_before = self.box.text
        self.follows, self._followed = run, name
        self.attachments = []
        self.take("")
        self._draw_chips()

    def end_follow_up(self) -> None:
        """The next run stands for itself again."""
        if self.follows is not None:
            self.follows, self._followed = None, ""
            self._draw_chips()

    def set_plan(self, words: str, *, parallel: int, is_demo: bool) -> None:
        """What a run would be: `8 calls in 3 rounds`, how many at once, and whether it is the demo."""
        self._plan_words = words
        self._kit.set_label(self._parallel, text=f"{parallel} at once")
        self._is_demo = is_demo
        self._show_label()

    def set_context(self, length: int | None, model: str) -> None:
        """The model's context as loaded, to count the task against."""
        self._context = (length, model)
        self._task_changed()

    def set_guard(self, sentence: str, wave_away: Callable[[], object] = lambda: None) -> None:
        """What will not go as expected, until it is waved away; empty: nothing. It holds nothing up."""
        self._fits_not = sentence
        self._guard.say(sentence, wave_away)
        self._place_guard()

    def set_wide(self, *, is_wide: bool) -> None:
        """Show what only a wide window has room for."""
        self._is_wide = is_wide
        self._fit_row()

    def _show_label(self) -> None:
        self.buttons.set_label("Run demo" if self._is_demo else "Run", is_follow_up=self.follows is not None)
        self._fit_row()

    def say(self, sentence: str) -> None:
        """A quiet sentence at the box, until something is typed."""
        self._sentence = sentence
        self._task_changed()

    # -- running -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """As a press on Run: nothing while a run is on, a sentence when there is no task."""
        if self.phase not in ("idle", "finished"):
            return
        if not self.task:
            self.say(_EMPTY)
            self.box.widget.focus_set()
            return
        self.hush()
        self._pressed_at = time.monotonic()
        self._on_run(self.task)

    def _pressed(self) -> None:
        if self.buttons.is_new(self.button):
            return
        if self.phase in ("idle", "finished"):
            self.run()
        elif self.phase != "stopping" and time.monotonic() - self._pressed_at > DOUBLE_CLICK_S:
            self._on_stop()

    def _run_by_key(self, _event: tk.Event[tk.Misc]) -> str:
        self.run()
        return "break"  # else Tk would put a line break in the task

    def _wrap_up_by_key(self, steer: Steer) -> str:
        steer.wrap_up()
        return "break"  # to Tk it is Ctrl+Enter as well

    def _show_ring(self, *, has_focus: bool) -> None:
        # a ring says "type here"; while a run is on nobody can
        self.frame.state(["user1" if has_focus and not self.box.is_locked else "!user1"])

    def _fit_row(self) -> None:
        """Fit the buttons; then say how many speak at once, and what a run would be, where there is room for it."""
        extras = {self._plan, self._parallel, *self.buttons.all}
        room = self._row.winfo_width() - self._kit.px(3)
        room -= sum(each.winfo_reqwidth() for each in self._row.pack_slaves() if each not in extras)
        if self._is_wide and self.buttons.fit(room) + self._parallel.winfo_reqwidth() <= room and self.buttons.is_whole:
            room -= self._parallel.winfo_reqwidth()
            self._parallel.pack(side="left", after=self._add)
        else:
            self._parallel.pack_forget()
        room -= self.buttons.fit(room)
        self._plan.pack_forget()
        if self.box.is_locked:
            return
        for words in (self._plan_words, self._plan_words.partition(" in ")[0]):
            self._plan.configure(text=words)
            if self._plan.winfo_reqwidth() <= room:
                self._plan.pack(side="right")
                return

    def _button_tip(self) -> str:
        return "Stop the run (Esc)" if self.box.is_locked else "Start a run (Ctrl+Enter)"

    # -- files ---------------------------------------------------------------------------------------------------------

    def choose_files(self) -> None:
        """Ask for text files and add them."""
        if self.box.is_locked:
            return
        for path in self._ask_files():
            self.add_file(path)

    def add_file(self, path: Path) -> None:
        """Add one text file; what is none is said at the box."""
        try:
            self.attachments.append(read_attachment(path))
        except FelixError as error:
            self.say(str(error))
            return
        self.hush()
        self._draw_chips()

    def _remove(self, attachment: Attachment) -> None:
        self.attachments = [each for each in self.attachments if each is not attachment]
        self._draw_chips()
        self.box.widget.focus_set()

    def _draw_chips(self) -> None:
        kit = self._kit
        for child in self._chips.winfo_children():
            child.destroy()

        def chip(words: str, icon: str, remove: Callable[[], object], tip: str) -> None:
            kit.button(
                self._chips, f"{words}  ✕", icon, "soft", "card", "Small", padding=(8, 3, 8, 4), icon_size=12,
                command=remove, tooltip=tip,
            ).pack(side="left", padx=(0, kit.px(6)))  # fmt: skip

        if self.follows is not None:
            name = self._followed
            name = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME].rstrip()}…"
            chip(f"Follow-up to: {name}", "chat-left-text", self._give_up_following, "Start a run of its own instead")
        for each in self.attachments:
            chip(each.label, "file-text", partial(self._remove, each), f"Remove {each.name} from the task")
        if self.attachments or self.follows is not None:
            self._chips.pack(fill="x", after=self.box.widget)
        else:
            self._chips.pack_forget()
        self._show_label()
        self._task_changed()

    def _give_up_following(self) -> None:
        self.end_follow_up()
        if not self.box.text.strip():
            self.box.text = self._task_before
        self.box.widget.focus_set()

    # -- the line below the text ---------------------------------------------------------------------------------------

    def _task_changed(self) -> None:
        tokens = estimate_tokens(self.box.text) + sum(each.tokens for each in self.attachments)
        sentence = self._sentence or context_warning(tokens, *self._context)
        if sentence:
            self._notice.configure(text=sentence)
            if not self._notice.winfo_manager():
                self._notice.pack(fill="x", before=self._row)
        elif self._notice.winfo_manager():
            self._notice.pack_forget()
        self._place_guard()
        self._tell_of_task()

    def _place_guard(self) -> None:
        """Below the task, where nothing else is said: one sentence at a time."""
        if self._fits_not and not self._notice.winfo_manager():
            self._guard.frame.pack(fill="x", before=self._row)
        else:
            self._guard.frame.pack_forget()

    def _tell_of_task(self) -> None:
        for listener in self.on_task:
            listener()

    def hush(self) -> None:
        """Take back what was said at the box."""
        if self._sentence:
            self._sentence = ""
            self._task_changed()
