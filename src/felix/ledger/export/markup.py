"""The parts of the page as HTML: a card for each agent, the synthesis, helix, timeline. It reads without scripts.

Each answer is an element with a number; the page's script finds it by that and shows as much of it as there was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from felix.events import Activity, Status, ThoughtId
from felix.ledger import words
from felix.ledger.export.film import Film, Scene
from felix.ledger.export.prose import escaped, plain, prose
from felix.ledger.state import Agent, RunState, Speech, Synthesis, Thought

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

ACTIVITIES: dict[Activity, tuple[str, str]] = {
    "queued": ("queue", "Queued"),
    "connecting": ("prep", "Connecting"),
    "loading": ("prep", "Loading"),
    "reading": ("prep", "Reading prompt"),
    "waiting": ("prep", "Waiting"),
    "retrying": ("prep", "Retrying"),
    "thinking": ("think", "Thinking"),
    "writing": ("write", "Writing"),
}
"""Tone and word of what one still does."""

HEIGHT, TOP, BOTTOM = 8.0, 3.0, 0.5
"""Of the helix: R = bottom·(top/bottom)^(z/height), z = height·(1−t)."""
MOST_NAMED = 8
"""Agents named above a thought that has read them; more are counted."""
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
"""From one agent to the next on a ring: neighbours are never near each other, however many there are."""
WIDE, TALL = 240, 400
"""Of its picture, in its own units."""


def badge(tone: str, word: str) -> str:
    """A word with a shape and a colour."""
    return (
        f'<span class="badge {tone}"><svg class="icon" aria-hidden="true"><use href="#shape-{tone}"/></svg>'
        f"<b>{escaped(word)}</b></span>"
    )


def card(agent: Agent, numbers: Mapping[ThoughtId, int], cited: Mapping[str, str], *, include_thinking: bool) -> str:
    """An agent with all its thoughts, as it was at the end."""
    latest = agent.latest
    tone, word = ("queue", "Not asked") if latest is None else end(latest)
    thoughts = "".join(
        _thought(each, numbers[each.thought_id], cited, include_thinking=include_thinking) for each in agent.thoughts
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
        beside += f'<p class="aside">Without {escaped(words.harmless(words.reason(missing)))}</p>'
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


def timeline(state: RunState, film: Film) -> str:
    """A row for each agent and one for the synthesis, drawn in thousandths of the run."""
    rows = []
    for agent in state.agents.values():
        scenes = [(film.scenes[each.thought_id], each) for each in agent.thoughts if each.thought_id in film.scenes]
        rows.append(_row(agent.code, agent.agent_id, scenes, film))
    made = [(film.syntheses[each.number], each) for each in syntheses(state) if each.number in film.syntheses]
    if made:
        rows.append(_row("✦", "synthesis", made, film))
    axis = "".join(f"<span>{words.duration(film.total * part / 4000)}</span>" for part in range(5))
    legend = "".join(
        f'<span class="{tone}"><i></i>{word}</span>'
        for tone, word in (("prep", "reading"), ("think", "thinking"), ("write", "writing"), ("queue", "waiting"))
    )
    return (
        f'<div class="rows" id="rows"><div class="axis">{axis}</div>{"".join(rows)}</div><p class="legend">{legend}</p>'
    )


def marks(state: RunState, film: Film) -> str:
    """Over the scrubber: where rounds began, answers failed, and the synthesis began."""
    lines = [f'<rect class="round" x="{_share(ms, film)}" width="2" height="6"/>' for ms, _ in film.rounds]
    for thought_id, scene in film.scenes.items():
        if TONES[state.thoughts[thought_id].status] == "fail" and scene.ended is not None:
            lines.append(f'<rect class="fail" x="{_share(scene.ended, film)}" width="4" height="6"/>')
    lines += [
        f'<rect class="done" x="{_share(scene.began, film)}" width="3" height="6"/>'
        for scene in film.syntheses.values()
    ]
    return (
        f'<svg class="marks" viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true">{"".join(lines)}</svg>'
    )


def helix(state: RunState) -> str:
    """The funnel the agents go down, each where it ended; the script moves them."""
    turns = state.plan.helix_turns if state.plan else 2.0
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_point(n / 160, turns, 0.0) for n in range(161)))
    rings = "".join(
        f'<ellipse cx="{WIDE / 2}" cy="{_y(t):.1f}" rx="{_radius(t):.1f}" ry="{_radius(t) * 0.2:.1f}"/>'
        for t in sorted({0.0, 1.0, *(turn.checkpoint for each in state.rounds for turn in each.turns)})
    )
    nodes = ""
    for place, agent in enumerate(state.agents.values()):
        x, y = place_of(state, place, agent.depth)
        tone = "queue" if agent.latest is None else TONES[agent.latest.status]
        nodes += (
            f'<g class="node {tone}" transform="translate({x:.1f} {y:.1f})"><circle r="11"/>'
            f'<text dy="3.5">{escaped(words.harmless(agent.code))}</text></g>'
        )
    label = "Where the agents stand on the helix"
    return (
        f'<svg class="helix" viewBox="0 -14 {WIDE} {TALL + 28}" role="img" aria-label="{label}">'
        f'<g class="rings">{rings}</g><polyline points="{path}"/>'
        '<text class="end" x="2" y="4">0.0 explore</text>'
        f'<text class="end" x="2" y="{TALL + 4}">1.0 answer</text>{nodes}</svg>'
    )


def place_of(state: RunState, place: int, depth: float) -> tuple[float, float]:
    """Where the agent of that place in the workflow stands at a depth: those of one depth share a ring."""
    turns = state.plan.helix_turns if state.plan else 2.0
    return _point(depth, turns, GOLDEN_ANGLE * place, least=min(WIDE / 2 - 24, 10 + 9 * len(state.agents)))


def syntheses(state: RunState) -> list[Synthesis]:
    """All of a run, in order."""
    return [*state.earlier, *([state.synthesis] if state.synthesis else [])]


_NOTHING = '<p class="aside nothing">Not asked: the run ended before its turn.</p>'


def _thought(thought: Thought, number: int, cited: Mapping[str, str], *, include_thinking: bool) -> str:
    asked = ""
    if thought.act == "ask":
        asked = f'<p class="asked">{escaped(words.harmless(thought.asked))}</p>'
    read = list(dict.fromkeys(each.rpartition("#")[0] for each in thought.read))
    named = ", ".join(read) if len(read) <= MOST_NAMED else f"{len(thought.read)} thoughts of {len(read)} agents"
    line = f'<p class="aside">Read {escaped(named)}</p>' if read else ""
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
        parts.append(f'<details class="thinking"><summary>{_thought_for(speech)}</summary>{inner}</details>')
    text = str(speech.answer)
    parts.append(f'<div class="text">{prose(text, cited)}</div>' if text.strip() else '<div class="text"></div>')
    if speech.status not in ("complete", None):
        sentence = escaped(words.harmless(speech.error or ""))
        parts.append(f'<p class="trouble {TONES[speech.status]}"><b>{_word(speech)}</b> {sentence}</p>')
    return "".join(parts)


def _row(code: str, name: str, scenes: list[tuple[Scene, Thought]] | list[tuple[Scene, Synthesis]], film: Film) -> str:
    bars = "".join(_bars(scene, speech, film) for scene, speech in scenes)
    return (
        f'<div class="row" title="{escaped(name)}"><span>{escaped(words.harmless(code))}</span>'
        f'<svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">{bars}</svg></div>'
    )


def _bars(scene: Scene, speech: Speech, film: Film) -> str:
    """High for thinking and writing, half as high for reading and the like, a line for waiting in the queue."""
    end = film.total if scene.ended is None else scene.ended
    begins = [*scene.states[::2], end]
    bars = []
    for number, activity in enumerate(scene.states[1::2]):
        start, stop = int(begins[number]), int(begins[number + 1])
        tone = ACTIVITIES[activity][0]  # type: ignore[index]  # every second one is an activity
        y, height = {"queue": (5.5, 1), "prep": (4, 4)}.get(tone, (1, 10))
        width = max(1.5, _share(stop, film) - _share(start, film))
        bars.append(f'<rect class="{tone}" x="{_share(start, film)}" y="{y}" width="{width:.1f}" height="{height}"/>')
    if TONES[speech.status] == "fail":
        bars.append(f'<rect class="fail" x="{_share(end, film)}" y="0" width="4" height="12"/>')
    return "".join(bars)


def _share(ms: int, film: Film) -> float:
    return round(1000 * ms / film.total, 1)


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


def _thought_for(speech: Speech) -> str:
    until = speech.answer_at or speech.ended_at
    if speech.thinking_at is None or until is None:
        return "Thought"
    return f"Thought for {words.duration(until - speech.thinking_at)}"


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
    ]


def _y(t: float) -> float:
    return t * TALL


def _radius(t: float, least: float = 0.0) -> float:
    return max(least, BOTTOM * math.pow(TOP / BOTTOM, 1 - t) * (WIDE / 2 - 14) / TOP)


def _point(t: float, turns: float, turned: float, *, least: float = 0.0) -> tuple[float, float]:
    angle, radius = 2 * math.pi * turns * t + turned, _radius(t, least)
    return round(WIDE / 2 + radius * math.cos(angle), 1), round(_y(t) + radius * 0.2 * math.sin(angle), 1)
