"""Runs in the caller's own loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import felix
from felix.demo import DemoServer
from felix.door.place import place
from felix.endpoints import Endpoint, unnamed
from felix.events import PartialThought, RoundStarted, RunFinished, RunReopened, RunStarted
from felix.ledger.reader import Reader
from felix.settings import Settings

TEAM = {
    "name": "Two",
    "agents": [{"id": "research", "role": "research", "count": 2}],
    "checkpoints": [0.0, 0.5],
}


def scripted(**more: Any) -> felix.ScriptedClient:
    script = {"research": "Found it.\nConfidence: 0.8", "hub": "The answer."}
    return felix.ScriptedClient(script, **more)


def in_a_loop(work: Callable[[], Coroutine[object, object, object]]) -> None:
    """Nothing may be left over when it has ended: no thread, no task."""

    async def alone() -> None:
        before = set(threading.enumerate())
        await work()
        await asyncio.sleep(0)
        assert set(threading.enumerate()) == before
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(alone())


def test_a_run_gives_its_events_in_order_and_a_result() -> None:
    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=scripted())
        records = [record async for record in run.records()]
        assert [record.seq for record in records] == list(range(1, len(records) + 1))
        assert isinstance(records[0].event, RunStarted) and records[0].event.task == "A task"
        assert records[-1].event == RunFinished(
            status="complete", reason="", duration_s=run.result.figures.duration_s, usage=run.result.usage
        )
        result = run.result
        assert (result.status, result.text, str(result)) == ("complete", "The answer.", "The answer.")
        assert [each.thought_id for each in result.thoughts] == [
            "research-1#1",
            "research-2#1",
            "research-1#2",
            "research-2#2",
        ]
        assert result.thoughts[0].confidence == 0.8
        assert result.figures.calls == 5 and result.figures.failed == 0
        assert result.usage is not None and result.usage.completion == 4 * 4 + 2
        assert result.checked() is result

    in_a_loop(work)


def test_what_came_whole_is_told_to_on_token_too() -> None:
    async def work() -> None:
        told: list[tuple[str, str]] = []
        run = felix.run(
            "A task",
            workflow=TEAM | {"checkpoints": [0.0]},
            client=scripted(),
            settings={"enable_streaming": False},
            on_token=lambda who, text: told.append((who, text)),
        )
        result = await run
        texts = {each.agent_id: each.content for each in result.thoughts}
        assert dict(told) == {**texts, "hub": "The answer."} and len(told) == 3

    in_a_loop(work)


def test_a_run_that_was_stopped_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    async def work() -> None:
        where = {"ledger": tmp_path / "runs.db"}
        run = felix.run("A task", workflow=TEAM, client=scripted(), **where)
        async for event in run:
            if isinstance(event, RoundStarted) and event.number == 2:
                run.stop()
        assert run.result.status == "stopped"
        client = scripted()
        again = felix.continue_run(run.result, client=client, **where)
        events = [event async for event in again]
        assert isinstance(events[0], RunReopened) and len(client.requests) == 3
        result = again.result
        assert (result.run, result.status, result.text) == (run.id, "complete", "The answer.")
        assert result.thoughts[:2] == run.result.thoughts[:2]
        for wanted, sentence in ((result, "Nothing is missing"), ("nobody", "There is no run nobody")):
            with pytest.raises(felix.LedgerError, match=sentence):
                felix.continue_run(wanted, client=client, **where)

    in_a_loop(work)


def test_a_run_can_be_awaited_and_read_afterwards() -> None:
    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=scripted())
        assert (await run) is (await run)
        assert isinstance([event async for event in run][-1], RunFinished)
        with pytest.raises(felix.FelixError, match="once"):
            aiter(run)

    in_a_loop(work)


@pytest.mark.parametrize("way", ["break", "aclose", "error", "stop", "cancel", "block"])
def test_leaving_a_run_early_stops_it(way: str) -> None:
    client = scripted(pace_s=0.01)

    async def leave(run: felix.Run) -> None:
        async for event in (events := aiter(run)):
            if isinstance(event, PartialThought):
                assert client.speaking
                match way:
                    case "break":
                        break
                    case "error":
                        raise ZeroDivisionError
                    case "cancel":
                        task = asyncio.current_task()
                        assert task
                        task.cancel()
                    case "aclose":
                        await events.aclose()  # type: ignore[attr-defined]
                        return
                    case _:
                        run.stop()
        del events

    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=client)
        if way == "block":
            async with run:
                async for event in run.records():
                    if isinstance(event.event, PartialThought):
                        break
        else:
            # a group, so that what cancels the reader does not cancel the test
            await asyncio.gather(asyncio.get_running_loop().create_task(leave(run)), return_exceptions=True)
        result = await run
        assert client.speaking == 0
        assert result.status == "stopped"
        assert {thought.status for thought in result.thoughts} == {"stopped"}
        with pytest.raises(felix.FelixError, match=r"Stopped by you\."):
            result.checked()

    in_a_loop(work)


def test_a_timeout_around_an_awaited_run_stops_it() -> None:
    never = asyncio.Event()
    client = felix.ScriptedClient(felix.Say(pieces=(felix.Text("Half"), never)))

    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=client, on_token=lambda *_: limit.reschedule(0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30) as limit:
                await run
        assert client.speaking == 0
        assert run.result.status == "stopped"
        assert run.result.thoughts[0].content == "Half"

    in_a_loop(work)


def test_breaking_off_closes_the_sockets_of_a_server_at_once() -> None:
    async def work() -> None:
        async with DemoServer(speed=5) as server:
            run = felix.run("A task", workflow=TEAM, base_url=server.base_url)
            async for event in run:
                if isinstance(event, PartialThought):
                    assert server.answering == 2
                    break
            assert (await run).status == "stopped"
            async with asyncio.timeout(10):
                while server.answering:  # noqa: ASYNC110  it has no event for that
                    await asyncio.sleep(0)

    asyncio.run(work())


@pytest.mark.parametrize("what", ["run", "agent"])
def test_stopping_while_it_connects_hangs_up(what: str) -> None:
    async def work() -> None:
        is_called, has_left = asyncio.Event(), asyncio.Event()

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            is_called.set()
            await reader.read()  # to its end
            has_left.set()
            writer.close()

        async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
            base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            going: felix.Run | felix.Stream = (
                felix.run("A task", base_url=base_url)
                if what == "run"
                else felix.Agent(base_url=base_url).stream("Well?")
            )
            async with asyncio.timeout(30), going:
                await is_called.wait()
                going.stop()
                await has_left.wait()
        if isinstance(going, felix.Run):
            assert (going.result.status, going.result.reason) == ("stopped", "Stopped by you.")
        else:
            with pytest.raises(felix.FelixError, match="stopped before anything was asked"):
                _ = going.answer

    asyncio.run(work())


def test_a_server_that_is_not_there_is_a_failed_result() -> None:
    result = felix.run_sync("A task", base_url="http://127.0.0.1:9/v1")
    assert result.status == "failed"
    assert "127.0.0.1:9" in result.reason
    assert result.figures.calls == 0 and result.thoughts == ()
    assert 0 < result.figures.duration_s < 60


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"workflow": "nope"}, "There is no workflow called nope"),
        ({"workflow": Path("nope.yaml")}, "nope.yaml cannot be read"),
        ({"workflow": {"name": "x"}}, "The workflow: agents is missing"),
        ({"workflow": {"name": object()}}, "The workflow is not as in a file"),
        ({"settings": {"max_parallel": 99}}, "max_parallel must be a whole number from 1 to 32, not 99."),
        ({"settings": {"max_paralel": 2}}, "There is no setting max_paralel"),
        ({"settings": "nope.json"}, "There is no settings file nope.json"),
        ({"base_url": "not one"}, "“not one” is no server address"),
        ({"api_key": "with blank"}, "A key has no blanks"),
        ({"demo": True, "endpoint": "box"}, "endpoint and demo name different places"),
        ({"task": "  "}, "The task is empty"),
    ],
)
def test_what_is_given_wrongly_is_told_at_once_in_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(felix.FelixError, match=sentence.replace(".", r"\.")):
        felix.run(**{"task": "A task", **given})


def test_a_workflow_may_be_a_value_a_path_or_a_dict(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("name: Two\nagents: [{id: research, role: research, count: 2}]\ncheckpoints: [0, 0.5]\n")
    value = felix.Workflow.model_validate(TEAM)
    for given in (value, path, str(path), TEAM):
        assert len(felix.run_sync("A task", workflow=given, client=scripted()).thoughts) == 4


def test_settings_may_be_given_whole_or_in_part() -> None:
    whole = Settings(model="mine", max_parallel=1)
    for settings in (whole, {"model": "mine", "max_parallel": 1}):
        client = scripted()
        felix.run_sync("A task", workflow=TEAM, client=client, settings=settings, model="mine")
        assert {request.model for request in client.requests} == {"mine"}


def test_a_model_in_the_settings_is_not_asked_for_at_another_address() -> None:
    settings = Settings(base_url="http://127.0.0.1:1/v1", model="mine")
    assert place(settings=settings).settings.model == "mine"
    assert place(settings=settings, base_url="127.0.0.1:1").settings.model == "mine"
    assert place(settings=settings, base_url="http://127.0.0.1:2/v1").settings.model == ""
    assert place(settings=settings, base_url="http://127.0.0.1:2/v1", model="that").settings.model == "that"


def test_a_key_goes_to_the_address_it_was_given_for_and_to_no_other() -> None:
    box = Endpoint(name="box", base_url="http://127.0.0.1:2/v1")
    settings = Settings(base_url="http://127.0.0.1:1/v1", endpoints=(box,))
    in_use, named = place(settings=settings, api_key="k1"), place(settings=settings, endpoint="box", api_key="k2")
    assert [in_use._keys().key_for(each) for each in (unnamed(settings.base_url), box)] == ["k1", ""]
    assert [named._keys().key_for(each) for each in (unnamed(settings.base_url), box)] == ["", "k2"]


def test_a_run_that_is_kept_is_in_the_ledger_and_two_may_share_it(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "ledger.db"
    path.parent.mkdir()

    async def work() -> tuple[felix.Result, felix.Result]:
        one, other = (felix.run(task, workflow=TEAM, client=scripted(), ledger=path) for task in ("One", "Other"))
        return await asyncio.gather(_whole(one), _whole(other))

    first, second = asyncio.run(work())
    follow_up = felix.run_sync("More", workflow=TEAM, client=scripted(), ledger=path, follows=first)
    with Reader(path) as reader:
        assert {line.run for line in reader.runs()} == {first.run, second.run, follow_up.run}
        plan = reader.records(follow_up.run)[0].event
        assert isinstance(plan, RunStarted) and (plan.follows, plan.context) == (first.run, "The answer.")


def test_a_ledger_that_cannot_keep_anything_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "no ledger.db"
    path.write_text("something else")
    client = scripted()
    with pytest.raises(felix.LedgerError, match=r"no ledger\.db"):
        felix.run_sync("A task", workflow=TEAM, client=client, ledger=path)
    assert not client.requests


def test_a_ledger_that_fails_meanwhile_ends_no_run_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    def spoil(event: felix.Event) -> None:
        if isinstance(event, RunStarted):
            with closing(sqlite3.connect(path)) as other:
                other.execute("ALTER TABLE event RENAME TO gone")

    result = felix.run_sync("A task", workflow=TEAM, client=scripted(), ledger=path, on_event=spoil)
    assert (result.status, result.text) == ("complete", "The answer.")
    assert str(path) in result.notes[0] and "in memory only" in result.notes[0]


def test_a_follow_up_reads_the_answer_before_it() -> None:
    first = felix.run_sync("One", workflow=TEAM, client=scripted())
    client = scripted()
    second = felix.run_sync("Two", workflow=TEAM, client=client, follows=first)
    assert all("# The earlier answer\n\nThe answer." in client.prompt(agent) for agent in ("research-1", "hub"))
    assert [each.task for each in second.history] == ["One", "Two"]


def test_one_agent_alone_is_the_answer() -> None:
    agent = {"id": "research", "role": "research"}
    alone = {"name": "One", "agents": [agent], "checkpoints": [0.0], "synthesis": {"skip": True}}
    result = felix.run_sync("A task", workflow=alone, client=felix.ScriptedClient("Found it."))
    assert (result.text, result.figures.calls, len(result.thoughts)) == ("Found it.", 1, 1)


def test_callbacks_may_be_plain_or_async() -> None:
    heard: list[str] = []
    events: list[felix.Event] = []

    async def on_token(agent_id: str, text: str) -> None:
        await asyncio.sleep(0)
        heard.append(f"{agent_id} {text}")

    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=scripted(), on_token=on_token, on_event=events.append)
        assert [event async for event in run] == events

    in_a_loop(work)
    assert [each for each in heard if each.startswith("hub")] == ["hub The ", "hub answer."]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_callback_that_fails_ends_the_run_and_is_raised(is_async: bool) -> None:
    client = scripted()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("mine")

    async def fail_later(*_: object) -> None:
        await asyncio.sleep(0)
        fail()

    async def work() -> None:
        with pytest.raises(ZeroDivisionError, match="mine"):
            await felix.run("A task", workflow=TEAM, client=client, on_token=fail_later if is_async else fail)
        assert client.speaking == 0

    in_a_loop(work)


@pytest.mark.parametrize("streaming", [True, False])
def test_a_mistake_in_a_client_of_the_callers_ends_the_run_and_is_raised(streaming: bool) -> None:
    def mistaken(request: felix.ChatRequest) -> str:
        raise ZeroDivisionError("mine")

    client = felix.ScriptedClient({"research": "Found it.", "hub": mistaken})
    with pytest.raises(ZeroDivisionError, match="mine"):
        felix.run_sync("A task", workflow=TEAM, client=client, settings={"enable_streaming": streaming})
    with pytest.raises(ZeroDivisionError, match="mine"):
        asyncio.run(felix.Agent("hub", client=client).ask("Well?"))


def test_a_run_can_be_steered() -> None:
    client = scripted()

    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=client)
        run.add_note("Mind the budget.")
        async for event in run:
            if isinstance(event, PartialThought):
                run.wrap_up()
        assert run.result.status == "complete"

    in_a_loop(work)
    assert "Mind the budget." in client.prompt("hub")
    assert len(client.requests) < 5


def test_the_result_is_not_there_before_its_time() -> None:
    run = felix.run("A task", workflow=TEAM, client=scripted())
    with pytest.raises(felix.FelixError, match="The run has not ended yet"):
        _ = run.result
    with pytest.warns(RuntimeWarning, match="a run was made, but neither awaited nor iterated"):
        del run


def test_a_run_may_be_stopped_before_it_begins() -> None:
    async def work() -> None:
        run = felix.run("A task", workflow=TEAM, client=scripted())
        run.stop()
        with pytest.raises(felix.FelixError, match="before it had begun"):
            await run

    in_a_loop(work)


def test_run_sync_says_what_to_write_where_a_loop_runs() -> None:
    async def work() -> None:
        with pytest.raises(felix.FelixError, match=r"await felix\.run"):
            felix.run_sync("A task")

    in_a_loop(work)


def test_a_client_of_the_callers_stays_open() -> None:
    class Mine(felix.ScriptedClient):
        is_closed = False

        async def aclose(self) -> None:
            self.is_closed = True

    client = Mine()
    felix.run_sync("A task", workflow=TEAM, client=client)
    assert not client.is_closed


async def _whole(run: felix.Run) -> felix.Result:
    return await run
