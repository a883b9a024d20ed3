"""The drawings of the page as SVG – helix, timeline, the marks over the scrubber – to be seen without a script, too."""

from __future__ import annotations

import math

from felix.events import Activity
from felix.ledger import words
from felix.ledger.export.film import Film, Scene
from felix.ledger.export.markup import TONES
from felix.ledger.export.prose import escaped
from felix.ledger.run_clock import STEPS_S
from felix.ledger.speech import Speech, Synthesis, Thought
from felix.ledger.state import RunState

ACTIVITIES: dict[Activity, tuple[str, str]] = {
    "queued": ("queue", "Queued"),
    "connecting": ("prep", "Connecting"),
    "loading": ("prep", "Loading"),
    "reading": ("prep", "Reading prompt"),
    "waiting": ("prep", "Waiting"),
    "retrying": ("prep", "Retrying"),
    "thinking": ("think", "Thinking"),
    "writing": ("write", "Writing"),
    "calling": ("write", "Calling a tool"),
    "asking": ("queue", "Asking you"),
    "running": ("prep", "Using a tool"),
}
"""Tone and word of what one still does."""

BARS: dict[Activity, tuple[str, float]] = {
    "queued": ("queue", 1),
    "connecting": ("queue", 1),
    "waiting": ("queue", 1),
    "retrying": ("queue", 1),
    "loading": ("prep", 4),
    "reading": ("prep", 4),
    "thinking": ("think", 10),
    "writing": ("write", 10),
    "calling": ("write hollow", 6),
    "asking": ("stop", 10),
    "running": ("prep hollow", 8),
}
"""Its colour and height on the timeline, as in the window's."""
OF_ALL = (("prep", "reading"), ("think", "thinking"), ("write", "writing"), ("queue", "waiting"))
OF_TOOLS = (("write hollow", "calling a tool"), ("prep hollow", "using it"), ("stop", "your word"))
"""The legend has the first, and where tools were used the others."""
MOST_TICKS = 4
"""On the axis, but for that at 0."""

TOP, BOTTOM = 3.0, 0.5
"""Radii of the helix; between them R = bottom·(top/bottom)^(1−t)."""
PHASE, TILT = 0.5, 0.31
"""As in the window: radians by which the whole is turned towards the eye, and the height of a ring to its width."""
SAME_DEPTH = 1e-6
WIDE, TALL = 240, 400
"""Of its picture, in its own units."""
GUTTER, ABOVE, BELOW = 52, 46, 46
"""Beside it for the words at its ends, above and below it for the nodes on its rings."""


def timeline(state: RunState, film: Film) -> str:
    """A row for each agent and one for the synthesis, drawn in thousandths of the run."""
    rows = []
    for agent in state.agents.values():
        scenes = [(film.scenes[each.thought_id], each) for each in agent.thoughts if each.thought_id in film.scenes]
        rows.append(_row(agent.code, agent.agent_id, scenes, film))
    made = [(film.syntheses[each.number], each) for each in state.syntheses if each.number in film.syntheses]
    if made:
        rows.append(_row("✦", "synthesis", made, film))
    keys = (*OF_ALL, *(OF_TOOLS if any(each.calls for each in state.thoughts.values()) else ()))
    legend = "".join(f'<span class="{tone}"><i></i>{word}</span>' for tone, word in keys)
    return f'<div class="rows" id="rows">{_axis(film)}{"".join(rows)}</div><p class="legend">{legend}</p>'


def _axis(film: Film) -> str:
    """Round times of the run."""
    step = next((each for each in STEPS_S if each * 1000 * MOST_TICKS >= film.total), STEPS_S[-1])
    ticks = (
        f'<text x="{100_000 * at / film.total:.1f}%" y="11">{words.duration(at)}</text>'
        for at in range(0, film.total // 1000 + 1, step)
    )
    return f'<svg class="axis" aria-hidden="true">{"".join(ticks)}</svg>'


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
        f'<ellipse cx="{WIDE / 2}" cy="{_y(t):.1f}" rx="{_radius(t):.1f}" ry="{_radius(t) * TILT:.1f}"/>'
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
        f'<svg class="helix" viewBox="{-GUTTER} {-ABOVE} {GUTTER + WIDE} {ABOVE + TALL + BELOW}" role="img"'
        f' aria-label="{label}"><g class="rings">{rings}</g><polyline points="{path}"/>'
        f"{_end(0.0, 'explore')}{_end(1.0, 'answer')}{nodes}</svg>"
    )


def _end(t: float, word: str) -> str:
    """What stands beside an end of the helix, left of all nodes."""
    x, y = 2 - GUTTER, _y(t) + 4
    return f'<text class="end" x="{x}" y="{y:g}">{t:.1f}<tspan x="{x}" dy="14">{word}</tspan></text>'


def place_of(state: RunState, place: int, depth: float) -> tuple[float, float]:
    """Where the agent of that place in the workflow stands at a depth: those of one depth are spread over its ring."""
    turns = state.plan.helix_turns if state.plan else 2.0
    speak = {turn.agent_id for each in state.rounds for turn in each.turns if abs(turn.checkpoint - depth) < SAME_DEPTH}
    beside = [
        number
        for number, agent in enumerate(state.agents.values())
        if number == place or agent.agent_id in speak or abs(agent.spawn - depth) < SAME_DEPTH
    ]
    turned = 2 * math.pi * beside.index(place) / len(beside)
    return _point(depth, turns, turned, least=min(WIDE / 2 - 24, 10 + 9 * len(beside)) if len(beside) > 1 else 0.0)


def _row(code: str, name: str, scenes: list[tuple[Scene, Thought]] | list[tuple[Scene, Synthesis]], film: Film) -> str:
    bars = "".join(_bars(scene, speech, film) for scene, speech in scenes)
    return (
        f'<div class="row" title="{escaped(name)}"><span>{escaped(words.harmless(code))}</span>'
        f'<svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">{bars}</svg></div>'
    )


def _bars(scene: Scene, speech: Speech, film: Film) -> str:
    """High for thinking and writing, half as high for reading and the like, a line for waiting."""
    end = film.total if scene.ended is None else scene.ended
    begins = [*scene.states[::2], end]
    bars = []
    for number, activity in enumerate(scene.states[1::2]):
        start, stop = int(begins[number]), int(begins[number + 1])
        tone, height = BARS[activity]  # type: ignore[index]  # every second one is an activity
        x, width = _share(start, film), max(1.5, _share(stop, film) - _share(start, film))
        bars.append(f'<rect class="{tone}" x="{x}" y="{6 - height / 2:g}" width="{width:.1f}" height="{height:g}"/>')
    if TONES[speech.status] == "fail":
        bars.append(f'<rect class="fail" x="{_share(end, film)}" y="0" width="4" height="12"/>')
    return "".join(bars)


def _share(ms: int, film: Film) -> float:
    return round(1000 * ms / film.total, 1)


def _y(t: float) -> float:
    return t * TALL


def _radius(t: float, least: float = 0.0) -> float:
    return max(least, BOTTOM * math.pow(TOP / BOTTOM, 1 - t) * (WIDE / 2 - 14) / TOP)


def _point(t: float, turns: float, turned: float, *, least: float = 0.0) -> tuple[float, float]:
    angle, radius = 2 * math.pi * turns * t + PHASE + turned, _radius(t, least)
    return round(WIDE / 2 + radius * math.cos(angle), 1), round(_y(t) + radius * TILT * math.sin(angle), 1)
