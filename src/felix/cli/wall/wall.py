"""All of a run on one screen: head, panes, whoever has none, synthesis, and what the user is asked or told."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.segment import Segment

from felix.cli.wall.answer import AnswerView
from felix.cli.wall.grid import Grid, Places, grid
from felix.cli.wall.lines import Line, fit, in_a_line, padded, sides, styled, tail, wrap
from felix.cli.wall.looks import (
    ASKS,
    BOLD,
    DIM,
    LIVE,
    THOUGHT,
    WRONG,
    badge_of,
    elapsed_s,
    pace_words,
    role_style,
    thought_words,
    turn_of,
)
from felix.cli.wall.pane import Pane
from felix.cli.wall.screen import Row
from felix.events import AgentId
from felix.ledger.speech import Synthesis
from felix.ledger.state import RunState
from felix.ledger.words import duration, model_of, speeches_of, tokens
from felix.team.tools.naming import starting_tools

_SMALL = 20
"""Lines below which the head is a single one."""
_SHORTEST_BAR, _LONGEST_BAR = 6, 24
"""Columns of the run's clock."""
LIVE_KEYS = ("Ctrl-C stops and keeps what was written ", "Ctrl-C stops and keeps ", "Ctrl-C stops ")
REPLAY_KEYS = ("Ctrl-C ends the replay ", "Ctrl-C ends it ")
"""What can be done, in as many words as there is room for."""
_MARGIN = 2


