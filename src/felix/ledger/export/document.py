"""A run as one Markdown document: the task, its figures, the synthesis, who is missing from it, and every thought.

A model's text stands as it was written, so that it can be read and copied; what is not complete is headed so, by Felix.
"""

from __future__ import annotations

import re

from felix.ledger import words
from felix.ledger.speech import Call, Speech, Synthesis, Thought
from felix.ledger.state import RunState

MOST_LINES, MOST_CHARS = 20, 2_000
"""Of a tool's result."""
_NOTHING = "*Nothing was written.*"
_OWN_TITLE = re.compile(r"#\s|[^\n]+\n=+\s*(\n|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")


def markdown(state: RunState, *, include_thinking: bool = False) -> str:
    """The whole document. What the models thought before they answered is in it only when asked for."""
    parts: list[str] = []
    if (plan := state.plan) is not None:
        parts += _titled("Task", _closed(plan.task.strip()))
        parts.append(f"*{plan.workflow}, {words.model_of(state)}, {words.began(state)}*")
        if plan.follows:
            parts.append(f"*It follows the run {plan.follows}.*")
        parts.append(_table(words.figures(state)))
        if state.reason:
            parts.append(f"*{_in_a_line(state.reason)}*")
    parts += _of_the_hub(state, include_thinking=include_thinking)
    if state.notes:
        told = [f"- To {note.agent_id or 'all agents'}: {_in_a_line(note.text)}" for note in state.notes]
        parts += ["# Your notes", "\n".join(told)]
    parts += _of_the_agents(state, include_thinking=include_thinking)
    return words.harmless("\n\n".join(parts) + "\n")


def _of_the_hub(state: RunState, *, include_thinking: bool) -> list[str]:
    synthesis = state.synthesis
    if synthesis is None:
        return [*_titled("Synthesis", "*There is none.*")]
    parts = _titled("Synthesis", _said(synthesis))
    if place := words.place_of(state, synthesis):
        parts.append(f"*{place}*")
    parts += _beside(synthesis, include_thinking=include_thinking)
    if missing := words.left_out(state):
        parts += ["## Left out or unfinished", "\n".join(f"- {words.lacking(each)}" for each in missing)]
    for earlier in reversed(state.earlier):
        parts += [f"## Synthesis {earlier.number}, made before", _said(earlier)]
        parts += _beside(earlier, include_thinking=include_thinking)
    return parts


def _of_the_agents(state: RunState, *, include_thinking: bool) -> list[str]:
    standing = {thought.thought_id for thought in state.standing()}
    parts: list[str] = []
    for agent in state.agents.values():
        thoughts = [each for each in agent.thoughts if each.act == "ask" or each.thought_id in standing]
        if not thoughts and not agent.reason:
            continue
        parts.append(f"## {agent.agent_id}")
        if agent.reason:
            parts.append(f"*{_in_a_line(agent.reason)}*")
        for thought in thoughts:
            parts += _of_one(thought, words.place_of(state, thought), include_thinking=include_thinking)
    return ["# The agents' thoughts", *parts] if parts else []


def _of_one(thought: Thought, place: str, *, include_thinking: bool) -> list[str]:
    unfinished = "" if thought.status == "complete" else "Unfinished: "
    parts = [f"### {unfinished}{words.facts(thought, place)}"]
    if thought.act == "ask":
        parts.append(_quoted(thought.asked))
    for part in thought.in_order():
        if isinstance(part, Call):
            parts += _tool(part)
        elif part.strip():
            parts.append(_closed(part.strip()))
    if not str(thought.answer).strip():
        parts.append(_NOTHING)
    return [*parts, *_beside(thought, include_thinking=include_thinking)]


def _tool(call: Call) -> list[str]:
    parts = [f"*Tool: {_in_a_line(words.called(call))}*", _fenced(_in_a_line(str(call.arguments)), "json")]
    if call.content:
        parts.append(_fenced(_folded(call.content)))
    if line := words.kept_line(call):
        parts.append(f"*{line}.*")
    return parts


def _beside(speech: Speech, *, include_thinking: bool) -> list[str]:
    """What Felix says of an answer, and what its model thought before it."""
    parts: list[str] = []
    if isinstance(speech, Synthesis):
        if speech.instructions:
            parts.append(f"*Your instructions: {_in_a_line(speech.instructions)}*")
        if speech.status != "complete":
            sentence = f"This synthesis is not complete ({words.ending(speech)}). {speech.error or ''}"
            parts.append(f"*{_in_a_line(sentence)}*")
    elif speech.error:
        parts.append(f"*{_in_a_line(speech.error)}*")
    parts += [f"*{_in_a_line(note)}*" for note in speech.notes]
    if include_thinking and speech.thinking:
        parts += ["Thinking:", _quoted(str(speech.thinking))]
    return parts


def _fenced(text: str, language: str = "") -> str:
    """Text that strangers may have written, as nothing but text."""
    fence = max(re.findall(r"`{3,}", text), key=len, default="``") + "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _folded(text: str) -> str:
    """The beginning of a result, for who reads a document and not the result."""
    lines = text.strip().split("\n")
    shown = "\n".join(lines[:MOST_LINES])[:MOST_CHARS]
    return shown if len(shown) == len(text.strip()) else f"{shown}\n\n… (the first {len(shown):,} characters)"


def _said(speech: Speech) -> str:
    return _closed(str(speech.answer).strip()) or _NOTHING


def _titled(title: str, text: str) -> list[str]:
    """A text as it stands, under a title unless it begins with one of its own."""
    return [text] if _OWN_TITLE.match(text) else [f"# {title}", text]


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _in_a_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _closed(text.strip()).split("\n"))


def _closed(text: str) -> str:
    """`text` with the fence closed that its model left open: what follows it in the document is no code."""
    fence = ""
    for line in text.split("\n"):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
    return f"{text}\n{fence}" if fence else text
