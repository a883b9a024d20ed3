"""Where a workflow's text says who is asked: reading those places, and changing one of them without touching the rest.

Pure: text in, text out. The file stays its user's: comments, order and blanks stand as they were written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from felix.errors import WorkflowError
from felix.settings import Settings
from felix.team.asking import endpoints_called, not_in_settings
from felix.team.workflow import Workflow, parse
from felix.team.workflow.document import Document, Path

_PLAIN = re.compile(r"[A-Za-z][\w ()./+-]*[\w)]")
"""What needs no quotes; a colon may stand in it only where no blank follows, which quotes make plain to everybody."""
_WORDS = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Place:
    """A block of the file that may name an endpoint and a model."""

    path: Path
    """`()` is the workflow itself."""
    name: str
    endpoint: str
    """As it stands there; empty: none does."""
    model: str


def places_of(workflow: Workflow) -> list[Place]:
    """The whole team, its roles, its agents and the synthesis, in that order."""
    roles = dict.fromkeys([*(spec.role for spec in workflow.agents), *workflow.roles])
    found = [_place((), "The whole team", workflow)]
    found += [_place(("roles", role), f"Role {role}", workflow.roles.get(role)) for role in roles]
    found += [_place(("agents", index), f"Agent {spec.id}", spec) for index, spec in enumerate(workflow.agents)]
    return [*found, _place(("synthesis",), "Synthesis", workflow.synthesis)]


def changed(text: str, path: Path, key: str, value: str | None) -> str:
    """The text with another value, as YAML writes it, for a key of the block at `path`; None takes the key away.

    Raises WorkflowError when the text is written in a way that has no line for it.
    """
    document = Document(text, "")
    lines = text.split("\n")
    is_known, after, is_right = (*path, key) in document.lines, text, False
    if value is None and not is_known:
        return text
    try:
        if value is None:
            _remove(lines, document, path, key)
        elif is_known:
            _replace(lines, document.lines[(*path, key)], key, value)
        else:
            _insert(lines, document, path, f"{key}: {value}")
        after = "\n".join(lines)
        is_right = parse(after, "") == _wanted(text, path, key, value)
    except (WorkflowError, ValueError):
        pass  # as when it means something else
    if not is_right:
        raise WorkflowError(f"{key}: cannot be written here by itself; write it by hand.")
    return after


def moved(text: str, path: Path, endpoint: str, model: str) -> str:
    """The text with a block asking another endpoint, and a model of it; empty: none is named. Raises WorkflowError."""
    text = changed(text, path, "endpoint", _written(endpoint) if endpoint else None)
    return changed(text, path, "model", _written(model) if model else None)


def unknown(text: str, workflow: Workflow, settings: Settings) -> tuple[int, str] | None:
    """The first line that names an endpoint which the settings do not know, and what to do about it."""
    document = Document(text, "")
    for place in places_of(workflow):
        if place.endpoint and not endpoints_called(place.endpoint, settings):
            line = document.lines.get((*place.path, "endpoint"), 1)
            return line, not_in_settings((place.endpoint,), settings)
    return None


def _place(path: Path, name: str, block: object) -> Place:
    return Place(path, name, getattr(block, "endpoint", None) or "", getattr(block, "model", None) or "")


def _written(value: str) -> str:
    is_plain = _PLAIN.fullmatch(value) and value.casefold() not in _WORDS
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _replace(lines: list[str], number: int, key: str, value: str) -> None:
    line = lines[number - 1]
    own = re.match(rf"(\s*(?:-\s+)?{key}\s*:)", line)
    if own:
        comment = re.search(r"\s+#.*$", line[own.end() :])
        lines[number - 1] = f"{own[1]} {value}{comment[0] if comment else ''}"
    else:
        lines[number - 1] = _in_braces(key).sub(lambda found: f"{found[1]}{key}: {value}", line, count=1)


def _remove(lines: list[str], document: Document, path: Path, key: str) -> None:
    number = document.lines[(*path, key)]
    line = lines[number - 1]
    gone: set[int] = set()
    if re.match(rf"\s*{key}\s*:", line):
        gone.add(number)
    else:
        without = re.sub(rf",\s*{key}\s*:\s*{_VALUE}", "", line, count=1)
        if without == line:
            without = re.sub(rf"{key}\s*:\s*{_VALUE}\s*,?\s*", "", line, count=1)
        lines[number - 1] = without
    # a block without keys is none; whatever holds nothing but it goes as well
    while path and path[0] in ("roles", "synthesis") and not _siblings(document, path, key):
        gone.add(document.lines[path])
        path, key = path[:-1], str(path[-1])
    for each in sorted(gone, reverse=True):
        del lines[each - 1]


def _wanted(text: str, path: Path, key: str, value: str | None) -> Workflow:
    """What the changed text must mean."""
    tree = Document(text, "").value
    block: Any = tree  # Any: plain values of a file that has been parsed
    for step in path:
        block = block[step] if isinstance(step, int) else block.setdefault(step, {})
    if value is None:
        block.pop(key)
    else:
        block[key] = Document(f"{key}: {value}", "").value[key]  # type: ignore[index]
    assert isinstance(tree, dict)
    if path[:1] == ("roles",) and not block:
        tree["roles"].pop(path[1])
    return Workflow.model_validate(tree)


_VALUE = r"(?:\[[^\]\n]*\]|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^,}\n]*)"


def _in_braces(key: str) -> re.Pattern[str]:
    return re.compile(rf"([{{,]\s*){key}\s*:\s*{_VALUE}")


def _siblings(document: Document, path: Path, key: str) -> list[Path]:
    """The other keys of a block."""
    depth = len(path) + 1
    return [each for each in document.lines if len(each) == depth and each[:-1] == path and each[-1] != key]


def _insert(lines: list[str], document: Document, path: Path, words: str) -> None:
    if not path:
        lines.insert(document.lines[("name",)], words)
    elif path in document.lines:
        _insert_into(lines, document, path, words)
    elif path[0] == "roles":
        role = _written(str(path[1]))
        if ("roles",) in document.lines:
            _insert_into(lines, document, ("roles",), f"{role}: {{{words}}}")
        else:
            lines[document.lines[("name",)] : document.lines[("name",)]] = ["roles:", f"  {role}: {{{words}}}"]
    else:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += ["", f"{path[0]}:", f"  {words}", ""]


def _insert_into(lines: list[str], document: Document, path: Path, words: str) -> None:
    """Into a block that is there: in its braces, or as a line below its first."""
    number = document.lines[path]
    line = lines[number - 1]
    if re.search(r"[:-]\s+\{", line):
        end = line.rindex("}")
        before = line[:end].rstrip()
        lines[number - 1] = f"{before}{'' if before.endswith('{') else ', '}{words}{line[end:]}"
        return
    if isinstance(path[-1], int):
        lead = re.match(r"\s*-\s+", line)
        indent = len(lead[0]) if lead else 2
        after = document.lines.get((*path, "role"), number)
        lines.insert(after, f"{' ' * indent}{words}")
        return
    own = len(line) - len(line.lstrip())
    children = [document.lines[each] for each in document.lines if len(each) == len(path) + 1 and each[:-1] == path]
    first = lines[min(children) - 1] if children else ""
    indent = len(first) - len(first.lstrip()) if children and min(children) > number else own + 2
    lines.insert(number, f"{' ' * indent}{words}")
