"""The JSON messages of one stream: read as meant where they are not quite JSON, counted where they cannot be read."""

from __future__ import annotations

import json

import jiter

from felix.errors import ServerError
from felix.llm import faults
from felix.llm.chat import Note
from felix.llm.sse import Event

MOST_DAMAGED = 3
"""Pieces that could not be read, from which on an answer is not worth calling one."""


class JsonMessages:
    """Parses the events of one stream."""

    def __init__(self) -> None:
        self._damaged = 0

    def parse(self, event: Event) -> object:
        """The message in `event`; None for one to be skipped: empty, a keep-alive in the wrong place, or damaged.

        Raises ServerError for an error that is no JSON, and when one damaged piece comes after the other.
        """
        try:
            message: object = jiter.from_json(event.data)
        except ValueError:
            return self.parse_oddly(event)
        return message

    def note(self) -> Note | None:
        """What was skipped, when the stream is over."""
        if not self._damaged:
            return None
        pieces = "1 damaged piece was" if self._damaged == 1 else f"{self._damaged} damaged pieces were"
        return Note(f"{pieces} skipped")

    def parse_oddly(self, event: Event) -> object:
        """`parse` for an event that is known not to be clean JSON."""
        data = event.data.strip()
        if not data or data.startswith(b":"):
            return None
        text = data.decode("utf-8", "replace")
        try:
            # Raw control characters, bytes that are no UTF-8, half an emoji: jiter refuses them, the text is whole.
            message: object = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            if event.name == "error":
                raise faults.from_stream(text) from None
            self._damaged += 1
            if self._damaged > MOST_DAMAGED:
                raise ServerError(
                    "The server sent one damaged piece of the answer after the other – look at the server's log, then"
                    " ask again.",
                    fault="protocol",
                ) from None
            return None
        return message
