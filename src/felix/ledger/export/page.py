"""A run as one web page that plays it again, offline: everything it needs is in it, and it can reach nothing else.

Its Content-Security-Policy allows one script and one style, both by their hash. What a model wrote gets in as escaped
text only; the script moves it into the page as text nodes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from string import Template

from felix import places
from felix.events import PASSING, Record
from felix.ledger import words
from felix.ledger.export import drawing, markup
from felix.ledger.export.event_file import without_thinking
from felix.ledger.export.film import Film, Scene, film, units
from felix.ledger.export.prose import escaped, plain
from felix.ledger.speech import Speech, Thought
from felix.ledger.state import RunState

POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The icon is the one picture, and a data URL."""


def html(records: Iterable[Record], *, include_thinking: bool = False) -> str:
    """The page. What the models thought is in it only when asked for; when they thought is shown either way."""
    durable = [record for record in records if not isinstance(record.event, PASSING)]
    state = RunState()
    for record in durable:
        state.apply(record if include_thinking else without_thinking(record))
    timed = film(durable, state)
    folder = places.assets() / "export"
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = (folder / "page.js").read_text(encoding="utf-8")
    icon = base64.b64encode((places.assets() / "icons" / "felix.svg").read_bytes()).decode()
    cited = {str(agent_id): f"agent-{place}" for place, agent_id in enumerate(state.agents)}
    numbers = {thought_id: number for number, thought_id in enumerate(state.thoughts)}
    made = state.syntheses
    asked = {name: words.place_of(state, thought) for name, thought in state.thoughts.items()}
    newest_first = [
        markup.synthesis(each, len(numbers) + place, cited, include_thinking=include_thinking)
        for place, each in reversed(list(enumerate(made)))
    ]
    plan = state.plan
    tone = "fail" if state.status == "crashed" else markup.TONES[state.status]
    ending = words.RUN_ENDINGS[state.status].capitalize()
    about = (plan.workflow, words.model_of(state), words.began(state)) if plan else ()
    task = words.harmless(plan.task.strip()) if plan else ""
    return Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        policy=escaped(POLICY.format(script=_hash(script), style=_hash(style))),
        icon=f"data:image/svg+xml;base64,{icon}",
        title=escaped(" ".join(task.split())[:120] or "A run of Felix"),
        style=style,
        script=script,
        task=plain(task),
        about=escaped(words.harmless(" · ".join(about))),
        badge=markup.badge(tone, ending),
        reason=f'<p class="trouble {tone}">{escaped(words.harmless(state.reason))}</p>' if state.reason else "",
        synthesis="".join(newest_first) or '<p class="aside">There is no synthesis.</p>',
        cards="".join(
            markup.card(agent, numbers, cited, asked, include_thinking=include_thinking)
            for agent in state.agents.values()
        ),
        deeds=markup.deeds(timed),
        helix=drawing.helix(state),
        timeline=drawing.timeline(state, timed),
        marks=drawing.marks(state, timed),
        figures=markup.figures(state),
        total=str(timed.total),
        total_words=words.duration(timed.total / 1000),
        film=_data(_film(state, timed)),
    )


def _film(state: RunState, timed: Film) -> dict[str, object]:
    """What the script is given: for each answer, by its number, when it stood where."""
    places_of = {agent_id: place for place, agent_id in enumerate(state.agents)}
    numbers = {thought_id: number for number, thought_id in enumerate(state.thoughts)}
    answers: list[dict[str, object]] = []
    for thought in state.thoughts.values():
        scene = _scene(timed.scenes.get(thought.thought_id), thought, timed)
        place = places_of[thought.agent_id]
        x, y = drawing.place_of(state, place, thought.checkpoint)
        read = [numbers[each] for each in thought.read if each in numbers]
        answers.append(
            {**scene, "agent": place, "round": thought.round, "depth": thought.checkpoint, "x": x, "y": y, "read": read}
        )
    answers += [_scene(timed.syntheses.get(each.number), each, timed) for each in state.syntheses]
    agents = []
    for place, agent in enumerate(state.agents.values()):
        x, y = drawing.place_of(state, place, agent.spawn)
        agents.append({"role": agent.role, "depth": agent.spawn, "x": x, "y": y})
    return {
        "total": timed.total,
        "rounds": timed.rounds,
        "roundsPlanned": len(state.rounds),
        "agents": agents,
        "answers": answers,
        "activities": drawing.ACTIVITIES,
    }


def _scene(scene: Scene | None, speech: Speech, timed: Film) -> dict[str, object]:
    scene = scene or Scene(timed.total)
    text = str(speech.answer)
    calls = speech.calls if isinstance(speech, Thought) else []
    return {
        "began": scene.began,
        "ended": timed.total + 1 if scene.ended is None else scene.ended,
        "states": scene.states,
        "thinking": scene.thinking,
        "answer": scene.answer,
        "text": words.harmless(text),
        "calls": [
            (units(words.harmless(text[: call.position])), round(timed.clock.position(call.opened_at) * 1000))
            for call in calls
        ],
        "thought": words.harmless(str(speech.thinking)),
        "end": markup.end(speech),
        "figures": markup.figures_of(speech),
    }


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(value: object) -> str:
    """JSON that no HTML parser takes for anything: no tag, no comment and no entity begins in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
