"""What a card says in words, from an agent's state: badge, seconds, footer, headings. The card only draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, assert_never

from felix.events import Again, AgentId, Status, ThoughtId
from felix.gui.wall.offers import is_awaited, turn_of
from felix.ledger.speech import Agent, Note, Speech, Thought
from felix.ledger.state import RunState
from felix.ledger.words import place_of, thought_for
from felix.team.tools.naming import starting_tools

DOT = "  ·  "
LONGEST_PLACE = 18
"""Characters of an endpoint's name where there is room for few."""
ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")


class Badge(NamedTuple):
    """A word, one of the kit's states (its colour), and a shape."""

    word: str
    state: str
    icon: str


class Waiting(NamedTuple):
    """Why there is no text yet: a shape, a sentence, and a small one."""

    icon: str
    sentence: str
    detail: str


NOT_YET = Badge("Not yet", "queue", "hourglass")
CONNECTING = Badge("Connecting", "prep", "plug")
STARTING = Badge("Starting tools", "prep", "tools")
NEVER = Badge("Not asked", "queue", "dash-circle")
UNHEARD = Badge("Not heard", "queue", "dash-circle")
PAUSED = Badge("Paused", "queue", "pause")

_ENDED: dict[Status, Badge] = {
    "complete": Badge("Done", "done", "check-lg"),
    "truncated": Badge("Cut short", "stop", "scissors"),
    "unconfirmed": Badge("Unconfirmed", "stop", "question-circle"),
    "stopped": Badge("Stopped", "stop", "stop-circle-fill"),
    "interrupted": Badge("Interrupted", "stop", "lightning-charge"),
    "refused": Badge("Refused", "fail", "slash-circle"),
    "failed": Badge("Failed", "fail", "x-octagon-fill"),
}

_TITLES: dict[Status, str] = {
    "complete": "",
    "truncated": "The answer was cut short",
    "unconfirmed": "The answer may not be whole",
    "stopped": "Stopped by you",
    "interrupted": "The answer was interrupted",
    "refused": "The model refused to answer",
    "failed": "No answer came",
}


def badge_of(
    speech: Speech | None, *, run_is_over: bool = False, short: bool = False, at: float | None = None
) -> Badge:
    """The badge of a thought or a synthesis; None is one that is still to come. `short` is for narrow places.

    With `at`, the time now in Unix seconds, a load of which no server says how far it is tells how long it takes.
    """
    if speech is None:
        return NEVER if run_is_over else NOT_YET
    if speech.status is not None:
        return _ENDED[speech.status]
    if run_is_over:
        return _ENDED["interrupted"]
    percent = f" {speech.fraction:.0%}".replace("%", " %") if speech.fraction is not None else ""
    match speech.activity:
        case "queued":
            return Badge(f"Queued #{speech.position}" if speech.position else "Queued", "queue", "hourglass-split")
        case "connecting":
            return CONNECTING
        case "loading":
            since = f", {seconds(at - _began(speech))}" if at is not None and not percent else ""
            return Badge(f"Loading{percent or since}", "prep", "memory")
        case "reading":
            return Badge(f"Reading{percent}" if short else f"Reading prompt{percent}", "prep", "eye-fill")
        case "waiting":
            return Badge("Waiting", "prep", "three-dots")
        case "retrying":
            return Badge(_retrying(speech.again, short=short), "prep", "arrow-repeat")
        case "thinking":
            return Badge("Thinking", "think", "lightbulb-fill")
        case "writing":
            return Badge("Writing", "write", "pencil-fill")
        case "calling":
            return Badge("Calling a tool", "write", "tools")
        case "asking":
            return Badge("Asks you", "stop", "question-circle-fill")
        case "running":
            return Badge("Using a tool", "prep", "tools")
        case _:
            assert_never(speech.activity)


