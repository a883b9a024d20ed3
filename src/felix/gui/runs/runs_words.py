"""What the runs list says of a run: the day it stands under, its name, its second line, its age. The list only draws.

Ten thousand rows are put under their days with one comparison each: a heading knows from when on it holds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from felix.events import RunId, RunStatus
from felix.gui.status_bar import clock
from felix.gui.text.shown_text import printable
from felix.gui.wall.call_words import waiting_calls
from felix.ledger.reader import RunRow
from felix.ledger.search import CLOSED, OPENED
from felix.ledger.state import RunState
from felix.ledger.words import deed_of

PINNED = "Pinned"
_LONGEST_NAME = 200
"""Characters of a name that are looked at: no list is wide enough for more."""
_BEFORE_HIT = 14
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Group:
    """The rows under one heading: `count` of them from `first` on."""

    heading: str
    first: int
    count: int
    key: str = ""
    """What stays the same when today has become yesterday: the day, the month."""


class Look(NamedTuple):
    """The shape of a run's glyph, the state of the kit that colours it, and a word when there is something to say."""

    icon: str
    state: str
    word: str


@dataclass(frozen=True, slots=True)
class Live:
    """What the run that goes on has reached."""

    run: RunId
    fraction: float
    words: str
    """`Round 2 of 5`, `Paused`."""
    elapsed: str


_LOOKS: dict[RunStatus, Look] = {
    "complete": Look("check-circle", "done", ""),
    "stopped": Look("stop-circle", "stop", "Stopped"),
    "failed": Look("exclamation-octagon", "fail", "Failed"),
    "crashed": Look("exclamation-octagon", "fail", "Failed"),
    "interrupted": Look("lightning-charge", "stop", "Interrupted"),
}


def look_of(row: RunRow) -> Look:
    """Of a run that has ended; one without an end that nobody follows is taken for interrupted."""
    return _LOOKS[row.status or "interrupted"]


def arranged(rows: Sequence[RunRow]) -> list[RunRow]:
    """The pinned ones first, then the newest, by the clock of the day they began on."""
    return sorted(rows, key=lambda row: (not row.is_pinned, -row.started_at))


def grouped(rows: Sequence[RunRow], now: float) -> list[Group]:
    """Headings for `rows` as `arranged`."""
    pinned = sum(row.is_pinned for row in rows)
    groups = [Group(PINNED, 0, pinned, "pinned")] if pinned else []
    first, heading, key, since = pinned, "", "", float("inf")
    for index in range(pinned, len(rows)):
        if rows[index].started_at < since:
            if index > first:
                groups.append(Group(heading, first, index - first, key))
            first = index
            heading, key, since = _day_of(rows[index].started_at, now)
    if len(rows) > first:
        groups.append(Group(heading, first, len(rows) - first, key))
    return groups


def name_of(row: RunRow) -> str:
    """Its name on one line; a task may be a text without a line break."""
    return " ".join(printable(row.name[:_LONGEST_NAME]).split()) or "Without a name"


def second_line(row: RunRow, live: Live | None) -> str:
    """`Stopped · qwen3-8b`, `Round 2 of 5 · qwen3-8b`."""
    word = live.words if live else look_of(row).word
    model = "demo" if row.is_demo else printable(row.model.rpartition("/")[2])
    return "  ·  ".join(part for part in (word, model) if part)


def found_in(row: RunRow) -> list[tuple[str, bool]]:
    """Where a search found it, in pieces, hits marked with True; empty without a search.

    It begins shortly before the first hit, which would else be out of sight.
    """
    before, mark, rest = row.snippet.partition(OPENED)
    if not mark:
        return [(printable(before), False)] if before else []
    if len(before) > _BEFORE_HIT:
        before = "…" + before[-_BEFORE_HIT:].partition(" ")[2]
    pieces = [(before, False)]
    for piece in rest.split(OPENED):
        hit, _, after = piece.partition(CLOSED)
        pieces += [(hit, True), (after, False)]
    return [(printable(text), is_hit) for text, is_hit in pieces if text]


def age_of(row: RunRow, now: float) -> str:
    """How long ago while that says more, else the time of day, else the day: `14 m`, `21:14`, `3 Oct`."""
    ago, then = max(0.0, now - row.started_at), time.localtime(row.started_at)
    days = (_date(now) - _date(row.started_at)).days
    if ago < _MINUTE:
        return "now"
    if ago < _HOUR:
        return f"{int(ago / _MINUTE)} m"
    if days <= 0:
        return f"{int(ago / _HOUR)} h"
    if row.is_pinned and days < 14:
        return f"{days} d"
    if days < 7 and not row.is_pinned:
        return time.strftime("%H:%M", then)
    day = f"{then.tm_mday} {time.strftime('%b', then)}"
    return day if then.tm_year == time.localtime(now).tm_year else f"{day} {then.tm_year}"


def live_words(state: RunState, now: float) -> Live | None:
    """What `state` has reached; None when it does not go on. `now` is Unix seconds."""
    if not state.is_running or state.run is None:
        return None
    if deed := deed_of(state):
        return Live(state.run, 0.0, deed, clock(state.elapsed_s(now)))
    if state.synthesis is not None:
        words = "Synthesis"
    elif any(waiting_calls(agent) for agent in state.agents.values()):
        words = "Asks you"
    elif state.pause == "paused":
        words = "Paused"
    elif state.round:
        words = f"Round {state.round} of {max(state.round, len(state.rounds))}"
    else:
        words = "Connecting"
    fraction = state.calls_ended / state.calls_planned if state.calls_planned else 0.0
    return Live(state.run, min(1.0, fraction), words, clock(state.elapsed_s(now)))


def tip_of(row: RunRow) -> str:
    """The whole name, when, and with what; for a tooltip."""
    when = time.strftime("%A, %d %B %Y, %H:%M", time.localtime(row.started_at))
    with_what = " · ".join(part for part in (row.workflow, "demo model" if row.is_demo else row.model) if part)
    figures = [clock(row.duration_s)] if row.duration_s else []
    figures += [f"{row.tokens:,} tokens"] if row.tokens else []
    return "\n".join(part for part in (name_of(row), when, with_what, " · ".join(figures)) if part)


def _day_of(at: float, now: float) -> tuple[str, str, float]:
    """The heading of a moment, its key, and the earliest moment it holds for."""
    day, today = _date(at), _date(now)
    ago = (today - day).days
    if ago <= 0:
        return "Today", f"{today}", _start(today)
    if ago == 1:
        return "Yesterday", f"{day}", _start(day)
    if ago < 7:
        return f"{day:%A}, {day.day} {day:%b}", f"{day}", _start(day)
    if ago < 14:
        return "Last week", "week", _start(today - timedelta(days=13))
    month = f"{day:%B}" if day.year == today.year else f"{day:%B} {day.year}"
    return month, f"{day:%Y-%m}", _start(day.replace(day=1))


def _date(at: float) -> date:
    """The day, where the user is."""
    local = time.localtime(at)
    return date(local.tm_year, local.tm_mon, local.tm_mday)


def _start(day: date) -> float:
    return time.mktime((day.year, day.month, day.day, 0, 0, 0, 0, 0, -1))
