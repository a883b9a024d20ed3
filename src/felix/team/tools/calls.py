"""The tool calls of one thought, carried out.

A call begins when its answer has ended with the server's word for it, when its arguments fit, and when it is trusted –
or the user has let it. What comes of it, good or bad, goes back to the model as its result.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace

from felix.errors import ToolError
from felix.events import ToolStatus
from felix.ledger.speech import Call
from felix.llm.chat import Message, ToolCall, ToolCallPart, ToolSpec
from felix.llm.surrogates import mend, one_line
from felix.log import redacted
from felix.team.tools.offer import Offer, RunTools
from felix.team.tools.results import cut, fitted, without_calls
from felix.team.tools.schema import canonical, check, parsed
from felix.team.tools.telling import Progress, Telling, Writing
from felix.team.tools.tool import Tool
from felix.team.tools.trust import REFUSED_BY_USER

MOST_ROUNDS = 12
"""Of one thought: how often its model may ask for tools before it must answer."""
MOST_WRONG = 2
"""Rounds, one after the other, in which a model may write calls that cannot be carried out."""

ANSWER_NOW = "No more tools are to be had. Give your answer now, from what you have."

Aside = Callable[[], AbstractAsyncContextManager[object]]
"""Entered while a thought waits for the user: others may be asked meanwhile."""

_SENDABLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Returned:
    """What the calls of one answer have brought."""

    calls: tuple[ToolCall, ...]
    """As they stand in the assistant's turn: each once, no two with one id."""
    results: tuple[Message, ...]
    notes: tuple[str, ...]
    duration_s: float
    """Of the work; not of waiting for the user."""


@dataclass(slots=True)
class _Asked:
    """A call as the model wrote it, looked at."""

    number: int
    call: ToolCall
    """As it goes back to the server with the next question."""
    written: str
    """Its arguments, as the model wrote them."""
    tool: Tool | None = None
    arguments: dict[str, object] | None = None
    fault: str = ""
    """Why it cannot be carried out."""
    result: Message | None = None

    @property
    def name(self) -> str:
        """As the user knows it."""
        return self.tool.name if self.tool else self.call.name

    @property
    def sameness(self) -> tuple[str, str]:
        return self.call.name, self.written if self.arguments is None else canonical(self.arguments)


