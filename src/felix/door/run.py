"""`felix.run`: a workflow carried out in the caller's event loop, without a thread of Felix's own."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from felix.clock import elapsed
from felix.door.callbacks import Feed, first_of, raise_in
from felix.door.going import Going
from felix.door.keeping import kept_in
from felix.door.own_client import WatchedClient
from felix.door.place import Place, SettingsLike, place
from felix.door.result import Result, result_of
from felix.door.tools import Approve, GivenTools, ToolLike, asker
from felix.door.workflows import WorkflowLike, workflow_of
from felix.errors import FelixError, LedgerError
from felix.events import (
    HUB,
    AgentId,
    CallId,
    Event,
    Leave,
    PartialSynthesis,
    PartialThought,
    Record,
    RunId,
    SynthesisComplete,
    ThoughtComplete,
    ThoughtId,
)
from felix.ledger.file import Ledger
from felix.ledger.reader import Reader
from felix.ledger.rows import state_of
from felix.ledger.state import RunState
from felix.llm.chat import ChatClient
from felix.team.agent import STOPPED_BY_USER
from felix.team.hub import CentralPost
from felix.team.mailbox import Item, Mailbox
from felix.team.outcome import can_continue
from felix.team.run import Run as TeamRun
from felix.team.runner import give_up, reopen_run, run_workflow
from felix.team.steering import Act, Steering
from felix.team.workflow import Workflow, from_json

P = ParamSpec("P")

OnToken = Callable[[AgentId, str], object]
"""Told who writes (`HUB` for the synthesis) and the next piece of the answer, without streaming all of it; plain or
async."""
OnEvent = Callable[[Event], object]
"""Plain or async."""

GOES_ON = "The run goes on with what is missing."


def run(
    task: str,
    *,
    workflow: WorkflowLike | None = None,
    base_url: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
    endpoint: str | None = None,
    settings: SettingsLike | None = None,
    client: ChatClient | None = None,
    tools: Iterable[ToolLike] = (),
    approve: Approve | None = None,
    ledger: str | os.PathLike[str] | None = None,
    follows: Result | None = None,
    on_token: OnToken | None = None,
    on_event: OnEvent | None = None,
    demo: bool = False,
) -> Run:
    """A team at work on a task. It begins when it is iterated or awaited.

        async for event in felix.run("Compare SQLite and DuckDB for logs.", workflow="research_team"):
            match event:
                case felix.events.PartialThought(agent_id=agent, partial=text):
                    print(agent, text)

        result = await felix.run("Compare SQLite and DuckDB for logs.")
        print(result.text)

    `workflow` is a name, a path, a `Workflow`, or a dict of what stands in such a file; without it the one chosen in
    the settings. `settings` are those in force, as for `felix run`, unless given; nothing is ever saved there. Asked is
    the server at `base_url`, an `endpoint` or a pool of the settings, a `client` of your own (which stays open), or the
    `demo` model; without any of them the server in use. `ledger` is a file in which the run is kept. `follows` is the
    result of an earlier run: the conversation up to it stands in all prompts, as far as it fits.

    `tools` are functions of your own, described by their hints and docstring, and names of tools that the settings
    have; all agents may use them that name none of their own. `approve` is asked about calls that need a leave, such as
    those of tools whose trust is "ask"; without it they are refused.

    `on_token` and `on_event` may be plain or async. The first exception of either, of `approve` or of your client ends
    the run and is raised.

    Raises FelixError at once for what was given wrongly. A server that cannot be reached, or fails, is a result with
    the status `failed` and a reason.
    """
    if not task.strip():
        raise FelixError("The task is empty – say what the agents shall work on.")
    where = place(
        settings=settings,
        base_url=base_url,
        endpoint=endpoint,
        model=model,
        api_key=api_key,
        client=client,
        demo=demo,
    )
    given = GivenTools(tools)
    team = given.added_to(where.asked(workflow_of(workflow, where.settings.workflow)))
    kept = Path(ledger).expanduser().resolve() if ledger is not None else None
    return Run(
        task,
        team,
        where,
        given,
        approve=approve,
        ledger=kept,
        follows=follows,
        on_token=on_token,
        on_event=on_event,
    )


def continue_run(
    run: Result | RunId | str,
    *,
    ledger: str | os.PathLike[str],
    base_url: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
    settings: SettingsLike | None = None,
    client: ChatClient | None = None,
    tools: Iterable[ToolLike] = (),
    approve: Approve | None = None,
    on_token: OnToken | None = None,
    on_event: OnEvent | None = None,
) -> Run:
    """Go on with a run that ended before its time: it was stopped, it failed, or its program died.

        result = await felix.continue_run("20261121-101500-3fa9c1", ledger="runs.db")

    Asked for is only what came to no end; the result holds all of the run, its events are those that come now. `run` is
    a result, or its id, in the `ledger` in which it was kept. Functions of your own that it had as `tools` must be
    given again; a call that had begun and may have done its work is put to `approve`, and without it not made again.
    All else as in `felix.run`.

    Raises FelixError at once, LedgerError for a run that is not there, is complete or still goes on.
    """
    path = Path(ledger).expanduser().resolve()
    wanted = run.run if isinstance(run, Result) else RunId(run)
    with Reader(path) as reader:
        state, is_going = reader.state(wanted), reader.is_written
    if state.plan is None:
        raise LedgerError(f"There is no run {wanted} in {path} – look at its id, or name the ledger it was kept in.")
    if state.status is None and is_going:
        raise LedgerError(f"The run {wanted} still goes on – wait for its end.")
    if state.status is not None and not can_continue(state):
        raise LedgerError(f"Nothing is missing of the run {wanted} – start another one with felix.run.")
    demo = state.plan.demo and client is None
    where = place(settings=settings, base_url=base_url, model=model, api_key=api_key, client=client, demo=demo)
    return Run(
        state.plan.task,
        from_json(state.plan.definition),
        where,
        GivenTools(tools),
        approve=approve,
        ledger=path,
        continues=wanted,
        on_token=on_token,
        on_event=on_event,
    )


class Run(Going[Event, Result]):
    """A run: iterate it for its events, await it for its result, or both; made by `felix.run` or `felix.continue_run`.

    Its other methods are acts of the user, for the thread of its loop. They return at once, and one that comes too late
    does nothing.
    """

    def __init__(
        self,
        task: str,
        workflow: Workflow,
        where: Place,
        tools: GivenTools,
        *,
        approve: Approve | None,
        ledger: Path | None,
        follows: Result | None = None,
        continues: RunId | None = None,
        on_token: OnToken | None,
        on_event: OnEvent | None,
    ) -> None:
        super().__init__()
        self.id = continues or RunId(f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}")
        self._continues = continues is not None
        self._work = (task, workflow)
        self._where = where
        self._tools = tools
        self._approve = approve
        self._ledger = ledger
        self._follows = follows
        self._on_token = on_token
        self._on_event = on_event
        self._box = _Box(self._news)
        self._steering = Steering()
        self._thoughts: dict[ThoughtId, ThoughtComplete] = {}
        self._synthesis: SynthesisComplete | None = None

    def __aiter__(self) -> AsyncGenerator[Event, None]:  # noqa: PYI058  it may be closed
        """The events, in their order, from the first on. Leaving them before the end stops the run.

        To a reader who is a megabyte behind, pieces of text that follow each other come as one.
        """
        return super().__aiter__()

    def records(self) -> AsyncGenerator[Record, None]:
        """The same with each event's number, time and run, as they stand in a ledger."""
        return self._each(self._records)

    @property
    def result(self) -> Result:
        """What came of it. Raises FelixError while it goes on."""
        return self._outcome("run")

    def wrap_up(self) -> None:
        """End what the agents are saying, and make the synthesis from what they have said so far."""
        self._act(TeamRun.wrap_up)

    def pause(self) -> None:
        """Begin nothing after the round that is on, until `go_on`."""
        self._act(TeamRun.pause)

    def go_on(self) -> None:
        self._act(TeamRun.go_on)

    def add_note(self, text: str, agent_id: AgentId | str | None = None) -> None:
        """A word to one agent, or to all: it stands in every prompt from the next one on."""
        self._act(lambda live: live.add_note(text, AgentId(agent_id) if agent_id else None))

    def stop_agent(self, agent_id: AgentId | str) -> None:
        """End what one agent is saying, or with `hub` the synthesis; the others go on."""
        self._act(lambda live: live.stop_agent(AgentId(agent_id)))

    def answer(self, question_id: str, *, stop: bool) -> None:
        """Answer a guard (`QuestionRaised`): stop what it asks about, or let it go on, as it does meanwhile."""
        self._act(lambda live: live.answer(question_id, stop=stop))

    def _answer_tool(self, call_id: CallId, leave: Leave) -> None:
        self._act(lambda live: live.answer_tool(call_id, leave))

    def _act(self, act: Act) -> None:
        self._steering.do(act)

    def _take(self) -> Iterable[Event]:
        return (record.event for record in self._records())

    def _records(self) -> Iterable[Record]:
        return [item for item in self._box.take() if isinstance(item, Record)]

    async def _carry_out(self) -> Result:
        with kept_in(self._ledger) as ledger:
            hub = CentralPost(self.id, mailboxes=lambda: (self._box,), ledger=ledger, state=self._before(ledger))
            hub.register_streaming_callback(self._remember)
            try:
                async with asyncio.TaskGroup() as tasks:
                    feeds = (Feed(self._on_event, tasks), Feed(self._on_token, tasks))
                    hub.register_streaming_callback(_teller(*feeds))
                    hub.register_streaming_callback(asker(self._approve, tasks, self._answer_tool))
                    live = self._go_on if self._continues else self._live
                    await live(hub, ledger, self._watched(tasks))
                    for feed in feeds:
                        await feed.drain()
            except BaseExceptionGroup as group:
                raise first_of(group) from None
            except asyncio.CancelledError:
                if not self._is_stopped:
                    raise
            notes = (ledger.health.sentence,) if ledger and not ledger.health.is_kept else ()
            return result_of(hub.state, self._thoughts.values(), self._synthesis, notes)

    async def _live(self, hub: CentralPost, ledger: Ledger | None, where: Place) -> None:
        """From connecting to the one end; every expected failure is that end."""
        task, workflow = self._work
        started = elapsed()
        follows = self._follows.run if self._follows else None
        history = self._follows.history if self._follows else ()

        def over(sentence: str, *, is_stopped: bool = False) -> None:
            if hub.state.plan is not None:
                return  # it has begun, and told its end
            give_up(
                task,
                workflow,
                hub,
                where.current,
                started=started,
                status="stopped" if is_stopped else "failed",
                reason=sentence,
                follows=follows,
                history=history,
            )
            hub.flush()

        try:
            async with (
                where.connected(workflow) as connections,
                where.equipped(self._tools, asks=self._approve is not None) as tools,
            ):
                await run_workflow(
                    task,
                    workflow,
                    connections,
                    hub,
                    where.current,
                    steering=self._steering,
                    follows=follows,
                    history=history,
                    tools=tools.of_run(hub, ledger),
                )
        except FelixError as error:
            over(str(error))
        except asyncio.CancelledError:
            over(STOPPED_BY_USER, is_stopped=True)
            raise

    async def _go_on(self, hub: CentralPost, ledger: Ledger | None, where: Place) -> None:
        """What is missing of a run that had ended before its time."""
        plan = hub.state.plan
        async with (
            AsyncExitStack() as stack,
            where.equipped(self._tools, asks=self._approve is not None) as tools,
        ):
            await reopen_run(
                hub,
                lambda workflow: stack.enter_async_context(where.connected(workflow, plan)),
                where.current,
                self._steering,
                reason=GOES_ON,
                is_continued=True,
                tools=tools.of_run(hub, ledger),
            )

    def _before(self, ledger: Ledger | None) -> RunState | None:
        """How the run was that this one goes on with; what had ended in it is part of the result."""
        if not self._continues or ledger is None:
            return None
        records = ledger.records(self.id)
        for record in records:
            self._remember(record)
        return state_of(records, self.id)

    def _watched(self, tasks: asyncio.TaskGroup) -> Place:
        """Where to ask; a mistake of the caller's own client ends the run, and is raised."""
        client = self._where.client
        if client is None:
            return self._where
        return replace(self._where, client=WatchedClient(client, lambda mistake: raise_in(tasks, mistake)))

    def _remember(self, record: Record) -> None:
        match record.event:
            case ThoughtComplete() as thought:
                self._thoughts[thought.thought_id] = thought
            case SynthesisComplete() as synthesis:
                self._synthesis = synthesis
            case _:
                pass  # the state knows it


