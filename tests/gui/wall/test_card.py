"""One agent's card: what it says in each state, how its thoughts stand in it, and what a user can do with it."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.events import AgentId, PauseChanged, Status, ThoughtId, Tokens
from felix.gui.kit import Kit
from felix.gui.text.shown_text import segments
from felix.gui.wall.card import Card
from felix.gui.wall.card_words import badge_for, meta
from felix.settings import SettingsFile
from tests.gui.scene import Scene

ME = AgentId("research-1")


@pytest.fixture
def prefs(tmp_path: Path) -> SettingsFile:
    file = SettingsFile(tmp_path / "settings.json")
    file.change(typing_effect=False)
    return file


class Shown:
    """A card on screen, the scene behind it, and time that passes."""

    def __init__(self, window: tk.Toplevel, kit: Kit, prefs: SettingsFile, **options: object) -> None:
        self.asked: list[AgentId] = []
        self.scene = Scene()
        self.card = Card(window, kit, prefs, on_maximise=self.asked.append, **options)  # type: ignore[arg-type]
        self.card.frame.place(x=10, y=10, width=280, height=320)
        self.window = window
        window.update()
        self._now = time.monotonic()
        self.refresh()

    def refresh(self) -> None:
        """Show the state, and let a second pass."""
        self.card.show(self.scene.state.agents[ME], self.scene.state)
        for _ in range(3):
            self._now += 0.6
            self.card.tick(self._now)
        self.window.update()

    def frame(self) -> bool:
        self._now += 1 / 60
        return self.card.tick(self._now)

    @property
    def words(self) -> str:
        """Of every label on the card that can be seen."""
        found: list[str] = []

        def look(widget: tk.Misc) -> None:
            for child in widget.winfo_children():
                if child.winfo_ismapped():
                    if child.winfo_class() == "TLabel":
                        found.append(str(child.cget("text")))
                    look(child)

        look(self.card.frame)
        return " | ".join(word for word in found if word)

    @property
    def text(self) -> str:
        return "".join(part for _, part in segments(self.card.stream.text))


@pytest.fixture
def shown(window: tk.Toplevel, kit: Kit, prefs: SettingsFile) -> Iterator[Shown]:
    shown = Shown(window, kit, prefs)
    yield shown
    shown.card.frame.destroy()


# -- states ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activity", "details", "badge", "sentence"),
    [
        ("queued", {"position": 2}, "Queued #2", "Second in line"),
        ("connecting", {}, "Connecting", "Connecting to the server"),
        ("loading", {"fraction": 0.65}, "Loading 65 %", "The server loads the model"),
        ("loading", {}, "Loading", "The server loads the model"),
        ("reading", {"fraction": 0.4, "read": (ThoughtId("critic-1#1"),)}, "Reading prompt 40 %", "Reading 1 thought"),
        ("waiting", {}, "Waiting", "Waiting for the first token"),
        ("retrying", {"detail": "The line broke."}, "Retrying", "The line broke."),
    ],
)
def test_before_the_first_token_the_card_says_what_it_waits_for(
    shown: Shown, activity: str, details: dict[str, object], badge: str, sentence: str
) -> None:
    shown.scene.act(ME, activity, at=48, **details)
    shown.refresh()
    assert badge in shown.words
    assert sentence in shown.words
    assert ("•" in shown.words) == (activity != "queued")


def test_without_streaming_nobody_waits_for_a_token(shown: Shown) -> None:
    shown.scene = Scene(streaming=False)
    shown.scene.act(ME, "waiting", at=48)
    shown.refresh()
    assert "Waiting for the answer" in shown.words


def test_an_agent_whose_turn_has_not_come_says_when_it_will(shown: Shown) -> None:
    assert "Not yet" in shown.words
    assert "Speaks from round 1 on" in shown.words
    shown.scene.finish("stopped")
    shown.refresh()
    assert "Not asked" in shown.words


def test_the_bar_stands_for_a_real_fraction_only(shown: Shown) -> None:
    def bar() -> float:
        rule = next(child for child in shown.card.frame.winfo_children() if isinstance(child, tk.Canvas))
        return rule.coords(2)[2] / rule.winfo_width()

    shown.scene.act(ME, "loading")
    shown.refresh()
    assert bar() == 0
    shown.scene.act(ME, "loading", fraction=0.5)
    shown.refresh()
    assert bar() == pytest.approx(0.5)
    shown.scene.say(ME, "text")
    shown.refresh()
    assert bar() == 0


@pytest.mark.parametrize(
    ("status", "badge", "title"),
    [
        ("complete", "Done", ""),
        ("truncated", "Cut short", "The answer was cut short"),
        ("unconfirmed", "Unconfirmed", "The answer may not be whole"),
        ("stopped", "Stopped", "Stopped by you"),
        ("refused", "Refused", "The model refused to answer"),
        ("failed", "Failed", "The answer broke off"),
    ],
)
def test_the_end_of_a_thought_is_told_in_words_and_its_text_stays(
    shown: Shown, status: Status, badge: str, title: str
) -> None:
    shown.scene.say(ME, "Some text that came.")
    shown.scene.end(ME, status, error="The server said why." if title else None)
    shown.refresh()
    assert badge in shown.words
    assert title in shown.words
    assert ("The server said why." in shown.words) == bool(title)
    assert "Some text that came." in shown.text
    assert ("cut off here" in shown.text) == (status in ("failed", "stopped", "truncated"))


def test_a_failure_without_any_text_says_so(shown: Shown) -> None:
    shown.scene.act(ME, "connecting")
    shown.scene.end(ME, "failed", error="Nothing listens at 127.0.0.1:1234; start LM Studio's server.")
    shown.refresh()
    assert "No answer came" in shown.words
    assert "start LM Studio's server" in shown.words


def test_the_footer_counts_with_a_tilde_until_the_server_has_counted(shown: Shown) -> None:
    shown.scene.act(ME, "connecting", 1.0)
    shown.scene.say(ME, "text " * 40, 1.4, tokens=418)
    shown.refresh()
    assert "0.4 s first" in shown.words
    assert "~418 tok" in shown.words
    shown.scene.end(ME, usage=Tokens(prompt=900, completion=612))
    shown.refresh()
    assert "0.4 s first  ·  43 tok/s  ·  612 tok" in shown.words


def test_confidence_is_shown_as_stated_or_as_a_dash(shown: Shown) -> None:
    shown.scene.say(ME, "text")
    shown.scene.end(ME, confidence=0.82)
    shown.refresh()
    assert "0.82" in shown.words
    other = AgentId("research-2")
    shown.scene.say(other, "text")
    shown.scene.end(other)
    shown.card.show(shown.scene.state.agents[other], shown.scene.state)
    shown.window.update()
    assert "–" in shown.words


def test_what_was_stated_before_a_thought_that_was_stopped_is_not_in_the_colour_of_what_is_done(shown: Shown) -> None:
    shown.scene.say(ME, "text")
    shown.scene.end(ME, confidence=0.82)
    shown.refresh()
    label = next(each for each in shown.card.foot.winfo_children() if each.cget("text") == "0.82")
    before = label.cget("style")
    shown.scene.round(2, at=39)
    shown.scene.say(ME, "half", at=40)
    shown.scene.end(ME, "stopped", at=42)
    shown.refresh()
    assert label.cget("text") == "0.82" and label.cget("style") != before


# -- thoughts ----------------------------------------------------------------------------------------------------------


def test_all_thoughts_stand_in_order_each_under_its_line(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "First answer.")
    scene.end(ME)
    scene.round(2)
    read = (ThoughtId("research-2#1"), ThoughtId("critic-1#1"))
    scene.act(ME, "connecting", at=40, cp=0.5, read=read, cut="One was cut.")
    scene.say(ME, "Second answer.")
    scene.end(ME)
    shown.refresh()
    assert shown.text == (
        "Round 1 · depth 0.30 · 8 s\nFirst answer.\n"
        "Round 2 · depth 0.50 · 8 s\nRead research-2, critic-1\nOne was cut.\nSecond answer."
    )


def test_all_lines_are_as_high_so_that_none_is_cut_at_an_edge(shown: Shown) -> None:
    scene, stream = shown.scene, shown.card.stream
    scene.think(ME, "I weigh **this** against that, and it takes more than one line on screen. " * 3)
    scene.say(ME, "# Why\n- **Blue** is scattered more than *red*, which is told in a line that breaks.\n")
    scene.say(ME, "```python\nsky = 'blue'\n```\nAnd `code` in a sentence that goes on and on until it breaks twice.\n")
    scene.end(ME, notes=("It did not say how confident it is.",))
    scene.round(2, at=31)
    scene.say(ME, "Plain words that come later, and more of them.", at=32)
    shown.refresh()
    stream.text.event_generate("<Key-t>")
    shown.card.frame.place(height=900)
    shown.refresh()
    heights: dict[int, str] = {}
    index = "1.0"
    while stream.text.compare(index, "<", "end-1c"):
        if "later" not in stream.text.tag_names(index) and (box := stream.text.dlineinfo(index)):
            heights[box[3]] = stream.text.get(index, f"{index} display lineend")
        index = stream.text.index(f"{index} + 1 display lines")
    assert set(heights) == {stream.line_height}, heights


def test_why_an_earlier_thought_failed_stays_in_its_place(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "Half an ans")
    scene.end(ME, "failed", error="The connection was lost; check the server.")
    scene.round(2)
    scene.say(ME, "Whole answer.")
    shown.refresh()
    assert "The connection was lost" not in shown.words
    assert "Half an ans  ✕ cut off here\nFailed: The connection was lost; check the server.\nRound 2" in shown.text


def test_while_a_later_thought_waits_the_earlier_ones_stay_and_the_waiting_is_told(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "First answer.")
    scene.end(ME)
    scene.round(2)
    scene.act(ME, "waiting", at=48)
    shown.refresh()
    shown_words = shown.card.stream.text.get("1.0", "end")
    assert "First answer." in shown_words
    assert "Waiting for the first token, 1" in shown_words
    scene.say(ME, "Second.")
    shown.refresh()
    assert "Waiting" not in shown.card.stream.text.get("1.0", "end")


def test_thinking_is_open_while_it_streams_and_folds_when_the_answer_comes(shown: Shown) -> None:
    shown.scene.act(ME, "connecting", 1.0)
    shown.scene.think(ME, "Let me see. " * 20, 2.0, tokens=840)
    shown.refresh()
    assert "Let me see." in shown.text
    assert "Thinking  ·  58 s, ~840 tokens" in shown.text
    shown.scene.say(ME, "The answer.", 14.0, tokens=843)
    shown.refresh()
    assert "Let me see." not in shown.text
    assert "Thought for 12 s, ~" in shown.text
    shown.scene.end(ME, usage=Tokens(prompt=1, completion=850, reasoning=840))
    shown.refresh()
    assert "Thought for 12 s, 840 tokens\nThe answer." in shown.text


def _click(shown: Shown, words: str) -> None:
    text = shown.card.stream.text
    text.see("1.0")
    shown.window.update()
    place = text.search(words, "1.0")
    assert place, shown.text
    x, y, _, height = text.bbox(place)
    text.event_generate("<Motion>", x=x + 2, y=y + height // 2)
    text.event_generate("<Button-1>", x=x + 2, y=y + height // 2)
    text.event_generate("<ButtonRelease-1>", x=x + 2, y=y + height // 2)
    shown.window.update()


def test_what_the_user_opened_by_hand_stays_open(shown: Shown) -> None:
    shown.scene.think(ME, "My thinking.", 2.0)
    shown.refresh()
    _click(shown, "Thinking")
    assert "My thinking." not in shown.text
    _click(shown, "Thinking")
    assert "My thinking." in shown.text
    shown.scene.think(ME, " Goes on.", 3.0)
    shown.scene.say(ME, "The answer.", 4.0)
    shown.scene.end(ME)
    shown.refresh()
    assert "My thinking. Goes on.\nThe answer." in shown.text


def test_folded_thinking_opens_and_folds_again_whenever_asked(shown: Shown) -> None:
    shown.scene.think(ME, "My thinking.", 2.0)
    shown.scene.say(ME, "The answer.", 4.0)
    shown.refresh()
    whole = shown.text
    for _ in range(3):
        _click(shown, "Thought for")
        assert "My thinking.\nThe answer." in shown.text
        _click(shown, "Thought for")
        assert shown.text == whole
    shown.scene.say(ME, " And on.", 5.0)
    shown.refresh()
    assert shown.text.endswith("The answer. And on.")


def test_thinking_that_only_thinks_stays_open_when_it_fails(shown: Shown) -> None:
    shown.scene.think(ME, "Thinking and", 2.0)
    shown.scene.end(ME, "failed", error="Only thinking, no answer; ask again.")
    shown.refresh()
    assert "Thinking and" in shown.text
    _click(shown, "Thought for")
    assert "Thinking and" not in shown.text
    _click(shown, "Thought for")
    assert "Thinking and" in shown.text


def test_a_reader_of_the_thinking_is_not_disturbed_by_the_fold(shown: Shown) -> None:
    shown.scene.think(ME, "A line of thinking.\n" * 60, 2.0)
    shown.refresh()
    shown.card.stream.scroll("moveto", 0.3)
    shown.window.update()
    top = shown.card.stream.text.index("@0,0")
    shown.scene.say(ME, "The answer.", 4.0)
    shown.scene.end(ME)
    shown.refresh()
    assert shown.card.stream.is_latched
    assert shown.card.stream.text.index("@0,0") == top
    shown.card.stream.to_end()
    shown.refresh()
    assert "A line of thinking." not in shown.text


def test_text_that_changes_at_its_end_is_shown_as_it_is_now(shown: Shown) -> None:
    shown.scene.say(ME, "The answer, and somethnig else")
    shown.refresh()
    shown.scene.end(ME, content="The answer, and something else")
    shown.refresh()
    assert shown.text.endswith("The answer, and something else")
    assert "somethnig" not in shown.text


def test_an_answer_that_loses_its_last_blanks_leaves_the_reader_alone(shown: Shown) -> None:
    shown.scene.say(ME, "- a line of the answer\n" * 80 + "\n\n")
    shown.refresh()
    shown.card.stream.scroll("moveto", 0.5)
    shown.window.update()
    top = shown.card.stream.text.index("@0,0")
    shown.scene.end(ME, content=("- a line of the answer\n" * 80).rstrip())
    shown.refresh()
    assert shown.card.stream.is_latched
    assert shown.card.stream.text.index("@0,0") == top
    assert shown.text.endswith("a line of the answer")


def test_the_heading_of_long_thinking_stays_in_view_and_folds_it(shown: Shown) -> None:
    shown.scene.think(ME, "A line of thinking.\n" * 60, 2.0)
    shown.refresh()
    shown.refresh()
    strips = [child for child in shown.card.stream.frame.winfo_children() if child.winfo_class() == "TFrame"]
    pin = strips[0].winfo_children()[0]
    assert pin.winfo_viewable()
    assert str(pin.cget("text")).startswith("Thinking")
    pin.invoke()
    shown.window.update()
    assert "A line of thinking." not in shown.text
    assert not pin.winfo_viewable()
    shown.scene.think(ME, "More of it.", 3.0)
    shown.refresh()
    assert "More of it." not in shown.text
    _click(shown, "Thinking")
    assert "A line of thinking." in shown.text
    assert shown.text.endswith("More of it.")


# -- typing ------------------------------------------------------------------------------------------------------------


def test_with_the_typing_effect_a_batch_is_shown_letter_by_letter(shown: Shown, prefs: SettingsFile) -> None:
    prefs.change(typing_effect=True)
    shown.scene.say(ME, "x" * 200)
    began = time.monotonic()
    shown.card.update()
    lengths = [shown.text.count("x")]
    for frame in range(200):  # of our own clock: a machine that is held up skips none
        shown.card.tick(began + frame * 0.016)
        shown.window.update()
        lengths.append(shown.text.count("x"))
    assert lengths == sorted(lengths)
    assert lengths[0] < 200
    assert lengths[-1] == 200
    assert len(set(lengths)) > 3


def test_the_end_of_an_answer_shows_the_rest_at_once(shown: Shown, prefs: SettingsFile) -> None:
    prefs.change(typing_effect=True)
    shown.scene.say(ME, "x" * 500)
    shown.card.update()
    shown.scene.end(ME)
    shown.card.update()
    assert shown.text.count("x") == 500


@pytest.mark.parametrize("change", [{"typing_effect": False}, {"reduce_motion": True}])
def test_without_it_everything_is_there_at_once(shown: Shown, prefs: SettingsFile, change: dict[str, bool]) -> None:
    prefs.change(**{"typing_effect": True, **change})
    shown.scene.say(ME, "x" * 500)
    shown.card.update()
    assert shown.text.count("x") == 500


def test_a_flood_is_shown_in_slices_and_whole(shown: Shown) -> None:
    shown.scene.say(ME, "word " * 60_000)
    shown.card.update()
    assert 0 < shown.text.count("word") < 20_000
    for _ in range(10):
        shown.frame()
    assert shown.text.count("word") == 60_000


# -- the user's hand ---------------------------------------------------------------------------------------------------


def test_enter_and_a_double_click_ask_for_the_big_card(shown: Shown) -> None:
    shown.scene.say(ME, "text")
    shown.refresh()
    shown.card.focus()
    shown.window.update()
    shown.card.stream.text.event_generate("<Return>")
    for _ in range(2):
        shown.card.stream.text.event_generate("<Button-1>", x=20, y=20)
        shown.card.stream.text.event_generate("<ButtonRelease-1>", x=20, y=20)
    assert shown.asked == [ME, ME]


def test_ctrl_enter_is_left_to_the_task_box(shown: Shown) -> None:
    heard: list[bool] = []
    shown.window.bind("<Control-Return>", lambda _event: heard.append(True))
    shown.card.focus()
    shown.window.update()
    shown.card.stream.text.event_generate("<Control-Return>")
    assert heard == [True]
    assert not shown.asked


def test_ctrl_c_copies_the_selection_or_all_that_the_agent_said(shown: Shown) -> None:
    shown.scene.think(ME, "secret thinking")
    shown.scene.say(ME, "**The** answer.")
    shown.scene.end(ME, "truncated", error="The limit of 5 tokens was reached; raise it.")
    shown.refresh()
    shown.card.focus()
    text = shown.card.stream.text
    text.event_generate("<<Copy>>")
    copied = text.clipboard_get()
    assert copied.startswith("research-1  ·  Round 1")
    assert "Cut short" in copied
    assert copied.endswith("**The** answer.")
    assert "secret thinking" not in copied
    place = text.search("answer", "1.0")
    text.tag_add("sel", place, f"{place} + 6 c")
    text.event_generate("<<Copy>>")
    assert text.clipboard_get() == "answer"


def test_each_thought_has_a_copy_mark_of_its_own(shown: Shown) -> None:
    scene = shown.scene
    scene.say(ME, "First answer.")
    scene.end(ME)
    scene.round(2)
    scene.say(ME, "Second answer.")
    scene.end(ME)
    shown.refresh()
    text = shown.card.stream.text
    text.see("1.0")
    shown.window.update()
    second = text.tag_nextrange("copy", text.tag_nextrange("copy", "1.0")[1])[0]
    x, y, width, height = text.bbox(second)
    text.event_generate("<Motion>", x=x + width // 2, y=y + height // 2)
    text.event_generate("<ButtonRelease-1>", x=x + width // 2, y=y + height // 2)
    assert text.clipboard_get().endswith("Second answer.")
    assert "First" not in text.clipboard_get()


def test_find_walks_through_what_is_there_and_what_still_comes(shown: Shown) -> None:
    shown.scene.say(ME, "alpha beta alpha\n")
    shown.refresh()
    shown.card.focus()
    shown.window.update()
    shown.card.find()
    shown.window.update()
    entry = shown.window.focus_get()
    assert isinstance(entry, tk.Entry)
    entry.insert(0, "ALPHA".lower())
    entry.event_generate("<KeyRelease-a>")
    entry.event_generate("<Return>")
    assert "1 of 2" in shown.words
    shown.scene.say(ME, "and al")
    shown.scene.say(ME, "pha again")
    shown.refresh()
    assert "1 of 3" in shown.words
    entry.event_generate("<Shift-Return>")
    assert "3 of 3" in shown.words
    entry.event_generate("<Escape>")
    shown.window.update()
    assert "of 3" not in shown.words
    assert not shown.card.stream.text.tag_ranges("found")
    assert shown.card.has_focus


def test_find_sees_a_word_across_a_line_break_of_ours(shown: Shown) -> None:
    shown.scene.say(ME, "x" * 1_990 + "needle" + "x" * 1_990)
    shown.refresh()
    shown.card.focus()
    shown.window.update()
    shown.card.find()
    shown.window.update()
    entry = shown.window.focus_get()
    assert isinstance(entry, tk.Entry)
    entry.insert(0, "needlex")
    entry.event_generate("<KeyRelease-a>")
    assert "1" in shown.words.split(" | ")


def test_theme_and_type_size_change_under_a_live_card(
    shown: Shown, kit: Kit, screenshot: Callable[[str], Path]
) -> None:
    shown.scene.think(ME, "Some thinking " * 10)
    shown.refresh()
    text = shown.card.stream.text
    light = text.tag_cget("think", "background")
    kit.set_theme("dark")
    kit.scale_fonts(130)
    shown.scene.say(ME, "and an answer")
    shown.refresh()
    assert text.tag_cget("think", "background") != light
    assert text.cget("background") == kit["card"]
    assert shown.text.endswith("and an answer")
    screenshot("card-dark-130")


def test_a_paused_run_says_so_on_the_cards_that_wait(shown: Shown) -> None:
    other = next(each for each in shown.scene.ids if each != ME)
    shown.scene.say(other, "So.")
    shown.scene.end(other)
    shown.scene.tell(PauseChanged(state="paused"), 40)
    agents, state = shown.scene.state.agents, shown.scene.state
    shown.refresh()
    assert "Paused" in shown.words
    assert badge_for(agents[other], state).word == "Done"
    assert meta(agents[other], state).endswith("paused")
    shown.scene.tell(PauseChanged(state="off"), 50)
    shown.refresh()
    assert "Paused" not in shown.words
    assert not meta(agents[other], state).endswith("paused")


def test_a_card_that_goes_leaves_nothing_behind(window: tk.Toplevel, kit: Kit, prefs: SettingsFile) -> None:
    def build() -> None:
        shown = Shown(window, kit, prefs)
        shown.scene.think(ME, "thinking")
        shown.scene.say(ME, "answer")
        shown.scene.end(ME, "failed", error="Why.")
        shown.refresh()
        shown.card.find()
        shown.card.stream.scroll("moveto", 0)
        shown.card.frame.destroy()
        window.update()

    def count() -> tuple[int, int]:
        return (
            len(window.tk.splitlist(window.tk.call("info", "commands"))),
            len(window.tk.splitlist(window.tk.call("after", "info"))),
        )

    build()
    before = count()
    for _ in range(5):
        build()
    assert count() == before