def badge_for(agent: Agent, state: RunState, *, short: bool = False) -> Badge:
    """The badge of the thought a card speaks of; of one whose first is about to be asked for, that it connects."""
    if is_connecting(agent, state):
        return STARTING if starting_tools(state) else CONNECTING
    if is_awaited(agent, state):
        return NOT_YET
    if not agent.thoughts and is_held(agent, state):
        return PAUSED
    if not agent.thoughts and state.is_wrapping_up:
        return UNHEARD
    if (silent := _silent_for(agent, state)) is not None:
        return Badge(f"Silent, {seconds(silent)}", "stop", "hourglass-split")
    return badge_of(turn_of(agent), run_is_over=state.status is not None, short=short, at=state.now or None)


def _silent_for(agent: Agent, state: RunState) -> float | None:
    """Seconds since anything came of its answer, while a guard asks about just that; else None."""
    latest = agent.latest
    if latest is None or not latest.is_live or state.status is not None:
        return None
    if not any(each.agent_id == agent.agent_id and each.doubt == "silent" for each in state.questions.values()):
        return None
    times = (each[-2] for each in (latest.answer_chunks, latest.thinking_chunks) if each)
    heard = max((*times, latest.states[-1][0] if latest.states else 0))
    return latest.lasted(latest.opened_at + heard / 1000, state.now)


def _began(speech: Speech) -> float:
    """When it began to do what it does, in Unix seconds."""
    return speech.opened_at + (speech.states[-1][0] / 1000 if speech.states else 0.0)


def _retrying(again: Again | None, *, short: bool) -> str:
    """`Busy, again in 7 s`, which is told anew every second; `Asking Ollama` after another server was asked in vain."""
    if again is None:
        return "Retrying"
    if again.at:
        name = again.at if len(again.at) <= LONGEST_PLACE else f"{again.at[: LONGEST_PLACE - 1].rstrip()}…"
        return f"Asking {name}"
    wait = f"{again.in_s:.1f} s" if again.in_s < 1 else f"{math.ceil(again.in_s)} s"
    return f"Again in {wait}" if short or not again.is_busy else f"Busy, again in {wait}"


def is_connecting(agent: Agent, state: RunState) -> bool:
    """True before the first round, or the first after an end, for those who speak in it: the server has not answered
    yet."""
    if is_awaited(agent, state):
        return not state.is_in_rounds
    if agent.thoughts or state.round or not state.is_running or not state.rounds:
        return False
    return any(turn.agent_id == agent.agent_id for turn in state.rounds[0].turns)


def is_held(agent: Agent, state: RunState) -> bool:
    """Whether the run is paused, and the agent has a turn to come once it goes on."""
    if state.pause != "paused" or not state.is_running or state.synthesis is not None:
        return False
    return any(
        turn.agent_id == agent.agent_id for each in state.rounds if each.number > state.round for turn in each.turns
    )


