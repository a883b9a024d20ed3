"""Several servers in one run: who asks where, who waits for whom, and what happens when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from felix.endpoints import Endpoint, unnamed
from felix.errors import ServerError, ServerFault
from felix.events import HUB, Again, PartialThought, Record, ThoughtComplete, ThoughtId
from felix.llm.openai_client import OpenAIClient
from felix.settings import Settings
from felix.team import host, load
from felix.team.asking import Asked
from felix.team.connection import Connection, connect
from felix.team.connections import Connections, Place
from felix.team.speaking import Spoken
from felix.team.workflow import Workflow, as_json, from_json
from tests.servers.machine import Machine
from tests.team.mixed import Mixed
from tests.team.scripted import workflow

DEAD = Endpoint(name="dead", base_url="http://127.0.0.1:9/v1")
"""Nothing listens there."""
SAID = Spoken("complete", "Words.", "", None, "stop", None, None, 0.1, None, None, (), "m")


@pytest.fixture
def two() -> Iterator[tuple[Machine, Machine]]:
    with Machine("gpu1") as one, Machine("gpu2", context=8_192) as other:
        yield one, other


def flow(agents: str, *more: str, checkpoints: str = "[0]") -> Workflow:
    return workflow(agents, checkpoints=checkpoints, more="\n".join(more))


def test_each_asks_where_it_was_told_and_says_so(two: tuple[Machine, Machine]) -> None:
    with Machine("here") as here:
        run = Mixed(
            flow(
                "{id: research, role: research}, {id: analysis, role: analysis, spawn: 0, endpoint: GPU1}",
                "roles: {research: {endpoint: gpu2}}",
            ),
            [each.endpoint() for each in two],
            in_use=here.base_url,
        )
    assert run.said() == {
        "research-1#1": ("complete", "gpu2"),
        "analysis-1#1": ("complete", "gpu1"),
        "synthesis": ("complete", ""),
    }
    assert [len(each.asked) for each in (*two, here)] == [1, 1, 1]
    assert run.state.plan is not None
    planned = [(each.endpoint, each.model, each.context_length) for each in run.state.plan.agents]
    assert planned == [("gpu2", "m", 8_192), ("gpu1", "m", 16_384)]
    assert {each.endpoint for each in run.doings("research-1") if each.state == "connecting"} == {"gpu2"}


def test_only_the_places_that_somebody_asks_are_reached(two: tuple[Machine, Machine]) -> None:
    run = Mixed(flow("{id: research, role: research}", "endpoint: gpu1"), [each.endpoint() for each in two])
    assert run.said() == {"research-1#1": ("complete", "gpu1"), "synthesis": ("complete", "gpu1")}
    assert run.reached == ["gpu1"] and run.state.plan is not None
    assert run.state.plan.server == two[0].base_url


def test_a_model_that_is_named_beside_one_endpoint_is_not_asked_for_on_another() -> None:
    with Machine("gpu1", models=("m", "big")) as one, Machine("gpu2", models=("own", "big")) as other:
        run = Mixed(
            flow(
                "{id: research, role: research}, {id: x, role: research, endpoint: gpu2},"
                " {id: y, role: research, endpoint: gpu2, model: big}",
                "endpoint: gpu1",
                "model: big",
            ),
            [one.endpoint(), other.endpoint()],
        )
        models = [request.json["model"] for request in (*one.asked, *other.asked)]
    assert sorted(models[:2]) == ["big", "big"] and sorted(models[2:]) == ["big", "own"]
    assert run.state.status == "complete"


def test_each_prompt_is_cut_to_the_context_of_its_own_place() -> None:
    with Machine("wide") as wide, Machine("narrow", context=2_048) as narrow:
        run = Mixed(
            flow("{id: research, role: research, endpoint: wide}, {id: x, role: research, endpoint: narrow}"),
            [wide.endpoint(), narrow.endpoint()],
            in_use=wide.base_url,
        )
        assert "out" not in run.ends()["x-1#1"].cut
        long = Mixed(
            flow(
                "{id: research, role: research, endpoint: wide}, {id: x, role: research, endpoint: narrow,"
                f" prompt: {'word ' * 900}}}",
                checkpoints="[0, 0.5]",
            ),
            [wide.endpoint(), narrow.endpoint()],
            in_use=wide.base_url,
        )
    cuts = {name: end.cut for name, end in long.ends().items()}
    assert "2,048" in cuts["x-1#2"] and cuts["research-1#2"] == ""


def test_who_waits_at_one_endpoint_holds_up_nobody_at_another() -> None:
    with Machine("slow", holds=True) as slow, Machine("fast") as fast:

        def watch(record: Record) -> None:
            event = record.event
            if isinstance(event, ThoughtComplete) and event.thought_id == "x-4#1":
                slow.release()  # only when the last at the other one has spoken

        run = Mixed(
            flow(
                "{id: r, role: research, count: 3, endpoint: slow}, {id: x, role: research, count: 4, endpoint: fast}"
            ),
            [slow.endpoint(slots=1), fast.endpoint(slots=2)],
            in_use=fast.base_url,
            watch=watch,
        )
        assert slow.most_at_once == 1 and fast.most_at_once <= 2
    places = {agent: [s.position for s in run.doings(agent) if s.state == "queued"] for agent in ("r-3", "x-4")}
    assert places == {"r-3": [2, 1], "x-4": [2, 1]}
    assert {each.detail for each in run.doings("r-3") if each.state == "queued"} == {"One speaks at a time on slow"}
    assert run.state.status == "complete"


@pytest.mark.parametrize(("said", "entered", "limit", "most"), [(3, 0, 8, 3), (3, 2, 8, 2), (0, 0, 2, 2), (0, 4, 1, 4)])
def test_the_users_word_holds_for_the_slots_then_the_servers_then_the_runs_limit(
    said: int, entered: int, limit: int, most: int
) -> None:
    with Machine("gpu", slots=said) as gpu:
        endpoint = gpu.endpoint(slots=entered)
        run = Mixed(flow("{id: r, role: research, count: 6}", "endpoint: gpu"), [endpoint], max_parallel=limit)
        assert gpu.most_at_once <= most
    assert len(run.queued()) == 6 - most


def test_a_server_without_an_entry_is_kept_to_the_runs_limit_and_its_own_slots() -> None:
    for slots, limit, most in ((3, 8, 3), (3, 2, 2)):
        with Machine("gpu", slots=slots) as gpu:
            run = Mixed(flow("{id: r, role: research, count: 6}"), [], in_use=gpu.base_url, max_parallel=limit)
        assert len(run.queued()) == 6 - most
        assert run.state.plan is not None and run.state.plan.max_parallel == most


def test_a_pool_shares_the_work_by_its_free_slots() -> None:
    with Machine("gpu1", holds=True) as one, Machine("gpu2", holds=True) as other:
        begun: list[ThoughtId] = []

        def watch(record: Record) -> None:
            if isinstance(record.event, PartialThought):
                begun.append(record.event.thought_id)
                if len(begun) == 6:
                    one.release()
                    other.release()

        run = Mixed(
            flow("{id: r, role: research, count: 9}", "endpoint: gpus"),
            [one.endpoint(slots=4, pool="gpus"), other.endpoint(slots=2, pool="GPUs")],
            watch=watch,
        )
        assert (one.most_at_once, other.most_at_once) == (4, 2)
    first = [end.endpoint for end in list(run.ends().values())]
    assert set(first) == {"gpu1", "gpu2"} and run.state.status == "complete"
    assert run.state.plan is not None and run.state.plan.agents[0].endpoint == "gpus"


def test_which_machine_of_a_pool_is_decided_when_one_becomes_free() -> None:
    with Machine("gpu1", holds=True) as one, Machine("gpu2") as other:

        def watch(record: Record) -> None:
            if isinstance(record.event, ThoughtComplete) and len(other.asked) == 5:
                one.release()

        run = Mixed(
            flow("{id: r, role: research, count: 6}", "endpoint: gpus"),
            [each.endpoint(slots=1, pool="gpus") for each in (one, other)],
            watch=watch,
        )
    assert sorted(end.endpoint for end in run.ends().values()) == ["gpu1"] + ["gpu2"] * 5


def test_a_pool_asks_those_that_have_the_model() -> None:
    with Machine("gpu1", models=("m",)) as one, Machine("gpu2", models=("m", "big")) as other:
        run = Mixed(
            flow("{id: r, role: research, count: 3, model: big}", "endpoint: gpus"),
            [each.endpoint(pool="gpus") for each in (one, other)],
        )
    assert {end.endpoint for end in run.ends().values()} == {"gpu2"}


def test_a_pool_goes_on_without_a_machine_that_does_not_answer_and_says_so_once(two: tuple[Machine, Machine]) -> None:
    run = Mixed(
        flow("{id: lone, role: research, endpoint: dead}, {id: r, role: research, count: 4}", "endpoint: gpus"),
        [DEAD.model_copy(update={"pool": "gpus"}), *(each.endpoint(pool="gpus") for each in two)],
    )
    ends = run.ends()
    assert ends.pop("lone-1#1").endpoint == "dead"
    assert {end.endpoint for end in ends.values()} == {"gpu1", "gpu2"}
    notes = [note for end in ends.values() for note in end.notes]
    assert notes == ["dead does not answer: the pool gpus goes on without it"]


def test_a_machine_of_a_pool_that_fails_costs_nobody_their_turn_and_is_passed_over_for_a_while(
    two: tuple[Machine, Machine],
) -> None:
    two[0].mood = "overloaded"
    run = Mixed(
        flow("{id: r, role: research, count: 2}", "endpoint: gpus", checkpoints="[0, 0.1, 0.2]"),
        [each.endpoint(pool="gpus", slots=1) for each in two],
    )
    assert {(end.status, end.endpoint) for end in run.ends().values()} == {("complete", "gpu2")}
    notes = {end.round: end.notes for end in run.ends().values() if end.notes}
    assert notes == {1: ("gpu1 is overloaded: asked gpu2",)}
    assert len(two[0].asked) == 3, "asked, and twice again, in the first turn alone"


def test_a_pool_without_another_machine_that_has_the_model_lets_its_turn_fail(two: tuple[Machine, Machine]) -> None:
    two[0].mood = "overloaded"
    run = Mixed(
        flow("{id: r, role: research}, {id: x, role: research, endpoint: gpu2}", "endpoint: gpus"),
        [two[0].endpoint(pool="gpus"), two[1].endpoint()],
    )
    assert run.said()["r-1#1"] == ("failed", "gpu1")


def test_a_machine_that_rests_is_asked_after_longer_and_longer_times_until_it_answers(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "FIRST_REST_S", 0.02)
    monkeypatch.setattr(host, "AGAIN_S", 0.0)
    one = two[0]
    settings = Settings(endpoints=tuple(each.endpoint(pool="gpus") for each in two))

    async def reach(endpoint: Endpoint) -> Connection:
        return await connect(endpoint, "", settings)

    async def asked_at(connections: Connections, *, fault: ServerFault | None = None) -> str:
        asked = ""

        async def speak(place: Place) -> None:
            nonlocal asked
            asked = place.connection.endpoint
            await place.is_left(replace(SAID, fault=fault))

        await connections.ask(Asked("gpus"), speak, tell=lambda _: None)
        return asked

    async def fall_and_rise() -> None:
        connections = Connections(unnamed("http://127.0.0.1:9/v1"), reach, lambda: settings)
        await connections.open(flow("{id: r, role: research}", "endpoint: gpus"))
        before = one.looked_at
        one.mood = "down"
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(connections.watch())
            assert await asked_at(connections, fault="unreachable") == "gpu1"
            while one.looked_at < before + 3:
                assert await asked_at(connections) == "gpu2"
                await asyncio.sleep(0.005)
            one.mood = "well"
            where = ""
            while where != "gpu1":
                await asyncio.sleep(0.005)
                where = await asked_at(connections)
            watch.cancel()
        await connections.aclose()

    asyncio.run(fall_and_rise())


def test_a_connection_that_was_replaced_is_closed_as_soon_as_nobody_asks_there(two: tuple[Machine, Machine]) -> None:
    async def replaced() -> None:
        async def reach(endpoint: Endpoint) -> Connection:
            return await connect(endpoint, "", Settings())

        def are_closed() -> list[bool]:
            return [each.client.http.is_closed for each in made if isinstance(each.client, OpenAIClient)]

        machine = host.Host(two[0].endpoint(), reach, lambda: 4, load.Load())
        made = [await machine.reach()]
        with machine.asked(made[0]):
            for _ in range(3):
                made.append(await machine.reach(anew=True))
            assert are_closed() == [False, True, True, False]
        made.append(await machine.reach(anew=True))
        assert are_closed() == [True, True, True, True, False]
        await machine.aclose()
        assert are_closed() == [True] * 5

    asyncio.run(replaced())


def test_what_one_run_has_found_out_about_a_machine_holds_for_another_one_and_outlives_it(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "FIRST_REST_S", 0.02)
    settings = Settings(endpoints=tuple(each.endpoint(pool="gpus") for each in two))
    loads = load.Loads()

    async def reach(endpoint: Endpoint) -> Connection:
        return await connect(endpoint, "", settings)

    async def asked_at(connections: Connections, *, fault: ServerFault | None = None) -> str:
        where: list[str] = []

        async def speak(place: Place) -> None:
            where.append(place.connection.endpoint)
            await place.is_left(replace(SAID, fault=fault))

        await connections.ask(Asked("gpus"), speak, tell=lambda _: None)
        return where[0]

    async def side_by_side() -> None:
        runs = [Connections(unnamed("http://127.0.0.1:9/v1"), reach, lambda: settings, loads=loads) for _ in range(2)]
        for each in runs:
            await each.open(flow("{id: r, role: research}", "endpoint: gpus"))
        two[0].mood = "down"
        assert await asked_at(runs[0], fault="unreachable") == "gpu1"
        assert [await asked_at(runs[1]) for _ in range(3)] == ["gpu2"] * 3
        await runs[0].aclose()  # it would have asked again
        two[0].mood = "well"
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(runs[1].watch())
            where = ""
            while where != "gpu1":
                await asyncio.sleep(0.005)
                where = await asked_at(runs[1])
            watch.cancel()
        await runs[1].aclose()

    asyncio.run(side_by_side())


def test_an_endpoint_that_does_not_answer_fails_those_who_ask_it_and_no_others(two: tuple[Machine, Machine]) -> None:
    run = Mixed(
        flow("{id: r, role: research, endpoint: gpu1}, {id: x, role: research, endpoint: dead}"),
        [two[0].endpoint(), DEAD],
        in_use=two[1].base_url,
    )
    assert run.said()["x-1#1"] == ("failed", "dead") and run.said()["r-1#1"] == ("complete", "gpu1")
    assert "nothing listens at http://127.0.0.1:9/v1" in (run.ends()["x-1#1"].error or "")
    assert run.state.status == "complete"


def test_a_run_of_which_nobody_answers_does_not_begin() -> None:
    with pytest.raises(ServerError, match="nothing listens"):
        Mixed(flow("{id: r, role: research}", "endpoint: dead"), [DEAD])


def test_without_leave_nobody_is_asked_elsewhere(two: tuple[Machine, Machine]) -> None:
    two[0].mood = "limited"
    run = Mixed(
        flow("{id: r, role: research}, {id: x, role: research, endpoint: gpu2}", "endpoint: gpu1"),
        [each.endpoint() for each in two],
    )
    assert run.said()["r-1#1"] == ("failed", "gpu1") and run.said()["x-1#1"] == ("complete", "gpu2")
    assert len(two[1].asked) == 1


@pytest.mark.parametrize(
    ("mood", "why"),
    [
        ("limited", "takes no more requests now"),
        ("overloaded", "is overloaded"),
        ("broken", "failed"),
        ("empty", "has no model"),
        ("silent", "is silent"),
    ],
)
def test_with_leave_the_answer_is_asked_for_elsewhere_and_it_is_told(
    two: tuple[Machine, Machine], mood: str, why: str
) -> None:
    two[0].mood = mood  # type: ignore[assignment]
    run = Mixed(
        flow("{id: r, role: research}", "endpoint: gpu1", "failover: true"),
        [each.endpoint() for each in two],
        silence_timeout_s=1,
    )
    assert run.said() == {"r-1#1": ("complete", "gpu2"), "synthesis": ("complete", "gpu2")}
    told = [each for each in run.doings("r-1") if each.state == "retrying" and each.endpoint == "gpu2"]
    assert [(each.detail, each.again) for each in told] == [(f"gpu1 {why} – asking gpu2", Again(at="gpu2"))]
    assert run.ends()["r-1#1"].notes == (f"gpu1 {why}: asked gpu2",)
    hub = [each.detail for each in run.doings(HUB) if each.state == "retrying" and each.endpoint == "gpu2"]
    assert hub == [f"gpu1 {why} – asking gpu2"]
    assert run.state.thoughts[ThoughtId("r-1#1")].endpoint == "gpu2"
    assert run.state.thoughts[ThoughtId("r-1#1")].failed_at == ("gpu1",)
    first = next(each for each in run.doings("r-1") if each.state == "connecting" and each.endpoint == "gpu2")
    assert first.failed_at == ("gpu1",), "it is known before the first word"


def test_of_those_that_can_stand_in_one_that_has_answered_in_this_run_goes_first(
    two: tuple[Machine, Machine],
) -> None:
    with Machine("gpu3") as idle:

        def watch(record: Record) -> None:
            if isinstance(record.event, ThoughtComplete) and len(two[0].asked) + len(two[1].asked) == 2:
                two[0].mood = "limited"

        run = Mixed(
            flow(
                "{id: r, role: research}, {id: x, role: research, endpoint: gpu2}",
                "endpoint: gpu1",
                "synthesis: {endpoint: gpu3}",
                "failover: true",
                checkpoints="[0, 0.5]",
            ),
            [*(each.endpoint() for each in two), idle.endpoint()],
            watch=watch,
        )
        assert run.said()["r-1#2"] == ("complete", "gpu2"), "the idle one has shown nothing yet"
        assert len(idle.asked) == 1, "the synthesis"


def test_an_endpoint_that_was_never_there_is_stood_in_for(two: tuple[Machine, Machine]) -> None:
    run = Mixed(
        flow("{id: r, role: research, endpoint: dead}", "endpoint: gpu1", "failover: true"),
        [DEAD, *(each.endpoint() for each in two)],
    )
    assert run.said()["r-1#1"] == ("complete", "gpu1"), "who is asked by this run anyway comes first"
    assert run.ends()["r-1#1"].notes == ("dead does not answer: asked gpu1",)
    assert "gpu2" not in run.reached


def test_a_run_whose_server_is_down_begins_where_it_may(two: tuple[Machine, Machine]) -> None:
    with Machine("here") as here:
        here.mood = "down"
        run = Mixed(flow("{id: r, role: research}", "failover: true"), [two[0].endpoint()], in_use=here.base_url)
    assert run.said() == {"r-1#1": ("complete", "gpu1"), "synthesis": ("complete", "gpu1")}


@pytest.mark.slow
def test_a_machine_that_goes_down_in_the_middle_of_a_run_is_stood_in_for(two: tuple[Machine, Machine]) -> None:
    def watch(record: Record) -> None:
        if isinstance(record.event, ThoughtComplete):
            two[0].mood = "down"

    run = Mixed(
        flow("{id: r, role: research}", "endpoint: gpu1", "failover: true", checkpoints="[0, 0.5]"),
        [each.endpoint() for each in two],
        watch=watch,
    )
    assert run.said() == {
        "r-1#1": ("complete", "gpu1"),
        "r-1#2": ("complete", "gpu2"),
        "synthesis": ("complete", "gpu2"),
    }


def test_what_is_out_on_the_internet_stands_in_only_where_the_workflow_names_it(two: tuple[Machine, Machine]) -> None:
    two[0].mood = "limited"
    cloud = Endpoint(name="cloud", base_url="https://models.example.com/v1")
    for in_use, asked in ((cloud.base_url, {"gpu1"}), ("http://127.0.0.1:9/v1", {"gpu1", ""})):
        run = Mixed(
            flow("{id: r, role: research}", "endpoint: gpu1", "failover: true"),
            [two[0].endpoint(), cloud],
            in_use=in_use,
        )
        assert run.said() == {"r-1#1": ("failed", "gpu1")}
        assert set(run.reached) == asked, "it is not even asked for its models"


def test_another_endpoint_is_asked_for_its_own_model_when_it_has_not_the_one_that_is_wanted() -> None:
    with Machine("gpu1", models=("big",)) as one, Machine("gpu2", models=("small",)) as two, Machine("gpu3") as three:
        one.mood = "broken"
        endpoints = [one.endpoint(), two.endpoint()]
        run = Mixed(flow("{id: r, role: research, model: big}", "endpoint: gpu1", "failover: true"), endpoints)
        assert two.asked[0].json["model"] == "small"
        assert run.ends()["r-1#1"].notes == ("gpu1 failed: asked gpu2 for small",)
        with Machine("gpu4", models=("big",)) as four:
            endpoints += [three.endpoint(), four.endpoint()]
            run = Mixed(
                flow(
                    "{id: r, role: research, model: big}",
                    "endpoint: gpu1",
                    "synthesis: {endpoint: gpu2}",
                    "failover: true",
                ),
                endpoints,
            )
            assert run.said()["r-1#1"] == ("complete", "gpu4"), "one that has the model is asked first"


def test_the_prompt_is_cut_anew_for_the_place_that_is_asked_instead() -> None:
    with Machine("wide") as wide, Machine("narrow", context=2_048) as narrow:

        def watch(record: Record) -> None:
            if isinstance(record.event, ThoughtComplete) and record.event.round == 1:
                wide.mood = "limited"

        run = Mixed(
            flow(
                f"{{id: r, role: research, prompt: {'word ' * 900}}}",
                "endpoint: wide",
                "failover: true",
                checkpoints="[0, 0.5]",
            ),
            [wide.endpoint(), narrow.endpoint()],
            watch=watch,
        )
    cuts = [each.cut for each in run.doings("r-1") if each.state == "connecting"]
    assert cuts[:2] == ["", ""] and "2,048" in cuts[2]
    assert run.said()["r-1#2"] == ("complete", "narrow")


@pytest.mark.parametrize(("how", "status"), [("cut", "unconfirmed"), ("silent", "failed")])
def test_an_answer_that_had_begun_is_not_asked_for_again(two: tuple[Machine, Machine], how: str, status: str) -> None:
    other = two[1]
    with Machine("breaks", holds=True) as breaks:

        def watch(record: Record) -> None:
            if how == "cut" and isinstance(record.event, PartialThought):
                breaks.cut()

        run = Mixed(
            flow(
                "{id: r, role: research}, {id: x, role: research, endpoint: gpu2}", "endpoint: breaks", "failover: true"
            ),
            [breaks.endpoint(), other.endpoint()],
            watch=watch,
            silence_timeout_s=1,
        )
    assert run.said()["r-1#1"] == (status, "breaks")
    assert len(other.asked) == 1


def test_stop_closes_the_sockets_of_all_servers() -> None:
    with ExitStack() as stack:
        machines = [stack.enter_context(Machine(f"gpu{number}", holds=True)) for number in range(3)]
        agents = ", ".join(f"{{id: r{n}, role: research, count: 2, endpoint: gpu{n}}}" for n in range(3))
        run = Mixed(
            flow(agents),
            [each.endpoint(slots=2) for each in machines],
            in_use=machines[0].base_url,
            stop_when=lambda record: sum(len(each.asked) for each in machines) == 6,
        )
        for machine in machines:
            machine.wait_until_idle()
        assert all(request.gone.is_set() for each in machines for request in each.asked)
    assert run.state.status == "stopped" and {end.status for end in run.ends().values()} == {"stopped"}


def test_the_workflow_of_an_older_run_can_still_be_read() -> None:
    kept = as_json(flow("{id: r, role: research}"))
    older = kept.replace('"failover":false,', "").replace('"roles":{},', "").replace('"endpoint":null,', "")
    assert "endpoint" not in older and from_json(older) == from_json(kept)
