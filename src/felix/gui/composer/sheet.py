"""A form that drops down below the task: what it is about, a text to write, one choice, and the button that does it.

It lies over the top of the wall and holds nothing up: the agents go on beneath it.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from felix.gui.composer.task_box import TaskBox
from felix.gui.kit import Kit

SIDE = 12
SHADOW = 6
"""Between the task and the sheet."""
LOWEST = 60
"""What stays free of the column below it."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a sheet asks. `choices` are pairs of value and words, None a line between them; the first is chosen."""

    title: str
    placeholder: str
    button: str
    icon: str
    on_done: Callable[[str, str], object]
    """Called with the text and the value that was chosen."""
    explanation: str = ""
    text: str = ""
    choices: Sequence[tuple[str, str] | None] = ()
    choice_icon: str = "people"
    chosen: str = ""
    needs_text: bool = False
    refusal: Callable[[], str] = lambda: ""
    """Why it cannot be done at this moment, in one sentence; empty: it can. The sheet then keeps its text."""
    fewest: int = 2
    most: int = 6
    """Lines of the text."""


class Sheet:
    """Lies in `parent`, below `above`, its sibling. One form at a time."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, above: tk.Misc) -> None:
        self._parent, self._kit, self._above = parent, kit, above
        self._form: Form | None = None
        self._chosen = self._refusal = ""
        self._focus: tk.Misc | None = None
        self.frame = kit.frame(parent, "card", padding=(4, 4, 6, 8), box="card", border="line2")
        head = kit.frame(self.frame, "card", padding=(9, 5, 0, 2))
        head.pack(fill="x")
        self._title = kit.label(head, font="Strong", on="card")
        self._title.pack(side="left")
        self._close = kit.button(head, icon="x-lg", on="card", tooltip="Close (Esc)", command=self.close)
        self._explanation = kit.label(
            self.frame, font="Small", color="text2", on="card", padding=(10, 0, 10, 2), justify="left"
        )
        self.box = TaskBox(self.frame, kit, on_change=self._changed, placeholder="")
        row = kit.frame(self.frame, "card", padding=(6, 4, 2, 0))
        row.pack(side="bottom", fill="x")
        self.choice = kit.menu_button(row, "All", "people", "soft", "card")
        self.go = kit.button(row, "Go", "check-lg", "primary", "card", padding=(12, 4, 12, 5), command=self._done)
        self.go.pack(side="right")
        kit.button(row, "Cancel", on="card", command=self.close).pack(side="right", padx=(0, kit.px(4)))
        self._close.pack(side="right")
        self.box.widget.pack(fill="both", expand=True)
        for keys in ("<Control-Return>", "<Control-KP_Enter>"):
            self.box.widget.bind(keys, self._done_by_key)
        self.choice.menu.configure(postcommand=self._fill)
        self.choice.bind("<Down>", lambda _event: self.choice.event_generate("<<Invoke>>"))
        self.frame.bind("<Configure>", lambda event: self._explanation.configure(wraplength=max(200, event.width - 40)))
        above.bind("<Configure>", lambda _event: self.fit(), add="+")
        parent.bind("<Configure>", lambda _event: self.fit(), add="+")

    @property
    def is_open(self) -> bool:
        return self._form is not None

    def open(self, form: Form) -> None:
        """Ask this, in place of whatever was asked."""
        if self._form is None:
            self._focus = self._parent.focus_get()
        kit, self._form, self._chosen = self._kit, form, form.chosen
        self._title.configure(text=form.title)
        self.box.ask_for(form.placeholder, fewest=form.fewest, most=form.most)
        self.box.text = form.text
        self.box.widget.mark_set("insert", "1.0" if form.text else "end")
        self.box.widget.see("insert")
        kit.set_button(self.go, text=form.button, icon=form.icon)
        if form.choices:
            kit.set_button(self.choice, icon=form.choice_icon)
            self._say_choice()
            self.choice.pack(side="left")
        else:
            self.choice.pack_forget()
        self._changed()
        self.fit()
        self.frame.lift()
        self.box.widget.focus_set()

    def close(self) -> bool:
        """Take it away; False when none was open."""
        if self._form is None:
            return False
        self._form = None
        held = str(self._parent.tk.call("focus")).startswith(f"{self.frame}.")
        self.frame.place_forget()
        if held and self._focus is not None and self._focus.winfo_exists():
            self._focus.focus_set()
        self._focus = None
        return True

    def fit(self) -> None:
        """Take the place that there is now."""
        if self._form is None:
            return
        side, top = self._kit.px(SIDE), self._above.winfo_y() + self._above.winfo_height() + self._kit.px(SHADOW)
        if self._above.winfo_manager() != "grid":  # it stands within another one, on the first screen
            top = self._above.winfo_rooty() - self._parent.winfo_rooty() + self._above.winfo_height()
        room = self._parent.winfo_height() - top - self._kit.px(LOWEST)
        height = min(self.frame.winfo_reqheight(), max(room, self._kit.px(150)))
        self.frame.place(x=side, y=top, relwidth=1.0, width=-2 * side, height=height)

    def refresh(self) -> None:
        """The moment may be another one: see whether what is asked for can be done still."""
        if self._form is not None and self._form.refusal() != self._refusal:
            self._changed()

    def _changed(self) -> None:
        form = self._form
        if form is None:
            return
        self._refusal = form.refusal()
        is_ready = not self._refusal and (not form.needs_text or bool(self.box.text.strip()))
        self.go.state(["!disabled" if is_ready else "disabled"])
        words = self._refusal or form.explanation
        self._kit.set_label(self._explanation, text=words, color="ink:stop" if self._refusal else "text2")
        if words:
            self._explanation.pack(fill="x", before=self.box.widget)
        else:
            self._explanation.pack_forget()
        self.fit()

    def _done(self) -> None:
        form, text, chosen = self._form, self.box.text, self._chosen
        if form is None or (form.needs_text and not text.strip()):
            return
        if form.refusal():
            self._changed()
            return
        self.close()
        form.on_done(text, chosen)

    def _done_by_key(self, _event: tk.Event[tk.Misc]) -> str:
        self._done()
        return "break"  # for the window it starts a run

    def _fill(self) -> None:
        menu = self.choice.menu
        menu.delete(0, "end")
        for each in self._form.choices if self._form else ():
            if each is None:
                menu.add_separator()
            else:
                mark = "✓  " if each[0] == self._chosen else "     "
                menu.add_command(label=f"{mark}{each[1]}", command=partial(self._choose, each[0]))

    def _choose(self, value: str) -> None:
        self._chosen = value
        self._say_choice()

    def _say_choice(self) -> None:
        choices = self._form.choices if self._form else ()
        words = next((each[1] for each in choices if each is not None and each[0] == self._chosen), self._chosen)
        self._kit.set_button(self.choice, text=words)
