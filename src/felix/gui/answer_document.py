"""A run as one Markdown document: the task, the synthesis, who is missing from it, and what every agent thought."""

from __future__ import annotations

import re
from datetime import datetime

from felix.events import LeftOut
from felix.ledger.state import RunState, Thought

ENDINGS = {
    "complete": "complete",
    "truncated": "cut short",
    "refused": "refused",
    "stopped": "stopped",
    "failed": "failed",
    "unconfirmed": "unconfirmed",
    "interrupted": "interrupted",
}
"""Status -> the word a reader knows it by."""


_OWN_TITLE = re.compile(r"#\s|[^\n]+\n=+\s*(\n|$)")


def left_out(state: RunState) -> tuple[LeftOut, ...]:
    """Who failed, was cut short or is not in the synthesis, in the order of the workflow."""
    if state.synthesis is None:
        return ()
    order = {agent_id: place for place, agent_id in enumerate(state.agents)}
    return tuple(sorted(state.synthesis.left_out, key=lambda each: order.get(each.agent_id, len(order))))


def reason(missing: LeftOut) -> str:
    """`research-3 (failed): The server stopped answering.`"""
    sentence = missing.reason.strip()
    return f"{missing.agent_id} ({ENDINGS[missing.status]})" + (f": {sentence}" if sentence else "")


def compose(state: RunState) -> str:
    """The whole document. Thinking is no part of it."""
    plan, synthesis = state.plan, state.synthesis
    parts: list[str] = []
    if plan is not None:
        began = datetime.fromtimestamp(state.started_at).astimezone().strftime("%Y-%m-%d %H:%M")
        model = f"{plan.model} (demo model, scripted text)" if plan.demo else plan.model
        parts += [*_titled("Task", plan.task.strip()), f"*{plan.workflow}, {model}, {began}*"]
    if synthesis is None:
        parts += _titled("Synthesis", "*There is none.*")
    else:
        parts += _titled("Synthesis", str(synthesis.answer).strip() or "*Nothing was written.*")
        if synthesis.status not in (None, "complete"):
            parts.append(
                f"*This synthesis is not complete ({ENDINGS[synthesis.status]}). {synthesis.error or ''}*".strip()
            )
        if missing := left_out(state):
            parts += ["## Left out or unfinished", "\n".join(f"- {reason(each)}" for each in missing)]
    if state.thoughts:
        parts.append("# The agents' thoughts")
        for agent in state.agents.values():
            parts += [f"## {agent.agent_id}", *(_thought(each) for each in agent.thoughts)]
    return "\n\n".join(parts) + "\n"


def _titled(title: str, text: str) -> list[str]:
    """A text as it stands, under a title unless it begins with one of its own."""
    return [text] if _OWN_TITLE.match(text) else [f"# {title}", text]


def _thought(thought: Thought) -> str:
    facts = [f"round {thought.round}", f"depth {thought.checkpoint:.2f}"]
    if thought.confidence is not None:
        facts.append(f"confidence {thought.confidence:.2f}")
    if thought.status not in (None, "complete"):
        facts.append(ENDINGS[thought.status])
    said = str(thought.answer).strip()
    lines = [f"### {', '.join(facts)}", said or "*Nothing was written.*"]
    if thought.error:
        lines.append(f"*{thought.error}*")
    return "\n\n".join(lines)


def file_name(state: RunState) -> str:
    """A name to offer, from the first words of the task."""
    words = re.findall(r"\w+", state.plan.task if state.plan else "", re.UNICODE)[:6]
    return ("-".join(words).lower()[:60] or "synthesis") + ".md"
