"""How a run is shown: on the wall, as plain lines, or as one JSON object per line. Whoever shows it asks for frames."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO

from felix.cli.asking import Asking
from felix.cli.output import Output
from felix.cli.plain import PlainFace
from felix.events import Record, to_json
from felix.ledger.state import RunState

_POLL_S = 0.02
"""Between two looks into the mailbox: what the eye takes for at once."""


class Face(Protocol):
    """Inside its context it has the terminal."""

    @property
    def pause_s(self) -> float:
        """Between two frames."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def state(self) -> RunState:
        """Of the run, as far as it was told."""
        ...

    def apply(self, record: Record) -> None: ...

    def note(self, sentence: str) -> None:
        """Something beside the run that its user is to know."""
        ...

    def frame(self, now: float) -> None:
        """Show what has come; `now` is Unix seconds on the run's own clock."""
        ...


class _Lines:
    """Nobody answers questions between lines: whatever asks is refused."""

    pause_s = _POLL_S

    def __init__(self, out: Output, asking: Asking | None) -> None:
        self._out = out
        self._asking = asking

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        self._out.note(sentence)

    def frame(self, now: float) -> None:
        if self._asking is not None:
            for sentence in self._asking.refuse(self.state):
                self.note(sentence)
        self._out.flush()

    @property
    def state(self) -> RunState:
        raise NotImplementedError


class PlainLines(_Lines):
    """Text for people; the figures on stderr."""

    def __init__(self, out: Output, asking: Asking | None = None) -> None:
        super().__init__(out, asking)
        self._plain = PlainFace(out.write, out.note)

    def apply(self, record: Record) -> None:
        self._plain.apply(record)

    @property
    def state(self) -> RunState:
        return self._plain.state


class JsonLines(_Lines):
    """Events for scripts, and nothing else."""

    def __init__(self, out: Output, asking: Asking | None = None) -> None:
        super().__init__(out, asking)
        self._folded = RunState()

    def apply(self, record: Record) -> None:
        self._folded.apply(record)
        # ASCII only, and DEL escaped by hand (JSON lets it pass): nothing a terminal could take for a command
        self._out.write(json.dumps(to_json(record), ensure_ascii=True).replace("\x7f", "\\u007f") + "\n")

    @property
    def state(self) -> RunState:
        return self._folded


def face_for(
    out: Output,
    *,
    asking: Asking | None = None,
    is_json: bool = False,
    is_plain: bool = False,
    is_kept: Callable[[], bool] = lambda: True,
) -> Face:
    """The best that stdout can show. `is_kept` is asked at the end."""
    if is_json:
        return JsonLines(out, asking)
    if is_plain or not shows_wall(out.stream, os.environ):
        return PlainLines(out, asking)
    from felix.cli.wall.face import WallFace

    return WallFace(out.stream, asking, is_kept=is_kept)


def shows_wall(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that can do more than write lines, and shows the signs of the wall."""
    if not stream.isatty() or environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    if (stream.encoding or "").lower().replace("-", "") != "utf8":
        return False
    from rich.console import Console

    return not Console(file=stream).legacy_windows
