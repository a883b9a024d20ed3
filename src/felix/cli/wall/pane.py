"""One agent in a box: who it is and what it does on top, the newest of what it writes within, its figures below."""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style

from felix.cli.wall.lines import Line, fit, in_a_line, padded, tail, width_of, wrap
from felix.cli.wall.looks import (
    ASKS,
    DIM,
    DONE,
    THOUGHT,
    WRONG,
    Badge,
    badge_of,
    call_words,
    elapsed_s,
    pace_words,
    role_style,
    thought_words,
    turn_of,
)
from felix.ledger.speech import Agent, Call, GrowingText, Thought
from felix.ledger.state import RunState
from felix.ledger.words import duration, place_of

NARROWEST = 24
LOWEST = 4
"""Lines: two of text."""


class Pane:
    """Draws one agent; what has not changed since is not wrapped again."""

    def __init__(self) -> None:
        self._key: object = None
        self._body: list[Line] = []

    def draw(self, agent: Agent, state: RunState, width: int, height: int) -> list[Line]:
        """Exactly `height` lines of `width` cells."""
        thought = turn_of(agent)
        badge = badge_of(thought, state)
        edge = role_style(agent.role, state) if thought is not None and thought.is_live else DIM
        key = (width, height, *map(_state_of, agent.thoughts), _moment(thought, state.now))
        if key != self._key:
            self._key, self._body = key, self._draw_body(agent, state, width - 4, height - 2)
        side = Segment("│", edge)
        inner = [[side, Segment(" "), *line, Segment(" "), side] for line in self._body]
        return [
            _edge("╭╮", _title(agent, state), _badge(badge), width, edge),
            *inner,
            _edge("╰╯", _depth(agent), _figures(state, thought, width - 6 - width_of(_depth(agent))), width, edge),
        ]

    def _draw_body(self, agent: Agent, state: RunState, width: int, height: int) -> list[Line]:
        lines: list[Line] = []
        for thought in reversed(agent.thoughts):
            if len(lines) >= height:
                break
            own = _lines_of(thought, state, width, height - len(lines))
            lines = [*own, *lines]
        if not lines:
            lines = [[Segment(line, DIM)] for line in wrap(_why_empty(agent, state), width)]
        lines = lines[-height:] + [[Segment("")]] * (height - len(lines))
        return [padded(line, width) for line in lines]


def _lines_of(thought: Thought, state: RunState, width: int, height: int) -> list[Line]:
    """The end of a thought, `height` lines at most."""
    lines: list[Line] = []
    for part in reversed(list(_parts(thought, state, width, height))):
        lines = [*part, *lines]
        if len(lines) >= height:
            return lines[-height:]
    return lines


def _parts(thought: Thought, state: RunState, width: int, height: int) -> Iterator[list[Line]]:
    """Its thinking, what it says, and its tool calls where they stand; each part only as far as it may be seen."""
    if thought.act is None and thought.round > 1:
        yield [[Segment(fit(f"── round {thought.round} · depth {thought.checkpoint:.2f} ", width), DIM)]]
    elif thought.act == "ask":
        yield [[Segment(fit(f"You asked: {in_a_line(thought.asked)}", width), DIM)]]
    if thought.thinking:
        if thought.is_live and not thought.answer and not thought.calls:
            yield [[Segment(line, THOUGHT)] for line in tail(thought.thinking, 0, width, height)]
        else:
            yield [[Segment(fit(f"▸ {thought_words(thought)}", width), DIM)]]
    answer, places = thought.answer, [call.position for call in thought.calls]
    if not places:
        yield [[Segment(line)] for line in tail(answer, 0, width, height)]
    else:
        text, start = str(answer), 0
        for call in thought.calls:
            yield [[Segment(line)] for line in tail(GrowingText(text[start : call.position]), 0, width, height)]
            yield [_call(call, state.now, width)]
            start = call.position
        yield [[Segment(line)] for line in tail(answer, start, width, height)]
    if thought.error and thought.status not in (None, "complete"):
        style = WRONG if thought.status in ("failed", "refused") else DIM
        yield [[Segment(line, style)] for line in wrap(in_a_line(thought.error), width)]
    elif thought.is_live and not thought.answer and not thought.thinking and not thought.calls:
        yield [[Segment(line, DIM)] for line in wrap(_waiting(thought, state), width)]


