"""The synthesis: it streams, is rendered once complete, keeps place and selection, and says who is missing."""

from __future__ import annotations

import gc
import time
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest

from felix.events import HUB, AgentId, LeftOut, PauseChanged, RunFinished, Status
from felix.gui.answer.synthesis_strip import SynthesisStrip
from felix.gui.answer.synthesis_view import SynthesisView
from felix.gui.kit import Kit
from felix.settings import SettingsFile
from tests.gui.recorded import MISSING, ScriptedRun

ANSWER = "# Move now\n\nIt **works** [research-1].\n\n" + "\n\n".join(
    f"Paragraph {n} says what there is to say, in a line or two of words that wrap, and cites [analysis-1]."
    for n in range(30)
)


class Stage:
    """A view, the run it shows, and what the user did with it."""

    def __init__(self, window: tk.Toplevel, kit: Kit, folder: Path) -> None:
        self.cited: list[AgentId] = []
        self.views: list[str] = []
        self.settings = SettingsFile(folder / "settings.json")
        self.settings.change(typing_effect=False)
        self.run = ScriptedRun()
        self.view = SynthesisView(
            window,
            kit,
            self.settings,
            on_citation=self.cited.append,
            on_view=self.views.append,
            fill_export=lambda menu: menu.add_command(label="Markdown"),
            confirm=lambda _url: False,
            open_url=lambda _url: None,
        )
        self.view.frame.pack(fill="both", expand=True)
        self.view.show(self.run.state)
        self.view.frame.update()

    def frame(self) -> bool:
        self.view.update(self.run.state, {HUB})
        moving = self.view.tick(time.monotonic())
        self.view.frame.update()
        return moving

    def frames_until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            self.frame()

    def stream(self, text: str) -> None:
        self.run.synthesise()
        self.run.write(text)
        self.frame()
        self.frame()

    def complete(self, text: str = ANSWER) -> None:
        self.stream(text)
        self.run.conclude()
        self.frames_until(lambda: self.view.is_rendered)

    @property
    def shown(self) -> str:
        return self.view.text.get("1.0", "end-1c")


@pytest.fixture
def stage(window: tk.Toplevel, kit: Kit, tmp_path: Path) -> Stage:
    return Stage(window, kit, tmp_path)


def test_text_stands_there_while_it_streams(stage: Stage) -> None:
    stage.stream("The first words")
    assert "The first words" in stage.shown
    assert stage.view.head.badge.cget("text") == "Writing"
    stage.run.write(" and more")
    stage.frame()
    assert "The first words and more" in stage.shown


def test_with_the_typing_effect_text_comes_bit_by_bit_and_the_rest_at_once_at_the_end(stage: Stage) -> None:
    stage.settings.change(typing_effect=True)
    stage.run.synthesise()
    stage.frame()
    stage.run.write("x" * 2_000)
    stage.frame()
    assert stage.shown.count("x") < 2_000
    stage.run.conclude()
    stage.frame()
    assert stage.shown.count("x") == 2_000


def test_the_text_is_rendered_once_the_synthesis_is_complete(stage: Stage) -> None:
    stage.complete()
    assert stage.shown.startswith("Move now\nIt works")
    assert stage.view.head.badge.cget("text") == "Complete"
    assert stage.view.text.tag_ranges("cite")


