"""The parts of the page as HTML: a card for each agent, the synthesis, figures, deeds. It reads without scripts.

Each answer is an element with a number; the page's script finds it by that and shows as much of it as there was.
"""

from __future__ import annotations

from collections.abc import Mapping

from felix.events import Status, ThoughtId
from felix.ledger import words
from felix.ledger.export.film import Film
from felix.ledger.export.prose import escaped, plain, prose
from felix.ledger.speech import Agent, Call, Speech, Synthesis, Thought
from felix.ledger.state import RunState

TONES: dict[Status | None, str] = {
    None: "queue",
    "complete": "done",
    "truncated": "stop",
    "unconfirmed": "stop",
    "stopped": "stop",
    "interrupted": "stop",
    "refused": "fail",
    "failed": "fail",
}
"""What colour and shape an ended answer has."""

MOST_NAMED = 8
"""Agents named above a thought that has read them; more are counted."""


def badge(tone: str, word: str) -> str:
    """A word with a shape and a colour."""
    return (
        f'<span class="badge {tone}"><svg class="icon" aria-hidden="true"><use href="#shape-{tone}"/></svg>'
        f"<b>{escaped(word)}</b></span>"
    )


def card(
    agent: Agent,
    numbers: Mapping[ThoughtId, int],
    cited: Mapping[str, str],
    places: Mapping[ThoughtId, str],
    *,
    include_thinking: bool,
) -> str:
    """An agent with all its thoughts, as it was at the end. `places`: where each was asked, if that is to be said."""
    latest = agent.latest
    tone, word = ("queue", "Not asked") if latest is None else end(latest)
    thoughts = "".join(
        _thought(
            each, numbers[each.thought_id], cited, places.get(each.thought_id, ""), include_thinking=include_thinking
        )
        for each in agent.thoughts
    )
    why = f'<p class="aside">{escaped(words.harmless(agent.reason))}</p>' if agent.reason else ""
    return (
        f'<article class="card" id="{cited[agent.agent_id]}" tabindex="0"><header>'
        f'<span class="avatar {tone}">{escaped(words.harmless(agent.code))}</span>'
        f"<div><h3>{escaped(agent.agent_id)}</h3>"
        f'<p class="where">depth {agent.depth:.2f}{_took(latest)}</p></div>{badge(tone, word)}'
        '<button class="grow" type="button" aria-label="Show this agent alone" aria-pressed="false">'
        '<svg class="icon" aria-hidden="true"><use href="#shape-grow"/></svg></button></header>'
        f'<div class="body">{why}{thoughts or _NOTHING}</div>'
        f'<footer><span class="figures">{figures_of(latest)}</span>{_confidence(latest)}</footer></article>'
    )


def synthesis(each: Synthesis, number: int, cited: Mapping[str, str], *, include_thinking: bool) -> str:
    """The hub's answer, with what Felix says beside it."""
    which = "Synthesis" if each.number == 1 else f"Synthesis {each.number}"
    beside = ""
    if each.instructions:
        beside += f'<p class="aside">Your instructions: {escaped(words.harmless(each.instructions))}</p>'
    for missing in each.left_out:
        beside += f'<p class="aside">{escaped(words.harmless(words.lacking(missing)))}</p>'
    return (
        f'<article class="synthesis" data-number="{number}"><header><h2>✦ {which}</h2>'
        f"{badge(*end(each))}"
        f'<span class="figures">{figures_of(each)}</span></header>{beside}'
        f"{_speech(each, cited, include_thinking=include_thinking)}</article>"
    )


def figures(state: RunState) -> str:
    rows = [*words.figures(state), *_settings(state)]
    cells = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(words.harmless(value))}</dd>" for name, value in rows)
    return f'<dl class="facts">{cells}</dl>'


def deeds(film: Film) -> str:
    if not film.deeds:
        return ""
    items = "".join(
        f'<li data-at="{ms}"><time>{words.duration(ms / 1000)}</time> {escaped(sentence)}</li>'
        for ms, sentence in film.deeds
    )
    return f'<section class="deeds"><h2>Along the way</h2><ol>{items}</ol></section>'


_NOTHING = '<p class="aside nothing">Not asked: the run ended before its turn.</p>'


