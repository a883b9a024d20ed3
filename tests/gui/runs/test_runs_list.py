"""The runs list by itself, on a real canvas: what it draws, how it moves, and what it tells."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from typing import Any

import pytest

from felix.gui.kit import Kit
from felix.gui.runs import runs_canvas, runs_list
from felix.gui.runs.runs_list import RunActs, RunsList
from felix.gui.runs.runs_words import Live
from felix.ledger.reader import RunRow
from felix.ledger.search import CLOSED, OPENED
from tests.gui.conftest import Screenshot
from tests.gui.rows import many, row

Update = Callable[[], None]
DAY = 86_400


class Shown:
    """A list in a window, and what it told."""

    def __init__(self, window: tk.Toplevel, kit: Kit) -> None:
        self.told: list[tuple[Any, ...]] = []

        def tell(what: str) -> Callable[..., None]:
            return lambda *values: self.told.append((what, *(v.run if isinstance(v, RunRow) else v for v in values)))

        self.window = window
        self.list = RunsList(
            window,
            kit,
            RunActs(*(tell(what) for what in ("open", "new", "search", "rename", "pin", "delete", "undo", "copy"))),
        )
        self.list.frame.place(x=0, y=0, width=240, relheight=1)
        window.update()

    @property
    def canvas(self) -> tk.Canvas:
        return self.list.canvas.canvas

    def texts(self) -> list[str]:
        """What is drawn, from the top."""
        items = [item for item in self.canvas.find_all() if self.canvas.type(item) == "text"]
        return [self.canvas.itemcget(item, "text") for item in items]

    def press(self, key: str, widget: tk.Misc | None = None) -> None:
        target = widget or self.canvas
        target.focus_force()
        self.window.update()
        target.event_generate(key)
        self.window.update()

    def click(self, y: int, button: int = 1) -> None:
        self.canvas.event_generate("<Motion>", x=80, y=y)
        self.canvas.event_generate(f"<ButtonPress-{button}>", x=80, y=y)
        self.canvas.event_generate(f"<ButtonRelease-{button}>", x=80, y=y)
        self.window.update()


@pytest.fixture
def shown(window: tk.Toplevel, kit: Kit) -> Shown:
    return Shown(window, kit)


def test_only_rows_in_view_are_drawn(shown: Shown) -> None:
    shown.list.show(many(10_000, time.time()), "")
    assert len(shown.canvas.find_all()) < 150
    assert shown.texts()[0] == "Today"
    shown.press("<End>")
    assert shown.list.canvas.current is not None
    assert shown.list.canvas.current.run == "run-9999"
    assert len(shown.canvas.find_all()) < 150


def test_ten_thousand_rows_come_and_scroll_within_a_frame(shown: Shown) -> None:
    rows = many(10_000, time.time())
    began = time.thread_time()  # of the processor: who else is at work does not count
    shown.list.show(rows, "")
    came_ms = (time.thread_time() - began) * 1000
    steps = []
    for _ in range(60):
        began = time.thread_time()
        shown.canvas.event_generate("<Button-5>")
        shown.window.update()
        steps.append((time.thread_time() - began) * 1000)
    steps.sort()
    print(f"came {came_ms:.1f} ms, step p50 {steps[30]:.1f} ms, p95 {steps[56]:.1f} ms")
    assert came_ms < 100
    assert steps[30] < 33


def test_a_click_and_the_keyboard_open_what_stands_there(shown: Shown) -> None:
    shown.list.show([row(n, ago_s=60 * n) for n in range(5)], "")
    shown.click(2 + 27 + 42 + 10)
    assert shown.told[-1] == ("open", "run-1")
    shown.press("<Down>")
    shown.press("<Return>")
    assert shown.told[-1] == ("open", "run-2")
    shown.press("<Home>")
    shown.press("<Return>")
    assert shown.told[-1] == ("open", "run-0")


def test_a_click_on_a_day_folds_it_and_another_one_unfolds_it(shown: Shown) -> None:
    folds: list[set[str]] = []
    shown.list.canvas.on_fold = lambda: folds.append(set(shown.list.canvas.folded))
    shown.list.show([row(n, ago_s=60 * n) for n in range(3)] + [row(9, ago_s=400 * DAY)], "")
    before = shown.texts()
    shown.click(10)
    assert (shown.texts()[:2], "Run 1" in shown.texts()) == (["Today", "3"], False)
    assert shown.told == [] and len(folds) == 1 and len(folds[0]) == 1
    shown.click(2 + 27 + 6 + 27 + 10)
    assert shown.told == [("open", "run-9")]
    shown.click(10)
    assert shown.texts() == before
    assert folds[-1] == set()


def test_a_day_is_folded_by_keyboard_and_is_then_one_step(shown: Shown) -> None:
    shown.list.show([row(n, ago_s=60 * n) for n in range(3)] + [row(9, ago_s=400 * DAY)], "")
    shown.press("<Home>")
    shown.press("<Down>")
    shown.press("<Left>")
    assert shown.list.canvas.current is None
    shown.press("<Delete>")
    assert shown.told == []
    shown.press("<Down>")
    shown.press("<Return>")
    assert shown.told == [("open", "run-9")]
    shown.press("<Up>")
    shown.press("<Return>")
    assert shown.list.canvas.folded == set()
    shown.press("<Return>")
    assert shown.told[-1] == ("open", "run-0")


def test_what_a_search_finds_is_shown_though_its_day_is_folded(shown: Shown) -> None:
    rows = [row(n, ago_s=60 * n) for n in range(3)]
    shown.list.show(rows, "")
    shown.click(10)
    hidden = shown.texts()
    shown.list.show(rows, "zebra")
    shown.window.update()
    assert len(shown.texts()) > len(hidden)
    shown.list.show(rows, "")
    shown.window.update()
    assert shown.texts() == hidden


def test_a_search_is_told_once_the_hand_rests_and_escape_ends_it(shown: Shown, wait_until: Callable[..., None]) -> None:
    shown.list.show([row(0)], "")
    shown.list.focus_search()
    shown.window.update()
    for key in "zeb":
        shown.list.search.event_generate(f"<Key-{key}>")
    wait_until(lambda: shown.told)
    assert shown.told == [("search", "zeb")]
    shown.list.show([], "zeb")
    shown.window.update()
    assert "No run has “zeb”" in _words(shown.list.frame)
    shown.press("<Escape>", shown.list.search)
    wait_until(lambda: shown.told[-1] == ("search", ""))


def test_without_runs_it_says_so(shown: Shown) -> None:
    shown.list.show([], "")
    shown.window.update()
    assert "No runs yet" in _words(shown.list.frame)
    shown.list.show([row(0)], "")
    shown.window.update()
    assert "No runs yet" not in _words(shown.list.frame)


def test_a_name_is_changed_in_its_place(shown: Shown) -> None:
    shown.list.show([row(n, ago_s=60 * n) for n in range(3)], "")
    shown.press("<Down>")
    shown.press("<F2>")
    field = shown.window.focus_get()
    assert isinstance(field, tk.Entry)
    assert field.selection_get().startswith("Review the retry loop")
    field.delete(0, "end")
    field.insert(0, "  Better   name ")
    shown.press("<Return>", field)
    assert shown.told == [("rename", "run-1", "Better name")]
    assert not field.winfo_exists()
    shown.press("<F2>")
    field = shown.window.focus_get()
    assert isinstance(field, tk.Entry)
    field.insert(0, "never ")
    shown.press("<Escape>", field)
    assert len(shown.told) == 1
    assert shown.window.focus_get() is shown.canvas


def test_delete_moves_on_to_the_next_and_can_be_taken_back(shown: Shown) -> None:
    rows = [row(n, ago_s=60 * n) for n in range(3)]
    shown.list.show(rows, "")
    shown.press("<Down>")
    shown.press("<Delete>")
    assert shown.told == [("delete", "run-1")]
    shown.list.show([rows[0], rows[2]], "")
    assert shown.list.canvas.current is not None
    assert shown.list.canvas.current.run == "run-2"
    shown.list.say_deleted(1)
    shown.window.update()
    assert "Deleted" in _words(shown.list.frame)
    shown.list.undo_button.invoke()
    shown.window.update()
    assert shown.told[-1] == ("undo",)
    assert "Deleted" not in _words(shown.list.frame)


def test_a_deletion_can_be_taken_back_by_a_key_until_the_line_is_closed(shown: Shown) -> None:
    shown.list.show([row(0)], "")
    shown.press("<Control-z>")
    assert shown.told == []
    shown.list.say_deleted(1)
    shown.press("<Control-z>")
    assert shown.told == [("undo",)]
    shown.list.say_deleted(1)
    shown.list.undo_close.invoke()
    shown.press("<Control-z>")
    assert shown.told == [("undo",)]
    assert "Deleted" not in _words(shown.list.frame)


def test_ages_grow_while_nothing_happens(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setattr(runs_list, "AGES_MS", 10)
    now = time.time()
    shown.list.show([row(0, ago_s=130, now=now)], "")
    assert "2 m" in shown.texts()
    monkeypatch.setattr(runs_canvas.time, "time", lambda: now + 60)
    shown.list._age()  # the first look that is due
    assert "3 m" in shown.texts()
    monkeypatch.setattr(runs_canvas.time, "time", lambda: now + 120)
    wait_until(lambda: "4 m" in shown.texts())


def test_the_run_that_goes_on_cannot_be_deleted(shown: Shown) -> None:
    shown.list.show([row(0, status=None)], "")
    shown.list.set_live(Live(row(0).run, 0.4, "Round 2 of 5", "1:12"))
    shown.press("<Delete>")
    assert shown.told == []
    assert "1:12" in shown.texts()
    assert "Round 2 of 5  ·  qwen3-8b" in shown.texts()


def test_it_looks_right(shown: Shown, kit: Kit, screenshot: Screenshot) -> None:
    now = time.time()
    rows = [row(2, ago_s=3 * 86_400, is_pinned=True), *many(40, now)]
    shown.list.show(rows, "")
    shown.list.set_live(Live(rows[1].run, 0.44, "Round 2 of 5", "1:12"))
    shown.list.set_shown(rows[1].run)
    shown.list.say_deleted(1)
    for mode in ("light", "dark"):
        kit.set_theme(mode)  # type: ignore[arg-type]
        assert screenshot(f"runs-list-{mode}").exists()
    found = [each._replace(snippet=f"that a {OPENED}patient{CLOSED} must install it, which") for each in rows[1:5]]
    shown.list.show(found, "patient")
    shown.press("<Down>")
    assert screenshot("runs-list-found").exists()
    assert "patient" in shown.texts()


def _words(widget: tk.Misc) -> str:
    """All the words of labels and buttons that can be seen."""
    own = (
        [str(widget.cget("text"))] if widget.winfo_class() in ("TLabel", "TButton") and widget.winfo_viewable() else []
    )
    return "\n".join([*own, *(_words(child) for child in widget.winfo_children())])
