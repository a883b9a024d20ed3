"""Bytes to the lines of a stream of JSON lines (NDJSON), fed in pieces of any size.

Only LF ends a line: Unicode's other line ends may stand inside the JSON strings.
"""

from __future__ import annotations

from felix.llm.sse import Event

_BOM = b"\xef\xbb\xbf"


class LineReader:
    """Reads one stream; each line that is not blank is an `Event` without a name."""

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        """Pieces of the line that has not ended yet."""
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """The lines that `data` completes."""
        if data[:1] == b"{" and not self._unfinished and self._started and data.find(b"\n") == len(data) - 1:
            # One line in one piece, which is how most tokens come.
            return [Event(data[:-1])]
        if b"\n" not in data:
            if data:
                self._unfinished.append(data)
            return []
        *lines, rest = b"".join((*self._unfinished, data)).split(b"\n")
        self._unfinished = [rest] if rest else []
        return self._events(lines)

    def finish(self) -> list[Event]:
        """The last line, if the stream ended before its line end."""
        rest = b"".join(self._unfinished)
        self._unfinished = []
        return self._events([rest])

    def _events(self, lines: list[bytes]) -> list[Event]:
        if not self._started:
            lines[0] = lines[0].removeprefix(_BOM)
            self._started = True
        return [Event(line) for line in lines if line.strip()]
