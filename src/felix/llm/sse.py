"""Bytes to server-sent events, by the WHATWG rules, fed in pieces of any size.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
Data stays bytes: a JSON parser wants bytes, and decoding is the dialect's business. Model servers also break the rules
in three ways; these are read as meant where no standard stream suffers (see `EventReader`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One dispatched event."""

    data: bytes
    """The data lines joined by LF."""
    name: str = ""
    """The `event` field; empty stands for "message"."""
    id: str = ""
    """The last `id` seen on the stream, this event's included."""


class EventReader:
    """Reads one stream.

    Beyond the standard: the last event may lack its blank line (`finish` hands it over); and with `is_whole`, a test
    for "this line of data is a message by itself", a new data line after such a line begins a new event, and a line
    that is such a message without any field name is one. No standard stream whose events are JSON objects has either.
    """

    def __init__(self, is_whole: Callable[[bytes], bool] | None = None) -> None:
        self._is_whole = is_whole
        self._unfinished: list[bytes] = []
        """Pieces of the line that has not ended yet."""
        self._started = False
        self._skip_lf = False
        self._data: list[bytes] = []
        self._name = ""
        self.last_id = ""
        self.retry_ms: int | None = None
        """Reconnection time the server asked for."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        if not self._started:
            data = b"".join(self._unfinished) + data
            self._unfinished = []
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._unfinished = [data]
                return []
            self._started = True
            data = data.removeprefix(_BOM)
        has_cr = b"\r" in data
        between_events = not (self._unfinished or self._data or self._name or self._skip_lf or has_cr)
        if between_events and data.find(b"\n") == len(data) - 2 and data[:6] == b"data: " and data[-2:] == b"\n\n":
            # One event in one piece, which is how most tokens come.
            return [Event(data[6:-2], "", self.last_id)]
        if (
            between_events
            and data[:7] == b"event: "
            and data.find(b"\n\n") == len(data) - 2
            and (event := self._named(data[:-2]))
        ):
            return [event]
        if self._skip_lf and data:
            # A CR ended the line before; an LF right after it is the rest of the same line end.
            self._skip_lf = False
            data = data.removeprefix(b"\n")
        if not has_cr and b"\n" not in data:
            self._unfinished.append(data)
            return []
        if has_cr:
            self._skip_lf = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._unfinished:
            self._unfinished.append(data)
            data = b"".join(self._unfinished)
        events: list[Event] = []
        rest = self._blocks(data, events)
        self._unfinished = [rest] if rest else []
        return events

    def finish(self) -> list[Event]:
        """The last event, if the stream ended before its blank line."""
        events: list[Event] = []
        rest = b"".join(self._unfinished)
        self._unfinished = []
        if rest:
            self._line(rest, events)
        self._dispatch(events)
        return events

    def _blocks(self, data: bytes, events: list[Event]) -> bytes:
        """Reads the whole lines of `data`, whose line ends are LF, and returns the unfinished one."""
        *blocks, rest = data.split(b"\n\n")
        for block in blocks:
            # The quick way, for what nearly every server sends: one line of data, one blank line.
            if not self._data and not self._name and block.startswith(b"data: ") and b"\n" not in block:
                events.append(Event(block[6:], "", self.last_id))
                continue
            if not self._data and not self._name and (event := self._named(block)):
                events.append(event)
                continue
            for line in block.split(b"\n"):
                self._line(line, events)
            self._dispatch(events)
        *lines, rest = rest.split(b"\n")
        for line in lines:
            self._line(line, events)
        return rest

    def _named(self, block: bytes) -> Event | None:
        """The quick way for an event with a name and one line of data; None for every other."""
        first, _, second = block.partition(b"\n")
        if first[:7] != b"event: " or second[:6] != b"data: " or b"\n" in second:
            return None
        return Event(second[6:], first[7:].decode("utf-8", "replace"), self.last_id)

    def _line(self, line: bytes, events: list[Event]) -> None:
        if not line:
            self._dispatch(events)
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"data":
                if self._is_whole and len(self._data) == 1 and self._is_whole(self._data[0]):
                    self._dispatch(events)
                self._data.append(value)
            case b"event":
                self._name = value.decode("utf-8", "replace")
            case b"id":
                if b"\0" not in value:
                    self.last_id = value.decode("utf-8", "replace")
            case b"retry":
                if value.isdigit():
                    self.retry_ms = int(value)
            case _ if self._is_whole and line.startswith(b"{") and self._is_whole(line):
                self._dispatch(events)
                events.append(Event(line, "", self.last_id))

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(b"\n".join(self._data), self._name, self.last_id))
            self._data.clear()
        self._name = ""
