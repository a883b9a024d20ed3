"""The line of runs that follow one another up."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk as plain

from felix.events import RunId
from felix.gui.composer.thread_row import ThreadRow
from felix.gui.kit import Kit


def named(*names: str) -> list[tuple[RunId, str]]:
    return [(RunId(f"run-{n}"), name) for n, name in enumerate(names, 1)]


class Row:
    def __init__(self, window: tk.Toplevel, kit: Kit) -> None:
        self.opened: list[RunId] = []
        task = kit.label(window, "The task")
        task.pack()
        self.row = ThreadRow(window, kit, task, on_open=self.opened.append)
        self.window = window

    def show(self, *names: str, shown: int = 1) -> None:
        self.row.show(named(*names), RunId(f"run-{shown}"))
        self.window.update()

    @property
    def buttons(self) -> list[plain.Button]:
        return [each for each in self.row.frame.winfo_children() if isinstance(each, plain.Button)]

    @property
    def words(self) -> list[str]:
        return [str(each.cget("text")) for each in self.buttons]


def test_a_run_alone_is_no_thread(window: tk.Toplevel, kit: Kit) -> None:
    row = Row(window, kit)
    row.show("First task")
    assert not row.row.frame.winfo_ismapped()


def test_runs_stand_in_order_and_a_click_opens_another(window: tk.Toplevel, kit: Kit) -> None:
    row = Row(window, kit)
    row.show("First task", "And the cost?", shown=2)
    assert row.row.frame.winfo_ismapped()
    assert row.words == ["1 · First task", "2 · And the cost?"]
    for button in row.buttons:
        button.invoke()
    assert row.opened == ["run-1"]  # the second is shown already


def test_of_a_long_thread_the_first_and_the_newest_are_shown(window: tk.Toplevel, kit: Kit) -> None:
    row = Row(window, kit)
    row.show(*(f"Task {n} " + "of many words " * 9 for n in range(1, 8)), shown=7)
    assert [words.split(" ·")[0] for words in row.words] == ["1", "5", "6", "7"]
    assert row.row.frame.winfo_reqwidth() <= 750
    row.show("First task")
    assert not row.row.frame.winfo_ismapped()
