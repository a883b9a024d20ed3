"""The form that drops down below the task."""

from __future__ import annotations

import tkinter as tk

import pytest

from felix.gui.composer.sheet import Form, Sheet
from felix.gui.kit import Kit

Done = list[tuple[str, str]]


class Desk:
    """A sheet below a bar, and what was sent."""

    def __init__(self, window: tk.Toplevel, kit: Kit) -> None:
        self.done: Done = []
        self.bar = kit.button(window, "Above")
        self.bar.grid(row=0, column=0)
        self.sheet = Sheet(window, kit, above=self.bar)
        self.text = self.sheet.box.widget
        self.window = window
        self.bar.focus_force()
        window.update()

    def open(self, **changes: object) -> None:
        form = {
            "title": "Note to agents",
            "placeholder": "What should they know?",
            "button": "Send note",
            "icon": "send",
            "on_done": lambda text, chosen: self.done.append((text, chosen)),
            "choices": [("", "To all agents"), None, ("critic-1", "To critic-1 alone")],
            "needs_text": True,
        }
        self.sheet.open(Form(**(form | changes)))  # type: ignore[arg-type]
        self.window.update()

    @property
    def is_seen(self) -> bool:
        return bool(self.sheet.frame.winfo_ismapped())

    def choose(self, label: str) -> None:
        menu = self.sheet.choice.menu
        menu.tk.call(str(menu.cget("postcommand")))
        menu.invoke(f"*{label}")


@pytest.fixture
def desk(window: tk.Toplevel, kit: Kit) -> Desk:
    return Desk(window, kit)


def test_it_lies_below_the_task_and_takes_the_keyboard(desk: Desk) -> None:
    desk.open()
    assert desk.is_seen
    assert desk.sheet.frame.winfo_y() >= desk.bar.winfo_y() + desk.bar.winfo_height()
    assert desk.window.focus_get() is desk.text


def test_what_can_be_done_no_longer_keeps_its_text_and_says_why(desk: Desk) -> None:
    late: list[str] = []
    desk.open(explanation="It stands in every prompt.", refusal=lambda: "".join(late))
    desk.text.insert("1.0", "Euro, please")
    desk.window.update()
    late.append("Nobody would read it.")
    desk.sheet.go.invoke()  # before anybody has looked again
    assert (desk.done, desk.is_seen, desk.sheet.box.text) == ([], True, "Euro, please")
    assert desk.sheet.go.instate(["disabled"])
    assert str(desk.sheet._explanation.cget("text")) == "Nobody would read it."
    late.clear()
    desk.sheet.refresh()
    assert str(desk.sheet._explanation.cget("text")) == "It stands in every prompt."
    desk.sheet.go.invoke()
    assert desk.done == [("Euro, please", "")]


def test_text_and_choice_are_sent_and_the_keyboard_goes_back(desk: Desk) -> None:
    desk.open()
    desk.text.insert("1.0", "Euro, please")
    desk.choose("To critic-1 alone")
    desk.window.update()
    assert str(desk.sheet.choice.cget("text")) == "To critic-1 alone"
    desk.sheet.go.invoke()
    desk.window.update()
    assert desk.done == [("Euro, please", "critic-1")]
    assert not desk.is_seen
    assert desk.window.focus_get() is desk.bar


def test_control_enter_sends(desk: Desk) -> None:
    desk.open()
    desk.text.insert("1.0", "Euro, please")
    desk.text.event_generate("<Control-Return>")
    desk.window.update()
    assert desk.done == [("Euro, please", "")]


def test_without_a_needed_text_nothing_is_sent(desk: Desk) -> None:
    desk.open()
    assert desk.sheet.go.instate(["disabled"])
    desk.text.insert("1.0", "  \n")
    desk.window.update()
    desk.text.event_generate("<Control-Return>")
    desk.window.update()
    assert desk.done == []
    assert desk.is_seen
    desk.text.insert("1.0", "Now")
    desk.window.update()
    assert desk.sheet.go.instate(["!disabled"])


def test_a_text_that_may_stay_empty_may_be_sent_so(desk: Desk) -> None:
    desk.open(needs_text=False, choices=())
    assert not desk.sheet.choice.winfo_ismapped()
    desk.sheet.go.invoke()
    assert desk.done == [("", "")]


def test_a_long_prompt_comes_back_as_it_was_and_leaves_the_buttons_in_sight(desk: Desk) -> None:
    prompt = "\n".join(f"line {n} " + "of many words " * 120 for n in range(60))
    desk.open(text=prompt, fewest=8, most=14)
    button, frame = desk.sheet.go, desk.sheet.frame
    assert button.winfo_rooty() + button.winfo_height() <= frame.winfo_rooty() + frame.winfo_height()
    assert frame.winfo_y() + frame.winfo_height() <= desk.window.winfo_height()
    assert desk.text.index("insert") == "1.0"
    button.invoke()
    assert desk.done == [(prompt, "")]


def test_closing_sends_nothing(desk: Desk) -> None:
    assert desk.sheet.close() is False
    desk.open()
    desk.text.insert("1.0", "Euro")
    assert desk.sheet.close() is True
    assert desk.done == []
    desk.open()
    assert desk.sheet.box.text == ""
