"""Whether a workflow fits the machines it is to run on, before they are asked: one sentence and what to do, or nothing.

Servers cut prompts and queue agents without a word; who is told beforehand can load a model otherwise, or want less. A
warning that is often wrong is soon not read, so it keeps silent about what it does not know and what costs little: it
speaks when agents wait for two others before them, and when prompts are a quarter longer than what they may be, counted
with the estimate by which they are cut.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from felix.endpoints import Endpoint, ServerKind, at, unnamed
from felix.events import AgentId
from felix.settings import Settings
from felix.team.asking import Asked, asked_by, asked_by_hub, endpoints_called
from felix.team.connection import context_of
from felix.team.prompts import (
    UNKNOWN_CONTEXT,
    Prompt,
    Room,
    agent_prompt,
    assumed_context,
    estimate_tokens,
    synthesis_prompt,
)
from felix.team.schedule import Round, schedule
from felix.team.workflow import Member, Workflow

if TYPE_CHECKING:
    from felix.llm.models import ServerReport

THOUGHT_TOKENS = 350
"""Of a thought that is yet to be written, where no lower limit is set: what a small model says to prompts like ours."""
_HEADING_TOKENS = 24
_WAITS = 3
"""Agents for one slot from which on the waiting is told: each has two before it."""
_SLACK = 1.25
"""How much longer than their room prompts must be: the estimate is on the high side."""
_SHARED = 3.0
"""The same for what all who speak at once need together: not all of it comes at the same moment."""
_HOME_SLOTS = 4
"""What one machine at home commonly bears: LM Studio's own choice."""
_NO_LIMIT = Room(10_000_000, 0)
_STEPS = (4_096, 8_192, 16_384, 32_768, 65_536, 131_072)
"""Contexts that people load models with."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """What will not go as the user expects."""

    sentence: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.sentence} – {self.suggestion}."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody asks, as far as it answered."""

    endpoint: Endpoint
    report: ServerReport
    model: str
    """As the server lists it."""
    context: int | None
    slots: int | None
    """As the server says; None when it does not, or the user has entered another number."""
    most: int | None
    """Tokens the model could be loaded with."""

    @property
    def name(self) -> str:
        return self.endpoint.name or self.report.name

    @property
    def kind(self) -> ServerKind:
        return self.report.kind


def misfit(task: str, workflow: Workflow, settings: Settings, reports: Mapping[str, ServerReport]) -> Misfit | None:
    """The worst that is to be expected of a run; None when nothing is. `reports` by base URL; one that is missing is
    not judged."""
    return next(_misfits(task, workflow, settings, reports), None)


def addresses_of(workflow: Workflow, settings: Settings) -> tuple[str, ...]:
    """The base URLs whose reports `misfit` wants to see."""
    asked = [*(asked_by(workflow, spec) for spec in workflow.agents), asked_by_hub(workflow)]
    return tuple(dict.fromkeys(endpoint.base_url for each in asked for endpoint in _endpoints(each, settings)))


def needs_context(task: str, workflow: Workflow, settings: Settings) -> int:
    """Tokens of context with which no prompt of a run loses anything, as far as it can be estimated."""
    rounds = schedule(workflow)
    needs = [_need(task, workflow, member, rounds, settings) for member in workflow.members()]
    return max(need.context(_SLACK) for need in (*needs, _need_of_hub(task, workflow, settings)))


def _misfits(
    task: str, workflow: Workflow, settings: Settings, reports: Mapping[str, ServerReport]
) -> Iterator[Misfit]:
    members = workflow.members()
    places = {member.id: _places(asked_by(workflow, member.spec), settings, reports) for member in members}
    rounds = schedule(workflow)
    needs = {member.id: _need(task, workflow, member, rounds, settings) for member in members}
    hub = _need_of_hub(task, workflow, settings)
    for is_task in (True, False):
        for member in members:
            for place in places[member.id]:
                yield from _too_long(place, needs[member.id], is_task=is_task, who="The prompts")
        for place in () if workflow.synthesis.skip else _places(asked_by_hub(workflow), settings, reports):
            yield from _too_long(place, hub, is_task=is_task, who="The hub's prompt")
    yield from _shared(rounds, places, needs, settings)
    yield from _waiting(rounds, places)


