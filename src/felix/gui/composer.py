"""The card in which a task is written, its files are added, and a run is started and stopped.

Run, Stop and Run again are one button in one place. A double click cannot start two runs, since the first click has
changed what the second one would do; nor can it stop the one it started.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tkinter import ttk as plain
from typing import Literal, assert_never

from felix.errors import FelixError
from felix.gui.attachment import Attachment, context_warning, read_attachment, with_attachments
from felix.gui.kit import Kit
from felix.gui.task_box import TaskBox
from felix.team.prompts import estimate_tokens

Phase = Literal["idle", "starting", "running", "stopping", "finished"]
"""`starting`: asked for, the engine has not said anything yet. `stopping`: asked for, not confirmed."""

DOUBLE_CLICK_S = 0.4
"""The second half of a double click on Run must not stop what the first half started."""
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
        ask_files: Callable[[], list[Path]],
        add_pickers: Callable[[tk.Misc], None],
    ) -> None:
        """`on_run` gets the whole task, files included; `ask_files` asks the user for some; `add_pickers` fills the
        left of the button row."""
        self._kit, self._on_run, self._on_stop, self._ask_files = kit, on_run, on_stop, ask_files
        self.phase: Phase = "idle"
        self.attachments: list[Attachment] = []
        self._context: tuple[int | None, str] = (None, "")
        self._label = "Run"
        self._pressed_at = 0.0
        self._sentence = ""
        self.frame = kit.frame(parent, "card", padding=(4, 4, 6, 6), box="card")
        self.box = TaskBox(self.frame, kit, on_change=self._task_changed)
        self.box.widget.pack(fill="x")
        self._chips = kit.frame(self.frame, "card", padding=(5, 2, 0, 2))
        self._notice = kit.label(self.frame, font="Small", color="ink:stop", on="card", padding=(10, 2, 10, 2))
        self._row = kit.frame(self.frame, "card", padding=(3, 4, 0, 0))
        self._row.pack(fill="x")
        self._fill_row(add_pickers)
        text = self.box.widget
        for keys in ("<Control-Return>", "<Control-KP_Enter>"):
            text.bind(keys, self._run_by_key)
        text.bind("<FocusIn>", lambda _event: self._show_ring(has_focus=True), add="+")
        text.bind("<FocusOut>", lambda _event: self._show_ring(has_focus=False), add="+")
        text.bind("<Key>", lambda _event: self._forget_sentence(), add="+")
        self.frame.bind("<Configure>", lambda event: self._notice.configure(wraplength=max(200, event.width - 40)))

    def _fill_row(self, add_pickers: Callable[[tk.Misc], None]) -> None:
        kit, row = self._kit, self._row
        left = kit.frame(row, "card")
        left.pack(side="left")
        add_pickers(left)
        self._add = kit.button(
            row, icon="paperclip", on="card", padding=(7, 6), tooltip="Add a text file to the task",
            command=self.choose_files,
        )  # fmt: skip
        self._add.pack(side="left")
        self._parallel = kit.label(row, "", "Small", "text2", "card", icon="layers", padding=(8, 0))
        self.button = kit.button(
            row, "Run", "play-fill", "primary", "card", padding=(12, 4, 12, 5), command=self._pressed,
            tooltip=self._button_tip,
        )  # fmt: skip
        # before all others: where there is little room, it is not Run that is cut
        self.button.pack(side="right", before=left)
        self._plan = kit.label(row, "", "Small", "text2", "card", padding=(10, 0))
        row.bind("<Configure>", lambda _event: self._fit_plan())

    # -- what the window tells -----------------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """The whole of what the agents would get."""
        return with_attachments(self.box.text, self.attachments)

    def take(self, task: str) -> None:
        """Put a task in the box, instead of what stands there, and the keyboard with it."""
        self._forget_sentence()
        self.box.text = task
        self.box.widget.focus_set()

    def set_phase(self, phase: Phase) -> None:
        """Show where the run is; only the window knows."""
        self.phase = phase
        self.box.is_locked = phase in ("starting", "running", "stopping")
        kit, button = self._kit, self.button
        button.state(["!disabled"])
        match phase:
            case "idle":
                kit.set_button(button, text=self._label, icon="play-fill", kind="primary")
            case "starting" | "running":
                kit.set_button(button, text="Stop", icon="stop-fill", kind="outline")
            case "stopping":
                kit.set_button(button, text="Stopping…", icon="stop-fill", kind="outline")
                button.state(["disabled"])
            case "finished":
                kit.set_button(button, text="Run again", icon="arrow-clockwise", kind="primary")
            case _:
                assert_never(phase)
        for widget in (self._add, *self._chips.winfo_children()):
            if isinstance(widget, plain.Button):
                widget.state(["disabled" if self.box.is_locked else "!disabled"])
        self._fit_plan()
        self._show_ring(has_focus=str(self.frame.tk.call("focus")) == str(self.box.widget))
        self.box.refresh()

    def set_plan(self, words: str, *, parallel: int, is_demo: bool) -> None:
        """What a run would be: `8 calls in 3 rounds`, how many at once, and whether it is the demo."""
        self._plan.configure(text=words)
        self._fit_plan()
        self._kit.set_label(self._parallel, text=f"{parallel} at once")
        self._label = "Run demo" if is_demo else "Run"
        if self.phase == "idle":
            self._kit.set_button(self.button, text=self._label)

    def set_context(self, length: int | None, model: str) -> None:
        """The model's context as loaded, to count the task against."""
        self._context = (length, model)
        self._task_changed()

    def set_wide(self, *, is_wide: bool) -> None:
        """Show what only a wide window has room for."""
        if is_wide:
            self._parallel.pack(side="left", after=self._add)
        else:
            self._parallel.pack_forget()

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
        self._forget_sentence()
        self._pressed_at = time.monotonic()
        self._on_run(self.task)

    def _pressed(self) -> None:
        if self.phase in ("idle", "finished"):
            self.run()
        elif self.phase != "stopping" and time.monotonic() - self._pressed_at > DOUBLE_CLICK_S:
            self._on_stop()

    def _run_by_key(self, _event: tk.Event[tk.Misc]) -> str:
        self.run()
        return "break"  # else Tk would put a line break in the task

    def _show_ring(self, *, has_focus: bool) -> None:
        # a ring says "type here"; while a run is on nobody can
        self.frame.state(["user1" if has_focus and not self.box.is_locked else "!user1"])

    def _fit_plan(self) -> None:
        """Say what a run would be while there is room for the whole of it."""
        others = [each for each in self._row.pack_slaves() if each is not self._plan]
        room = self._row.winfo_width() - sum(each.winfo_reqwidth() for each in others)
        if self.box.is_locked or self._plan.winfo_reqwidth() > room:
            self._plan.pack_forget()
        else:
            self._plan.pack(side="right")

    def _button_tip(self) -> str:
        return "Stop the run (Esc)" if self.box.is_locked else "Start the run (Ctrl+Enter)"

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
        self._forget_sentence()
        self._draw_chips()

    def _remove(self, attachment: Attachment) -> None:
        self.attachments = [each for each in self.attachments if each is not attachment]
        self._draw_chips()
        self.box.widget.focus_set()

    def _draw_chips(self) -> None:
        kit = self._kit
        for child in self._chips.winfo_children():
            child.destroy()
        for each in self.attachments:
            kit.button(
                self._chips, f"{each.label}  ✕", "file-text", "soft", "card", "Small", padding=(8, 3, 8, 4),
                icon_size=12, command=partial(self._remove, each), tooltip=f"Remove {each.name} from the task",
            ).pack(side="left", padx=(0, kit.px(6)))  # fmt: skip
        if self.attachments:
            self._chips.pack(fill="x", after=self.box.widget)
        else:
            self._chips.pack_forget()
        self._task_changed()

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

    def _forget_sentence(self) -> None:
        if self._sentence:
            self._sentence = ""
            self._task_changed()
