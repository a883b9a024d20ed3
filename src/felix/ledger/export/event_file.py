"""A run as one JSON object that holds all its durable events, each as `felix run --json` prints it.

`{"format": "felix-run", "version": 1, "felix": "2.0", "run": "…", "with_thinking": false, "events": [{…}, …]}`
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from felix import __version__
from felix.events import (
    PASSING,
    Record,
    SynthesisComplete,
    ThoughtComplete,
    ToolReturned,
    from_json,
    to_json,
)
from felix.ledger.words import beside_ledger

FORMAT = "felix-run"
VERSION = 1
"""Goes up when a reader of the last one would misread what is written."""


def as_json(records: Iterable[Record], *, include_thinking: bool = False) -> str:
    """The object, in ASCII: half characters survive, and no terminal takes any of it for a command.

    What the models thought is left out unless asked for; its place in time stays in the traces.
    """
    kept = [record for record in records if not isinstance(record.event, PASSING)]
    events = [to_json(_taken_away(record if include_thinking else without_thinking(record))) for record in kept]
    head = {
        "format": FORMAT,
        "version": VERSION,
        "felix": __version__,
        "run": kept[0].run if kept else None,
        "with_thinking": include_thinking,
    }
    lines = ",\n".join(f"  {_line(event)}" for event in events)
    return f'{_line(head)[:-1]}, "events": [\n{lines}\n]}}\n'


def records_of(text: str) -> list[Record]:
    """The records in such an object. Raises ValueError, with one sentence, when it is none."""
    sentence = f"This is no run that Felix exported as JSON (version {VERSION}) – choose another file."
    try:
        whole = json.loads(text)
        if (whole["format"], whole["version"]) != (FORMAT, VERSION):
            raise ValueError(sentence)
        return [from_json(event) for event in whole["events"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(sentence) from None


def without_thinking(record: Record) -> Record:
    """The record without what its model thought."""
    match record.event:
        case ThoughtComplete() | SynthesisComplete():
            return replace(record, event=replace(record.event, thinking=""))
        case _:
            return record


def _taken_away(record: Record) -> Record:
    """The record without the folders of the machine that it was made on."""
    event = record.event
    if isinstance(event, ToolReturned) and event.file:
        return replace(record, event=replace(event, file=beside_ledger(event.file)))
    return record


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
