"""What tools bring, cut for the model to what its context holds, and said so; pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from felix.llm.chat import Message, ToolSpec
from felix.team.prompts import estimate_tokens

MOST_BYTES = 256 * 1024
"""Of one result, for a model whose context would hold more."""
SHARE = 4
"""One result gets the context divided by this."""

_LEFT_OUT = "[This result was left out to fit the context. Call the tool again if it is needed.]"
_LEAST_TOKENS = 100
"""Of a result that was just asked for, however little room there is."""
_TURN_TOKENS = 16
"""For what a chat template adds around a turn."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A result as the model is given it."""

    text: str
    characters: int
    """Of the whole."""
    is_cut: bool


def cut(text: str, context: int, *, rest: str = "The user has the whole.") -> Cut:
    """As much of the beginning as fits a quarter of `context` (in tokens) and 256 KB, and what became of the `rest`."""
    shown = _within(text, context // SHARE, len(text), rest)
    return Cut(shown, len(text), is_cut=shown is not text)


def _within(text: str, tokens: int, characters: int, rest: str) -> str:
    """`text` itself where it fits, else its beginning, with a word about the rest; `characters`: of the whole."""
    # Four characters of the most compact script to a token: what lies beyond is not even looked at.
    head = text[: min(MOST_BYTES, tokens * 4)].encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore")
    if len(head) == len(text) and estimate_tokens(head) <= tokens:
        return text
    fits, too_long = 0, len(head) + 1
    while too_long - fits > 1:
        keep = (fits + too_long) // 2
        shown = _shortened(head, keep, characters, rest)
        if estimate_tokens(shown) <= tokens and len(shown.encode()) <= MOST_BYTES:
            fits = keep
        else:
            too_long = keep
    return _shortened(head, fits, characters, rest)


def _shortened(head: str, keep: int, characters: int, rest: str) -> str:
    shown = f"these are the first {keep:,} of {characters:,} characters"
    return f"{head[:keep]}\n\n[Cut here: {shown}. {rest}]"


def fitted(messages: Sequence[Message], tools: Sequence[ToolSpec], room: int) -> tuple[tuple[Message, ...], int]:
    """The messages with as many results left out, the oldest first, as it takes to fit `room` tokens; and how many.

    Those that have just come are never left out, or their model would call again and again: they are cut shorter.
    """
    spent = tokens_of_tools(tools) + sum(_tokens(message) for message in messages)
    kept, count = list(messages), 0
    newest = max((index for index, message in enumerate(messages) if message.calls), default=0)
    for index, message in enumerate(messages[:newest]):
        if spent <= room:
            break
        if message.role == "tool" and len(message.content) > len(_LEFT_OUT):
            kept[index] = replace(message, content=_LEFT_OUT)
            spent -= _tokens(message) - _tokens(kept[index])
            count += 1
    fresh = [index for index in range(newest, len(kept)) if kept[index].role == "tool"]
    for place, index in enumerate(fresh):
        if spent <= room:
            break
        message = kept[index]
        share = estimate_tokens(message.content) - math.ceil((spent - room) / (len(fresh) - place))
        shorter = _within(message.content, max(share, _LEAST_TOKENS), len(message.content), "No more of it fits.")
        kept[index] = replace(message, content=shorter)
        spent -= _tokens(message) - _tokens(kept[index])
        count += shorter is not message.content
    return tuple(kept), count


def tokens_of_tools(tools: Iterable[ToolSpec]) -> int:
    """About what the descriptions of tools take of the context."""
    return sum(estimate_tokens(f"{tool.name} {tool.description} {tool.parameters}") + _TURN_TOKENS for tool in tools)


def without_calls(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The same conversation in words alone, for a question with which no tools are sent: many servers take no turns
    of tools there."""
    told: list[Message] = []
    for message in messages:
        if message.role == "tool":
            told.append(Message("user", f"# Result of {message.name}\n\n{message.content}"))
        elif message.calls:
            called = "\n".join(f"[called {call.name} {call.arguments}]" for call in message.calls)
            told.append(Message("assistant", f"{message.content}\n\n{called}".strip()))
        else:
            told.append(message)
    merged: list[Message] = []
    for message in told:  # and none takes two turns of one speaker
        if merged and message.role == merged[-1].role:
            merged[-1] = Message(message.role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(message)
    return tuple(merged)


def _tokens(message: Message) -> int:
    called = "".join(call.name + call.arguments for call in message.calls)
    return estimate_tokens(message.content) + estimate_tokens(called) + _TURN_TOKENS
