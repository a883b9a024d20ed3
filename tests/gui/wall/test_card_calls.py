"""Tool calls in a card: written, asking, running, ended, each at its place in the answer."""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.events import (
    AgentId,
    CallId,
    Leave,
    PartialToolCall,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    ToolStatus,
)
from felix.gui.kit import Kit
from felix.gui.text.shown_text import segments
from felix.gui.wall.call_blocks import CODE, MOST_SHOWN
from felix.gui.wall.card import Card
from felix.gui.wall.offers import CardActs, offers_for
from felix.settings import SettingsFile
from tests.gui.scene import Scene

ME = AgentId("research-1")
PATH = '{"path": "notes.txt"}'


class Shown:
    """A card on screen, the scene behind it, and what was asked of the run."""

    def __init__(self, window: tk.Toplevel, kit: Kit, prefs: SettingsFile) -> None:
        self.answered: list[tuple[CallId, Leave]] = []
        acts = CardActs(
            offers=offers_for, stop=print, retry=print, edit=print, go_on=print, ask=print, answer=print,
            leave=lambda call, leave: self.answered.append((call, leave)),
        )  # fmt: skip
        self.scene, self.window = Scene(), window
        self.card = Card(window, kit, prefs, on_maximise=lambda _agent: None, acts=acts)
        self.card.frame.place(x=10, y=10, width=420, height=460)
        self.thought_id = ThoughtId("research-1#1")
        self._now = time.monotonic()
        self.refresh()

    def refresh(self) -> None:
        self.card.show(self.scene.state.agents[ME], self.scene.state)
        for _ in range(3):
            self._now += 0.6
            self.card.tick(self._now)
        self.window.update()

    def write(self, partial: str, *, offset: int = 0, number: int = 1, name: str = "read_file", at: float = 3) -> None:
        self.scene.act("research-1", "writing", at) if not self._thought_is_there else None
        self.scene.tell(
            PartialToolCall(
                agent_id=ME, thought_id=self.thought_id, call_id=self.call_id(number), name=name, checkpoint=0.3,
                position=self._position, partial=partial, offset=offset,
            ), at,
        )  # fmt: skip

    def call(
        self,
        arguments: str = PATH,
        *,
        number: int = 1,
        name: str = "read_file",
        asks: str = "",
        asks_always: bool = False,
    ) -> None:
        self.scene.tell(
            ToolCalled(
                agent_id=ME, thought_id=self.thought_id, call_id=self.call_id(number), name=name, arguments=arguments,
                round=1, checkpoint=0.3, position=self._position, began_at=time.time() - 57, asks=asks,
                asks_always=asks_always,
            ), 4,
        )  # fmt: skip

    def end(self, content: str = "Buy milk.", *, number: int = 1, status: ToolStatus = "ok", **more: object) -> None:
        self.scene.tell(
            ToolReturned(
                agent_id=ME, thought_id=self.thought_id, call_id=self.call_id(number), name="read_file",
                status=status, content=content, duration_s=0.2, **{"characters": len(content), **more},  # type: ignore[arg-type]
            ), 6,
        )  # fmt: skip

    def call_id(self, number: int) -> CallId:
        return CallId(f"{self.thought_id}/{number}")

    @property
    def _thought_is_there(self) -> bool:
        return self.thought_id in self.scene.state.thoughts

    @property
    def _position(self) -> int:
        thought = self.scene.state.thoughts.get(self.thought_id)
        return len(thought.answer) if thought else 0

    @property
    def text(self) -> str:
        return "".join(part for _, part in segments(self.card.stream.text))

    def press(self, words: str) -> None:
        """Click on what stands in the text."""
        text = self.card.stream.text
        place = text.search(words, "1.0")
        text.see(place)
        self.window.update()
        x, y, width, height = text.bbox(place) or (0, 0, 0, 0)
        for kind in ("<Motion>", "<Button-1>", "<ButtonRelease-1>"):
            text.event_generate(kind, x=x + width // 2, y=y + height // 2)
        self.window.update()


@pytest.fixture
def prefs(tmp_path: Path) -> SettingsFile:
    file = SettingsFile(tmp_path / "settings.json")
    file.change(typing_effect=False)
    return file


@pytest.fixture
def shown(window: tk.Toplevel, kit: Kit, prefs: SettingsFile) -> Iterator[Shown]:
    return Shown(window, kit, prefs)


def test_a_call_stands_between_what_was_said_before_it_and_after_it_from_its_first_character_on(shown: Shown) -> None:
    shown.scene.say("research-1", "Let me look.")
    shown.write('{"path": "no')
    shown.refresh()
    assert "Let me look.\n" in shown.text
    breaks = shown.card.stream.text.search("\n", shown.card.stream.text.search("Let me look.", "1.0"))
    assert CODE not in shown.card.stream.text.tag_names(breaks), "a bar behind the words would look like a redaction"
    assert "read_file · 12 characters so far" in shown.text
    assert '{"path": "no' in shown.text
    shown.write('tes.txt"}', offset=12)
    shown.refresh()
    assert PATH in shown.text
    shown.call()
    shown.refresh()
    assert "read_file · running, " in shown.text
    shown.scene.tell(
        ToolProgressed(
            agent_id=ME, thought_id=shown.thought_id, call_id=shown.call_id(1), message="half", fraction=0.5
        ),
        5,
    )
    shown.refresh()
    assert "· 50 % · half" in shown.text
    shown.end()
    for part in ("\n", "\n\n", "\n\nIt says: buy milk."):
        shown.scene.say("research-1", part, 7)
        shown.refresh()
    said = shown.text
    assert "9 characters\n\nIt says" in said
    assert said.index("Let me look.") < said.index("read_file · ok · 0.2 s · 9 characters") < said.index("It says")
    assert PATH not in said
    assert "Buy milk." not in said


def test_a_result_opens_and_folds_by_a_click_and_by_the_keyboard(shown: Shown) -> None:
    shown.write(PATH)
    shown.call()
    shown.end()
    shown.scene.say("research-1", "So it is.", 7)
    shown.refresh()
    shown.press("read_file")
    assert PATH in shown.text
    assert "Buy milk." in shown.text
    assert shown.text.index("Buy milk.") < shown.text.index("So it is.")
    shown.press("read_file")
    assert "Buy milk." not in shown.text
    shown.card.focus()
    shown.window.update()
    for key in ("<Key-c>", "<space>"):
        shown.card.stream.text.event_generate(key)
    assert "Buy milk." in shown.text
    shown.card.stream.text.event_generate("<Return>")
    assert "Buy milk." not in shown.text


def test_a_view_that_was_hidden_shows_what_one_shows_that_was_not(
    shown: Shown, window: tk.Toplevel, kit: Kit, prefs: SettingsFile
) -> None:
    shown.scene.think("research-1", "Hm. ")
    shown.scene.say("research-1", "First.")
    shown.refresh()
    shown.write('{"path"', number=1)
    shown.refresh()
    shown.write("{}", number=2, name="list_files")
    shown.refresh()
    shown.call()
    shown.call("{}", number=2, name="list_files")
    shown.refresh()
    shown.end(number=2)
    shown.refresh()
    shown.end("no such file", number=1, status="failed", error="There is no notes.txt – list the folder first.")
    shown.scene.say("research-1", "\n\nThen.", 7)
    shown.refresh()
    shown.scene.end("research-1", content="First.\n\nThen.", at=9)
    shown.refresh()
    other = Card(window, kit, prefs, on_maximise=lambda _agent: None)
    other.frame.place(x=450, y=10, width=420, height=460)
    window.update()
    other.show(shown.scene.state.agents[ME], shown.scene.state, is_whole=True)
    window.update()
    assert "".join(part for _, part in segments(other.stream.text)) == shown.text
    assert "failed · 0.2 s" in shown.text
    assert "There is no notes.txt" in shown.text


def test_what_a_model_hides_in_its_arguments_shows_as_a_sign_and_is_copied_as_it_was(shown: Shown) -> None:
    evil = '{"path": "a\u202egpj.exe\u200e"}'
    shown.write(evil)
    shown.refresh()
    on_screen = shown.card.stream.text.get("1.0", "end")
    assert "\u202e" not in on_screen
    assert "\u200e" not in on_screen
    text = shown.card.stream.text
    place = text.search("{", "1.0")
    text.tag_add("sel", place, f"{place} lineend")
    assert shown.card.stream.selected() == evil


def test_a_long_result_is_cut_on_screen_and_says_what_the_model_was_given(shown: Shown) -> None:
    shown.write(PATH)
    shown.call()
    shown.end("x" * (MOST_SHOWN + 5), characters=900_000, file="/nowhere/result.txt")
    shown.refresh()
    assert f"900,000 characters, {MOST_SHOWN + 5:,} to the model" in shown.text
    shown.press("read_file")
    assert "5 more characters – Copy them all" in shown.text
    assert f"The model was given {MOST_SHOWN + 5:,} of 900,000 characters – Open the whole" in shown.text
    shown.press("Copy them all")
    assert shown.window.clipboard_get() == "x" * (MOST_SHOWN + 5)


def test_calls_that_ask_show_their_arguments_and_are_answered_one_by_one(shown: Shown) -> None:
    for number, name in ((1, "send/mail"), (2, "send/post")):
        shown.write(f'{{"to": "{name}"}}', number=number, name=name)
        shown.call(f'{{"to": "{name}"}}', number=number, name=name, asks=f"{name} asks before it is used.")
    shown.refresh()
    block = shown.card._alerts._approval
    assert block is not None
    assert block.frame.winfo_ismapped()
    assert block.arguments.get("1.0", "end-1c") == '{"to": "send/mail"}'
    assert block.next.cget("text") == "1 of 2"
    block._shown_at = time.monotonic()
    block.answer("always")
    assert shown.answered == []  # it has only just come: nobody can have read it
    block._shown_at -= 1
    block.next.invoke()
    assert block.arguments.get("1.0", "end-1c") == '{"to": "send/post"}'
    block._shown_at -= 1
    shown.window.update()
    block.buttons["no"].focus_force()
    block.buttons["no"].event_generate("<Key-o>")
    assert shown.answered == [(shown.call_id(2), "once")]
    shown.scene.tell(
        ToolAnswered(
            agent_id=ME, thought_id=shown.thought_id, call_id=shown.call_id(2), name="send/post", answer="once"
        ),
        5,
    )
    shown.refresh()
    assert block.arguments.get("1.0", "end-1c") == '{"to": "send/mail"}'
    block._shown_at -= 1
    block.buttons["no"].invoke()
    assert shown.answered[1:] == [(shown.call_id(1), "no")]
    shown.end(number=1, status="refused", content="The user did not allow this call.")
    shown.refresh()
    assert not block.frame.winfo_ismapped()


def test_a_call_that_was_never_whole_is_gone_when_its_thought_has_ended(shown: Shown) -> None:
    shown.scene.say("research-1", "I look.")
    shown.write('{"pa')
    shown.refresh()
    assert '{"pa' in shown.text
    shown.scene.end("research-1", "stopped", content="I look.")
    shown.refresh()
    assert '{"pa' not in shown.text


def test_thinking_above_a_call_opens_and_folds_in_its_place(shown: Shown) -> None:
    shown.scene.think("research-1", "Where might it stand?")
    shown.refresh()
    shown.write(PATH)
    shown.call()
    shown.refresh()
    assert "Where might it stand?" not in shown.text
    for _ in range(2):
        shown.card._document.toggle()
        said = shown.text
        assert said.index("Where might it stand?") < said.index("read_file · running") < said.index(PATH)
        shown.card._document.toggle()
        assert "Where might it stand?" not in shown.text
    shown.end()
    shown.scene.think("research-1", "\n\nNow I know.", 7)
    shown.refresh()
    assert shown.card.stream.text.get("1.0", "end").rstrip().endswith("Thinking: Now I know."), "seen where the eye is"
    shown.scene.say("research-1", "At home.", 8)
    shown.refresh()
    shown.card._document.toggle()
    said = shown.text
    assert said.index("Now I know.") < said.index("read_file · ok") < said.index("At home.")


def test_what_every_run_asks_anew_has_no_button_for_always(shown: Shown) -> None:
    shown.write("{}", number=1, name="send/mail")
    shown.call("x" * 2_000, number=1, name="send/mail", asks="It joins them.", asks_always=True)
    shown.refresh()
    block = shown.card._alerts._approval
    assert block is not None
    assert [leave for leave, button in block.buttons.items() if button.winfo_ismapped()] == ["once", "run", "no"]
    assert "lines, scroll to see all" in block._name.cget("text") and block._bar.winfo_ismapped()
    block._shown_at -= 1
    block.answer("always")
    assert shown.answered == []
    block.answer("run")
    assert shown.answered == [(shown.call_id(1), "run")]


def test_a_call_of_the_next_run_is_answered_though_it_has_the_id_of_one_that_was(shown: Shown) -> None:
    for to, leave in (("mail", "once"), ("post", "no")):
        shown.scene = Scene()
        shown.write("{}", name="send")
        shown.call(f'{{"to": "{to}"}}', name="send", asks="send asks before it is used.")
        shown.refresh()
        block = shown.card._alerts._approval
        assert block is not None
        assert block.arguments.get("1.0", "end-1c") == f'{{"to": "{to}"}}'
        block._shown_at -= 1
        block.buttons[leave].invoke()  # type: ignore[index]
    assert shown.answered == [(shown.call_id(1), "once"), (shown.call_id(1), "no")]