class _Box(Mailbox):
    """A mailbox that wakes its reader, who is on the same loop."""

    def __init__(self, news: asyncio.Event) -> None:
        super().__init__()
        self._rings = news

    def put(self, item: Item) -> None:
        super().put(item)
        self._rings.set()


def _teller(on_event: Feed, on_token: Feed) -> Callable[[Record], None]:
    told: dict[AgentId, int] = {}
    """Characters of the answer that an agent is writing, or the hub."""

    def grow(who: AgentId, offset: int, text: str) -> None:
        told[who] = offset + len(text)
        if text:
            on_token.tell(who, text)

    def end(who: AgentId, answer: str) -> None:
        """What was not told in parts: without streaming all of it, or what follows a tool call."""
        if rest := answer[told.pop(who, 0) :]:
            on_token.tell(who, rest)

    def tell(record: Record) -> None:
        on_event.tell(record.event)
        match record.event:
            case PartialThought(agent_id=who, channel="answer", offset=offset, partial=text):
                grow(who, offset, text)
            case PartialSynthesis(channel="answer", offset=offset, partial=text):
                grow(HUB, offset, text)
            case ThoughtComplete(agent_id=who, content=text):
                end(who, text)
            case SynthesisComplete(content=text):
                end(HUB, text)
            case _:
                pass  # nothing that an answer grows by

    return tell


def _to_its_end(start: Callable[P, Awaitable[Result]]) -> Callable[P, Result]:
    @wraps(start)
    def run_sync(*args: P.args, **named: P.kwargs) -> Result:
        async def wait() -> Result:
            return await start(*args, **named)

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass  # as it should be; left here, it would stand above every error of the run
        else:
            raise FelixError("An event loop runs here already, as in a notebook – write `await felix.run(…)` instead.")
        return asyncio.run(wait())

    run_sync.__name__ = run_sync.__qualname__ = "run_sync"
    run_sync.__doc__ = """`felix.run` to its end, for a program without an event loop of its own; Ctrl-C stops it."""
    return run_sync


run_sync = _to_its_end(run)
