"""An answer that used tools, told to its model again, so that it can be gone on with: what was asked, what it brought.

Without this a model that goes on would not know what it had seen, and would have it done once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from felix.errors import ToolError
from felix.ledger.speech import Call
from felix.llm.chat import Message, ToolCall
from felix.team.tools.offer import Offer
from felix.team.tools.schema import parsed

UNKNOWN = "This call was cut off. Nobody knows whether it was done."


def turns_of(answer: str, calls: Iterable[Call], offer: Offer) -> tuple[tuple[Message, ...], str]:
    """The turns of an answer up to its last tools, and the text behind them.

    Calls of tools that its agent does not have any more are left out: no server would know what they are.
    """
    turns: list[Message] = []
    start = number = 0
    known = [(call, name) for call in calls if (name := offer.name_of(call.name)) and call.called_at is not None]
    for position, group in groupby(known, key=lambda pair: min(pair[0].position, len(answer))):
        asked: list[ToolCall] = []
        results: list[Message] = []
        for call, name in group:
            number += 1
            told = call.content if call.status in ("ok", "failed", "refused") else UNKNOWN
            asked.append(ToolCall(f"call_before_{number}", name, _sendable(str(call.arguments))))
            results.append(Message("tool", told, call_id=asked[-1].id, name=name, is_error=call.status != "ok"))
        turns += [Message("assistant", answer[start:position].strip(), calls=tuple(asked)), *results]
        start = position
    return tuple(turns), answer[start:].lstrip("\r\n") if turns else answer


def _sendable(arguments: str) -> str:
    try:
        parsed(arguments)
    except ToolError:
        return "{}"
    return arguments or "{}"
