"""The column follows the run: agents, both, then the answer – and the agents again when there is none."""

from __future__ import annotations

import tkinter as tk

import pytest

from felix.events import RunFinished, RunReopened, Status
from felix.gui.kit import Kit
from felix.gui.work_column import WorkColumn
from tests.gui.recorded import ScriptedRun

PARTS = ("banner", "welcome", "composer", "wall", "chips", "strip", "synthesis", "failure", "replay")


class Shown:
    """A column of plain frames; `parts` names those that can be seen."""

    def __init__(self, window: tk.Toplevel, kit: Kit) -> None:
        self.column = WorkColumn(window, kit)
        self.column.frame.pack(fill="both", expand=True)
        frame = self.column.frame
        self._frames = {name: kit.frame(frame, "card", width=100, height=40) for name in PARTS}
        slot = kit.frame(self._frames["welcome"], "page")
        self.column.furnish(welcome_slot=slot, **self._frames)
        self.column.begin()

    def show(self, run: ScriptedRun) -> None:
        self.column.show(run.state)
        self.column.frame.update()

    @property
    def parts(self) -> set[str]:
        return {name for name, frame in self._frames.items() if frame.winfo_viewable()}

    def top(self, part: str) -> int:
        return self._frames[part].winfo_y()

    def height(self, part: str) -> int:
        return self._frames[part].winfo_height()


@pytest.fixture
def shown(window: tk.Toplevel, kit: Kit) -> Shown:
    return Shown(window, kit)


def finish(run: ScriptedRun, status: str) -> None:
    run.say(RunFinished(status=status, reason="It ended.", duration_s=1.0, usage=None))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["stopped", "failed", "crashed"])
def test_without_a_synthesis_the_agents_stay_in_view(shown: Shown, status: str) -> None:
    run = ScriptedRun()
    run.round(1)
    run.speak("research-1", 1)
    finish(run, status)
    shown.show(run)
    assert shown.column.view == "agents"
    failure = {"failure"} if status != "stopped" else set()
    assert shown.parts == {"composer", "wall", "strip"} | failure
    assert shown.height("wall") > 300


@pytest.mark.parametrize(("status", "ended"), [("stopped", "stopped"), ("failed", "failed")])
def test_a_synthesis_without_a_word_leaves_the_agents_in_view(shown: Shown, status: str, ended: Status) -> None:
    run = ScriptedRun()
    run.round(1)
    run.end("research-1", 1)
    run.synthesise()
    shown.show(run)
    assert shown.column.view == "both"
    run.conclude(status=ended)
    finish(run, status)
    shown.show(run)
    assert shown.column.view == "agents"
    assert {"wall", "strip"} <= shown.parts


def test_a_run_that_is_continued_shows_the_agents_and_not_its_answer_of_before(shown: Shown) -> None:
    run = ScriptedRun()
    run.round(1)
    run.synthesise()
    run.write("Half an ans")
    run.conclude(status="stopped")
    finish(run, "stopped")
    shown.show(run)
    assert shown.column.view == "answer"
    run.say(RunReopened(reason="You had the run go on with what is missing."))
    run.round(2)
    shown.show(run)
    assert shown.column.view == "agents" and shown.parts == {"composer", "wall", "strip"}
    run.synthesise()
    shown.show(run)
    assert shown.column.view == "both"


def test_a_failure_leaves_the_way_to_every_view(shown: Shown) -> None:
    run = ScriptedRun()
    finish(run, "failed")
    for view in ("agents", "both", "answer"):
        shown.column.pin(view)  # type: ignore[arg-type]
        shown.show(run)
        assert {"failure", "strip"} <= shown.parts


@pytest.mark.parametrize("view", ["agents", "both", "answer"])
def test_the_bar_that_plays_a_run_stands_below_everything_in_every_view(shown: Shown, view: str) -> None:
    run = ScriptedRun()
    run.synthesise()
    run.write("All of it.")
    run.conclude()
    shown.show(run)
    assert "replay" not in shown.parts
    shown.column.pin(view)  # type: ignore[arg-type]
    shown.column.set_replay(is_shown=True)
    shown.column.frame.update()
    assert "replay" in shown.parts
    assert shown.top("replay") > max(shown.top(part) for part in shown.parts - {"replay"})
    shown.column.set_replay(is_shown=False)
    shown.column.frame.update()
    assert "replay" not in shown.parts


def test_an_answer_that_broke_off_is_shown(shown: Shown) -> None:
    run = ScriptedRun()
    run.synthesise()
    run.write("Half of it")
    run.conclude(status="stopped")
    finish(run, "stopped")
    shown.show(run)
    assert shown.column.view == "answer"
    assert shown.parts == {"composer", "chips", "synthesis"}
