"""A run in one of the formats it can be taken away in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, assert_never, get_args

from felix.events import PASSING, Record
from felix.ledger.export.document import markdown
from felix.ledger.export.event_file import as_json
from felix.ledger.export.page import html
from felix.ledger.state import RunState

Format = Literal["md", "json", "html"]
FORMATS: tuple[Format, ...] = get_args(Format)


def rendered(records: Sequence[Record], kind: Format, *, include_thinking: bool = False) -> str:
    """A run in one of the formats."""
    match kind:
        case "md":
            return markdown(folded(records), include_thinking=include_thinking)
        case "json":
            return as_json(records, include_thinking=include_thinking)
        case "html":
            return html(records, include_thinking=include_thinking)
        case _:
            assert_never(kind)


def folded(records: Sequence[Record]) -> RunState:
    """What the durable ones of `records` come to."""
    state = RunState()
    for record in records:
        if not isinstance(record.event, PASSING):
            state.apply(record)
    return state
