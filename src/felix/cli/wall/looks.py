"""How things look on the wall: the terminal's own colours, and for each state of an answer a shape and a word."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from rich.style import Style

from felix.events import Status
from felix.ledger.speech import Agent, Call, Speech, Thought
from felix.ledger.state import RunState
from felix.ledger.words import duration, thought_for

PLAIN = Style()
DIM = Style(dim=True)
BOLD = Style(bold=True)
LIVE = Style(color="cyan", bold=True)
THINKS = Style(color="magenta")
WAITS = Style(color="yellow")
DONE = Style(color="green")
WRONG = Style(color="red", bold=True)
ASKS = Style(color="yellow", bold=True)
THOUGHT = Style(dim=True, italic=True)

_ROLES = {"research": Style(color="cyan"), "analysis": Style(color="green"), "critic": Style(color="yellow")}
_OTHER_ROLES = tuple(Style(color=color) for color in ("blue", "magenta", "bright_cyan", "bright_green", "bright_red"))


class Badge(NamedTuple):
    """A shape, a word, and a colour that says the same."""

    shape: str
    word: str
    style: Style

    def __str__(self) -> str:
        return f"{self.shape} {self.word}"


_ENDED: dict[Status, Badge] = {
    "complete": Badge("✓", "done", DONE),
    "truncated": Badge("✂", "cut short", WAITS),
    "unconfirmed": Badge("?", "unconfirmed", WAITS),
    "stopped": Badge("■", "stopped", WAITS),
    "interrupted": Badge("!", "interrupted", WAITS),
    "refused": Badge("⊘", "refused", WRONG),
    "failed": Badge("✗", "failed", WRONG),
}


def badge_of(speech: Speech | None, state: RunState) -> Badge:
    """Of an answer; None is one that is still to come."""
    if speech is None:
        return Badge("–", "not asked", DIM) if state.status is not None else Badge("·", "not yet", DIM)
    if speech.status is not None:
        return _ENDED[speech.status]
    if state.status is not None:
        return _ENDED["interrupted"]
    percent = f" {speech.fraction:.0%}".replace("%", " %") if speech.fraction is not None else ""
    match speech.activity:
        case "queued":
            return Badge("○", f"queued #{speech.position}" if speech.position else "queued", DIM)
        case "connecting":
            return Badge("◌", "connecting", WAITS)
        case "loading":
            return Badge("◔", f"loading{percent}", WAITS)
        case "reading":
            return Badge("◑", f"reading{percent}", WAITS)
        case "waiting":
            return Badge("◌", "waiting", WAITS)
        case "retrying":
            return Badge("↻", "retrying", WAITS)
        case "thinking":
            return Badge("◆", "thinking", THINKS)
        case "writing":
            return Badge("●", "writing", LIVE)
        case "calling":
            return Badge("»", "calling a tool", LIVE)
        case "asking":
            return Badge("?", "asks you", ASKS)
        case "running":
            return Badge("»", "using a tool", WAITS)
        case _:
            assert_never(speech.activity)


def role_style(role: str, state: RunState) -> Style:
    """The same for a role throughout a run."""
    if role in _ROLES:
        return _ROLES[role]
    others = list(dict.fromkeys(agent.role for agent in state.agents.values() if agent.role not in _ROLES))
    return _OTHER_ROLES[(others.index(role) if role in others else 0) % len(_OTHER_ROLES)]


def turn_of(agent: Agent) -> Thought | None:
    """What its pane speaks of: what it does now, else its latest turn, which no answer to the user is."""
    latest = agent.latest
    if latest is None or latest.is_live:
        return latest
    return next((each for each in reversed(agent.thoughts) if each.act != "ask"), latest)


def elapsed_s(speech: Speech, now: float) -> float:
    """Since it was asked, or as long as it took."""
    if speech.duration_s is not None:
        return speech.duration_s
    return speech.lasted(speech.asked_at or speech.opened_at, now)


def pace_words(speech: Speech, now: float) -> str:
    """`~54 tok/s`: the sign goes when the server has counted; empty when nobody knows."""
    rate = speech.pace(now)
    return f"{'' if speech.usage else '~'}{rate:.0f} tok/s" if rate else ""


def thought_words(speech: Speech) -> str:
    """`Thought for 12 s, 840 tokens`, when it has gone on to its answer or ended."""
    if speech.usage and speech.usage.reasoning is not None:
        tokens = f"{speech.usage.reasoning:,}"
    else:
        total = speech.usage.completion if speech.usage else speech.tokens
        length = len(speech.thinking) + len(speech.answer)
        tokens = f"~{round(total * len(speech.thinking) / length):,}" if length else "0"
    return f"{thought_for(speech)}, {tokens} tokens"


def call_words(call: Call, now: float) -> str:
    """`calculator({"a": 1}) running`, in one line; the name first, the result at the end."""
    arguments = str(call.arguments)
    if call.called_at is None:
        return f"{call.name or 'a tool'}({arguments}"
    return f"{call.name}({arguments}) {call_end(call, now)}"


def call_end(call: Call, now: float) -> str:
    """What has come of a call so far."""
    if call.is_asking:
        return "waits for your word"
    match call.status:
        case None:
            how_far = f" {call.fraction:.0%}".replace("%", " %") if call.fraction is not None else ""
            message = f": {call.message}" if call.message else ""
            return f"running{how_far}, {duration(now - (call.called_at or call.opened_at))}{message}"
        case "ok":
            return f"ok, {call.duration_s:.1f} s"
        case status:
            return f"{status}{f': {call.error}' if call.error else ''}"
