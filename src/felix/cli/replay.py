"""`felix replay RUN`: a run once more in the terminal, in its own time or faster."""

from __future__ import annotations

import argparse
import time

from felix.cli.faces import face_for
from felix.cli.kept import find, look
from felix.cli.output import COMPLETE, STOPPED, WRONG, Output
from felix.ledger.reader import Reader
from felix.ledger.replay import Replay

FRAME_S = 0.05
"""Between two looks at the clock: text that flows, at little cost."""
SLOWEST, FASTEST = 0.1, 1_000.0


def run(options: argparse.Namespace) -> int:
    """Play it; Ctrl-C ends it quietly, and what was shown by then stays."""
    return look(options, lambda reader, out: _replay(reader, out, options))


def _replay(reader: Reader, out: Output, options: argparse.Namespace) -> int:
    if not SLOWEST <= options.speed <= FASTEST:  # not a number is neither
        out.note(f"--speed is {SLOWEST:g} to {FASTEST:g} – 4 plays four times as fast.")
        return WRONG
    replay = Replay(reader.records(find(reader, options.run).run))
    with face_for(out, is_plain=options.plain, is_replay=True) as face:
        before, passed_s = time.monotonic(), 0.0
        try:
            while True:
                for record in replay.advance(passed_s * options.speed):
                    face.apply(record)
                face.frame(replay.now)
                if replay.position_s >= replay.duration_s:
                    return COMPLETE
                time.sleep(max(FRAME_S, face.pause_s))
                now = time.monotonic()
                before, passed_s = now, now - before
        except KeyboardInterrupt:
            return STOPPED