def waiting_of(agent: Agent, state: RunState, now: float) -> Waiting | None:
    """What to say in place of text; None when there is some, or the thought has ended. `now` in Unix seconds."""
    thought = agent.latest
    over = state.status is not None
    badge = badge_of(thought, run_is_over=over)
    says = thought is not None and bool(thought.answer or thought.thinking or thought.calls)
    if is_connecting(agent, state) and not says and not state.is_wrapping_up:
        for_s = seconds(now - (state.reopened_at or state.started_at))
        if starting := starting_tools(state):
            return Waiting(STARTING.icon, starting, for_s)
        return Waiting(CONNECTING.icon, "Connecting to the server", for_s)
    if thought is None:
        if state.is_wrapping_up:
            return Waiting(UNHEARD.icon, "Not heard", "Wrapped up before its turn")
        if over:
            return Waiting(badge.icon, "Not asked", "The run ended before its turn")
        # opened again: only to be continued does it come to those that had no turn
        if state.duration_s is not None and not state.is_continuing:
            return Waiting(badge.icon, "Not asked so far", "The run had ended before its turn")
        turns = ((r.number, t.checkpoint) for r in state.rounds for t in r.turns if t.agent_id == agent.agent_id)
        number, depth = next(turns, (0, agent.spawn))
        sentence = f"Speaks from round {number} on" if number else "Not yet here"
        return Waiting(badge.icon, sentence, agent.reason or f"at depth {depth:.2f}")
    if not thought.is_live or over or thought.answer or thought.thinking or thought.calls:
        return None
    for_s = f"{seconds(thought.lasted(thought.asked_at, now))}" if thought.asked_at else ""
    match thought.activity:
        case "queued":
            place = thought.position or 0
            line = (
                f"{ORDINALS[place - 1]} in line"
                if 0 < place <= len(ORDINALS)
                else f"Number {place} in line"
                if place
                else "In line"
            )
            most = state.plan.max_parallel if state.plan else 0
            crowd = thought.detail or (f"{most} speak at once" if most > 1 else "One speaks at a time")
            return Waiting("hourglass-split", line, crowd)
        case "connecting":
            return Waiting("plug", "Connecting to the server", for_s)
        case "loading":
            what = ", ".join(part for part in (thought.detail, for_s) if part)
            return Waiting("memory", "The server loads the model", what)
        case "reading":
            others = len(thought.read)
            what = f"Reading {others} thought{'s' * (others != 1)}" if others else "Reading the prompt"
            return Waiting("eye", what, thought.detail or for_s)
        case "retrying":
            is_elsewhere = thought.again is not None and thought.again.at
            return Waiting("arrow-repeat", "Asking elsewhere" if is_elsewhere else "Asking again", thought.detail)
        case _:
            comes_whole = state.plan is not None and not state.plan.streaming
            return Waiting("three-dots", f"Waiting for the {'answer' if comes_whole else 'first token'}", for_s)


def meta(agent: Agent, state: RunState) -> str:
    """`depth 0.30 · 24 s`: where the agent is, and how long its latest thought has taken; whether it is held now.

    In a run that asks several servers also which of them: `depth 0.30 · 24 s · Ollama`.
    """
    thought = agent.latest
    elapsed = elapsed_of(thought, state.now) if thought is not None else None
    parts = [f"depth {agent.depth:.2f}", "–" if elapsed is None else seconds(elapsed)]
    if thought is not None and is_held(agent, state):
        parts.append("paused")
    elif place := place_of(state, agent).partition(" · ")[0]:
        parts.append(place if len(place) <= LONGEST_PLACE else f"{place[: LONGEST_PLACE - 1].rstrip()}…")
    return DOT.join(parts)


def elapsed_of(speech: Speech, now: float) -> float | None:
    """Seconds since its request went out, or of the whole once it has ended; None while it is queued."""
    if speech.duration_s is not None:
        return speech.duration_s
    return None if speech.asked_at is None else speech.lasted(speech.asked_at, speech.ended_at or now)


def footer(agent: Agent, now: float, *, narrow: bool = False) -> str:
    """`0.4 s first · 43 tok/s · 612 tok` of the latest thought; "~" before whatever the server has not counted yet."""
    thought = agent.latest
    if thought is None or (thought.first_at is None and thought.is_live):
        temperature = (
            f"{DOT}temperature {thought.temperature:.2f}" if thought and thought.temperature is not None else ""
        )
        return f"{agent.role}{temperature}"
    parts = [] if narrow else [f"{ttft:.1f} s first"] if (ttft := ttft_of(thought)) is not None else []
    if (pace := thought.pace(now)) is not None:
        parts.append(f"{'~' if thought.is_live else ''}{pace:.0f} tok/s")
    if tokens := tokens_of(thought):
        parts.append(f"{tokens} tok")
    return DOT.join(parts)


def ttft_of(speech: Speech) -> float | None:
    """Seconds from request to first token, measured by the engine or, until it says so, seen here."""
    if speech.ttft_s is not None:
        return speech.ttft_s
    return speech.first_at - speech.asked_at if speech.first_at and speech.asked_at else None


def tokens_of(speech: Speech) -> str:
    """`612` as counted by the server, `~612` as estimated, nothing when there are none."""
    if speech.usage is not None:
        return f"{speech.usage.completion:,}"
    return f"~{speech.tokens:,}" if speech.tokens else ""


