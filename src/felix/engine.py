"""The door: whoever shows Felix to a user starts and stops runs here, and is told what happens through a mailbox.

One worker thread with one asyncio loop does all the work. Every method returns at once; nothing of the caller's is ever
called from the worker.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Self

from felix.clock import elapsed
from felix.errors import FelixError, LedgerError
from felix.events import SYNTHESIS, AgentId, CallId, Exchange, Leave, RunId, ThoughtId
from felix.keys import KeyStore
from felix.ledger.conversation import conversation
from felix.ledger.file import Health, Ledger
from felix.ledger.reader import Reader
from felix.ledger.rows import state_of
from felix.ledger.state import RunState
from felix.log import RunLog
from felix.replies import Replies
from felix.servers import Servers
from felix.settings import Settings, SettingsFile
from felix.team.agent import STOPPED_BY_USER, wording_of
from felix.team.connections import Connections
from felix.team.hub import CentralPost
from felix.team.mailbox import Mailbox
from felix.team.outcome import can_continue
from felix.team.run import Run
from felix.team.runner import CRASHED, give_up, reopen_run, run_workflow
from felix.team.steering import Act, Steering
from felix.team.tools.mcp.servers import McpServers
from felix.team.tools.offer import RunTools
from felix.team.tools.toolbox import Provider
from felix.team.workflow import Workflow
from felix.tools import Tools
from felix.worker import Aside, guarded, log_exception

CLOSE_S = 1.5
"""How long leaving the engine waits for runs to end: their sockets are closed in the first milliseconds of it."""

_log = logging.getLogger(__name__)


class Engine:
    """Runs, on a thread of their own. A context manager: entering starts the thread, leaving stops every run."""

    def __init__(
        self,
        settings: SettingsFile,
        keys: KeyStore | None = None,
        *,
        demo_speed: float = 1.0,
        ledger: Path | None = None,
        tools: Iterable[Provider] = (),
        asks: bool = False,
    ) -> None:
        """`demo_speed` is the pace of the demo model: 1 as a person reads along, more for whoever cannot wait.

        `ledger` is the file in which runs are kept; None keeps them in memory. `tools` are the caller's own, beside
        those of the settings; `asks`: a user is there who answers calls that ask (`answer_tool`), else these are
        refused.
        """
        self._settings = settings
        self._tools = Tools(settings, tools, asks=asks)
        self._servers = Servers(settings, keys or KeyStore(), demo_speed=demo_speed)
        self._replies = Replies(self._post)
        self._runs: dict[RunId, asyncio.Task[None]] = {}
        """The worker's own."""
        self._steering: dict[RunId, Steering] = {}
        """Of the same runs."""
        self._hubs: dict[RunId, CentralPost] = {}
        """Of the same runs, as soon as they have one."""
        self._ledger_path = ledger
        self._ledger: Ledger | None = None
        self._health = Health("memory", ledger)
        self._has_opened = threading.Event()
        """Set when the ledger has been opened."""
        self._worker: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._closing = asyncio.Event()

    def __enter__(self) -> Self:
        started = threading.Event()
        self._worker = threading.Thread(target=self._work, args=(started,), name="felix-worker", daemon=True)
        self._worker.start()
        started.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every run, free the servers, and end the thread; takes `CLOSE_S` at most. A second call does nothing."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._post(self._end)
        worker.join(CLOSE_S)
        if worker.is_alive():
            _log.warning("the worker did not end within %.1f s", CLOSE_S)

    def start(self, task: str, workflow: Workflow, *, demo: bool = False, follows: RunId | None = None) -> RunId:
        """Begin a run, against the server in the settings or against the demo model.

        The conversation up to the run it `follows` stands in all its prompts, as far as it fits.
        """
        # not a count: the next process may begin a run within the same second
        run = RunId(f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}")
        self._post(lambda: self._run(run, task, workflow, demo=demo, follows=follows))
        return run

    def stop(self, run: RunId) -> None:
        """End a run. Its sockets close at once; the `run_finished` that follows says that it has stopped."""
        self._post(lambda: self._cancel(run))

    # All acts return at once. One that comes too late, or makes no sense at that moment, changes nothing.

    def stop_agent(self, run: RunId, agent_id: AgentId) -> None:
        """End what one agent is saying, or with `HUB` the synthesis; what was written is kept, the others go on."""
        self._act(run, lambda live: live.stop_agent(agent_id))

    def wrap_up(self, run: RunId) -> None:
        """End what the agents are saying, and make the synthesis from what they have said so far."""
        self._act(run, Run.wrap_up)

    def pause(self, run: RunId) -> None:
        """Begin nothing after the round that is on, until `go_on`."""
        self._act(run, Run.pause)

    def go_on(self, run: RunId) -> None:
        """End the pause, or take back that it was asked for."""
        self._act(run, Run.go_on)

    def add_note(self, run: RunId, text: str, agent_id: AgentId | None = None) -> None:
        """A word to one agent, or to all: it stands in every prompt from the next one on."""
        self._act(run, lambda live: live.add_note(text, agent_id))

    # The acts that follow open a run again that has ended; it then ends anew, by itself.

    def retry(self, run: RunId, thought_id: ThoughtId, *, prompt: str = "", model: str = "") -> None:
        """Have a thought that has ended thought again, with the user's wording of its prompt or another model.

        When the synthesis has been made without it, another one follows.
        """
        agent = thought_id.partition("#")[0]
        self._act(run, lambda live: live.retry(thought_id, prompt=prompt, model=model), f"You had {agent} try again.")

    def continue_writing(self, run: RunId, thought_id: ThoughtId) -> None:
        """Have an answer that was cut gone on with, as a new one that begins with its text; `SYNTHESIS` too."""
        who = "the hub" if thought_id.startswith(SYNTHESIS) else thought_id.partition("#")[0]
        self._act(run, lambda live: live.continue_writing(thought_id), f"You had {who} go on writing.")

    def synthesise_again(self, run: RunId, *, instructions: str = "", model: str = "") -> None:
        """Have another synthesis made, with the user's own instructions or by another model."""
        again = partial(Run.synthesise_again, instructions=instructions, model=model)
        self._act(run, again, "You asked for another synthesis.")

    def ask_agent(self, run: RunId, agent_id: AgentId, question: str) -> None:
        """Ask an agent about its own thoughts; only the user reads the answer."""
        self._act(run, lambda live: live.ask_agent(agent_id, question), f"You asked {agent_id} a question.")

    def continue_run(self, run: RunId) -> None:
        """Have done what is missing of a run that ended before its time; what came to an end is not asked for again."""
        self._post(lambda: self._continue(run))

    def answer(self, run: RunId, question_id: str, *, stop: bool) -> None:
        """Answer a guard: stop what it asks about, or let it go on."""
        self._act(run, lambda live: live.answer(question_id, stop=stop))

    def answer_tool(self, run: RunId, call_id: CallId, leave: Leave) -> None:
        """Let a tool call begin that asks, or not; `always` also puts that into the settings."""
        self._act(run, lambda live: live.answer_tool(call_id, leave))

    def ask_tools(self) -> int:
        """All tools that there are: the reply holds a `Source` for each provider. Starts the servers of tools."""
        return self._replies.ask(self._tools.known)

    def ask_tool_servers(self, question: Callable[[McpServers], Awaitable[object]]) -> int:
        """Ask how the MCP servers are, or start, test or stop one; the reply holds what `question` gave."""
        return self._replies.ask(lambda: question(self._tools.servers))

    def prompt_of(self, run: RunId, thought_id: ThoughtId) -> int:
        """The user message that a retry of this thought would send; the reply holds it, or a FelixError.

        Returns the number of the reply.
        """
        return self._replies.ask(lambda: self._wording(run, thought_id))

    @property
    def health(self) -> Health:
        """How the ledger is; a change also comes through every mailbox. Waits until it has been opened, a moment."""
        if self._worker is not None:
            self._has_opened.wait()
        return self._health

    def subscribe(self, run: RunId | None = None, after: int = 0) -> Mailbox:
        """A mailbox that gets every record and reply from now on; to be emptied on one thread.

        With `run` it first gets what it has missed: the durable records of that run behind number `after`, then the
        text so far of each thought that is being written.
        """
        mailbox = Mailbox()
        self._post(lambda: self._welcome(mailbox, run, after))
        return mailbox

    def unsubscribe(self, mailbox: Mailbox) -> None:
        self._post(lambda: self._replies.dismiss(mailbox))

    def forget(self, number: int) -> None:
        """Take a question back: what it has begun is ended, its sockets close, and no reply comes."""
        self._replies.forget(number)

    def ask_ledger(self, question: Callable[[Reader], object]) -> int:
        """Have past runs looked at on a thread of its own; the reply holds what `question` gave, or a FelixError.

        Returns the number of the reply.
        """
        return self._replies.ask(lambda: self._look_up(question))

    def change_ledger(self, change: Callable[[Ledger], object]) -> int:
        """Have the ledger changed, on the worker; the reply holds what `change` gave, or a FelixError."""
        return self._replies.ask(lambda: self._change(change))

    def ask_server(self, base_url: str, api_key: str | None = None, *, demo: bool = False) -> int:
        """Ask a server who it is and which models it has; the reply holds a `ServerReport`, or a ServerError.

        `api_key` None is the stored one. Returns the number of the reply.
        """
        return self._replies.ask(lambda: self._servers.report(base_url, api_key, demo=demo))

    def test_server(self, base_url: str, model: str, api_key: str | None = None) -> int:
        """Ask for one word, through the code of a run; the reply holds a `ConnectionCheck`, or a ServerError."""
        return self._replies.ask(lambda: self._servers.test(base_url, model, api_key))

    def ask_endpoints(self) -> int:
        """Ask every endpoint of the settings, and the server in use, all at once, for two seconds at most.

        The reply holds a dict from base URL to a `ServerReport`, or to the FelixError of one that cannot be used; a
        `Part` comes with each (base URL, value) of it before.
        """
        return self._replies.ask_in_parts(self._servers.reports)

    def find_servers(self) -> int:
        """Look where servers on this machine usually listen; the reply holds the `ServerReport`s of those that do."""
        return self._replies.ask(self._servers.found)

    def load_model(self, base_url: str, model: str, context_length: int = 0) -> int:
        """Have a server load a model; the reply holds its `ServerReport` with it, or a ServerError."""
        return self._replies.ask(lambda: self._servers.load(base_url, model, context_length))

    def unload_model(self, base_url: str, model: str) -> int:
        """Have a server unload a model; the reply holds its `ServerReport` without it, or a ServerError."""
        return self._replies.ask(lambda: self._servers.unload(base_url, model))

    def examine(self, base_url: str, model: str = "", api_key: str | None = None, needs_context: int = 0) -> int:
        """Have the connection doctor look at a server; the reply holds his `Finding`s, in order.

        A `Part` comes with each as soon as it is found.
        """
        examine = self._servers.examine
        return self._replies.ask_in_parts(lambda tell: examine(base_url, model, api_key, needs_context, tell))

    def compare_streaming(self, base_url: str, model: str) -> int:
        """Ask a model the same question streamed and whole; the reply holds a `Comparison`, or a ServerError."""
        return self._replies.ask(lambda: self._servers.compare_streaming(base_url, model))

    # ---------------------------------------------------------------- the worker's side

    def _work(self, started: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._loop.set_exception_handler(log_exception)
            self._loop.set_default_executor(Aside())
            runner.run(self._live(started))
            self._loop = None

    async def _live(self, started: threading.Event) -> None:
        try:
            started.set()
            self._open_ledger()
            async with self._tools:
                try:
                    async with asyncio.TaskGroup() as self._tasks:
                        await self._closing.wait()
                finally:
                    if self._ledger:  # before the servers of tools, which may take their time to end
                        self._ledger.close()
        finally:
            await self._servers.close()

    def _open_ledger(self) -> None:
        """Blocks the loop, which has nothing else to do yet: no run begins before its ledger is there."""
        keep_days = self._settings.current.keep_days
        loop = asyncio.get_running_loop()
        try:
            self._ledger = Ledger.open(self._ledger_path, loop=loop, on_health=self._take_health, keep_days=keep_days)
            self._health = self._ledger.health
        finally:
            self._has_opened.set()
        if not self._health.is_kept and self._ledger_path:
            _log.warning("%s", self._health.sentence)

    def _take_health(self, health: Health) -> None:
        self._health = health
        self._replies.send(health)

    async def _welcome(self, mailbox: Mailbox, run: RunId | None, after: int) -> None:
        if self._ledger_path and not self._health.is_kept:
            mailbox.put(self._health)
        if run is not None and self._ledger is not None:
            try:
                for record in self._ledger.records(run, after):
                    mailbox.put(record)
            except FelixError as error:
                _log.warning("%s", error)
            if hub := self._hubs.get(run):
                for record in hub.in_progress():
                    mailbox.put(record)
        self._replies.welcome(mailbox)

    async def _look_up(self, question: Callable[[Reader], object]) -> object:
        assert self._ledger is not None
        path = self._ledger_path
        if path is not None and self._health.is_readable and path.is_file():
            unsaved = self._ledger.unsaved

            def look(path: Path = path) -> object:
                with Reader(path, unsaved=unsaved) as reader:
                    return question(reader)

            return await asyncio.to_thread(look)
        return question(self._ledger.reader())

    async def _change(self, change: Callable[[Ledger], object]) -> object:
        assert self._ledger is not None
        return change(self._ledger)

    def _hub(self, run: RunId, state: RunState | None = None) -> CentralPost:
        hub = CentralPost(run, mailboxes=lambda: self._replies.mailboxes, ledger=self._ledger, state=state)
        hub.register_streaming_callback(RunLog())
        return hub

    def _reopen(self, run: RunId) -> CentralPost:
        """The hub of a run that has ended, as it was then. Raises LedgerError for a run that nobody knows."""
        assert self._ledger is not None
        records = self._ledger.records(run)
        if not records:
            raise LedgerError(f"The run {run} is not in this ledger – look whether it was deleted.")
        return self._hub(run, state_of(records, run))

    # Stop and close are tasks like the runs: begun in the order of the calls, so a run they follow has taken its place.

    async def _cancel(self, run: RunId) -> None:
        if task := self._runs.get(run):
            task.cancel()

    async def _end(self) -> None:
        for task in self._runs.values():
            task.cancel()
        self._closing.set()

    def _act(self, run: RunId, act: Act, reopening: str = "") -> None:
        """Have an act carried out on a run that goes on; `reopening` is the reason to open one that has ended."""

        async def do() -> None:
            if steering := await self._hand_on(run):
                steering.do(act)
            elif reopening:
                await self._go_on_with(run, act, reopening)
            else:
                _log.info("run %s is over: nothing was done to it", run)

        self._post(do)

    async def _hand_on(self, run: RunId) -> Steering | None:
        """How a run that goes on is steered. One whose end is just being told is waited for, and has ended then."""
        while steering := self._steering.get(run):
            if not steering.is_over:
                return steering
            await asyncio.wait({self._runs[run]})
        return None

    async def _continue(self, run: RunId) -> None:
        if not await self._hand_on(run):
            await self._go_on_with(run, None, "You had the run go on with what is missing.")

    async def _go_on_with(self, run: RunId, act: Act | None, reason: str) -> None:
        """`act` on a run that has ended; None is what is missing of it."""
        this = asyncio.current_task()
        assert this is not None
        self._runs[run] = this
        steering = self._steering[run] = Steering()
        if act:
            steering.do(act)
        try:
            hub = self._hubs[run] = self._reopen(run)
            plan, status = hub.state.plan, hub.state.status
            if plan is None or status is None or (act is None and not can_continue(hub.state)):
                _log.info("run %s cannot go on: it is %s", run, status or "going on")
                return

            async def connect_again(workflow: Workflow) -> Connections:
                return await self._servers.connect(workflow, demo=plan.demo, before=plan)

            await reopen_run(
                hub,
                connect_again,
                self._current,
                steering,
                reason=reason,
                is_continued=act is None,
                tools=self._run_tools(hub),
            )
        except FelixError as error:
            _log.warning("%s", error)
        finally:
            del self._runs[run], self._steering[run]
            self._hubs.pop(run, None)

    async def _wording(self, run: RunId, thought_id: ThoughtId) -> str:
        hub = self._hubs.get(run) or self._reopen(run)
        return wording_of(hub.state, thought_id, self._settings.current)

    def _post(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have the worker do it; once the engine closes, nothing new is begun."""

        def begin() -> None:
            assert self._tasks is not None
            if not self._closing.is_set():
                self._tasks.create_task(guarded(work))

        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(begin)
            except RuntimeError:  # closed between the two lines
                _log.debug("the worker has ended")

    async def _run(self, run: RunId, task: str, workflow: Workflow, *, demo: bool, follows: RunId | None) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._runs[run] = this
        steering = self._steering[run] = Steering()
        hub = self._hubs[run] = self._hub(run)
        settings = self._current
        over = partial(give_up, task, workflow, hub, settings, started=elapsed(), follows=follows)
        try:
            history = self._conversation(follows) if follows else ()
            connections = await self._servers.connect(workflow, demo=demo)
        except FelixError as error:
            over(status="failed", reason=str(error))
        except asyncio.CancelledError:
            over(status="stopped", reason=STOPPED_BY_USER)
            raise
        except Exception:  # noqa: BLE001  a bug must end this run, and say so
            _log.exception("run %s crashed", run)
            over(status="crashed", reason=CRASHED)
        else:
            try:
                await run_workflow(
                    task,
                    workflow,
                    connections,
                    hub,
                    settings,
                    steering=steering,
                    follows=follows,
                    history=history,
                    tools=self._run_tools(hub),
                )
            finally:
                await asyncio.shield(connections.aclose())
        finally:
            del self._runs[run], self._steering[run], self._hubs[run]

    def _run_tools(self, hub: CentralPost) -> RunTools:
        assert self._ledger is not None
        return self._tools.of_run(hub, self._ledger)

    def _conversation(self, run: RunId) -> tuple[Exchange, ...]:
        """What was asked and answered up to a run, itself included. Raises LedgerError for one that nobody knows."""
        return conversation((self._hubs.get(run) or self._reopen(run)).state)

    def _current(self) -> Settings:
        return self._settings.current
