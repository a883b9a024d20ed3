"""What events are made of: ids, closed words, counts, and the trace of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

RunId = NewType("RunId", str)
AgentId = NewType("AgentId", str)
"""`research-2`: what the card is called and what a citation `[research-2]` leads to."""
ThoughtId = NewType("ThoughtId", str)
"""`research-2#3`: the thought of an agent in a round."""
CallId = NewType("CallId", str)
"""`research-2#3/1`: the first tool call of that thought."""

HUB = AgentId("hub")
"""Who `agent_state` speaks of while the synthesis is made."""
SYNTHESIS = ThoughtId("synthesis")
"""The `thought_id` it then has."""

Channel = Literal["answer", "thinking"]
Status = Literal["complete", "truncated", "refused", "stopped", "failed", "unconfirmed", "interrupted"]
RunStatus = Literal["complete", "failed", "stopped", "crashed", "interrupted"]
"""`interrupted`: the program died; set at its next start."""
Activity = Literal[
    "queued",
    "connecting",
    "loading",
    "reading",
    "waiting",
    "thinking",
    "writing",
    "retrying",
    "calling",
    "asking",
    "running",
]
"""`calling`: it writes a tool call; `asking`: the user is to say whether that may begin; `running`: the tool is at
work."""
ToolStatus = Literal["ok", "failed", "refused", "stopped", "interrupted"]
"""`failed`: the tool or its arguments, and the model reads why; `refused`: by the user, or by what is set in the
settings; `interrupted`: the thought ended while nobody knew how the call did."""
Leave = Literal["once", "run", "always", "no"]
"""A user's word to a tool call: this one, all of this tool in this run, this tool from now on, not this one."""
Act = Literal["retry", "continue", "ask"]
"""What a user may have an agent do beside its turns: its turn again, the rest of a cut answer, an answer to them."""
Pause = Literal["asked", "paused", "off"]
"""`asked`: the round that is on goes on to its end first."""
Doubt = Literal["repeats", "silent", "tokens", "minutes"]
"""What a guard asks about: a model that repeats itself, one that says nothing, the limits of the workflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A server's own count; there is none of these when the server did not count."""

    prompt: int
    completion: int
    reasoning: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """That an answer is asked for once more, of which nothing has come."""

    number: int = 0
    """Which retry of the same server it is, from 1; 0: another one is asked."""
    in_s: float = 0.0
    """Seconds until then."""
    is_busy: bool = False
    """The server has too much to do."""
    at: str = ""
    """The name of the server that is asked instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How an answer came about in time, without its text: replays and timelines are drawn from it."""

    began_at: float
    """Unix seconds; all other times count from here, in ms."""
    states: tuple[tuple[int, Activity], ...]
    """When it began to do what, until it began to do the next."""
    thinking: tuple[int, ...]
    """Two numbers for each chunk: ms, characters."""
    answer: tuple[int, ...]
    """The same; fewer than 0 characters were taken back, because they turned out to be thinking."""
    tokens: int = 0
    """One per delta: an estimate, for when the server did not count."""


def span_in_words(seconds: float) -> str:
    """`8 s`, `42 min`, `7 h 30 min`: some time that nobody wants to the second."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
