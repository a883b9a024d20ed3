"""How a run is shown: on the wall, as plain lines, or as one JSON object per line. Whoever shows it asks for frames."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from felix.cli.asking import Asking
from felix.cli.keys import Keys
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
    pause_s = _POLL_S

    def __init__(self, out: Output) -> None:
        self._out = out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def note(self, sentence: str) -> None:
        self._out.note(sentence)

    def frame(self, now: float) -> None:
        self._out.flush()


class JsonLines(_Lines):
    """Events for scripts, and nothing else."""

    def __init__(self, out: Output) -> None:
        super().__init__(out)
        self._state = RunState()

    @property
    def state(self) -> RunState:
        return self._state

    def apply(self, record: Record) -> None:
        self._state.apply(record)
        # ASCII only, and DEL escaped by hand (JSON lets it pass): nothing a terminal could take for a command
        self._out.write(json.dumps(to_json(record), ensure_ascii=True).replace("\x7f", "\\u007f") + "\n")


class PlainLines(_Lines):
    """Text for people; the figures on stderr. At a terminal a question is a few lines more."""

    def __init__(self, out: Output, asking: Asking | None = None) -> None:
        super().__init__(out)
        self._plain = PlainFace(out.write, out.note)
        self._asking = asking
        self._keys = Keys()
        self._asked: tuple[str, ...] = ()
        """The question that was told last."""

    def __enter__(self) -> Self:
        if self._asking is not None:
            self._keys.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._keys.__exit__(*exc)

    @property
    def state(self) -> RunState:
        return self._plain.state

    def apply(self, record: Record) -> None:
        self._plain.apply(record)

    def note(self, sentence: str) -> None:
        self._plain.end_line()
        super().note(sentence)

    def frame(self, now: float) -> None:
        if self._asking is not None:
            question = self._asking.hear(self._plain.state, self._keys.pressed())
            if question != self._asked:
                self._asked = question
                for line in question:
                    self.note(line)
        super().frame(now)


def face_for(
    out: Output,
    *,
    asking: Asking | None = None,
    is_json: bool = False,
    is_plain: bool = False,
    is_replay: bool = False,
    is_kept: Callable[[], bool] = lambda: True,
) -> Face:
    """The best that stdout can show. `is_kept` is asked at the end. `asking` is None where nobody can be asked."""
    if is_json:
        return JsonLines(out)
    if is_plain or not shows_wall(out, os.environ):
        return PlainLines(out, asking)
    from felix.cli.wall.face import WallFace

    return WallFace(out.stream, asking, is_replay=is_replay, is_kept=is_kept)


def shows_wall(out: Output, environ: Mapping[str, str]) -> bool:
    """Whether it is a terminal that can do more than write lines, and shows the signs of the wall."""
    if not out.has_terminal or environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    if (out.stream.encoding or "").lower().replace("-", "") != "utf8":
        return False
    from rich.console import Console

    return not Console(file=out.stream).legacy_windows