class Calls:
    """Of one thought."""

    def __init__(
        self,
        run: RunTools,
        offer: Offer,
        telling: Telling,
        *,
        context: int | None,
        room: int,
        before: Iterable[Call] = (),
        aside: Aside = nullcontext,
    ) -> None:
        """`context` in tokens as loaded, `room` what of it a prompt may take; `before`: the calls of earlier goes."""
        self._run = run
        self._offer = offer
        self._telling = telling
        self._context = context
        self._room = room
        self._begun = {call.name for call in before if call.has_begun}
        self._aside = aside
        self._rounds = self._wrong = self._count = 0
        self._ids: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        """Calls that the user has not allowed: a model that insists does not have them asked again."""
        self._writing: Writing | None = None
        self.must_answer = False
        """No more calls are carried out: the model gets no tools with the next question."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the next question offers."""
        return () if self.must_answer else self._offer.specs

    def write(self, part: ToolCallPart, position: Callable[[], int], interval_s: float) -> None:
        """A piece of a call has come; it is told with others of the interval."""
        if self._writing is None:
            self._writing = Writing(self._telling, self._count + 1, position)
        self._writing.interval_s = interval_s
        self._writing.take(replace(part, name=self._offer.shown(part.name)))

    def written(self) -> None:
        """The answer has ended, or was ended: nothing more is written of these calls."""
        if self._writing:
            self._writing.flush()
            self._writing = None

    def question(self, messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], str]:
        """The messages of the next question, so that they fit, and what had to be left out, as a phrase."""
        # Where nobody says how much fits, it is likely more than what tools take to be described.
        messages, left_out = fitted(messages, self.specs if self._context else (), self._room)
        if self.must_answer:
            messages = without_calls((*messages, Message("user", ANSWER_NOW)))
        if not left_out:
            return messages, ""
        results = "result of a tool was" if left_out == 1 else "results of tools were"
        return messages, f"{left_out} {results} cut further, or left out, to fit the context"

    async def carry_out(self, calls: tuple[ToolCall, ...], position: int) -> Returned:
        """Do what one answer asks for, in its order; at once only what changes nothing.

        Cancelling ends what runs. `position`: characters of the thought's answer that stand before the calls.
        """
        started = time.monotonic()
        self._rounds += 1
        asked = [await self._look_at(call) for call in calls]
        once: dict[tuple[str, str], _Asked] = {}
        for each in asked:
            once.setdefault(each.sameness, each)
        notes = [f"{spare} identical calls of {name} were done once" for name, spare in _spares(asked, once)]
        waits_s = _Stopwatch()
        if all(each.tool is not None and not each.tool.reach.changes for each in once.values()):
            async with asyncio.TaskGroup() as tasks:
                for each in once.values():
                    tasks.create_task(self._do(each, position, waits_s))
        else:
            for each in once.values():
                await self._do(each, position, waits_s)
        for each in asked:
            if once[each.sameness] is not each:
                self._telling.called(each.number, each.name, each.written, position=position)
                why = "It is the same as another one of this answer, and was done once."
                self._telling.returned(each.number, each.name, "refused", "", error=why)
        self._wrong = self._wrong + 1 if any(each.fault for each in once.values()) else 0
        if self._wrong >= MOST_WRONG:
            self.must_answer = True
            fault = next(each for each in once.values() if each.fault)
            notes.append(f"it called {fault.name} wrongly again, and had to answer without tools")
        elif self._rounds >= MOST_ROUNDS:
            self.must_answer = True
            notes.append(f"it used tools {MOST_ROUNDS} times, and then had to answer")
        results = tuple(each.result for each in once.values() if each.result)
        spent_s = max(time.monotonic() - started - waits_s.total_s, 0.0)
        return Returned(tuple(each.call for each in once.values()), results, tuple(notes), spent_s)

    async def _look_at(self, call: ToolCall) -> _Asked:
        self._count += 1
        call_id = call.id or f"call_{self._count}"
        if call_id in self._ids:  # some servers count anew in each answer
            call_id = f"{call_id}_{self._count}"
        self._ids.add(call_id)
        asked = _Asked(self._count, replace(call, id=call_id), call.arguments)
        asked.tool = self._offer.get(call.name)
        # The servers read both again with the next question, and some refuse what is not as it should be.
        name = self._offer.name_of(asked.tool.name) if asked.tool else call.name
        asked.call = replace(asked.call, name=name if _SENDABLE_NAME.fullmatch(name) else "unknown")
        try:
            arguments = parsed(call.arguments)
        except ToolError as error:
            asked.call, asked.fault = replace(asked.call, arguments="{}"), str(error)
            arguments = None
        if asked.tool is None:
            there = ", ".join(spec.name for spec in self._offer.specs)
            asked.fault = f"There is no tool called “{call.name[:100]}” – there are: {there}."
        elif arguments is not None:
            try:
                await asyncio.to_thread(check, arguments, asked.tool.spec)
                asked.arguments = arguments
            except ToolError as error:
                asked.fault = str(error)
        return asked

    async def _do(self, asked: _Asked, position: int, waits_s: _Stopwatch) -> None:
        """One call, from the question whether it may begin to its result."""
        if asked.tool is None or asked.arguments is None:
            self._telling.called(asked.number, asked.name, asked.written, position=position)
            self._return(asked, "failed", asked.fault, error=asked.fault)
            return
        tool, number = asked.tool, asked.number
        approvals = self._run.approvals
        if asked.sameness in self._refused:
            self._telling.called(number, tool.name, asked.written, position=position)
            self._return(asked, "refused", REFUSED_BY_USER, error="You did not allow the same before.")
            return
        verdict = approvals.judge(tool, is_repeated=tool.name in self._begun)
        asks = verdict.why if verdict.kind == "ask" else ""
        if verdict.kind == "go":
            approvals.take(tool.reach)
        self._telling.called(
            number, tool.name, asked.written, position=position, asks=asks, asks_always=verdict.asks_always
        )
        started: float | None = None
        try:
            if verdict.kind == "refuse":
                self._return(asked, "refused", verdict.why, error=verdict.why)
                return
            async with self._aside() if asks else nullcontext():
                if asks:
                    with waits_s:
                        leave = await approvals.leave_for(self._telling.call_id(number), tool, verdict.reason)
                    if leave == "no":
                        self._refused.add(asked.sameness)
                        self._return(asked, "refused", REFUSED_BY_USER, error="You did not allow it.")
                        return
                    if why := approvals.forbids(tool):  # said in the settings while it waited
                        self._return(asked, "refused", why, error=why)
                        return
                    approvals.take(tool.reach)
                started = time.monotonic()
                await self._work(asked, tool, asked.arguments, started)
        except asyncio.CancelledError:
            if asked.result is None:  # else it had ended, and its thought waits for a place again
                self._return(asked, "stopped", "It was stopped.", started=started, error="Stopped by you.")
            raise

    async def _work(self, asked: _Asked, tool: Tool, arguments: dict[str, object], started: float) -> None:
        progress = Progress(
            lambda said, fraction: self._telling.progressed(asked.number, redacted(one_line(said)), fraction)
        )
        limit_s = tool.limit_s or self._run.limit_s
        limit = asyncio.timeout(limit_s)
        status: ToolStatus = "failed"
        error: str | None = None
        try:
            async with limit:
                output = await tool.call(arguments, progress)
            text, status = output.text, "failed" if output.is_error else "ok"
            error = "The tool says that it failed." if output.is_error else None
        except ToolError as failure:
            text = error = str(failure)
        except TimeoutError:
            if limit.expired():
                text = error = f"{tool.name} did not end within {limit_s:g} s and was stopped – ask it for less."
            else:
                text = error = f"{tool.name} waited in vain for something – try again later."
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise
            text = error = f"{tool.name} broke off by itself – try again."
        except Exception:  # noqa: BLE001  a tool's bug is its result, and ends no run
            _log.exception("the tool %s failed", tool.name)
            text = error = f"{tool.name} failed by a mistake of its own – the log has the details."
        finally:
            progress.end()
        text = redacted(mend(text))  # a server may well print the key that it was given
        context = self._context or self._room  # nobody says: then as much as a prompt is given
        shown, file = cut(text, context), ""
        if shown.is_cut:
            file = await self._run.keep(self._telling.call_id(asked.number), text)
            if not file:
                shown = cut(text, context, rest="The rest was not kept.")
        self._return(asked, status, shown.text, started=started, error=error, characters=shown.characters, file=file)

    def _return(
        self,
        asked: _Asked,
        status: ToolStatus,
        content: str,
        *,
        started: float | None = None,
        error: str | None = None,
        characters: int = 0,
        file: str = "",
    ) -> None:
        # nothing that ran took no time at all: by that those are told apart that never did
        duration_s = 0.0 if started is None else max(time.monotonic() - started, 1e-6)
        self._telling.returned(
            asked.number,
            asked.name,
            status,
            content,
            duration_s=duration_s,
            characters=characters,
            file=file,
            error=error,
        )
        asked.result = Message("tool", content, call_id=asked.call.id, name=asked.call.name, is_error=status != "ok")


class _Stopwatch:
    """Seconds that a thought has waited for the user; waits that overlap count once."""

    def __init__(self) -> None:
        self.total_s = 0.0
        self._waiting = 0
        self._since = 0.0

    def __enter__(self) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting += 1

    def __exit__(self, *_: object) -> None:
        self._waiting -= 1
        if not self._waiting:
            self.total_s += time.monotonic() - self._since


def _spares(asked: list[_Asked], once: dict[tuple[str, str], _Asked]) -> list[tuple[str, int]]:
    """(tool, how many) of those that are there more than once."""
    counts: dict[tuple[str, str], int] = {}
    for each in asked:
        counts[each.sameness] = counts.get(each.sameness, 0) + 1
    return [(once[key].name, count) for key, count in counts.items() if count > 1]
