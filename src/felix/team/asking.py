"""Whom each member of a team asks: the endpoint and the model that its workflow names.

What is said closer to an agent holds: its own entry, then its role, then the workflow, then the settings. A model that
is named beside one endpoint belongs to it, and is not asked for on another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from felix.endpoints import Endpoint, named
from felix.settings import Settings
from felix.team.roles import ROLES
from felix.team.workflow import AgentSpec, RoleSpec, SynthesisSpec, Workflow


@dataclass(frozen=True, slots=True)
class Asked:
    """A place and a model, as far as they are named."""

    endpoint: str = ""
    """An endpoint or a pool of the settings; empty: the server in use."""
    model: str = ""
    """Empty: the endpoint's own."""


Choice = Callable[[Asked], tuple[str, str, int | None]]
"""(endpoint or pool, model, its context in tokens) that who asks so will have, as far as anybody knows."""


def asked_by(workflow: Workflow, spec: AgentSpec) -> Asked:
    """Whom the agents of an entry ask."""
    role = workflow.roles.get(spec.role, RoleSpec())
    return _closest((spec, role, workflow))


def asked_by_hub(workflow: Workflow) -> Asked:
    """Whom the hub asks for the synthesis."""
    return _closest((workflow.synthesis, workflow))


def all_asked(workflow: Workflow) -> tuple[Asked, ...]:
    """Every place that somebody in a run may ask, in the order of the file, the hub's last; each once."""
    return tuple(dict.fromkeys(_all(workflow)))


def endpoints_called(name: str, settings: Settings) -> tuple[Endpoint, ...]:
    """The endpoint of that name, or those of the pool of that name; empty when there is neither."""
    if endpoint := named(settings.endpoints, name):
        return (endpoint,)
    return tuple(each for each in settings.endpoints if each.pool.casefold() == name.casefold() != "")


def unknown_endpoints(workflow: Workflow, settings: Settings) -> tuple[str, ...]:
    """The names in a workflow that no endpoint and no pool of the settings has."""
    names = dict.fromkeys(asked.endpoint for asked in all_asked(workflow) if asked.endpoint)
    return tuple(name for name in names if not endpoints_called(name, settings))


def not_in_settings(names: tuple[str, ...], settings: Settings) -> str:
    """What is wrong with `unknown_endpoints`, and what to do, in one sentence."""
    called = " and ".join(f"“{name}”" for name in names)
    pools = {each.pool for each in settings.endpoints if each.pool}
    there = ", ".join([*(each.name for each in settings.endpoints), *sorted(pools)]) or "none yet"
    many = "endpoints" if len(names) > 1 else "an endpoint"
    return (
        f"The workflow asks {called}, which the settings do not know – add {many} of that name in Settings,"
        f" or name another one in the workflow (there: {there})."
    )


def _all(workflow: Workflow) -> Iterator[Asked]:
    for spec in workflow.agents:
        yield asked_by(workflow, spec)
    for rule in workflow.rules:
        if rule.spawn in ROLES:
            yield asked_by(workflow, AgentSpec(id=rule.spawn, role=rule.spawn))
    yield asked_by_hub(workflow)


def _closest(levels: tuple[AgentSpec | SynthesisSpec | RoleSpec | Workflow, ...]) -> Asked:
    endpoint = next((level.endpoint for level in levels if level.endpoint), "")
    for level in levels:
        if level.model and (level.endpoint or endpoint).casefold() == endpoint.casefold():
            return Asked(endpoint, level.model)
    return Asked(endpoint)
