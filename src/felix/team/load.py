"""What is asked of a server at this moment, by all runs of the process together, and whether it is well.

Every run has connections of its own; what a server can bear is one figure for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from felix.errors import SettingsError
from felix.llm.address import repair_base_url
from felix.team.turnstile import Turnstile

FIRST_REST_S, LONGEST_REST_S = 1.0, 60.0


class Load:
    """Of one server; belongs to the loop of the runs that ask it."""

    __slots__ = ("asked_again", "fallen", "inside", "rest_s", "rests", "taken")

    def __init__(self) -> None:
        self.inside = 0
        """Answers that are asked of it now."""
        self.taken = 0
        """When it was last chosen, as a number that grows: equals are taken in turn."""
        self.rests = False
        """It failed and is passed over, where others can do its work, until it answers again."""
        self.rest_s = FIRST_REST_S
        """How long its next rest takes."""
        self.asked_again = asyncio.Lock()
        """Held by the run that looks, for all, whether it is well again."""
        self.fallen: list[Callable[[], None]] = []
        """One for each run that may ask it: called when it falls out, so that it is missed by all of them."""

    def answered(self) -> None:
        self.rest_s = FIRST_REST_S

    def falls_out(self) -> None:
        self.rests = True
        for tell in list(self.fallen):
            tell()


class Loads:
    """Of all servers, by address: one queue for everybody who waits. A server that no run uses is not remembered."""

    def __init__(self) -> None:
        self.turnstile = Turnstile()
        self._loads: dict[str, Load] = {}

    def of(self, base_url: str, fallen: Callable[[], None]) -> Load:
        """The one at an address, for a run that tells with `give_up` when it has ended."""
        load = self._loads.setdefault(_where(base_url), Load())
        load.fallen.append(fallen)
        return load

    def give_up(self, base_url: str, fallen: Callable[[], None]) -> None:
        where = _where(base_url)
        if (load := self._loads.get(where)) and fallen in load.fallen:
            load.fallen.remove(fallen)
            if not load.fallen:
                del self._loads[where]


def _where(base_url: str) -> str:
    """The address, however it was written."""
    try:
        return repair_base_url(base_url).casefold()
    except SettingsError:
        return base_url
