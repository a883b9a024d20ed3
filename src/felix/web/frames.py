"""Records as server-sent events: the name and the JSON of `felix run --json`; the number of a durable one is its id.

A reader who comes back says the last id it has, and is sent what is durable behind it, then what is being written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from felix.events import PASSING, Channel, PartialSynthesis, PartialThought, Record, RunId, ThoughtId, to_json

BEAT = b": still here\n\n"
"""A comment: it keeps whatever lies between from taking a quiet stream for a dead one."""


class Frame(NamedTuple):
    """One event, encoded once for all who watch."""

    seq: int
    """Of a durable event; 0 for one that passes."""
    data: bytes


def frame(record: Record) -> Frame:
    seq = 0 if isinstance(record.event, PASSING) else record.seq
    return Frame(seq, event(record.event.type, to_json(record), seq))


def event(name: str, value: object, seq: int = 0) -> bytes:
    """ASCII, so there is no line break in it that some reader knows and another does not."""
    head = f"id: {seq}\n" if seq else ""
    return f"{head}event: {name}\ndata: {json.dumps(value, ensure_ascii=True, separators=(',', ':'))}\n\n".encode()


def datum(value: object) -> bytes:
    """An event without a name."""
    return f"data: {json.dumps(value, ensure_ascii=True, separators=(',', ':'))}\n\n".encode()


def resync(after: int) -> bytes:
    """What a reader is told that was too slow: where to go on from."""
    return event("resync", {"after": after, "message": f"You were too slow – resync from seq {after}."})


_Key = tuple[RunId, ThoughtId | None, Channel]


def merged(records: Iterable[Record]) -> list[Record]:
    """The same with fewer: pieces of one text that came at once are one piece. Nothing passes an end or a state."""
    kept: list[Record] = []
    growing: dict[_Key, int] = {}
    for record in records:
        piece = record.event
        if not isinstance(piece, PartialThought | PartialSynthesis):
            growing.clear()
            kept.append(record)
            continue
        key = (record.run, piece.thought_id if isinstance(piece, PartialThought) else None, piece.channel)
        place = growing.get(key)
        before = kept[place].event if place is not None else None
        if (
            place is not None
            and isinstance(before, PartialThought | PartialSynthesis)
            and piece.partial
            and before.partial
            and piece.offset == before.offset + len(before.partial)
        ):
            whole = replace(before, partial=before.partial + piece.partial, tokens_so_far=piece.tokens_so_far)
            kept[place] = replace(kept[place], event=whole)
            continue
        growing[key] = len(kept)
        kept.append(record)
    return kept