# ---------------------------------------------------------------- what prompts need


@dataclass(frozen=True, slots=True)
class _Need:
    """Tokens of one prompt."""

    task: int
    """Of all but the thoughts."""
    thoughts: int
    answer: int
    """The answer's limit, as `Room.answer`."""
    thought: int
    """What an answer is likely to take."""

    @property
    def prompt(self) -> int:
        return self.task + self.thoughts

    def context(self, slack: float = 1.0) -> int:
        """The least in which all of it has room."""
        return next(
            (step for step in _STEPS if Room(step, self.answer).prompt * slack >= self.prompt),
            math.ceil((self.prompt + self.answer) * 4 / 3),
        )


def _need(task: str, workflow: Workflow, member: Member, rounds: Sequence[Round], settings: Settings) -> _Need:
    """Of the last prompt of an agent: it has read all that was said before."""
    earlier, depth = 0, 0.0
    said = 0
    for each in rounds:
        for turn in each.turns:
            if turn.agent_id == member.id:
                earlier, depth = said, turn.checkpoint
        said += len(each.turns)
    prompt = agent_prompt(task, workflow, member, checkpoint=depth, own=(), others=(), room=_NO_LIMIT)
    answer = settings.max_tokens if member.spec.max_tokens is None else member.spec.max_tokens
    thought = _thought_tokens(workflow, settings)
    return _Need(_tokens(prompt), earlier * (thought + _HEADING_TOKENS), answer, thought)


def _need_of_hub(task: str, workflow: Workflow, settings: Settings) -> _Need:
    """Everybody's newest thought: the older ones may be left out without much loss."""
    prompt = synthesis_prompt(task, workflow, complete=(), unfinished=(), room=_NO_LIMIT)
    limit = workflow.synthesis.max_tokens
    thought = _thought_tokens(workflow, settings)
    thoughts = len(workflow.members()) * (thought + _HEADING_TOKENS)
    return _Need(_tokens(prompt), thoughts, settings.max_tokens if limit is None else limit, thought)


def _thought_tokens(workflow: Workflow, settings: Settings) -> int:
    limits = [settings.max_tokens if s.max_tokens is None else s.max_tokens for s in workflow.agents]
    return min(THOUGHT_TOKENS, max(limit or THOUGHT_TOKENS for limit in limits))


def _tokens(prompt: Prompt) -> int:
    return sum(estimate_tokens(message.content) for message in prompt.messages)


# ---------------------------------------------------------------- what does not fit


def _too_long(place: _Place, need: _Need, *, is_task: bool, who: str) -> Iterator[Misfit]:
    """A prompt against the context: of the task by itself, or with the thoughts that stand in it."""
    room = Room(place.context, need.answer, assumed=assumed_context(place.kind)).prompt * _SLACK
    wanted = need.task if is_task else need.prompt
    if wanted <= room:
        return
    about = f"{_rounded(wanted + (need.answer or math.ceil(wanted / 3))):,}"
    loss = "the middle of the task will be left out" if is_task else "earlier thoughts will be left out"
    subject = "The task with its instructions needs" if is_task else f"{who} {'need' if who[-1] == 's' else 'needs'}"
    if place.context:
        loaded = "is given" if place.kind == "ollama" else "is loaded with" if _loads(place) else "takes"
        sentence = (
            f"{subject} about {about} tokens with room for the answer, {place.model} {loaded} {place.context:,}: {loss}"
        )
    elif place.kind == "ollama":
        sentence = (
            f"{subject} about {about} tokens, and Ollama cuts what is longer than its own context without a word,"
            f" so Felix keeps to {UNKNOWN_CONTEXT:,}: {loss}"
        )
    else:
        sentence = (
            f"{subject} about {about} tokens, and {place.name} does not say how many {place.model} takes,"
            f" so Felix keeps to {assumed_context(place.kind):,}: {loss}"
        )
    yield Misfit(sentence, _longer(place, need.context()))


