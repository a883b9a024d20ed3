"""Whoever reads along with an engine: their mailboxes, and what they have asked until it is answered."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

from felix.errors import FelixError
from felix.team.mailbox import Item, Mailbox, Part, Reply

Post = Callable[[Callable[[], Awaitable[None]]], None]
"""Has the worker do something."""

_log = logging.getLogger(__name__)


class Replies:
    """Questions come on any thread; all else is the worker's."""

    def __init__(self, post: Post) -> None:
        self.mailboxes: tuple[Mailbox, ...] = ()
        """Replaced as a whole, so that the worker may read it at any time."""
        self._post = post
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Task[None]] = {}
        """By the number of the reply, what is still being answered."""

    def ask(self, question: Callable[[], Awaitable[object]]) -> int:
        """Have something answered; the number of the reply."""
        return self.ask_in_parts(lambda _: question())

    def ask_in_parts(self, question: Callable[[Callable[[object], None]], Awaitable[object]]) -> int:
        """The same; whatever `question` tells on the way comes at once, as a `Part`."""
        number = next(self._numbers)

        async def answer() -> None:
            this = asyncio.current_task()
            assert this is not None
            self._asked[number] = this
            try:
                reply = Reply(number, await question(lambda value: self.send(Part(number, value))))
            except FelixError as error:
                reply = Reply(number, error=error)
            except Exception:  # noqa: BLE001  whoever asked must not wait for ever
                _log.exception("a question failed")
                reply = Reply(number, error=FelixError("Felix made a mistake – the log has the details."))
            finally:
                del self._asked[number]
            self.send(reply)

        self._post(answer)
        return number

    def forget(self, number: int) -> None:
        """End what a question has begun; no reply comes."""

        async def end() -> None:
            if task := self._asked.get(number):
                task.cancel()

        self._post(end)

    def send(self, item: Item) -> None:
        for mailbox in self.mailboxes:
            mailbox.put(item)

    def welcome(self, mailbox: Mailbox) -> None:
        """It gets everything from now on."""
        self.mailboxes = (*self.mailboxes, mailbox)

    async def dismiss(self, mailbox: Mailbox) -> None:
        self.mailboxes = tuple(each for each in self.mailboxes if each is not mailbox)
