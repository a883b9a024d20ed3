"""The timeline: what everybody did when, as spans, as bars, in words, and as a way through the run."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator

import pytest

from felix.events import (
    HUB,
    SYNTHESIS,
    AgentId,
    CallId,
    NoteAdded,
    PartialToolCall,
    PauseChanged,
    ThoughtAsked,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolReturned,
)
from felix.gui.bridge import Bridge
from felix.gui.course.timeline import Timeline
from felix.gui.course.timeline_spans import Span, call_at, rows_of, told_of, words_of
from felix.gui.kit import Kit
from felix.ledger.run_clock import Gap, RunClock
from felix.ledger.state import RunState
from felix.team.mailbox import Mailbox
from tests.ledger.hubs import FIRST, SECOND, START, TEAM, THIRD, Run, agent_of, short_run

Wait = Callable[..., None]
CLOCK = RunClock(START)


def spans(state: RunState, thought: ThoughtId, *, now: float = 0.0) -> list[tuple[str, float, float]]:
    told = told_of(agent_of(thought), thought, state.thoughts[thought], CLOCK, now)
    return [(kind, round(start, 2), round(end, 2)) for kind, start, end in told.spans]


def test_an_answer_is_its_states_in_the_order_of_time() -> None:
    run = Run()
    run.do(FIRST, "queued", position=1)
    run.wait(1.0)
    run.do(FIRST, "connecting")
    run.wait(1.0)
    run.do(FIRST, "reading")
    run.wait(1.0)
    run.say(FIRST, "Hm.", thinking=True)
    run.wait(1.0)
    run.say(FIRST, "So.")
    assert spans(run.hub.state, FIRST, now=START + 5.01) == [
        ("queued", 0.01, 1.01),
        ("waiting", 1.01, 2.01),
        ("reading", 2.01, 3.01),
        ("thinking", 3.01, 4.01),
        ("writing", 4.01, 5.01),
    ]
    run.wait(3.0)
    run.end(FIRST, "failed")
    told = told_of(TEAM[0], FIRST, run.hub.state.thoughts[FIRST], CLOCK, 0.0)
    assert (told.spans[-1].kind, told.end_s, told.trouble) == ("writing", pytest.approx(7.01), "fail")


def with_a_call() -> Run:
    """A thought that calls a tool at 1 s, waits for the user from 2 s on, and has the result at 4 s."""
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(0.99)
    of = {"agent_id": TEAM[0], "thought_id": FIRST, "call_id": CallId(f"{FIRST}/1"), "name": "mail"}
    run.hub.emit(PartialToolCall(**of, checkpoint=0.3, position=0, partial="{}", offset=0))
    began_at = run.now
    run.wait(1.0)
    run.hub.emit(
        ToolCalled(**of, arguments="{}", round=1, checkpoint=0.3, position=0, began_at=began_at, asks="It asks.")
    )
    run.wait(1.0)
    run.hub.emit(ToolAnswered(**of, answer="once"))
    run.wait(1.0)
    run.hub.emit(ToolReturned(**of, status="ok", content="sent", duration_s=1.0, characters=4))
    run.say(FIRST, "It is sent.")
    return run


def test_a_tool_call_is_written_waits_for_the_user_and_is_used() -> None:
    run = with_a_call()
    run.wait(1.0)
    kinds = [kind for kind, _, _ in spans(run.hub.state, FIRST, now=run.now)]
    assert kinds == ["waiting", "calling", "asking", "running", "writing"]
    thought = run.hub.state.thoughts[FIRST]
    assert "waiting for your word 1.0 s" in words_of(TEAM[0], thought, CLOCK, run.now)
    call = call_at(thought, CLOCK, 2.5)
    assert call is not None
    assert "mail  ·  ok · 1.0 s · 4 characters" in words_of(TEAM[0], thought, CLOCK, run.now, "", call)
    assert call_at(thought, CLOCK, 0.5) is None


def test_what_no_screen_can_show_is_part_of_what_was_before() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    for _ in range(500):
        run.wait(0.004)
        run.say(FIRST, "Hm.", thinking=True)
        run.wait(0.004)
        run.say(FIRST, "So.")
    told = told_of(TEAM[0], FIRST, run.hub.state.thoughts[FIRST], CLOCK, run.now)
    assert len(told.spans) < 5
    assert told.end_s == pytest.approx(4.01)


def test_a_run_that_was_told_live_has_the_spans_of_its_replay() -> None:
    run = short_run()
    live, told = run.hub.state, RunState()
    for record in run.durable:
        told.apply(record)
    for thought in (FIRST, SECOND, THIRD):
        assert spans(live, thought) == spans(told, thought)


def test_the_hub_has_a_row_and_every_synthesis_its_place_in_it() -> None:
    run = short_run()
    run.synthesise(2)
    rows = rows_of(run.hub.state)
    assert [row.label for row in rows] == ["R1", "R2", "R3", "hub"]
    assert [thought_id for thought_id, _ in rows[-1].speeches] == [SYNTHESIS, "synthesis.2"]


def test_the_words_name_the_thought_its_times_and_its_figures() -> None:
    run = short_run()
    state = run.hub.state
    assert words_of(TEAM[2], state.thoughts[THIRD], CLOCK, 0.0).splitlines() == [
        "research-3  ·  Round 1 · depth 0.30",
        "Done",
        "queued 1.2 s",
        "connecting 0.5 s",
        "writing 0.1 s",
        "~1 tok  ·  0.2 s first",
    ]
    assert state.synthesis is not None
    assert words_of(HUB, state.synthesis, CLOCK, 0.0).startswith("Synthesis\nDone\n")


class Shown:
    def __init__(self, window: tk.Toplevel, kit: Kit, wait: Wait) -> None:
        self.window, self.wait = window, wait
        self.told: list[tuple[AgentId, ThoughtId, float]] = []
        self.mailbox = Mailbox()
        self.faults: list[str] = []
        self.bridge = Bridge(window, on_bug=lambda: self.faults.append("told"))
        wing = kit.frame(window, "side", width=284, height=690)
        wing.pack_propagate(False)
        wing.pack(side="right")
        kit.label(wing, "Helix").pack(fill="both", expand=True)
        self.timeline = Timeline(wing, kit, self.bridge, on_thought=lambda *told: self.told.append(told))
        self.bridge.add(self.timeline, wing)
        self.bridge.listen(self.mailbox)
        self.bridge.start()

    def open(self, run: Run) -> None:
        self.bridge.open(run.durable)
        self.wait(self.timeline.frame.winfo_viewable)
        self.window.update()

    @property
    def canvas(self) -> tk.Canvas:
        return self.timeline.canvas

    def x(self, at_s: float) -> int:
        return round(self.timeline.x_of(at_s))

    def y(self, row: int) -> int:
        return row * 22 + 11

    def bars(self, colour: str) -> list[list[float]]:
        return [
            self.canvas.coords(item)
            for item in self.canvas.find_withtag("row")
            if self.canvas.type(item) == "rectangle" and self.canvas.itemcget(item, "fill") == colour
        ]

    def event(self, name: str, x: int, y: int) -> None:
        self.canvas.event_generate(name, x=x, y=y, rootx=x, rooty=y)
        self.window.update()


@pytest.fixture
def shown(window: tk.Toplevel, kit: Kit, wait_until: Wait) -> Iterator[Shown]:
    shown = Shown(window, kit, wait_until)
    yield shown
    shown.bridge.close()
    assert not shown.faults


def test_it_comes_with_the_first_run_and_shows_all_of_a_past_one(shown: Shown, kit: Kit) -> None:
    assert not shown.timeline.frame.winfo_ismapped()
    run = short_run()
    shown.open(run)
    writing, thinking = shown.bars(kit["state:write"]), shown.bars(kit["state:think"])
    assert (len(writing), len(thinking), len(shown.bars(kit["state:fail"]))) == (3, 1, 1)
    first = thinking[0]
    assert first[0] == pytest.approx(shown.x(0.11), abs=1.5)
    assert first[2] == pytest.approx(shown.x(1.11), abs=1.5)
    assert shown.timeline.time.cget("text") == "0:02"


def test_the_legend_is_whole_in_a_narrow_panel(shown: Shown) -> None:
    def words() -> set[str]:
        legend = shown.timeline.frame.winfo_children()[-1]
        inside = (label for label in legend.winfo_children() if label.winfo_ismapped())
        return {str(w.cget("text")) for w in inside if w.winfo_x() + w.winfo_width() <= legend.winfo_width()}

    shown.open(short_run())
    assert words() == {"reading", "thinking", "writing", "waiting"}
    shown.timeline.frame.master.configure(width=210)  # type: ignore[call-arg]
    shown.wait(lambda: shown.timeline.frame.winfo_width() <= 210)
    shown.window.update()
    assert words() == {"reading", "thinking", "writing", "waiting"}


def test_a_click_on_a_tool_call_leads_to_it_and_the_legend_tells_of_tools(shown: Shown) -> None:
    run = with_a_call()
    run.wait(1.0)
    run.end(FIRST)
    run.finish()
    shown.open(run)
    shown.event("<Button-1>", shown.x(2.5), shown.y(0))
    assert [told[3] for told in shown.told] == [CallId(f"{FIRST}/1")]
    keys = [str(key.cget("text")) for key in shown.timeline._tool_keys if key.winfo_ismapped()]
    assert keys == ["calling a tool", "using it", "your word"]


def test_a_live_run_is_drawn_on_as_it_goes(shown: Shown, kit: Kit) -> None:
    run = Run()
    run.now = START
    for record in run.records:
        shown.mailbox.put(record)
    shown.bridge.follow(run.hub.run)
    run.do(FIRST, "connecting")
    run.wait(1.0)
    run.say(FIRST, "So.")
    for record in run.records[2:]:
        shown.mailbox.put(record)
    shown.wait(lambda: shown.bars(kit["state:write"]))
    _, _, before, _ = shown.bars(kit["state:write"])[0]
    run.wait(5.0)
    run.end(FIRST)
    shown.mailbox.put(run.records[-1])
    shown.wait(lambda: shown.bars(kit["state:write"])[0][2] != before)
    _, _, now, _ = shown.bars(kit["state:write"])[0]
    assert now > before


def test_a_run_that_ends_is_drawn_over_all_the_room_there_is(shown: Shown, kit: Kit) -> None:
    run = Run()
    shown.bridge.follow(run.hub.run)
    for step in range(10):
        run.wait(1.0)
        run.say(FIRST, f"word {step} ")
    for record in run.records:
        shown.mailbox.put(record)
    shown.wait(lambda: shown.bars(kit["state:write"]))
    live = shown.bars(kit["state:write"])[0]
    run.end(FIRST)
    run.finish()
    for record in run.records[-2:]:
        shown.mailbox.put(record)
    shown.wait(lambda: shown.bridge.player)
    shown.wait(lambda: shown.bars(kit["state:write"])[0][2] > live[2])
    assert shown.timeline.playhead_x == pytest.approx(shown.x(10.01), abs=1)
    assert shown.bars(kit["state:write"])[0][2] == pytest.approx(shown.x(10.01), abs=1)


def test_the_playhead_is_dragged_and_is_where_the_player_is(shown: Shown, wait_until: Wait) -> None:
    shown.open(short_run())
    player = shown.bridge.player
    assert player is not None
    shown.timeline.axis.event_generate("<Button-1>", x=shown.x(1.5), y=8)
    assert player.position_s == pytest.approx(1.5, abs=0.02)
    shown.timeline.axis.event_generate("<B1-Motion>", x=shown.x(0.5), y=8)
    shown.timeline.axis.event_generate("<ButtonRelease-1>", x=shown.x(0.5), y=8)
    assert player.position_s == pytest.approx(0.5, abs=0.02)
    wait_until(lambda: shown.bridge.is_replaying)
    player.seek(1.0)
    wait_until(lambda: abs(shown.timeline.playhead_x - shown.x(1.0)) <= 1)
    assert shown.told == []


def test_a_click_leads_to_the_thought_and_pointing_says_its_figures(shown: Shown) -> None:
    shown.open(short_run())
    shown.event("<Motion>", shown.x(0.6), shown.y(1))
    assert shown.timeline.tip.startswith("research-2  ·  Round 1")
    shown.event("<Button-1>", shown.x(0.6), shown.y(1))
    (agent, thought, at, _), = shown.told  # fmt: skip
    assert (agent, thought, at) == (TEAM[1], SECOND, pytest.approx(0.6, abs=0.02))
    shown.event("<Button-1>", shown.x(2.3), shown.y(3))
    assert shown.told[1][:2] == (HUB, SYNTHESIS)
    shown.event("<Motion>", shown.x(2.5), shown.y(0))
    assert shown.timeline.tip == ""


def test_a_better_go_at_a_thought_has_a_bar_of_its_own(shown: Shown) -> None:
    run = short_run()
    again = ThoughtId("research-2#1.2")
    run.hub.emit(ThoughtAsked(agent_id=TEAM[1], thought_id=again, act="retry", of=SECOND, round=1, checkpoint=0.3))
    run.wait(1.0)
    run.say(again, "Now it works.")
    run.wait(1.0)
    run.end(again)
    state = run.hub.state
    row = next(row for row in rows_of(state) if row.agent_id == TEAM[1])
    assert [thought_id for thought_id, _ in row.speeches] == [SECOND, again]
    words = words_of(TEAM[1], state.thoughts[again], CLOCK, 0.0)
    assert words.startswith("research-2  ·  Round 1 · depth 0.30 · tried again\n")


def test_rows_are_low_and_scroll_when_there_are_many(shown: Shown) -> None:
    run = Run(tuple(AgentId(f"research-{number}") for number in range(1, 33)))
    run.do(FIRST, "connecting")
    run.wait(1.0)
    run.end(FIRST)
    run.finish()
    shown.open(run)
    assert shown.timeline.frame.winfo_height() < 0.5 * 690
    first, last = shown.canvas.yview()
    assert (first, last < 0.7) == (0.0, True)
    shown.canvas.event_generate("<Button-5>", x=50, y=50)
    assert shown.canvas.yview()[0] > 0


def test_what_is_cut_out_of_a_run_is_a_line_that_says_so(shown: Shown) -> None:
    run = Run()
    run.wait(2.0)
    run.hub.emit(PauseChanged(state="paused"))
    run.wait(600.0)
    run.hub.emit(PauseChanged(state="off"))
    run.do(FIRST, "connecting")
    run.wait(2.0)
    run.end(FIRST)
    run.finish()
    shown.open(run)
    (line,) = shown.canvas.find_withtag("gap")
    assert shown.canvas.coords(line)[0] == pytest.approx(shown.x(2.01), abs=1.5)
    shown.event("<Motion>", shown.x(2.01), shown.y(2))
    assert shown.timeline.tip == "Paused for 10 min"


def test_a_run_that_is_paused_stands_still_on_the_axis(shown: Shown) -> None:
    run = Run()
    shown.bridge.follow(run.hub.run)
    run.wait(15.0)
    run.hub.emit(PauseChanged(state="paused"))
    run.wait(600.0)
    run.hub.emit(NoteAdded(text="Still here.", agent_id=None))
    for record in run.records:
        shown.mailbox.put(record)
    shown.wait(lambda: shown.timeline.time.cget("text") == "0:15")
    assert shown.bridge.state.now > run.now - 1


def test_a_span_is_seconds_of_the_run_and_not_of_the_time_it_was_closed() -> None:
    run = Run()
    run.do(FIRST, "connecting")
    run.wait(10.0)
    run.end(FIRST)
    clock = RunClock(START, (Gap(START + 2.0, START + 8.0, "closed"),))
    told = told_of(TEAM[0], FIRST, run.hub.state.thoughts[FIRST], clock, 0.0)
    assert told.spans == (Span("waiting", pytest.approx(0.01, abs=1e-5), pytest.approx(4.01, abs=1e-5)),)