def thinking_line(speech: Speech, now: float) -> str:
    """`Thinking · 38 s, ~1,412 tokens`, and once it answers `Thought for 12 s, 840 tokens`."""
    tokens = _thinking_tokens(speech)
    if speech.is_live and speech.activity == "thinking":
        spent = seconds(speech.spent_s("thinking", now=now))
        return f"Thinking{DOT}{', '.join(part for part in (spent, tokens) if part)}"
    return ", ".join(part for part in (thought_for(speech), tokens) if part)


def _thinking_tokens(speech: Speech) -> str:
    if speech.usage is not None and speech.usage.reasoning:
        return f"{speech.usage.reasoning:,} tokens"
    # servers count both as one; their share of the characters is the best guess there is
    letters = len(speech.thinking) + len(speech.answer)
    tokens = speech.usage.completion if speech.usage is not None else speech.tokens
    guess = round(tokens * len(speech.thinking) / letters) if letters else 0
    return f"~{guess:,} tokens" if guess else ""


def heading(thought: Thought) -> str:
    """`Round 2 · depth 0.30`: the line above a thought; above an answer to the user, their question.

    An endpoint that stands in for another one says so: ` · LM Studio instead of Ollama`.
    """
    turn = f"Round {thought.round} · depth {thought.checkpoint:.2f}"
    if thought.failed_at:
        turn += f" · {thought.endpoint or 'another server'} instead of {' and '.join(thought.failed_at)}"
    match thought.act:
        case None:
            return turn
        case "retry":
            return f"{turn} · tried again"
        case "continue":
            return f"{turn} · continued"
        case "ask":
            return f"You asked: {' '.join(thought.asked.split())}"
        case _:
            assert_never(thought.act)


def note_line(note: Note) -> str:
    """`Your note to all agents: …`, in one line."""
    return f"Your note to {note.agent_id or 'all agents'}: {' '.join(note.text.split())}"


def heading_end(thought: Thought) -> str:
    """` · 8 s`: what the heading says more once the thought has ended."""
    return f" · {seconds(thought.duration_s)}" if thought.duration_s is not None else ""


def read_line(read: Sequence[ThoughtId]) -> str:
    """`Read research-1, analysis-1 (3 thoughts)`; empty when it read none."""
    if not read:
        return ""
    agents = list(dict.fromkeys(author(thought) for thought in read))
    count = f" ({len(read)} thoughts)" if len(read) > len(agents) else ""
    return f"Read {', '.join(agents)}{count}"


def author(thought: ThoughtId) -> AgentId:
    """The agent of a thought id such as `research-1#2`."""
    return AgentId(thought.rpartition("#")[0])


def trouble_of(thought: Thought | None) -> tuple[str, str, str] | None:
    """State, title and sentence of a thought that did not end well; None for any other."""
    if thought is None or thought.status is None or thought.status == "complete":
        return None
    title = "The answer broke off" if thought.status == "failed" and thought.answer else _TITLES[thought.status]
    sentence = thought.error or ""
    return _ENDED[thought.status].state, title, "" if sentence.rstrip(".") == title else sentence


def seconds(value: float) -> str:
    """`24 s`, from a minute on `1:12`, from an hour on `1:02:05`; parts of a second are dropped."""
    whole = max(0, int(value))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def document(agent: Agent) -> str:
    """All thoughts of an agent as text to copy: headings and answers, without the thinking."""
    return "\n\n".join(thought_document(thought) for thought in agent.thoughts)


def thought_document(thought: Thought) -> str:
    """One thought as text to copy; what is not complete says so."""
    trouble = trouble_of(thought)
    unfinished = f"[{badge_of(thought).word}: {trouble[2] or trouble[1]}]\n" if trouble else ""
    return f"{thought.agent_id}{DOT}{heading(thought)}\n{unfinished}{thought.answer}".rstrip()
