"""Citations in a model's text: `[research-1]`, `[research-1, analysis-2]`, `[research-1#2]`.

Pure. Whatever names nobody stays the text it was: a model may write any bracket it likes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from felix.events import AgentId

_BRACKET = re.compile(r"\[([^\[\]\n]{1,200})\]")
_NAME = re.compile(r"\s*(?P<name>[\w.-]+)(?P<round>#\d{1,4})?\s*")
_SEPARATOR = re.compile(r"[,;]")


@dataclass(frozen=True, slots=True)
class Citation:
    """One name that leads to a card."""

    agent_id: AgentId
    source: str
    """What a copy says in its place: `[research-1#2]`."""


def split(text: str, agents: Collection[AgentId]) -> Iterator[str | Citation]:
    """`text` in order: the stretches between citations, and the citations. Case does not matter."""
    by_name = {agent_id.casefold(): agent_id for agent_id in agents}
    start = 0
    for bracket in _BRACKET.finditer(text) if by_name else ():
        found = [_named(part, by_name) for part in _SEPARATOR.split(bracket[1])]
        if not any(isinstance(part, Citation) for part in found):
            continue
        if bracket.start() > start:
            yield text[start : bracket.start()]
        for number, part in enumerate(found):
            if number:
                yield " "
            yield part
        start = bracket.end()
    if start < len(text):
        yield text[start:]


def _named(part: str, by_name: dict[str, AgentId]) -> str | Citation:
    match = _NAME.fullmatch(part)
    agent_id = by_name.get(match["name"].casefold()) if match else None
    if match is None or agent_id is None:
        return f"[{part.strip()}]"
    return Citation(agent_id, f"[{agent_id}{match['round'] or ''}]")