def test_a_click_on_a_citation_names_its_agent(stage: Stage) -> None:
    stage.complete("[research-1] is right.")
    text = stage.view.text
    x, y, width, height = text.bbox("1.0") or (0, 0, 0, 0)
    text.event_generate("<Button-1>", x=x + width // 2, y=y + height // 2)
    text.event_generate("<ButtonRelease-1>", x=x + width // 2, y=y + height // 2)
    assert stage.cited == ["research-1"]


def test_a_reader_at_the_end_stays_at_the_end(stage: Stage) -> None:
    stage.stream(ANSWER)
    assert stage.view.stream.is_at_end
    stage.run.conclude()
    stage.frames_until(lambda: stage.view.is_rendered)
    assert stage.view.text.dlineinfo("end-1c") is not None


@pytest.mark.parametrize("moment", ["early", "in between", "late"])
def test_an_answer_that_takes_the_room_is_shown_from_its_top(stage: Stage, moment: str) -> None:
    stage.stream(ANSWER)
    assert stage.view.stream.is_at_end
    stage.run.conclude()
    if moment == "in between":
        stage.view.update(stage.run.state, {HUB})
        stage.view.tick(time.monotonic())
        assert not stage.view.is_rendered  # it is being put together
    if moment != "late":
        stage.view.open_at_top()
    while moment == "in between" and not stage.view.is_rendered:
        stage.view.frame.update()  # it comes up before the next frame
    stage.frames_until(lambda: stage.view.is_rendered)
    if moment == "late":
        stage.view.open_at_top()
        stage.frame()
    first, last = stage.view.text.yview()
    assert first == 0
    assert last < 1
    stage.view.text.tk.call(str(stage.view.text), "sync")
    assert stage.view.text.yview() == (first, last)
    stage.view.text.see("end")
    stage.view.open_at_top()
    stage.frame()
    assert stage.view.text.dlineinfo("end-1c") is not None


@pytest.mark.parametrize("is_early", [True, False])
def test_a_reader_with_a_place_keeps_it_when_the_answer_takes_the_room(stage: Stage, is_early: bool) -> None:
    stage.stream(ANSWER)
    stage.view.stream.scroll("moveto", 0.3)
    stage.run.conclude()
    if is_early:
        stage.view.open_at_top()
    stage.frames_until(lambda: stage.view.is_rendered)
    if not is_early:
        stage.view.open_at_top()
        stage.frame()
    assert stage.view.text.yview()[0] > 0.1


def test_a_reader_in_the_middle_keeps_the_line_at_the_top(stage: Stage) -> None:
    stage.stream(ANSWER)
    stage.view.stream.text.yview("21.0")
    stage.view.stream.look()
    stage.frame()
    before = stage.view.text.get("@0,0 linestart", "@0,0 lineend")
    assert before.startswith("Paragraph")
    stage.run.conclude()
    stage.frames_until(lambda: stage.view.is_rendered)
    after = stage.view.text.get("@0,0 linestart", "@0,0 lineend")
    assert after[:14] == before[:14]


def test_a_selection_is_not_taken_away(stage: Stage) -> None:
    stage.stream(ANSWER)
    plain = stage.view.stream.text
    plain.tag_add("sel", "3.0", "3.5")
    stage.run.conclude()
    stage.frames_until(lambda: stage.view.rendered.is_done and stage.view.rendered.source)
    for _ in range(5):
        stage.frame()
    assert not stage.view.is_rendered
    assert plain.tag_ranges("sel")
    plain.tag_remove("sel", "1.0", "end")
    stage.frames_until(lambda: stage.view.is_rendered)


def test_a_selection_of_everything_survives(stage: Stage) -> None:
    stage.stream(ANSWER)
    stage.view.stream.text.focus_force()
    stage.view.stream.text.event_generate("<Control-a>")
    stage.run.conclude()
    stage.frames_until(lambda: stage.view.is_rendered)
    stage.view.text.event_generate("<<Copy>>")
    assert stage.view.frame.clipboard_get() == ANSWER


def test_copy_gives_the_models_markdown(stage: Stage) -> None:
    stage.complete()
    stage.view.head.copy.invoke()
    assert stage.view.frame.clipboard_get() == ANSWER
    assert stage.view.head.figures.cget("text") == "Copied"


def test_who_is_missing_is_said_with_the_reason(stage: Stage) -> None:
    cut = LeftOut(agent_id=AgentId("research-1"), status="truncated", reason="It ran into the token limit.")
    stage.run.synthesise(left_out=(MISSING, cut))
    stage.run.write("x")
    stage.run.conclude()
    stage.frames_until(lambda: stage.view.is_rendered)
    assert "without research-1, research-3" in stage.view.head.figures.cget("text")
    assert stage.view.head.missing.cget("text").split("\n") == [
        "Without research-1 (cut short): It ran into the token limit.",
        "Without research-3 (failed): The server stopped answering.",
    ]
    assert stage.view.head.missing.winfo_viewable()


@pytest.mark.parametrize(("status", "word"), [("failed", "Failed"), ("stopped", "Stopped"), ("truncated", "Cut short")])
def test_a_synthesis_that_is_not_whole_keeps_its_text_and_says_why(stage: Stage, status: str, word: str) -> None:
    stage.stream("Half of the ans")
    stage.run.conclude(status=status, error="The server closed the stream; press Run to try again.")  # type: ignore[arg-type]
    stage.frames_until(lambda: stage.view.is_rendered)
    assert "Half of the ans" in stage.shown
    assert stage.view.head.badge.cget("text") == word
    sentences = [label.cget("text") for _, _, label in stage.view.head.troubles.values() if label.winfo_viewable()]
    assert sentences == ["The server closed the stream; press Run to try again."]


def test_a_run_that_ended_without_a_word_from_the_hub_says_why(stage: Stage) -> None:
    stage.stream("Half of the ans")
    stage.run.say(RunFinished(status="crashed", reason="Felix met a fault of its own.", duration_s=1.0, usage=None))
    stage.frames_until(lambda: stage.view.is_rendered)
    assert stage.view.head.badge.cget("text") == "Interrupted"
    assert stage.view.head.troubles["stop"][2].cget("text") == "Felix met a fault of its own."


def test_the_hubs_thinking_is_open_while_it_thinks_and_folds_for_the_answer(stage: Stage) -> None:
    stage.run.synthesise()
    stage.run.think("The agents differ. ")
    stage.frame()
    assert stage.view._thinking.is_open
    stage.run.write("So")
    stage.frame()
    assert not stage.view._thinking.is_open
    assert stage.view._thinking.toggle.cget("text").startswith("Thought")
    assert "differ" not in stage.shown


def test_thinking_that_the_reader_opened_stays_open(stage: Stage) -> None:
    stage.run.synthesise()
    stage.run.think("The agents differ. ")
    stage.run.write("So")
    stage.frame()
    stage.view._thinking.toggle.invoke()
    stage.run.write(" it is.")
    stage.frame()
    assert stage.view._thinking.is_open


def test_find_opens_above_the_text_while_it_streams(stage: Stage) -> None:
    stage.stream(ANSWER)
    stage.view.find()
    stage.frame()
    stage.frame()
    assert stage.view.close_find()
    assert not stage.view.close_find()


def test_a_view_that_was_away_draws_the_finished_answer_rendered_from_its_top(stage: Stage) -> None:
    stage.run.synthesise()
    stage.run.write(ANSWER)
    stage.run.conclude()
    stage.view.show(stage.run.state)
    stage.frames_until(lambda: stage.view.is_rendered)
    assert stage.view.text.yview()[0] == 0.0
    assert "Paragraph 29" in stage.shown


def test_showing_the_same_run_again_moves_nothing(stage: Stage) -> None:
    stage.complete()
    stage.view.text.yview_moveto(0.4)
    stage.view.frame.update()
    before = stage.view.text.yview()
    stage.view.show(stage.run.state)
    stage.frame()
    assert stage.view.text.yview() == before


def test_a_new_run_begins_with_an_empty_pane(stage: Stage) -> None:
    stage.complete()
    stage.run = ScriptedRun()
    stage.view.show(stage.run.state)
    stage.frame()
    assert stage.shown == ""
    stage.stream("Another")
    assert "Another" in stage.shown


def test_an_answer_too_large_to_read_as_markdown_stays_plain_and_whole(stage: Stage) -> None:
    stage.stream("**a** " * 60_000)
    stage.run.conclude()
    stage.frames_until(lambda: not stage.frame())
    assert not stage.view.is_rendered
    assert stage.view.text.get("1.0", "end").count("**a**") == 60_000


def test_the_segmented_control_tells_and_can_be_told(stage: Stage) -> None:
    stage.view.set_view("both")
    assert stage.views == []
    stage.view.head.views.choose("answer")
    assert stage.views == ["answer"]


def test_nothing_in_the_head_is_clipped_in_a_narrow_window(
    stage: Stage, window: tk.Toplevel, wait_until: Callable[..., None]
) -> None:
    window.geometry("560x500")
    wait_until(lambda: window.winfo_width() == 560)
    stage.complete()
    stage.frame()
    for widget in (stage.view.head.badge, stage.view.head.copy, stage.view.head.export, stage.view.head.views.frame):
        assert widget.winfo_width() >= widget.winfo_reqwidth()
        assert widget.winfo_rootx() + widget.winfo_width() <= window.winfo_rootx() + 560


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_picture_of_it_is_kept(stage: Stage, kit: Kit, screenshot: Callable[[str], Path], mode: str) -> None:
    stage.run.synthesise(left_out=(MISSING,))
    stage.run.write(ANSWER)
    stage.run.conclude()
    stage.frames_until(lambda: stage.view.is_rendered)
    kit.set_theme("dark" if mode == "dark" else "light")
    assert screenshot(f"synthesis-{mode}").stat().st_size > 10_000


@pytest.mark.parametrize("times", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_one_synthesis_after_another_leaves_no_commands_or_images_behind(stage: Stage, times: int) -> None:
    def counts() -> tuple[int, int]:
        interpreter = stage.view.frame.tk
        names = interpreter.splitlist(interpreter.call("info", "commands"))
        return len(names), len(stage.view.frame.image_names())

    def one() -> None:
        stage.run = ScriptedRun()
        stage.complete("# A\n\n[research-1]\n\n| a | b |\n|---|---|\n| c | 1 |\n")

    one()
    gc.collect()  # what earlier tests left is not to be counted
    commands, images = counts()
    for _ in range(times):
        one()
    assert counts()[0] <= commands
    assert counts()[1] <= images


def test_the_strip_says_when_the_synthesis_comes(window: tk.Toplevel, kit: Kit) -> None:
    strip = SynthesisStrip(window, kit, on_view=lambda _view: None)
    strip.frame.pack(fill="x")
    window.update()
    strip.show(ScriptedRun().state)
    assert strip._words.cget("text") == "after round 5, or early at mean confidence 0.80"
    run = ScriptedRun(threshold=None)
    strip.show(run.state)
    assert strip._words.cget("text") == "after round 5"
    run.say(PauseChanged(state="paused"))
    strip.update(run.state, set())
    assert strip._words.cget("text") == "paused, comes after round 5"
    assert 30 <= strip.frame.winfo_reqheight() <= 36


@pytest.mark.parametrize(("status", "words"), [("complete", "complete"), ("stopped", "stopped"), ("failed", "failed")])
def test_the_strip_says_how_the_synthesis_ended(window: tk.Toplevel, kit: Kit, status: Status, words: str) -> None:
    strip = SynthesisStrip(window, kit, on_view=lambda _view: None)
    run = ScriptedRun()
    run.synthesise()
    strip.show(run.state)
    assert strip._words.cget("text") == "being written"
    run.conclude(status=status)
    strip.show(run.state)
    assert strip._words.cget("text") == words
