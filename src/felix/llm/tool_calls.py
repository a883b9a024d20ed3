"""Puts the pieces of tool calls together, whatever a server does with `index` and `id`.

Both may be missing, empty, or the same for two calls; names may be repeated in every piece, arguments may be an object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from felix.llm.chat import ToolCallPart

_NOTHING: Final[Mapping[str, object]] = {}


def object_of(arguments: str) -> dict[str, Any]:
    """A call's arguments as the JSON object that some servers want back; what is none comes back empty."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class ToolCalls:
    """The calls of one answer; gives every piece the index of its call."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._names: list[str] = []
        self._arguments: list[str] = []
        self._latest: dict[int | str | None, int] = {}
        """The server's own index (None when it sends none) → our call."""

    def read(self, calls: list[object]) -> Iterator[ToolCallPart]:
        for call in calls:
            if isinstance(call, dict):
                yield self._part(call)

    def _part(self, call: Mapping[str, object]) -> ToolCallPart:
        function = call.get("function")
        function = function if isinstance(function, dict) else _NOTHING
        call_id, name, arguments = call.get("id"), function.get("name"), function.get("arguments")
        call_id = call_id if isinstance(call_id, str) else ""
        name = name if isinstance(name, str) else ""
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        index = call.get("index")
        key = index if isinstance(index, int | str) else None
        at = self._latest.get(key)
        if at is None or self._is_another(at, call_id, name):
            at = len(self._ids)
            self._ids.append(call_id)
            self._names.append("")
            self._arguments.append("")
        self._latest[key] = at
        new_name = "" if self._names[at] else name
        self._names[at] = self._names[at] or name
        self._ids[at] = self._ids[at] or call_id or f"call_{at}"
        self._arguments[at] += arguments
        return ToolCallPart(at, self._ids[at], new_name, arguments)

    def _is_another(self, at: int, call_id: str, name: str) -> bool:
        if call_id:
            return call_id != self._ids[at]
        return bool(name and self._names[at] and name != self._names[at] and _is_json(self._arguments[at]))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
