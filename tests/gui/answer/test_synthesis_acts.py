"""What can be asked of the hub beside its answer, and the way back to its earlier answers."""

from __future__ import annotations

import time
import tkinter as tk
from pathlib import Path
from tkinter import ttk as plain

import pytest

from felix.events import HUB, QuestionClosed, QuestionRaised, RunReopened, SynthesisStarted
from felix.gui.answer.synthesis_view import SynthesisView
from felix.gui.kit import Kit
from felix.gui.wall.offers import SynthesisActs, offers_for_synthesis
from felix.settings import SettingsFile
from tests.gui.recorded import ScriptedRun


class Stage:
    """A view that can ask, the run it shows, and what it asked for."""

    def __init__(self, window: tk.Toplevel, kit: Kit, folder: Path) -> None:
        self.asked: list[object] = []
        settings = SettingsFile(folder / "settings.json")
        settings.change(typing_effect=False)
        self.run = ScriptedRun()
        self.run.speak("research-1", 1)
        self.run.end("research-1", 1)
        acts = SynthesisActs(
            offers=offers_for_synthesis,
            again=lambda: self.asked.append("again"),
            go_on=lambda: self.asked.append("go on"),
            stop=lambda: self.asked.append("stop"),
            answer=lambda question, stop: self.asked.append((question, stop)),
        )
        self.view = SynthesisView(
            window, kit, settings, on_citation=lambda _agent: None, on_view=lambda _view: None, acts=acts,
            fill_export=lambda _menu: None,
        )  # fmt: skip
        self.view.frame.pack(fill="both", expand=True)
        self.view.show(self.run.state)
        window.update()

    def write(self, text: str, *, number: int = 1, instructions: str = "") -> None:
        if number > 1:
            self.run.say(RunReopened(reason="You asked for another synthesis."))
        self.run.say(
            SynthesisStarted(
                sources=(), left_out=(), early=False, mean_confidence=None, reason="All spoke.", number=number,
                instructions=instructions,
            )
        )  # fmt: skip
        self.run.write(text)
        self.frame()

    def frame(self) -> None:
        for _ in range(3):
            self.view.update(self.run.state, {HUB})
            self.view.tick(time.monotonic())
            self.view.frame.update()

    @property
    def shown(self) -> str:
        return self.view.text.get("1.0", "end-1c")

    @property
    def words(self) -> str:
        found: list[str] = []
        waiting: list[tk.Misc] = [self.view.head.frame]
        for each in waiting:
            if each.winfo_ismapped():
                waiting += each.winfo_children()
                if isinstance(each, plain.Label | plain.Button):
                    found.append(str(each.cget("text")))
        return "\n".join(found)


@pytest.fixture
def stage(window: tk.Toplevel, kit: Kit, tmp_path: Path) -> Stage:
    return Stage(window, kit, tmp_path)


def test_it_can_be_stopped_while_it_is_written_and_made_again_afterwards(stage: Stage) -> None:
    head = stage.view.head
    stage.write("An answer")
    assert head.stop.winfo_ismapped() and not head.again.winfo_ismapped()
    head.stop.invoke()
    stage.run.conclude()
    stage.frame()
    assert head.again.winfo_ismapped() and not head.stop.winfo_ismapped()
    head.again.invoke()
    assert stage.asked == ["stop", "again"]


def test_a_cut_answer_can_be_gone_on_with(stage: Stage) -> None:
    stage.write("An answ")
    assert "Continue writing" not in stage.words
    stage.run.conclude(status="truncated", error="The answer reached its limit.")
    stage.frame()
    assert "Continue writing" in stage.words
    next(each for each in stage.view.head._remedies if each.winfo_ismapped()).invoke()
    assert stage.asked == ["go on"]


def test_a_new_answer_takes_the_place_of_the_one_before_which_can_be_read_again(stage: Stage) -> None:
    head = stage.view.head
    stage.write("The first answer")
    stage.run.conclude()
    stage.frame()
    assert "Answer 1" not in stage.words
    stage.write("The second one", number=2, instructions="Shorter,\nplease")
    assert "Answer 2 of 2" in stage.words
    assert "You wanted: Shorter, please" in stage.words
    assert "The second one" in stage.shown
    head.back.invoke()
    stage.frame()
    assert "Answer 1 of 2" in stage.words
    assert "The first answer" in stage.shown
    assert "You wanted" not in stage.words
    stage.run.write(" goes on")  # what is not looked at is not lost
    stage.frame()
    assert "The first answer" in stage.shown
    head.forth.invoke()
    stage.frame()
    assert "The second one goes on" in stage.shown
    assert head.forth.instate(["disabled"])


def test_the_next_answer_is_shown_whatever_was_looked_at(stage: Stage) -> None:
    stage.write("The first answer")
    stage.run.conclude()
    stage.write("The second one", number=2)
    stage.run.conclude()
    stage.frame()
    stage.view.head.back.invoke()
    stage.frame()
    stage.write("The third", number=3)
    assert "Answer 3 of 3" in stage.words
    assert "The third" in stage.shown


def test_copy_takes_the_answer_that_is_shown(stage: Stage) -> None:
    stage.write("The first answer")
    stage.run.conclude()
    stage.write("The second one", number=2)
    stage.run.conclude()
    stage.frame()
    stage.view.head.back.invoke()
    stage.view.copy()
    assert stage.view.frame.clipboard_get() == "The first answer"


def test_a_guards_question_about_the_synthesis_stands_in_its_head(stage: Stage) -> None:
    stage.write("word word word word")
    stage.run.say(QuestionRaised(question_id="q1", doubt="repeats", agent_id=HUB, text="It repeats itself."))
    stage.frame()
    assert "It repeats itself." in stage.words
    question = stage.view.head._question
    assert question is not None
    question.stop.invoke()
    assert stage.asked == [("q1", True)]
    stage.run.say(QuestionClosed(question_id="q1", answer="stop"))
    stage.frame()
    assert "It repeats itself." not in stage.words
