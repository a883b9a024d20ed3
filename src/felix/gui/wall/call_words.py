"""What is said of a tool call: where it stands, in a word, a shape and a colour, and how it ended. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple, assert_never

from felix.events import Leave
from felix.gui.wall.card_words import seconds
from felix.ledger.speech import Agent, Call, Thought
from felix.ledger.words import cut_line

Stage = Literal["written", "asking", "running", "ended"]

UNNAMED = "a tool"
LONGEST_NAME, LONGEST_MESSAGE = 60, 120
"""Characters in one line."""
_LET: dict[Leave, str] = {
    "once": "you let it once",
    "run": "you let it in this run",
    "always": "you let it for good",
    "no": "you said no",
}


class CallWords(NamedTuple):
    """A shape, one of the kit's states (its colour), the tool's name, and what is to be said of the call."""

    icon: str
    state: str
    name: str
    words: str


def stage_of(call: Call) -> Stage:
    """How far a call has come."""
    if call.status is not None:
        return "ended"
    if call.called_at is None:
        return "written"
    return "asking" if call.is_asking else "running"


def call_words(call: Call, thought: Thought, now: float) -> CallWords:
    """The line above a call; `now` in Unix seconds."""
    name = one_line(call.name, LONGEST_NAME) or UNNAMED
    match stage_of(call):
        case "written":
            return CallWords("tools", "write", name, f"{_characters(len(call.arguments))} so far")
        case "asking":
            return CallWords("question-circle-fill", "stop", name, "asks you")
        case "running":
            parts = [f"running, {seconds(now - _began(call, thought))}"]
            if call.fraction is not None:
                parts.append(f"{call.fraction:.0%}".replace("%", " %"))
            parts.append(one_line(call.message, LONGEST_MESSAGE))
            return CallWords("gear-fill", "prep", name, " · ".join(part for part in parts if part))
        case "ended":
            return _ended(call, name)


def waiting_calls(agent: Agent) -> list[Call]:
    """Of an agent, those that wait for the user's word, the oldest first."""
    return [call for thought in agent.thoughts if thought.is_live for call in thought.calls if call.is_asking]


def let_line(call: Call) -> str:
    """What the user said to a call that asked, or why it did; empty for others."""
    if not call.asks:
        return ""
    return f"{call.asks} – {_LET[call.answer]}" if call.answer else call.asks


def one_line(text: str, most: int) -> str:
    """`text` without line breaks, cut to `most` characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _ended(call: Call, name: str) -> CallWords:
    took = f" · {_short(call.duration_s)}" if call.duration_s or call.status == "ok" else ""
    match call.status:
        case "ok":
            given = f", {len(call.content):,} to the model" if cut_line(call) else ""
            return CallWords("check-lg", "done", name, f"ok{took} · {_characters(call.characters)}{given}")
        case "failed":
            return CallWords("x-octagon-fill", "fail", name, f"failed{took}")
        case "refused":
            return CallWords("slash-circle", "stop", name, "refused")
        case "stopped":
            return CallWords("stop-circle-fill", "stop", name, f"stopped{took}")
        case "interrupted" | None:
            return CallWords("lightning-charge", "stop", name, "interrupted")
        case _:
            assert_never(call.status)


def _began(call: Call, thought: Thought) -> float:
    """When the tool was set to work, in Unix seconds."""
    if not call.asks:
        return call.called_at or call.opened_at
    begun = (thought.opened_at + ms / 1000 for ms, activity in reversed(thought.states) if activity == "running")
    return next(begun, call.called_at or call.opened_at)


def _characters(count: int) -> str:
    return f"{count:,} character{'' if count == 1 else 's'}"


def _short(spent_s: float) -> str:
    if spent_s < 0.05:
        return "under 0.1 s"
    return f"{spent_s:.1f} s" if spent_s < 10 else seconds(spent_s)
