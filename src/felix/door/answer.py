"""What one agent said to one question, as a frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from felix.errors import FelixError, ServerError, ServerFault
from felix.events import Status, Tokens
from felix.llm.chat import Message
from felix.team.prompts import Room, estimate_tokens
from felix.team.speaking import Spoken

_AROUND = 8
"""Tokens that a chat template puts around each message, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How an answer ended; its text is kept whatever the status."""

    text: str
    thinking: str
    status: Status
    error: str | None
    """One sentence when the status is not `complete`."""
    usage: Tokens | None
    """As the server counted; None when it did not."""
    ttft_s: float | None
    """Seconds to the first token."""
    tokens_per_s: float | None
    """Of writing; an estimate where the server did not count."""
    duration_s: float
    finish_reason: str | None
    """As the server said it."""
    model: str
    """The one that answered."""
    notes: tuple[str, ...] = ()
    """What its reader should know, such as that a part of the conversation did not fit."""

    def __str__(self) -> str:
        return self.text


def answer_of(spoken: Spoken, notes: tuple[str, ...]) -> Answer:
    """Raises FelixError (ServerError where it was the server) for an answer that failed without any text."""
    if spoken.status == "failed" and not spoken.content.strip():
        raise _failure(spoken.error or "No answer came – ask again.", spoken.fault)
    return Answer(
        text=spoken.content,
        thinking=spoken.thinking,
        status=spoken.status,
        error=spoken.error,
        usage=spoken.usage,
        ttft_s=spoken.ttft_s,
        tokens_per_s=spoken.tokens_per_s,
        duration_s=spoken.duration_s,
        finish_reason=spoken.finish_reason,
        model=spoken.model,
        notes=(*notes, *spoken.notes),
    )


def _failure(sentence: str, fault: ServerFault | None) -> FelixError:
    return ServerError(sentence, fault=fault) if fault else FelixError(sentence)


def fitted(
    system: str, history: Sequence[Message], question: str, room: Room | None
) -> tuple[tuple[Message, ...], str]:
    """The messages of a question with as much of what was said before as there is room for, newest first, and what is
    to be said of the rest; None is room for all. What is kept begins with a question of the user's, as chat templates
    want it.
    """
    first = (Message("system", system),) if system else ()
    last = Message("user", question)
    if room is None:
        return (*first, *history, last), ""
    free = room.prompt - sum(estimate_tokens(each.content) + _AROUND for each in (*first, last))
    start = len(history)
    while start and (cost := estimate_tokens(history[start - 1].content) + _AROUND) <= free:
        start, free = start - 1, free - cost
    while start < len(history) and start and history[start].role != "user":
        start += 1
    count = "message is" if start == 1 else "messages are"
    note = f"the {start} oldest {count} left out to fit a context of {room}" if start else ""
    return (*first, *history[start:], last), note