def _shared(
    rounds: Sequence[Round],
    places: Mapping[AgentId, tuple[_Place, ...]],
    needs: Mapping[AgentId, _Need],
    settings: Settings,
) -> Iterator[Misfit]:
    """LM Studio's slots share one cache of the length that was loaded, by its documentation; when it runs over, answers
    break off."""
    for each in rounds:
        totals: dict[str, list[int]] = {}
        for turn in each.turns:
            if len(there := places[turn.agent_id]) == 1 and there[0].kind == "lmstudio":
                need = needs[turn.agent_id]
                totals.setdefault(there[0].endpoint.base_url, []).append(need.prompt + need.thought)
        for base_url, tokens in totals.items():
            place = next(p for there in places.values() for p in there if p.endpoint.base_url == base_url)
            limit = place.endpoint.slots or min(place.slots or settings.max_parallel, settings.max_parallel)
            together = sum(sorted(tokens)[-limit:])
            count = min(limit, len(tokens))
            if place.context and count > 1 and together > place.context * _SHARED:
                sentence = (
                    f"{count} agents at once need about {_rounded(together):,} tokens together, and LM Studio's slots"
                    f" share the {place.context:,} that {place.model} is loaded with: answers may break off"
                )
                wanted = next((step for step in _STEPS if step * _SHARED >= together), together)
                yield Misfit(sentence, f"{_longer(place, wanted)}, or let fewer speak at once")
                return


def _waiting(rounds: Sequence[Round], places: Mapping[AgentId, tuple[_Place, ...]]) -> Iterator[Misfit]:
    """Agents of one round against the slots of the server or pool that they share."""
    for each in rounds:
        crowds = Counter(places[turn.agent_id] for turn in each.turns)
        for there, agents in crowds.items():
            slots = sum(place.slots for place in there if place.slots)
            if not there or any(place.slots is None for place in there) or agents < _WAITS * slots:
                continue
            where = there[0].name if len(there) == 1 else there[0].endpoint.pool
            how = "they speak one after the other" if slots == 1 else f"they speak {slots} by {slots}"
            sentence = f"{agents} agents at once on {slots} slot{'s' * (slots != 1)} of {where}: {how}"
            more = f"set parallel slots to {min(agents, _HOME_SLOTS)} there"
            if slots >= _HOME_SLOTS:
                more = "share the work among several machines in a pool"
            yield Misfit(sentence, f"{more}, or use fewer agents")
            return


def _longer(place: _Place, wanted: int) -> str:
    """How to give a model the context that is wanted."""
    if place.most and wanted > place.most:
        if place.context and place.most < place.context * _SLACK:
            return "use a model with a longer context, or fewer agents or rounds"
        wanted = place.most
    match place.kind:
        case "lmstudio":
            return f"load it with {wanted:,}"
        case "llamacpp":
            return f"start its server with a context of {wanted:,} for each slot"
        case "ollama" | "file":
            return f"enter a context length of {wanted:,} for {place.name} in Settings"
        case _ if not place.context:
            return f"enter the context length of {place.name} in Settings"
        case _:
            return "use a model with a longer context, or fewer agents or rounds"


def _loads(place: _Place) -> bool:
    return place.kind in ("lmstudio", "llamacpp", "file")


def _rounded(tokens: int) -> int:
    """To two figures: it is an estimate."""
    return int(float(f"{tokens:.2g}"))


# ---------------------------------------------------------------- where it is asked


def _endpoints(asked: Asked, settings: Settings) -> tuple[Endpoint, ...]:
    if asked.endpoint:
        return endpoints_called(asked.endpoint, settings)
    base_url = settings.base_url
    in_use = at(settings.endpoints, base_url) or unnamed(base_url)
    return (in_use.model_copy(update={"model": settings.model or in_use.model}),)


def _places(asked: Asked, settings: Settings, reports: Mapping[str, ServerReport]) -> tuple[_Place, ...]:
    """Where that is, of those that have been asked; models that are not listed there are not judged."""
    found = []
    for endpoint in _endpoints(asked, settings):
        report = reports.get(endpoint.base_url)
        model = report.model(asked.model or endpoint.model) if report else None
        if report and model:
            context = context_of(model, endpoint, report.kind)
            is_own_word = endpoint.slots or (not endpoint.name and settings.max_parallel < (model.slots or 0))
            slots = None if is_own_word else model.slots
            found.append(_Place(endpoint, report, model.id, context, slots, model.max_context_length))
    return tuple(found)