class Wall:
    """Draws states of one run."""

    def __init__(self, console: Console, keys: Sequence[str] = LIVE_KEYS) -> None:
        self._keys = keys
        self._panes: dict[AgentId, Pane] = {}
        self._places = Places()
        self._answer = AnswerView(console)

    def rows(
        self, state: RunState, size: tuple[int, int], *, asks: Sequence[str] = (), part: int = 0, says: str = ""
    ) -> list[Row]:
        """At most as many rows as fit `size`, columns and lines. `asks` is a question to the user, whose last line says
        which keys answer it; of a long one this `part` is shown, from 0 and round again. `says` is one sentence."""
        width, height = size
        head = _head(state, width, is_small=height < _SMALL)
        foot = _question(asks, part, width, max(2, height // 2)) if asks else [_foot(says, self._keys, width)]
        room = height - len(head) - len(foot)
        synthesis = state.synthesis
        if room < 1:
            return [_row(line) for line in (*head, *foot)][:height]
        plan = grid(max(1, len(state.agents)), width, room, has_synthesis=synthesis is not None)
        rows = [_row(line) for line in head]
        rows += self._wall(state, plan, width)
        if synthesis is not None:
            rows += [_row(line) for line in self._synthesis(synthesis, state, width, plan.synthesis)]
        rows += [()] * (height - len(foot) - len(rows))
        return rows[: height - len(foot)] + [_row(line) for line in foot]

    def _wall(self, state: RunState, plan: Grid, width: int) -> list[Row]:
        if not state.agents:
            return []
        shown = list(self._places.choose(state, plan.panes))
        rows: list[Row] = []
        widths = plan.widths(width)
        teams = [shown[start : start + plan.columns] for start in range(0, len(shown), plan.columns)]
        have_begun = [any(state.agents[each].latest for each in team if not _is_queued(state, each)) for team in teams]
        for those, height in zip(teams, plan.heights_of(have_begun), strict=True):
            drawn = [
                self._panes.setdefault(agent_id, Pane()).draw(state.agents[agent_id], state, own, height)
                for agent_id, own in zip(those, widths, strict=False)
            ]
            starts = [sum(widths[:column]) for column in range(len(drawn))]
            rows += [
                tuple((start, pane[line]) for start, pane in zip(starts, drawn, strict=True)) for line in range(height)
            ]
        return rows + [_row(line) for line in _chips(state, shown, width, plan.chip_lines)]

    def _synthesis(self, synthesis: Synthesis, state: RunState, width: int, height: int) -> list[Line]:
        if height < 1:
            return []
        badge = badge_of(synthesis, state)
        figures = [duration(elapsed_s(synthesis, state.now)), pace_words(synthesis, state.now)]
        right = f" {' · '.join(word for word in figures if word)} "
        title = [Segment(" Synthesis ", BOLD), Segment(f"{badge} ", badge.style)]
        lines = [_rule(title, [Segment(right, DIM)], width)]
        inner, room = max(2, width - 2 * _MARGIN), height - 1
        if synthesis.thinking and not synthesis.answer and synthesis.is_live:
            lines += [_indented(styled(line, THOUGHT)) for line in tail(synthesis.thinking, 0, inner, room)]
        elif synthesis.thinking and room > 1:
            lines.append(_indented(styled(fit(f"▸ {thought_words(synthesis)}", inner), DIM)))
        lines += [_indented(line) for line in self._answer.draw(synthesis.answer, inner, height - len(lines))]
        if synthesis.error and synthesis.status != "complete" and len(lines) < height:
            lines.append(_indented(styled(fit(in_a_line(synthesis.error), inner), WRONG)))
        return [padded(line, width) for line in lines[:height]]


def _is_queued(state: RunState, agent_id: AgentId) -> bool:
    thoughts = state.agents[agent_id].thoughts
    return all(thought.is_live and thought.activity == "queued" for thought in thoughts)


def _head(state: RunState, width: int, *, is_small: bool) -> list[Line]:
    plan = state.plan
    if plan is None:
        return [padded([Segment(" Felix ", BOLD), Segment("is connecting to the server …", DIM)], width)]
    name = [Segment(" Felix ", BOLD), Segment(in_a_line(plan.workflow), DIM)]
    clock = _clock(state, width)
    if is_small:
        return [clock]
    task = [Segment(" ▸ ", LIVE), Segment(fit(in_a_line(plan.task), max(0, width - 4)))]
    model = Segment(f"{fit_short(in_a_line(model_of(state)), width // 2)} ", DIM)
    return [sides(name, [model], width), padded(task, width), clock]


def fit_short(text: str, width: int) -> str:
    """`text`, cut to `width` cells at most."""
    return fit(text, width).rstrip()


def _clock(state: RunState, width: int) -> Line:
    """How far the run is: the round, its clock from 0 to 1, the time, calls, and what comes a second."""
    speeches = speeches_of(state)
    rates = [rate for each in speeches if each.is_live and (rate := each.pace(state.now))]
    done, planned = state.calls_ended, state.calls_planned
    words = [duration(state.elapsed_s(state.now)), f"{done} of {planned} calls"]
    if rates:
        words.append(f"~{sum(rates):.0f} tok/s")
    if any(each.tokens or each.usage for each in speeches):
        words.append(f"{tokens(speeches)} tokens")
    stage = Segment(f" {_stage(state)} ", LIVE if state.is_running else BOLD)
    while words and stage.cell_length + len(" · ".join(words)) + 2 > width:
        words.pop()
    right = [Segment(f"{' · '.join(words)} ", DIM)]
    t = f" t {state.t:.2f} "
    length = min(_LONGEST_BAR, width - sum(each.cell_length for each in (stage, *right)) - len(t) - 1)
    if length < _SHORTEST_BAR:
        return sides([stage], right, width)
    filled = round(length * state.t)
    bar = (Segment("━" * filled, LIVE), Segment("─" * (length - filled), DIM), Segment(t, DIM))
    return sides([stage, *bar], right, width)


def _stage(state: RunState) -> str:
    if state.status is not None:
        return {"complete": "Complete", "stopped": "Stopped"}.get(state.status, state.status.capitalize())
    if state.pause == "paused":
        return "Paused"
    if state.synthesis is not None and state.synthesis.is_live:
        return "Synthesis"
    if state.is_wrapping_up:
        return "Wrapping up"
    return f"Round {state.round} of {len(state.rounds)}" if state.round else starting_tools(state) or "Connecting"


def _chips(state: RunState, shown: Sequence[AgentId], width: int, height: int) -> list[Line]:
    """Whoever has no pane: a code and a shape each, and how many more there are."""
    hidden = [agent for agent in state.agents.values() if agent.agent_id not in shown]
    lines: list[Line] = []
    line: Line = []
    used = 0
    for number, agent in enumerate(hidden):
        badge = badge_of(turn_of(agent), state)
        text = f" {fit_short(in_a_line(agent.code), 4)} "
        cells = len(text) + 3
        if used + cells > width:
            lines.append(line)
            line, used = [], 0
        if len(lines) >= height:
            left = len(hidden) - number
            more = f" +{left}"
            if lines and left:
                lines[-1] = [*padded(lines[-1], max(0, width - len(more))), Segment(more, DIM)]
            break
        line += [Segment(text, role_style(agent.role, state)), Segment(f"{badge.shape}  ", badge.style)]
        used += cells
    if line and len(lines) < height:
        lines.append(line)
    return [padded(each, width) for each in lines]


def _question(asks: Sequence[str], part: int, width: int, height: int) -> list[Line]:
    """What the user is asked, the keys that answer it last; what is too long is shown in parts."""
    inner = max(2, width - 2)
    first, *rest, keys = asks
    exact = [line for each in rest for line in wrap(each, inner)]
    lines = [*wrap(first, inner), *exact]
    room = max(1, height - 2)
    if len(lines) > room and exact:  # what exactly is asked for goes before why
        lines = [fit_short(first, inner), *exact]
    if len(lines) > room:
        length = max(1, room - 1)
        parts = math.ceil(len(lines) / length)
        start = part % parts * length
        more = f"part {part % parts + 1} of {parts} · Space shows the next"
        lines = [*lines[start : start + length], more][:room]
    body = [
        padded([Segment(" "), Segment(fit_short(line, inner), ASKS if not n else None)], width)
        for n, line in enumerate(lines)
    ]
    return [_rule([], [], width), *body, padded([Segment(" "), Segment(fit_short(keys, inner), BOLD)], width)]


def _foot(says: str, all_keys: Sequence[str], width: int) -> Line:
    left = [Segment(f" {fit_short(in_a_line(says), width - 1)}", ASKS if says else None)]
    room = width - sum(segment.cell_length for segment in left)
    keys = next((each for each in all_keys if len(each) < room), "")
    return sides(left, [Segment(keys, DIM)], width)


def _rule(left: Line, right: Line, width: int) -> Line:
    rule = width - 4 - sum(segment.cell_length for segment in (*left, *right))
    if rule < 0:
        return padded([Segment("──", DIM), *left], width)
    return [Segment("──", DIM), *left, Segment("─" * rule, DIM), *right, Segment("──", DIM)]


def _indented(line: Line) -> Line:
    return [Segment(" " * _MARGIN), *line]


def _row(line: Line) -> Row:
    return ((0, line),)
