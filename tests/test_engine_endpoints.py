"""Several servers in one run, through the engine's door: what its user sees, and what goes on with a run that ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.endpoints import Endpoint
from felix.engine import Engine
from felix.events import HUB, AgentId, AgentState, Record, RunFinished, ThoughtId
from felix.ledger.state import RunState
from felix.settings import SettingsFile
from felix.team.mailbox import Reply
from felix.team.workflow import Workflow
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fakes.openai import FakeVLLM
from tests.servers.machine import Machine
from tests.team.scripted import workflow
from tests.test_engine import folded, follow, is_event

RESEARCH = ThoughtId("research-1#1")


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    return settings


@pytest.fixture
def engine(settings: SettingsFile) -> Iterator[Engine]:
    with Engine(settings, demo_speed=1_000) as engine:
        yield engine


def carried_out(engine: Engine, flow: Workflow, *, demo: bool = False) -> RunState:
    mailbox = engine.subscribe()
    run = engine.start("Why?", flow, demo=demo)
    return folded(follow(mailbox, is_event("run_finished")), run)


def test_three_kinds_of_server_work_on_one_task(engine: Engine, settings: SettingsFile) -> None:
    with FakeLMStudio() as studio, FakeOllama() as ollama, FakeVLLM() as vllm:
        endpoints = [
            Endpoint(name="studio", base_url=studio.base_url),
            Endpoint(name="llama", base_url=ollama.base_url, kind="ollama"),
            Endpoint(name="cluster", base_url=vllm.base_url),
        ]
        settings.override(endpoints=endpoints, base_url=studio.base_url)
        state = carried_out(
            engine,
            workflow(
                "{id: research, role: research}, {id: analysis, role: analysis, spawn: 0},"
                " {id: critic, role: critic, spawn: 0, endpoint: Cluster}",
                checkpoints="[0]",
                more="roles: {analysis: {endpoint: llama}}",
            ),
        )
    assert state.status == "complete", state.reason
    thoughts = {t.agent_id: (t.status, t.endpoint, str(t.answer)) for t in state.thoughts.values()}
    assert thoughts == {
        "research-1": ("complete", "studio", "Hello world"),
        "analysis-1": ("complete", "llama", "Hello world"),
        "critic-1": ("complete", "cluster", "Hello world"),
    }
    assert [agent.endpoint for agent in state.agents.values()] == ["", "llama", "cluster"]
    assert state.synthesis is not None and state.synthesis.endpoint == "studio"


def test_an_endpoint_that_the_settings_do_not_know_is_one_sentence_and_no_run(
    engine: Engine, settings: SettingsFile
) -> None:
    settings.override(endpoints=[Endpoint(name="gpu1", base_url="http://127.0.0.1:9/v1", pool="gpus")])
    state = carried_out(engine, workflow(more="endpoint: gpu9"))
    assert state.status == "failed" and not state.thoughts
    assert state.reason == (
        "The workflow asks “gpu9”, which the settings do not know – add an endpoint of that name in Settings,"
        " or name another one in the workflow (there: gpu1, gpus)."
    )


def test_the_demo_model_speaks_for_every_endpoint(engine: Engine) -> None:
    state = carried_out(engine, workflow("{id: research, role: research, endpoint: nowhere}"), demo=True)
    assert state.status == "complete"
    assert {agent.endpoint for agent in state.agents.values()} == {""}


def test_more_of_a_run_is_asked_where_it_was_asked_before(engine: Engine, settings: SettingsFile) -> None:
    with Machine("here") as here, Machine("gpu", models=("m", "other")) as gpu:
        settings.override(endpoints=[gpu.endpoint()], base_url=here.base_url)
        mailbox = engine.subscribe()
        run = engine.start("Why?", workflow("{id: research, role: research, endpoint: gpu}", checkpoints="[0]"))
        follow(mailbox, is_event("run_finished"))
        asked = len(gpu.asked)
        engine.retry(run, RESEARCH, model="other")
        follow(mailbox, is_event("run_finished"))
        engine.ask_agent(run, AgentId("research-1"), "Are you sure?")
        follow(mailbox, is_event("run_finished"))
        assert [request.json["model"] for request in gpu.asked[asked:]] == ["other", "m"]
        assert len(here.asked) == 2, "both syntheses"


def test_two_runs_side_by_side_ask_a_server_for_no_more_than_its_slots(engine: Engine, settings: SettingsFile) -> None:
    with Machine("gpu", slots=1, holds=True) as gpu:
        settings.override(base_url=gpu.base_url)
        mailbox = engine.subscribe()
        flow = workflow("{id: r, role: research, count: 2}", checkpoints="[0, 0.5]")
        runs = [engine.start("Why?", flow) for _ in range(2)]
        items = follow(mailbox, lambda item: waits(item, position=3))
        gpu.release()
        while sum(is_event("run_finished")(item) for item in items) < 2:
            items += follow(mailbox, is_event("run_finished"))
        assert gpu.most_at_once == 1 and len(gpu.asked) == 2 * (2 * 2 + 1)
    states = [folded(items, run) for run in runs]
    assert [state.status for state in states] == ["complete", "complete"]
    heard = [state.synthesis.sources for state in states if state.synthesis]
    assert [len(sources) for sources in heard] == [4, 4], "one of them waited and knows what it has read"


def test_a_synthesis_that_waits_for_another_run_can_be_stopped(engine: Engine, settings: SettingsFile) -> None:
    with Machine("here") as here, Machine("gpu", slots=1, holds=True) as gpu:
        settings.override(endpoints=[gpu.endpoint()], base_url=here.base_url)
        mailbox = engine.subscribe()
        other = engine.start("Why?", workflow("{id: r, role: research}", more="endpoint: gpu"))
        gpu.wait_for(1)
        agents = "{id: r, role: research}"
        run = engine.start("Why?", workflow(agents, checkpoints="[0]", more="synthesis: {endpoint: gpu}"))
        items = follow(mailbox, lambda item: waits(item, position=1))
        assert folded(items, run).synthesis is not None
        engine.stop_agent(run, HUB)
        items += follow(mailbox, is_event("run_finished"))
        state = folded(items, run)
        assert state.status == "stopped" and state.synthesis is not None and state.synthesis.status == "stopped"
        assert state.synthesis.sources == (ThoughtId("r-1#1"),) and len(gpu.asked) == 1
        engine.stop(other)


def test_a_question_that_is_taken_back_closes_its_socket_and_is_never_answered(
    engine: Engine, settings: SettingsFile
) -> None:
    with Machine("gpu", holds=True) as gpu:
        settings.override(base_url=gpu.base_url)
        mailbox = engine.subscribe()
        forgotten = engine.compare_streaming(gpu.base_url, "m")
        gpu.wait_for(1)
        engine.forget(forgotten)
        gpu.wait_until_idle()
        number = engine.ask_server(gpu.base_url)
        items = follow(mailbox, lambda item: isinstance(item, Reply) and item.number == number)
        engine.forget(number)  # it has been answered: that changes nothing
        number = engine.ask_server(gpu.base_url)
        items += follow(mailbox, lambda item: isinstance(item, Reply) and item.number == number)
    assert forgotten not in [item.number for item in items if isinstance(item, Reply)]


def waits(item: object, *, position: int) -> bool:
    return isinstance(item, Record) and isinstance(item.event, AgentState) and item.event.position == position


def test_an_endpoint_that_has_left_the_settings_is_missed_by_those_alone_who_ask_it(
    engine: Engine, settings: SettingsFile
) -> None:
    with Machine("here") as here, Machine("gpu") as gpu:
        settings.override(endpoints=[gpu.endpoint()], base_url=here.base_url)
        mailbox = engine.subscribe()
        flow = workflow("{id: research, role: research, endpoint: gpu}, {id: x, role: research}", checkpoints="[0]")
        run = engine.start("Why?", flow)
        items = follow(mailbox, is_event("run_finished"))
        settings.override(endpoints=[])
        engine.retry(run, RESEARCH)
        items += follow(mailbox, is_event("run_finished"))
        engine.retry(run, ThoughtId("x-1#1"))
        items += follow(mailbox, is_event("run_finished"))
        state = folded(items, run)
    again = {t.thought_id: (t.status, t.error or "") for t in state.thoughts.values() if t.act == "retry"}
    assert again[ThoughtId("x-1#1.2")] == ("complete", "")
    status, error = again[ThoughtId("research-1#1.2")]
    assert status == "failed" and error.startswith("The workflow asks “gpu”, which the settings do not know")


def test_a_run_goes_on_with_its_own_model_though_another_one_is_in_use_now(
    engine: Engine, settings: SettingsFile
) -> None:
    with Machine("here", models=("m", "n")) as here:
        settings.override(base_url=here.base_url, model="m")
        mailbox = engine.subscribe()
        run = engine.start("Why?", workflow("{id: research, role: research}", checkpoints="[0]"))
        follow(mailbox, is_event("run_finished"))
        settings.override(model="n")
        engine.retry(run, RESEARCH)
        end = follow(mailbox, is_event("run_finished"))[-1]
        assert {request.json["model"] for request in here.asked} == {"m"}
    assert isinstance(end.event, RunFinished)  # type: ignore[union-attr]


def test_the_wording_that_is_offered_fits_the_place_of_the_thought(engine: Engine, settings: SettingsFile) -> None:
    with Machine("wide") as wide, Machine("narrow", context=2_048) as narrow:
        settings.override(endpoints=[narrow.endpoint()], base_url=wide.base_url)
        mailbox = engine.subscribe()
        flow = workflow("{id: research, role: research, endpoint: narrow}", checkpoints="[0]")
        run = engine.start("word " * 3_000, flow)
        follow(mailbox, is_event("run_finished"))
        number = engine.prompt_of(run, RESEARCH)
        reply = follow(mailbox, lambda item: getattr(item, "number", None) == number)[-1]
        assert reply.value == narrow.asked[0].json["messages"][-1]["content"]  # type: ignore[union-attr]
