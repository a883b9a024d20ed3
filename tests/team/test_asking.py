"""Whom each member of a team asks."""

from __future__ import annotations

import pytest

from felix.endpoints import Endpoint
from felix.errors import WorkflowError
from felix.settings import Settings
from felix.team.asking import Asked, all_asked, asked_by, asked_by_hub, endpoints_called, unknown_endpoints
from tests.team.scripted import workflow

GPUS = Settings(
    endpoints=(
        Endpoint(name="gpu1", base_url="http://10.0.0.1/v1", pool="gpus"),
        Endpoint(name="gpu2", base_url="http://10.0.0.2/v1", pool="GPUs"),
        Endpoint(name="cloud", base_url="https://api.example.com/v1"),
    )
)


@pytest.mark.parametrize(
    ("agent", "role", "whole", "asked"),
    [
        ("", "", "", Asked()),
        ("", "", "endpoint: w", Asked("w")),
        ("", "", "endpoint: w, model: m", Asked("w", "m")),
        ("", "", "model: m", Asked("", "m")),
        ("", "endpoint: r", "endpoint: w, model: m", Asked("r")),
        ("", "endpoint: r", "model: m", Asked("r", "m")),
        ("", "model: n", "endpoint: w, model: m", Asked("w", "n")),
        ("endpoint: a", "endpoint: r, model: n", "model: m", Asked("a", "m")),
        ("endpoint: a", "model: n", "endpoint: w, model: m", Asked("a", "n")),
        ("model: k", "endpoint: r, model: n", "endpoint: w", Asked("r", "k")),
        ("endpoint: W", "", "endpoint: w, model: m", Asked("W", "m")),
    ],
)
def test_what_is_said_closer_to_an_agent_holds(agent: str, role: str, whole: str, asked: Asked) -> None:
    flow = workflow(
        f"{{id: x, role: research{', ' if agent else ''}{agent}}}",
        more="\n".join((f"roles: {{research: {{{role}}}}}", *whole.split(", "))),
    )
    assert asked_by(flow, flow.agents[0]) == asked


def test_the_hub_asks_where_the_synthesis_says() -> None:
    assert asked_by_hub(workflow(more="endpoint: w\nmodel: m\nroles: {critic: {endpoint: r}}")) == Asked("w", "m")
    assert asked_by_hub(workflow(more="endpoint: w\nmodel: m\nsynthesis: {endpoint: s}")) == Asked("s")


def test_everybody_who_may_come_is_counted() -> None:
    flow = workflow(more="roles: {critic: {endpoint: gpu1}}\nrules: [{when: agent_failed, spawn: critic}]")
    assert all_asked(flow) == (Asked(), Asked("gpu1"))


def test_a_name_means_an_endpoint_before_a_pool() -> None:
    assert [each.name for each in endpoints_called("GPU1", GPUS)] == ["gpu1"]
    assert [each.name for each in endpoints_called("gpus", GPUS)] == ["gpu1", "gpu2"]
    assert endpoints_called("", GPUS) == endpoints_called("none", GPUS) == ()


def test_names_that_nothing_has_are_found() -> None:
    flow = workflow(
        "{id: x, role: research, endpoint: gpus}, {id: y, role: research, endpoint: gpu7}",
        more="synthesis: {endpoint: CLOUD}\nroles: {critic: {endpoint: unused}}",
    )
    assert unknown_endpoints(flow, GPUS) == ("gpu7",)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("roles: {resarch: {endpoint: a}}", "roles.resarch must be one of analysis, critic, research"),
        ("roles: {research: {endpont: a}}", "roles.research.endpont is not a key Felix knows; did you mean endpoint?"),
        ("roles: {research: a}", "roles.research must be a block of keys"),
        ("roles: {9: {model: a}}", "roles.9 is not the name of a role"),
        ("failover: 1", "failover must be true or false"),
        ("endpoint: 7", "endpoint must be text; put the value in quotes"),
        ("endpoint: ''", "endpoint must be the name of an endpoint or a pool of the settings"),
    ],
)
def test_a_fault_in_what_is_named_is_one_sentence(more: str, sentence: str) -> None:
    with pytest.raises(WorkflowError, match=sentence.replace("?", r"\?")):
        workflow(more=more)
