"""How the demo model uses tools: a real calculation, a look into the user's folder, and one file of it that it reads.

It calls what it is offered in its first thought, and says what came back. So somebody without a server sees how an
agent works with tools; nothing of it is invented but the sentences around it.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from felix.demo.hearing import Hearing, Used
from felix.demo.texts import DISCLAIMER, TOOLS_AFTER_LISTING, TOOLS_ANSWER, TOOLS_BEFORE, TOOLS_THINKING

_READABLE = re.compile(r"^(.+?\.(?:md|txt|rst|csv|yaml|json|py))(?:\s|$)", re.MULTILINE)
_MOST_QUOTED = 100


class Call(NamedTuple):
    """One that the demo model asks for."""

    name: str
    arguments: str
    """JSON."""


class Act(NamedTuple):
    """One answer: what it thinks, says, and calls."""

    thinking: str
    answer: str
    calls: tuple[Call, ...] = ()


def with_tools(heard: Hearing, *, confidence: str, task: str) -> Act | None:
    """What it does about a task with the tools it is offered; None when it has none that it knows, or has spoken."""
    used = {each.name: each for each in heard.used}
    calls = () if heard.spoken or heard.written else _first(heard)
    if not used:
        if not calls:
            return None
        what = " and ".join(_aims(calls))
        return Act(TOOLS_THINKING.format(task=task, what=what), f"{TOOLS_BEFORE.format(what=what)}\n\n", calls)
    listing = used.get("list_files")
    path = _READABLE.search(listing.result) if listing else None
    if path and "read_file" in heard.tools and "read_file" not in used:
        return Act("", f"{TOOLS_AFTER_LISTING.format(path=path[1])}\n\n", (_call("read_file", path=path[1]),))
    found = "\n".join(f"- {_told(each)}" for each in heard.used)
    answer = TOOLS_ANSWER.format(task=task, found=found)
    return Act("", f"{answer}\n\n{DISCLAIMER}\n\nConfidence: {confidence}")


def _first(heard: Hearing) -> tuple[Call, ...]:
    words = heard.task.split() or ["nothing"]
    letters = sum(map(len, words))
    wanted = (_call("calculator", expression=f"round({letters} / {len(words)}, 2)"), _call("list_files"))
    return tuple(call for call in wanted if call.name in heard.tools)


def _aims(calls: tuple[Call, ...]) -> list[str]:
    aims = {
        "calculator": "how many letters a word of the task has on average",
        "list_files": "what lies in the folder that was chosen for tools",
    }
    return [aims[call.name] for call in calls]


def _told(used: Used) -> str:
    """One result in a sentence."""
    result = " ".join(used.result.replace("`", "'").split())
    quoted = result if len(result) <= _MOST_QUOTED else f"{result[:_MOST_QUOTED].rstrip()} …"
    match used.name:
        case "calculator" if re.fullmatch(r"[\d.]+", result):
            return f"**Worked out**: the words of the task have {quoted} letters on average."
        case "list_files" if _READABLE.search(used.result):
            return f"**In the folder**: {quoted}"
        case _:
            return f"**{used.name}**: “{quoted}”"


def _call(name: str, **arguments: str) -> Call:
    return Call(name, json.dumps(arguments, ensure_ascii=False))
