"""What everybody did when, as spans of a run's time: the timeline draws them and says them in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import Literal, NamedTuple

from felix.events import HUB, SYNTHESIS, Activity, AgentId, ThoughtId
from felix.gui.wall.call_words import call_words
from felix.gui.wall.card_words import DOT, badge_of, heading, tokens_of, ttft_of
from felix.ledger.run_clock import RunClock
from felix.ledger.speech import Call, Speech, Thought
from felix.ledger.state import RunState

Kind = Literal["queued", "waiting", "reading", "thinking", "writing", "calling", "asking", "running"]

_KINDS: dict[Activity, Kind] = {
    "queued": "queued",
    "connecting": "waiting",
    "waiting": "waiting",
    "retrying": "waiting",
    "loading": "reading",
    "reading": "reading",
    "thinking": "thinking",
    "writing": "writing",
    "calling": "calling",
    "asking": "asking",
    "running": "running",
}
_WORDS: dict[Activity, str] = {
    "queued": "queued",
    "connecting": "connecting",
    "waiting": "waiting",
    "retrying": "trying again",
    "loading": "loading the model",
    "reading": "reading the prompt",
    "thinking": "thinking",
    "writing": "writing",
    "calling": "calling a tool",
    "asking": "waiting for your word",
    "running": "using a tool",
}
MOST_WORDS = 120
"""Characters of a thought's heading, which may be a question."""
HAIR_S = 0.05
"""A span shorter than this is part of the one before it: no screen shows it, and there may be thousands."""


class Span(NamedTuple):
    """Seconds of the run."""

    kind: Kind
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Told:
    """One answer on the timeline."""

    agent_id: AgentId
    """`HUB` for a synthesis."""
    thought_id: ThoughtId
    spans: tuple[Span, ...]
    is_live: bool
    trouble: str
    """The kit's state of how it ended, where that was not well: `fail`, `stop`; else empty."""

    @property
    def start_s(self) -> float:
        return self.spans[0].start_s if self.spans else 0.0

    @property
    def end_s(self) -> float:
        return self.spans[-1].end_s if self.spans else 0.0


class Row(NamedTuple):
    """All answers of one agent, or of the hub."""

    agent_id: AgentId
    label: str
    speeches: tuple[tuple[ThoughtId, Speech], ...]


def rows_of(state: RunState) -> list[Row]:
    """One row per agent in the order of the workflow, and below them the hub's."""
    rows = [
        Row(agent.agent_id, agent.code, tuple((thought.thought_id, thought) for thought in agent.thoughts))
        for agent in state.agents.values()
    ]
    named = tuple(
        (ThoughtId(f"{SYNTHESIS}.{each.number}") if each.number > 1 else SYNTHESIS, each) for each in state.syntheses
    )
    return [*rows, Row(HUB, "hub", named)]


def told_of(agent_id: AgentId, thought_id: ThoughtId, speech: Speech, clock: RunClock, now: float) -> Told:
    """An answer as spans up to `now`, in Unix seconds, or to its end."""
    until = clock.position(now if speech.ended_at is None else speech.ended_at)
    begins = [(clock.position(speech.opened_at + ms / 1000), activity) for ms, activity in speech.states]
    if not begins:
        begins = [(clock.position(speech.opened_at), speech.activity)]
    spans: list[Span] = []
    for (start, activity), end in zip(begins, [*(at for at, _ in begins[1:]), until], strict=True):
        kind = _KINDS[activity]
        # what came later in the record is not earlier in time, whatever the clock did
        end = max(start, end)  # noqa: PLW2901
        if spans and (spans[-1].kind == kind or end - start < HAIR_S):
            spans[-1] = spans[-1]._replace(end_s=max(end, spans[-1].end_s))
        else:
            spans.append(Span(kind, start, end))
    badge = badge_of(speech).state
    return Told(agent_id, thought_id, tuple(spans), speech.is_live, badge if badge in ("fail", "stop") else "")


def call_at(speech: Speech, clock: RunClock, at_s: float) -> Call | None:
    """The tool call that was under way at a second of the run, the newest where there were several."""
    if not isinstance(speech, Thought):
        return None
    begun = (call for call in reversed(speech.calls) if clock.position(call.opened_at) <= at_s)
    return next(
        (call for call in begun if call.ended_at is None or at_s <= clock.position(call.ended_at) + HAIR_S), None
    )


def words_of(
    agent_id: AgentId, speech: Speech, clock: RunClock, now: float, place: str = "", call: Call | None = None
) -> str:
    """Who, which thought, where it is asked if that is to be said, how long it did what, its figures: some lines.

    Of a tool call that is pointed at, what became of it comes next to the thought.
    """
    if isinstance(speech, Thought):
        first = f"{agent_id}{DOT}{shorten(heading(speech), MOST_WORDS, placeholder='…')}"
    else:
        assert agent_id == HUB
        first = "Synthesis"
    lines = [first, *([place] if place else []), badge_of(speech, at=now).word]
    if call is not None and isinstance(speech, Thought):
        _, _, name, words = call_words(call, speech, now)
        lines.append(f"{name}{DOT}{words}")
    until = now if speech.ended_at is None else speech.ended_at
    times: dict[str, float] = {}
    ends = [*(speech.opened_at + ms / 1000 for ms, _ in speech.states[1:]), until]
    for (ms, activity), end in zip(speech.states, ends, strict=False):
        spent = clock.position(end) - clock.position(speech.opened_at + ms / 1000)
        times[_WORDS[activity]] = times.get(_WORDS[activity], 0.0) + max(0.0, spent)
    lines += [f"{words} {_short(spent)}" for words, spent in times.items() if spent >= HAIR_S]
    figures = [f"{tokens} tok"] if (tokens := tokens_of(speech)) else []
    if speech.tokens_per_s is not None:
        figures.append(f"{speech.tokens_per_s:.0f} tok/s")
    if (ttft := ttft_of(speech)) is not None:
        figures.append(f"{ttft:.1f} s first")
    return "\n".join([*lines, *([DOT.join(figures)] if figures else [])])


def _short(spent_s: float) -> str:
    """`0.4 s`, `12 s`, `2:05`."""
    if spent_s < 10:
        return f"{spent_s:.1f} s"
    if spent_s < 60:
        return f"{spent_s:.0f} s"
    minutes, rest = divmod(round(spent_s), 60)
    return f"{minutes}:{rest:02}"
