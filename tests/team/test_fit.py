"""Whether a team fits its machines: what is said, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from felix.endpoints import Endpoint, ServerKind
from felix.llm.model_lists import ModelInfo
from felix.llm.models import ServerReport
from felix.settings import Settings
from felix.team.fit import addresses_of, misfit
from felix.team.workflow import Workflow, load
from tests.team.scripted import workflow

URL = "http://127.0.0.1:1234/v1"
SIX = "{id: research, role: research, count: 6}"


def report(
    *,
    kind: ServerKind = "lmstudio",
    name: str = "LM Studio",
    context: int | None = 32_768,
    slots: int | None = 8,
    most: int | None = 131_072,
    url: str = URL,
) -> dict[str, ServerReport]:
    model = ModelInfo("qwen3-8b", "Qwen3 8B", loaded=True, context_length=context, max_context_length=most, slots=slots)
    return {url: ServerReport(kind, name, (model,), 1.0, url)}


def said(
    flow: Workflow,
    reports: dict[str, ServerReport],
    *,
    task: str = "Why?",
    endpoint: Endpoint | None = None,
    **changes: object,
) -> str:
    endpoints = (endpoint,) if endpoint else ()
    found = misfit(task, flow, Settings.model_validate({"endpoints": endpoints, **changes}), reports)
    return str(found) if found else ""


def test_a_team_that_fits_is_not_spoken_of() -> None:
    assert said(workflow(SIX), report()) == ""


@pytest.mark.parametrize("context", [16_384, 32_768])
def test_the_workflows_that_come_with_felix_fit_what_people_load(context: int) -> None:
    for file in Path("assets/workflows").glob("*.yaml"):
        task = "Should a firm of forty people buy or build the software for its warehouse?"
        assert said(load(file), report(context=context, slots=4), task=task) == "", file.stem


def test_agents_who_wait_for_two_others_are_told_of() -> None:
    one = said(workflow(SIX), report(slots=1))
    assert one == (
        "6 agents at once on 1 slot of LM Studio: they speak one after the other"
        " – set parallel slots to 4 there, or use fewer agents."
    )
    assert "they speak 2 by 2" in said(workflow(SIX), report(slots=2))
    assert said(workflow(SIX), report(slots=3)) == "", "one other is no wait"
    assert said(workflow(SIX), report(slots=None)) == "", "nobody knows"
    many = "{id: a, role: research, count: 16}, {id: b, role: research, count: 16}"
    assert "pool" in said(workflow(many), report(slots=4, context=131_072), max_parallel=32)


def test_slots_that_the_user_has_limited_are_the_users_business() -> None:
    assert said(workflow(SIX), report(slots=4), max_parallel=1) == ""
    assert said(workflow(SIX), report(slots=1), endpoint=Endpoint(name="gpu", base_url=URL, slots=1)) == ""


def test_a_pool_is_measured_by_all_its_slots() -> None:
    urls = [f"http://10.0.0.{number}:1234/v1" for number in (1, 2, 3)]
    endpoints = [Endpoint(name=f"gpu{n}", base_url=url, pool="gpus") for n, url in enumerate(urls)]
    flow = workflow(SIX, more="endpoint: gpus")
    three = {url: each for one in urls for url, each in report(slots=1, url=one).items()}
    assert said(flow, three, endpoints=endpoints) == ""
    two = {url: three[url] for url in urls[:2]}
    assert "6 agents at once on 2 slots of gpus" in said(flow, two, endpoints=endpoints)


def test_prompts_that_grow_beyond_the_context_are_told_of() -> None:
    flow = workflow(SIX, checkpoints="[0, 0.3, 0.5, 0.7]")
    sentence = said(flow, report(context=4_096, slots=6))
    assert sentence == (
        "The prompts need about 9,400 tokens with room for the answer, qwen3-8b is loaded with 4,096:"
        " earlier thoughts will be left out – load it with 16,384."
    )
    assert said(flow, report(context=16_384, slots=4)) == ""
    assert "load it with 8,192" in said(flow, report(context=4_096, most=8_192))
    assert "longer context" in said(flow, report(context=4_096, most=4_096))


def test_short_answers_leave_room() -> None:
    flow = workflow(SIX, checkpoints="[0, 0.3, 0.5]")
    assert "left out" in said(flow, report(context=4_096))
    assert "left out" not in said(flow, report(context=4_096), max_tokens=100)


def test_a_task_that_does_not_fit_comes_before_all_else() -> None:
    sentence = said(workflow(SIX, checkpoints="[0, 0.5]"), report(context=4_096, slots=1), task="word " * 3_000)
    assert sentence.startswith("The task with its instructions needs about 7,") and "the middle of the task" in sentence


def test_the_hub_needs_room_for_everybodys_last_word() -> None:
    many = "{id: a, role: research, count: 16}"
    assert said(workflow(many, checkpoints="[0]"), report(context=4_096, slots=16)).startswith("The hub's prompt needs")
    assert said(workflow(many, checkpoints="[0]"), report(context=16_384, slots=16), max_parallel=2) == ""


def test_ollama_cuts_without_a_word_unless_it_is_told_a_length() -> None:
    flow = workflow(SIX, checkpoints="[0, 0.3, 0.5, 0.7]")
    ollama = report(kind="ollama", name="Ollama", context=None, slots=None)
    assert "Ollama cuts what is longer than its own context without a word" in said(flow, ollama)
    told = Endpoint(name="box", base_url=URL, kind="ollama", context_length=16_384)
    assert said(flow, ollama, endpoint=told) == ""
    short = told.model_copy(update={"context_length": 4_096})
    assert "qwen3-8b is given 4,096" in said(flow, report(kind="ollama", name="Ollama", slots=None), endpoint=short)


def test_a_server_that_does_not_say_its_context_can_be_helped() -> None:
    flow = workflow(SIX, checkpoints="[0, 0.3, 0.5, 0.7]")
    silent = report(kind="other", name="Model server", context=None, slots=None)
    assert "enter the context length of gpu in Settings" in said(
        flow, silent, endpoint=Endpoint(name="gpu", base_url=URL)
    )
    told = Endpoint(name="gpu", base_url=URL, context_length=32_768)
    assert said(flow, silent, endpoint=told) == ""


def test_lm_studios_slots_share_what_was_loaded() -> None:
    flow = workflow("{id: research, role: research, count: 4}", checkpoints="[0, 0.2, 0.4, 0.6, 0.8]")
    sentence = said(flow, report(context=8_192, slots=4))
    assert "share the 8,192" in sentence and "load it with" in sentence
    assert said(flow, report(context=8_192, slots=4), max_parallel=1) == ""
    assert said(flow, report(context=8_192, slots=4, kind="llamacpp", name="llama.cpp")) == ""


def test_a_place_that_did_not_answer_and_a_model_that_is_not_listed_are_not_judged() -> None:
    assert said(workflow(SIX), {}) == ""
    assert said(workflow(SIX), report(slots=1), model="another") == ""


def test_it_is_known_beforehand_whose_reports_are_wanted() -> None:
    gpu = Endpoint(name="gpu", base_url="http://10.0.0.1:1234/v1")
    flow = workflow(SIX, more="synthesis: {endpoint: GPU}")
    assert addresses_of(flow, Settings(endpoints=(gpu,))) == (URL, gpu.base_url)
