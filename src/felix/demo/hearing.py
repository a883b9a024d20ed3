"""What the demo model takes from a prompt: who it is asked to be, at which depth, and whose thoughts it was given.

It reads the prompts Felix writes, and is lenient: of any other it takes the user's last message as the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_AGENT = re.compile(r"You are ([\w-]+-(\d+)), an? (.+?) agent\b")
_HUB = re.compile(r"You are the hub\b")
_SECTION = re.compile(
    r"^# (task|what the others found|your own earlier thoughts|your turn|(?:unfinished )?contributions)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_VOICE = re.compile(
    r"^## \[(?P<id>[\w-]+)\][ \t]*(?P<role>[^,\n]*)"
    r"(?:,[ \t]*depth (?P<depth>[\d.]+))?(?:,[ \t]*confidence (?P<sure>[\d.]+))?.*$",
    re.MULTILINE,
)
_OWN = re.compile(r"^## depth\b", re.MULTILINE | re.IGNORECASE)
_DEPTH = re.compile(r"\bdepth (\d(?:\.\d+)?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Voice:
    """A thought of another agent that stood in the prompt."""

    agent_id: str
    role: str
    depth: str
    """As it was written, `0.30`; empty when it was not."""
    confidence: str
    text: str


@dataclass(frozen=True, slots=True)
class Used:
    """A tool call, and its result."""

    name: str
    arguments: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    task: str
    agent_id: str = ""
    """Empty for the hub, and for a prompt that is none of Felix's."""
    number: int = 1
    role: str = ""
    depth: float = 0.0
    is_hub: bool = False
    voices: tuple[Voice, ...] = ()
    """In the order in which they stood there."""
    unfinished: tuple[Voice, ...] = ()
    spoken: int = 0
    """How many earlier thoughts of its own stood there."""
    written: str = ""
    """Its answer so far, when it is asked to go on with one that was cut."""
    tools: tuple[str, ...] = ()
    """Names of those it may call."""
    used: tuple[Used, ...] = ()
    """What came of those it has called for this answer."""

    def names(self) -> tuple[str, ...]:
        """Whose thoughts stood there, each once."""
        return tuple(dict.fromkeys(voice.agent_id for voice in self.voices))


def hear(messages: Sequence[Mapping[str, object]], tools: object = None) -> Hearing:
    """Read the messages of a request, and which tools it offers; never fails, whatever they hold."""
    said = [(str(message.get("role")), _text(message.get("content"))) for message in messages]
    system = "\n".join(text for role, text in said if role in ("system", "developer"))
    asked = [text for role, text in said if role == "user"]
    written = "".join(_text(each.get("content")) for each in messages if _is_written(each))
    agent = _AGENT.search(system)
    is_hub = _HUB.search(system) is not None
    if agent is None and not is_hub:
        return Hearing(task=asked[-1].strip() if asked else "")
    sections = _sections(asked[0] if asked else "")
    depth = _DEPTH.search(sections.get("your turn", ""))
    return Hearing(
        task=sections.get("task", "").strip(),
        agent_id=agent[1] if agent else "",
        number=int(agent[2][:6]) if agent else 1,
        role=agent[3] if agent else "",
        depth=min(float(depth[1]), 1.0) if depth else 0.0,
        is_hub=is_hub,
        voices=_voices(sections.get("what the others found", "") + "\n" + sections.get("contributions", "")),
        unfinished=_voices(sections.get("unfinished contributions", "")),
        spoken=len(_OWN.findall(sections.get("your own earlier thoughts", ""))),
        written=written,
        tools=tuple(str(_inner(tool, "function").get("name")) for tool in _listed(tools)),
        used=tuple(_used(messages)),
    )


def _is_written(message: Mapping[str, object]) -> bool:
    """Whether it is what the model is to go on with; what asks for tools stands by itself."""
    return message.get("role") == "assistant" and not message.get("tool_calls")


def _used(messages: Sequence[Mapping[str, object]]) -> Iterator[Used]:
    calls: dict[object, Mapping[str, object]] = {}
    for message in messages:
        for call in _listed(message.get("tool_calls")):
            calls[call.get("id")] = _inner(call, "function")
        asked = calls.get(message.get("tool_call_id")) if message.get("role") == "tool" else None
        if asked:
            yield Used(str(asked.get("name")), str(asked.get("arguments")), _text(message.get("content")))


def _listed(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _inner(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _text(content: object) -> str:
    """Of a message, whose content may be text or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _sections(text: str) -> dict[str, str]:
    """Bodies by heading. Other headings are left where they stand: they belong to a task or a thought."""
    pieces = _SECTION.split(text)
    if len(pieces) == 1:
        return {"task": text}
    found: dict[str, str] = {}
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(heading.lower(), body)
    return found


def _voices(text: str) -> tuple[Voice, ...]:
    heads = list(_VOICE.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return tuple(
        Voice(head["id"], head["role"].strip(), head["depth"] or "", head["sure"] or "", text[head.end() : end].strip())
        for head, end in zip(heads, ends, strict=False)  # without a head there is an end all the same
    )
