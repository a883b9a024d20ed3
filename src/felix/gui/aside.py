"""Work that may block, as a key store that asks the user first: on a thread of its own, its outcome told in a frame."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from felix.errors import FelixError
from felix.gui.bridge import Bridge, OnReply
from felix.team.mailbox import Mailbox, Reply

CLOSE_S = 0.5


class Aside:
    """`do` returns at once; `then` is called on Tk's thread."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._mailbox = Mailbox()
        self._numbers = itertools.count(-1, -1)  # the engine's own count upwards
        self._latest: threading.Thread | None = None
        bridge.listen(self._mailbox)

    def do(self, work: Callable[[], object], then: OnReply) -> None:
        number = next(self._numbers)
        self._bridge.expect(number, then)
        self._latest = threading.Thread(target=self._work, args=(number, work), name="felix-aside", daemon=True)
        self._latest.start()

    def close(self) -> None:
        """Give what was begun last a moment to end; a key store that waits for its user is not waited for."""
        if self._latest:
            self._latest.join(CLOSE_S)

    def _work(self, number: int, work: Callable[[], object]) -> None:
        try:
            reply = Reply(number, work())
        except FelixError as error:
            reply = Reply(number, error=error)
        self._mailbox.put(reply)