def _call(call: Call, now: float, width: int) -> Line:
    style = ASKS if call.is_asking else WRONG if call.status == "failed" else DONE if call.status == "ok" else DIM
    words = in_a_line(call_words(call, now))
    end = words.rpartition(") ")[2] if call.called_at is not None else ""
    if end and width_of([Segment(words)]) + 2 > width:  # what has come of it goes before what it was given
        words = f"{fit(words.removesuffix(end).rstrip(), max(4, width - 3 - len(end))).rstrip()} {end}"
    return [Segment(fit(f"» {words}", width), style)]


def _waiting(thought: Thought, state: RunState) -> str:
    """Why there is no text yet; no percentage is computed from time."""
    since = duration(elapsed_s(thought, state.now))
    match thought.activity:
        case "queued":
            return in_a_line(thought.detail) or "Waits until it is its turn to ask"
        case "retrying":
            return in_a_line(thought.detail)
        case "waiting":
            return f"Waiting for the first token, {since}"
        case "loading":
            return f"The model is being loaded, {since}"
        case "reading":
            return f"Reads the prompt, {since}"
        case _:
            return f"{badge_of(thought, state).word.capitalize()}, {since}"


def _why_empty(agent: Agent, state: RunState) -> str:
    if state.status is not None or state.is_wrapping_up:
        return "The run ended before its turn."
    turns = (each.number for each in state.rounds for turn in each.turns if turn.agent_id == agent.agent_id)
    first = next(turns, None)
    if agent.reason:
        return in_a_line(agent.reason)
    return f"Speaks from round {first} on." if first else ""


def _state_of(thought: Thought) -> object:
    """What its text depends on."""
    calls = tuple((len(c.arguments), c.status, c.answer, c.message, c.fraction, c.called_at) for c in thought.calls)
    return len(thought.answer), thought.answer.edition, len(thought.thinking), thought.status, thought.activity, calls


def _moment(thought: Thought | None, now: float) -> int:
    """The second, where one is told while nothing else changes."""
    is_waiting = thought is not None and thought.is_live and not thought.answer and not thought.thinking
    return int(now) if is_waiting or (thought and any(call.is_live for call in thought.calls)) else 0


def _title(agent: Agent, state: RunState) -> Line:
    own = role_style(agent.role, state)
    line = [Segment(f" {in_a_line(agent.code)} ", own + Style(bold=True)), Segment(f"{in_a_line(agent.agent_id)} ")]
    if agent.role != agent.agent_id.rpartition("-")[0]:
        line.append(Segment(f"{in_a_line(agent.role)} ", DIM))
    return line


def _badge(badge: Badge) -> Line:
    return [Segment(f" {badge} ", badge.style)]


def _depth(agent: Agent) -> Line:
    return [Segment(f" depth {agent.depth:.2f} ", DIM)]


def _figures(state: RunState, thought: Thought | None, room: int) -> Line:
    """As many as have room; the time goes last."""
    if thought is None:
        return []
    place = in_a_line(place_of(state, thought)).partition(" · ")[0]
    if thought.activity == "queued" and thought.is_live:
        return [Segment(f" {place} ", DIM)] if place else []
    sure = f"sure {thought.confidence:.2f}" if thought.confidence is not None else ""
    pace = pace_words(thought, state.now)
    words = [place, duration(elapsed_s(thought, state.now)), pace, sure]
    for least in (place, sure, pace):
        if len(" · ".join(word for word in words if word)) + 2 > room and least:
            words.remove(least)
    return [Segment(f" {' · '.join(word for word in words if word)} ", DIM)]


def _edge(corners: str, left: Line, right: Line, width: int, style: Style) -> Line:
    """A border with words in both its ends; the left ones give way."""
    room = width - 4 - width_of(right)
    if room < 4:
        right, room = [], width - 4
    left = _cut(left, room)
    rule = "─" * max(0, room - width_of(left))
    line = [Segment(f"{corners[0]}─", style), *left, Segment(rule, style), *right, Segment(f"─{corners[1]}", style)]
    return padded(line, width)


def _cut(line: Line, width: int) -> Line:
    """As much of `line` as fits."""
    kept: Line = []
    for segment in line:
        room = width - width_of(kept)
        if segment.cell_length > room:
            if room > 1:
                kept.append(Segment(fit(segment.text.rstrip(), room - 1) + " ", segment.style))
            break
        kept.append(segment)
    return kept
