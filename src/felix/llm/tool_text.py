"""Tool calls that a model writes into its text, for models and servers that know no others.

Two forms are common: `<tool_call>{"name": …, "arguments": {…}}</tool_call>` (Qwen, Hermes) and
`<function=name><parameter=key>value</parameter></function>` (Qwen3-Coder), the second inside the first as well. A call
counts only outside code, and only with the exact name of a tool that was offered; anything else stays text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from felix.llm.answer import FOUND_IN_TEXT
from felix.llm.chat import Answer, ChatRequest, Message, Text, ToolCall, ToolCallPart, ToolSpec

TOOLS_IN_TEXT = "the model takes no tools by itself: they were described in its prompt"

_OPENING = re.compile(r"<tool_call>|<function=")
_OPENERS = ("<tool_call>", "<function=")
_CLOSERS = {"<tool_call>": "</tool_call>", "<function=": "</function>"}
_FUNCTION = re.compile(r"\s*<function=([^>\s]+)\s*>(.*?)(?:</function>\s*)?", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)\s*>(.*?)</parameter>", re.DOTALL)
_FENCES = ("```", "~~~")
_REFUSALS = (400, 404, 422, 500, 501)
_REFUSED = re.compile(
    r"(not support|unsupported|no endpoints found that support)[^.]{0,40}\btools?\b"
    r"|\btools? (use |calling )?(is|are) not supported"
    r"|\btools param requires|enable-auto-tool-choice|\"param\": ?\"tools?\b",
    re.IGNORECASE,
)
_MOST_HELD = 262_144
"""Characters of a call that does not end: it is text then."""
_LOOKED_AT = 80
"""Characters of a line; a fence is none that is indented further."""

_HOW = """You may call these tools. Their signatures, as JSON:
<tools>
{tools}
</tools>
For each call, write one JSON object between these tags, on lines of their own, and nothing after the last call:
<tool_call>
{{"name": "<tool>", "arguments": {{…}}}}
</tool_call>
The results follow in the next message. When you need no more of them, answer without any call."""


class ToolText:
    """Takes the calls out of one answer's text while it comes."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._found = 0
        self.begin_again()

    def begin_again(self) -> None:
        """All text so far was none."""
        self._held = ""
        self._opener = ""
        """What the call that is held began with; empty: no call is open."""
        self._line = ""
        """The beginning of the line that is being written."""
        self._is_code = False

    @property
    def is_holding(self) -> bool:
        return bool(self._held)

    def feed(self, text: str) -> Iterator[Text | ToolCallPart]:
        """What is certain by now; a call, and what may become one, is held back until it is whole."""
        self._held += text
        while self._held:
            if self._opener:
                closer = _CLOSERS[self._opener]
                end = self._held.find(closer)
                if end < 0:
                    if len(self._held) > _MOST_HELD:
                        yield from self._as_text(len(self._held))
                    return
                end += len(closer)
                if parts := self._called(self._held[:end]):
                    self._held, self._opener = self._held[end:], ""
                    yield parts
                else:
                    yield from self._as_text(end)
                continue
            opening = _OPENING.search(self._held)
            if opening is None:
                yield from self._as_text(len(self._held) - _begun(self._held))
                return
            yield from self._as_text(opening.start())
            if self._is_code or self._line.lstrip().startswith(_FENCES) or self._line.endswith("`"):
                yield from self._as_text(len(opening[0]))
            else:
                self._opener = opening[0]

    def end(self) -> Iterator[Text | ToolCallPart]:
        """What was held back, now that no more comes: some models leave the last tag out."""
        if self._opener and (part := self._called(self._held)):
            yield part
        elif self._held:
            yield Text(self._held)
        self._held = self._opener = ""

    def _as_text(self, length: int) -> Iterator[Text]:
        text, self._held, self._opener = self._held[:length], self._held[length:], ""
        if not text:
            return
        *lines, last = (self._line + text).split("\n")
        for line in lines:
            self._is_code ^= line.lstrip().startswith(_FENCES)
        # of a long line its ends alone are looked at
        self._line = last if len(last) <= _LOOKED_AT else last[: _LOOKED_AT - 1] + last[-1]
        yield Text(text)

    def _called(self, written: str) -> ToolCallPart | None:
        body = written.removeprefix("<tool_call>").removesuffix("</tool_call>")
        name, arguments = self._read_json(body) or self._read_function(body) or ("", "")
        if not name:
            return None
        self._found += 1
        number = FOUND_IN_TEXT + self._found
        return ToolCallPart(number, f"call_{number}", name, arguments)

    def _read_json(self, body: str) -> tuple[str, str] | None:
        try:
            call = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        name = call.get("name") if isinstance(call, dict) else None
        if not isinstance(name, str) or name not in self._tools:
            return None
        arguments = call.get("arguments", call.get("parameters", {}))
        return name, arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)

    def _read_function(self, body: str) -> tuple[str, str] | None:
        function = _FUNCTION.fullmatch(body)
        tool = self._tools.get(function[1]) if function else None
        if function is None or tool is None:
            return None
        described = tool.parameters.get("properties")
        kinds = described if isinstance(described, dict) else {}
        values = {key: _value(text, kinds.get(key)) for key, text in _PARAMETER.findall(function[2])}
        return tool.name, json.dumps(values, ensure_ascii=False)


def take_out(answer: Answer, tools: Sequence[ToolSpec]) -> Answer:
    """An answer that came in one piece, with the calls in its text taken out of it."""
    if not tools or not any(opener in answer.text for opener in _OPENERS):
        return answer
    reader = ToolText(tools)
    found = [*reader.feed(answer.text), *reader.end()]
    calls = tuple(ToolCall(each.id, each.name, each.arguments) for each in found if isinstance(each, ToolCallPart))
    text = "".join(each.text for each in found if isinstance(each, Text))
    return replace(answer, text=text, tool_calls=(*answer.tool_calls, *calls)) if calls else answer


def in_text(request: ChatRequest) -> ChatRequest:
    """The same request for a server or a model that takes no tools: they, calls and results stand in its text."""
    messages = [_told(message) for message in request.messages]
    if not request.tools:
        return replace(request, messages=tuple(messages))
    signatures = "\n".join(
        json.dumps(
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}, ensure_ascii=False
        )
        for tool in request.tools
    )
    how = _HOW.format(tools=signatures)
    if messages and messages[0].role == "system":
        messages[0] = replace(messages[0], content=f"{messages[0].content}\n\n{how}")
    else:
        messages.insert(0, Message("system", how))
    return replace(request, messages=tuple(messages), tools=())


def refuses_tools(status_code: int, said: str) -> bool:
    """Whether a server that was sent tools refused them, by the words servers have for that."""
    return status_code in _REFUSALS and _REFUSED.search(said) is not None


def _told(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{message.content}\n</tool_response>")
    written = [
        f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments or "{}"}}}\n</tool_call>'
        for call in message.calls
    ]
    return Message(message.role, "\n".join([message.content, *written] if message.content else written))


def _value(text: str, described: object) -> Any:  # any JSON, as the tool's schema has it
    text = text.removeprefix("\n").removesuffix("\n")
    if isinstance(described, Mapping) and described.get("type") == "string":
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _begun(text: str) -> int:
    """Characters at the end of `text` that may become an opening tag."""
    longest = max(map(len, _OPENERS)) - 1
    return next((n for n in range(min(longest, len(text)), 0, -1) if any(o.startswith(text[-n:]) for o in _OPENERS)), 0)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
