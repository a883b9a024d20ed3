"""A text file that goes along with a task: read once, shown by name and size, given to the agents as a fenced block."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from felix.errors import FelixError
from felix.team.prompts import UNKNOWN_CONTEXT, Room, estimate_tokens

MAX_BYTES = 2_000_000
"""More text than any context holds; a mistaken click on a video must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """The text of a file as it was when it was added."""

    name: str
    text: str
    size: int
    """Bytes on disk."""
    tokens: int
    """About."""
    path: Path
    """Where it was read."""

    @property
    def label(self) -> str:
        """`notes.md · 3.1 KB · ~800 tokens`."""
        return f"{self.name} · {size_in_words(self.size)} · ~{self.tokens:,} tokens"


def read_attachment(path: Path) -> Attachment:
    """Read a text file. Raises FelixError with one sentence for what is none, is too large, or cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FelixError(f"{path.name} could not be read ({error.strerror}); choose another file.") from None
    if len(raw) > MAX_BYTES:
        raise FelixError(
            f"{path.name} is larger than {size_in_words(MAX_BYTES)}, more than any model reads; choose a smaller file."
        )
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise FelixError(f"{path.name} is no text file; save it as plain text (UTF-8) and add that.")
    text = text.replace("\r\n", "\n")
    return Attachment(path.name, text, len(raw), estimate_tokens(text), path)


def with_attachments(task: str, attachments: list[Attachment]) -> str:
    """The task as the agents get it: its own words, then each file by name in a fence that no line of it can close."""
    parts = [task.strip()]
    for each in attachments:
        longest = max((len(run) for run in re.findall(r"`{3,}", each.text)), default=2)
        fence = "`" * (longest + 1)
        parts.append(f"File `{each.name}`:\n\n{fence}\n{each.text.rstrip()}\n{fence}")
    return "\n\n".join(part for part in parts if part)


def context_warning(tokens: int, context_length: int | None, model: str) -> str:
    """One sentence when a task of so many tokens leaves no room for an answer in the model's context, else nothing.

    Where a server tells no context, agents get what fits `UNKNOWN_CONTEXT`; without a model there is nothing to say.
    """
    if not (context_length or model) or tokens <= Room(context_length, answer=0).prompt:
        return ""
    if not context_length:
        return (
            f"The task is about {tokens:,} tokens, and the server does not say how many {model} takes: "
            f"shorten it, or agents get it without its middle, to fit {UNKNOWN_CONTEXT:,}."
        )
    return (
        f"The task is about {tokens:,} tokens, but {model or 'the model'} is loaded with room for {context_length:,}: "
        "shorten it, or load the model with a larger context."
    )


def size_in_words(size: int) -> str:
    """`812 bytes`, `3.1 KB`, `2.0 MB`, `4.7 GB`."""
    if size < 1_000:
        return f"{size} bytes"
    power = next((power for power in (1, 2) if size < 1_000 ** (power + 1)), 3)
    return f"{size / 1_000**power:.1f} {('KB', 'MB', 'GB')[power - 1]}"
