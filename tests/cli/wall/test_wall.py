"""What stands on the wall, without a terminal: rows of any size, from states of any kind."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from felix.cli.wall import ending
from felix.cli.wall.grid import grid
from felix.cli.wall.lines import tail, wrap
from felix.cli.wall.pane import LOWEST
from felix.cli.wall.screen import Row
from felix.cli.wall.wall import Wall
from felix.events import PASSING, Record
from felix.ledger.speech import GrowingText
from felix.ledger.state import RunState
from felix.llm.chat import ChatRequest, Finish, Reasoning, Text
from tests.gui.naughty import BITING
from tests.team.scripted import Line, says, workflow
from tests.team.test_runner import Watched

EVIL = f"[bold red]markup[/] :smile: \x1b]52;c;evil\x07 {BITING}\n\n| a | b |\n|-|-|\n| 1 | 2 |\n\n```\n\x1b[31m"


def thinks(request: ChatRequest) -> list[Line]:
    return [Reasoning(f"Let me think. {EVIL}"), Text(f"# Answer\n\n{EVIL}"), Finish("stop")]


def states(records: list[Record]) -> list[RunState]:
    """The run at every quarter of its records."""
    step = max(1, len(records) // 4)
    found = []
    for end in range(1, len(records) + step, step):
        state = RunState()
        for record in records[:end]:
            state.apply(record)
        state.now = records[min(end, len(records)) - 1].at + 1
        found.append(state)
    return found


@pytest.fixture(scope="module")
def run() -> Watched:
    return Watched(thinks, workflow("{id: research, role: research, count: 3}, {id: odd, role: odd, prompt: Be.}"))


@pytest.fixture(scope="module")
def crowd() -> Watched:
    return Watched(
        lambda request: says("One word.\n" * 30),
        workflow("{id: research, role: research, count: 16}, {id: critic, role: critic, count: 16, spawn: 0}"),
    )


def console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="256", width=width, markup=False, emoji=False)


def texts(rows: list[Row]) -> list[str]:
    """Each row as it is read."""
    lines = []
    for row in rows:
        line = ""
        for column, segments in row:
            line += " " * (column - cell_len(line)) + "".join(segment.text for segment in segments)
        lines.append(line)
    return lines


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (40, 15), (20, 6), (3, 3), (1, 1), (400, 8)])
def test_a_wall_is_never_larger_than_its_terminal(run: Watched, crowd: Watched, size: tuple[int, int]) -> None:
    for watched in (run, crowd):
        wall = Wall(console())
        for state in states(watched.records):
            for asks in ((), ("May one use it? " * 40, "x" * 5_000, "y once")):
                rows = wall.rows(state, size, asks=asks, says="Something was said. " * 9)
                assert len(rows) <= size[1]
                for row in rows:
                    for column, segments in row:
                        assert column + sum(segment.cell_length for segment in segments) <= max(size[0], 2)


def test_a_question_that_is_too_long_is_read_part_by_part(run: Watched) -> None:
    wall, state = Wall(console()), states(run.records)[1]
    exact = " ".join(str(number) for number in range(400))
    parts = [texts(wall.rows(state, (80, 24), asks=("May one use it?", exact, "y once"), part=n)) for n in range(8)]
    count = int(next(line for line in parts[0] if "part 1 of " in line).split()[3])
    assert parts[count] == parts[0]
    seen = " ".join(line for part in parts[:count] for line in part[-12:])
    assert not set(exact.split()) - set(seen.split())
    assert all("y once" in part[-1] for part in parts)


def test_nothing_of_a_models_text_is_a_command_or_markup(run: Watched) -> None:
    wall = Wall(console(160))
    for state in states(run.records):
        for line in texts(wall.rows(state, (160, 50))):
            assert not any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in line), repr(line)
            assert "\u202e" not in line
    assert any("[bold red]markup[/] :smile:" in line for line in texts(wall.rows(states(run.records)[-1], (160, 50))))
    shown = console(160)
    ending.show(shown, run.state, is_kept=True)
    assert isinstance(shown.file, io.StringIO)
    printed = shown.file.getvalue()
    assert "[bold red]markup[/] :smile:" in printed and "\x1b]" not in printed and "\x07" not in printed


def test_thinking_is_seen_while_it_goes_on_and_folded_afterwards(run: Watched) -> None:
    wall, seen = Wall(console()), []
    for state in states([each for each in run.records if isinstance(each.event, PASSING) or each.seq]):
        seen.append("\n".join(texts(wall.rows(state, (120, 40)))))
    assert any("▸ Thought for" in each and "tokens" in each for each in seen)
    assert any("◆ thinking" in each or "Let me think." in each for each in seen)


def test_who_has_no_pane_is_a_code_and_a_shape_and_who_speaks_has_one(crowd: Watched) -> None:
    wall = Wall(console())
    for state in states(crowd.records):
        shown = "\n".join(texts(wall.rows(state, (80, 24))))
        for agent in state.agents.values():
            assert agent.code in shown
            latest = agent.latest
            if latest is not None and latest.is_live and latest.activity == "writing" and state.synthesis is None:
                assert f"{agent.code} {agent.agent_id}" in shown


def test_a_pane_that_speaks_stays_where_it_is(crowd: Watched) -> None:
    wall, before = Wall(console()), {}
    for state in states(crowd.records):
        if state.synthesis is not None:
            break
        rows = texts(wall.rows(state, (80, 24)))
        places = {
            agent.agent_id: (number, line.index(f" {agent.agent_id} "))
            for number, line in enumerate(rows)
            for agent in state.agents.values()
            if line.startswith("╭") and f" {agent.agent_id} " in line
        }
        for agent_id, (_, column) in places.items():
            latest = state.agents[agent_id].latest
            if latest is not None and latest.is_live and agent_id in before:
                assert before[agent_id] == column
        before = {agent_id: column for agent_id, (_, column) in places.items()}


@given(st.integers(1, 32), st.integers(1, 300), st.integers(0, 80), st.booleans())
def test_all_lines_are_shared_out_and_none_twice(agents: int, width: int, height: int, has_synthesis: bool) -> None:
    plan = grid(agents, width, height, has_synthesis=has_synthesis)
    assert plan.height + plan.chip_lines + plan.synthesis <= height
    assert sum(plan.widths(width)) == width
    assert plan.panes >= agents or plan.chip_lines or height < LOWEST + 1 or width < 24
    if plan.rows:
        for begun in ([True] * plan.rows, [False] * plan.rows, [True, *[False] * (plan.rows - 1)]):
            heights = plan.heights_of(begun)
            assert sum(heights) == plan.height and min(heights) >= LOWEST
    if has_synthesis and height >= 10:
        assert plan.synthesis >= height // 2


@given(st.text(alphabet="ab \n中é\u0301-", max_size=200), st.integers(2, 30))
def test_lines_are_as_wide_as_they_may_be_and_lose_no_word(text: str, width: int) -> None:
    lines = list(wrap(text, width))
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_the_end_of_an_endless_paragraph_does_not_move_with_every_word() -> None:
    text, ends = GrowingText("word " * 3_000), set()
    for _ in range(20):
        text.put("next ", len(text))
        ends.add(tuple(tail(text, 0, 40, 6)[:3]))
    assert len(ends) <= 4, "a line is filled every eight words"


def test_what_a_run_without_a_synthesis_leaves_is_what_was_written(run: Watched) -> None:
    cut = RunState()
    for record in run.records:
        if record.event.type in ("synthesis_started", "partial_synthesis", "synthesis_complete"):
            continue
        event = record.event
        if event.type == "run_finished":
            event = replace(event, status="stopped", reason="Stopped by you.")
        cut.apply(Record(record.seq, record.at, record.run, event))
    shown = console(100)
    ending.show(shown, cut, is_kept=False)
    assert isinstance(shown.file, io.StringIO)
    printed = shown.file.getvalue()
    assert "Stopped by you." in printed and "markup" in printed and "Kept as" not in printed
