"""The user's acts through the engine's door, over HTTP: what comes of them, and how soon a server is left alone."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from felix.engine import Engine
from felix.events import HUB, SYNTHESIS, AgentId, Record, RunId, RunStarted, ThoughtId
from felix.ledger.state import RunState
from felix.settings import SettingsFile
from felix.team.mailbox import Mailbox, Reply
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import GOOD, events, silence_after_headers, silence_before_headers, silence_mid
from tests.team.scripted import workflow
from tests.test_engine import WAIT_S, follow, listing

ONE = AgentId("research-1")
FLOW = workflow("{id: research, role: research}", checkpoints="[0]")


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    return settings


@pytest.fixture
def engine(settings: SettingsFile) -> Iterator[Engine]:
    with Engine(settings, demo_speed=1_000) as engine:
        yield engine


class Seen:
    """All that came out of a mailbox, folded."""

    def __init__(self, engine: Engine) -> None:
        self.mailbox: Mailbox = engine.subscribe()
        self.records: list[Record] = []
        self._waiting: list[Record] = []

    def until(self, kind: str) -> None:
        """Up to the next event of that kind; what came with it is kept for the next time."""
        deadline = time.monotonic() + WAIT_S
        pause = threading.Event()
        while time.monotonic() < deadline:
            self._waiting += [item for item in self.mailbox.take() if isinstance(item, Record)]
            while self._waiting:
                self.records.append(self._waiting.pop(0))
                if self.records[-1].event.type == kind:
                    return
            pause.wait(0.002)
        raise AssertionError(f"no {kind} within {WAIT_S} s")

    def state(self, run: RunId) -> RunState:
        state = RunState(run=run)
        for record in self.records:
            if record.run == run:
                state.apply(record)
        return state


def test_what_is_done_to_a_run_that_has_ended_opens_it_again(engine: Engine) -> None:
    seen = Seen(engine)
    run = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
    seen.until("run_finished")
    engine.ask_agent(run, ONE, "Why so?")
    seen.until("run_finished")
    engine.retry(run, ThoughtId("research-1#1"))
    seen.until("run_finished")
    engine.synthesise_again(run, instructions="Short.")
    seen.until("run_finished")
    state = seen.state(run)
    assert state.status == "complete" and state.synthesis is not None and state.synthesis.number == 3
    assert set(state.thoughts) == {"research-1#1", "research-2#1", "research-1#ask1", "research-1#1.2"}
    kinds = [record.event.type for record in seen.records]
    assert kinds.count("run_reopened") == 3 and kinds.count("run_finished") == 4


def test_a_run_that_was_stopped_is_continued_through_all_its_rounds(engine: Engine) -> None:
    seen = Seen(engine)
    run = engine.start("Why?", workflow(), demo=True)
    seen.until("thought_complete")
    engine.stop(run)
    seen.until("run_finished")
    whole = {each for each, thought in seen.state(run).thoughts.items() if thought.status == "complete"}
    engine.continue_run(run)
    seen.until("run_finished")
    state = seen.state(run)
    assert (state.status, state.round) == ("complete", 2)
    assert whole and not any(thought.of in whole for thought in state.thoughts.values())


def test_two_acts_at_once_on_a_run_that_has_ended_open_it_once_or_one_after_the_other(engine: Engine) -> None:
    seen = Seen(engine)
    run = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
    seen.until("run_finished")
    engine.ask_agent(run, ONE, "Why so?")
    engine.ask_agent(run, ONE, "And then?")
    while len(seen.state(run).thoughts) < 4 or not seen.state(run).status:
        seen.until("run_finished")
    asked = [t for t in seen.state(run).thoughts.values() if t.act == "ask"]
    assert [t.status for t in asked] == ["complete", "complete"]


def test_a_follow_up_begins_with_the_answer_before_it(engine: Engine) -> None:
    seen = Seen(engine)
    first = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
    seen.until("run_finished")
    synthesis = seen.state(first).synthesis
    second = engine.start("And then?", workflow(checkpoints="[0]"), demo=True, follows=first)
    seen.until("run_finished")
    plan = seen.state(second).plan
    assert isinstance(plan, RunStarted) and synthesis is not None
    assert (plan.follows, plan.context) == (first, str(synthesis.answer))


def test_a_follow_up_of_nothing_says_so(engine: Engine) -> None:
    seen = Seen(engine)
    run = engine.start("And then?", workflow(), demo=True, follows=RunId("nothing"))
    seen.until("run_finished")
    assert seen.state(run).status == "failed" and "nothing" in seen.state(run).reason


def test_the_prompt_of_a_thought_is_handed_out_for_rewording(engine: Engine) -> None:
    seen = Seen(engine)
    run = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
    seen.until("run_finished")
    number = engine.prompt_of(run, ThoughtId("research-1#1"))
    reply = follow(seen.mailbox, lambda item: isinstance(item, Reply))[-1]
    assert isinstance(reply, Reply) and reply.number == number and "Why?" in str(reply.value)
    engine.prompt_of(run, ThoughtId("nobody#1"))
    reply = follow(seen.mailbox, lambda item: isinstance(item, Reply))[-1]
    assert isinstance(reply, Reply) and reply.error is not None


def test_acts_on_runs_that_are_over_or_unknown_do_nothing(engine: Engine) -> None:
    seen = Seen(engine)
    run = engine.start("Why?", workflow(checkpoints="[0]"), demo=True)
    seen.until("run_finished")
    for each in (run, RunId("unknown")):
        engine.stop(each)
        engine.stop_agent(each, ONE)
        engine.wrap_up(each)
        engine.pause(each)
        engine.go_on(each)
        engine.add_note(each, "Note.")
        engine.answer(each, "question-1", stop=True)
        engine.continue_run(each)
    unknown = RunId("unknown")
    engine.retry(unknown, ThoughtId("a#1"))
    engine.continue_writing(unknown, SYNTHESIS)
    engine.ask_agent(unknown, ONE, "Why?")
    engine.ask_server("", demo=True)
    items = follow(seen.mailbox, lambda item: isinstance(item, Reply))
    assert [item for item in items if isinstance(item, Record)] == []


def thinks(client: Connection) -> None:
    client.head()
    client.send(b'data: {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm. "}}]}\n\n')
    client.silence()


def hub_is_silent(client: Connection) -> None:
    (silence_mid if b"You are the hub" in client.request.body else events(*GOOD))(client)


def agent_is_silent(client: Connection) -> None:
    (events(*GOOD) if b"You are the hub" in client.request.body else silence_mid)(client)


@pytest.mark.slow
@pytest.mark.parametrize("is_agent", [False, True], ids=["run", "agent"])
@pytest.mark.parametrize(
    ("phase", "reply", "calls"),
    [
        ("connecting", silence_before_headers, 1),
        ("waiting for the first token", silence_after_headers, 1),
        ("thinking", thinks, 1),
        ("writing", agent_is_silent, 1),
        ("synthesis", hub_is_silent, 2),
    ],
)
def test_stop_shows_within_100_ms_and_leaves_the_server_within_300_ms(
    settings: SettingsFile, phase: str, reply: Callable[[Connection], None], calls: int, is_agent: bool
) -> None:
    shown: list[float] = []
    left: list[float] = []
    with FaultServer({"slow": listing(reply)}) as server, Engine(settings) as engine:
        settings.override(base_url=server.url("slow"), streaming_batch_interval=0.0)
        for _ in range(20):
            seen = Seen(engine)
            before = len(server.posts("slow"))
            run = engine.start("Why?", FLOW)
            asked = server.wait_for("slow", before + calls)
            if phase in ("thinking", "writing"):
                seen.until("partial_thought")
            threading.Event().wait(random.uniform(0.0, 0.02))  # anywhere in the phase, not always at its first moment
            begun = time.monotonic()
            if is_agent:
                engine.stop_agent(run, HUB if phase == "synthesis" else ONE)
            else:
                engine.stop(run)
            seen.until("synthesis_complete" if phase == "synthesis" else "thought_complete")
            shown.append(time.monotonic() - begun)
            assert asked.gone.wait(5), f"the server saw no disconnect while {phase}"
            left.append(time.monotonic() - begun)
            seen.until("run_finished")
            # What one agent had written is the synthesis's to use; where there is nothing, the run fails.
            is_used = is_agent and phase == "writing"
            assert seen.state(run).status in ({"complete"} if is_used else {"stopped", "failed"})
            engine.unsubscribe(seen.mailbox)
    assert sorted(shown)[18] <= 0.1, f"shown after {sorted(shown)[-3:]} s while {phase}"
    assert sorted(left)[18] <= 0.3, f"left alone after {sorted(left)[-3:]} s while {phase}"