def _thought(thought: Thought, number: int, cited: Mapping[str, str], place: str, *, include_thinking: bool) -> str:
    asked = ""
    if thought.act == "ask":
        asked = f'<p class="asked">{escaped(words.harmless(thought.asked))}</p>'
    read = list(dict.fromkeys(each.rpartition("#")[0] for each in thought.read))
    named = ", ".join(read) if len(read) <= MOST_NAMED else f"{len(thought.read)} thoughts of {len(read)} agents"
    said = " · ".join(part for part in (place, f"Read {named}" if read else "") if part)
    line = f'<p class="aside">{escaped(words.harmless(said))}</p>' if said else ""
    return (
        f'<section class="thought" data-number="{number}"><h4>{escaped(_heading(thought))}'
        f'<span class="took">{_took(thought)}</span></h4>{line}{asked}'
        f"{_speech(thought, cited, include_thinking=include_thinking)}</section>"
    )


def _speech(speech: Speech, cited: Mapping[str, str], *, include_thinking: bool) -> str:
    """Its thinking, its text, and why it is not whole."""
    parts = []
    if speech.thinking or speech.thinking_chunks:
        kept = include_thinking and bool(speech.thinking)
        inner = plain(str(speech.thinking)) if kept else '<p class="aside">The thinking is not part of this page.</p>'
        parts.append(f'<details class="thinking"><summary>{words.thought_for(speech)}</summary>{inner}</details>')
    said = speech.in_order() if isinstance(speech, Thought) else (str(speech.answer),)
    inner = "".join(_call(part) if isinstance(part, Call) else prose(part, cited) for part in said if part)
    parts.append(f'<div class="text">{inner}</div>')
    if speech.status not in ("complete", None):
        sentence = escaped(words.harmless(speech.error or ""))
        parts.append(f'<p class="trouble {TONES[speech.status]}"><b>{_word(speech)}</b> {sentence}</p>')
    parts += [f'<p class="aside told">{escaped(words.harmless(note))}</p>' for note in speech.notes]
    return "".join(parts)


def _call(call: Call) -> str:
    """A tool call: what it was asked and what it brought, folded."""
    line, cut = escaped(words.harmless(words.called(call))), escaped(words.harmless(words.kept_line(call)))
    cut = f'<p class="aside">{cut}</p>' if cut else ""
    asked, brought = plain(str(call.arguments)), plain(call.content)
    return f'<details class="call"><summary>{line}</summary>{asked}{cut}{brought}</details>'


def end(speech: Speech) -> tuple[str, str]:
    """Tone and word of an answer that has ended."""
    return TONES[speech.status], _word(speech)


def _word(speech: Speech) -> str:
    if isinstance(speech, Synthesis) and speech.status == "complete":
        return "Complete"
    return "Done" if speech.status == "complete" else words.ending(speech).capitalize()


def _heading(thought: Thought) -> str:
    kind = {None: "", "retry": " · tried again", "continue": " · continued", "ask": " · asked by you"}[thought.act]
    return f"Round {thought.round} · depth {thought.checkpoint:.2f}{kind}"


def _took(speech: Speech | None) -> str:
    return f" · {words.duration(speech.duration_s)}" if speech is not None and speech.duration_s is not None else ""


def figures_of(speech: Speech | None) -> str:
    if speech is None:
        return ""
    parts = [f"{speech.ttft_s:.1f} s first"] if speech.ttft_s is not None else []
    if speech.tokens_per_s is not None:
        parts.append(f"{speech.tokens_per_s:.0f} tok/s")
    if speech.usage or speech.tokens:
        parts.append(f"{words.tokens([speech])} tok")
    return " · ".join(parts)


def _confidence(thought: Thought | None) -> str:
    if thought is None or thought.confidence is None:
        return '<span class="confidence"></span>'
    return f'<span class="confidence" title="confidence, as the agent stated it">◎ {thought.confidence:.2f}</span>'


def _settings(state: RunState) -> list[tuple[str, str]]:
    plan = state.plan
    if plan is None:
        return []
    return [
        ("Workflow", plan.workflow),
        ("Model", words.model_of(state)),
        ("At once", str(plan.max_parallel)),
        ("Streaming", f"every {plan.batch_interval_s:g} s" if plan.streaming else "off"),
        ("Began", words.began(state)),
        *([("Follows", plan.follows)] if plan.follows else []),
    ]
