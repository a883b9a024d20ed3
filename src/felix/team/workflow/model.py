"""A workflow as a value: the agents of a team, where they speak, and what the hub makes of it.

Each field's description says what a file may hold there, as the end of the sentence "<key> must be …": it is what a
user reads when the value is another. Numbers and switches are strict: `count: "3"` is a fault to mend, not to guess at.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from felix.events import AgentId
from felix.team.helix import Helix
from felix.team.roles import ROLES, Role, between, role_named, temperature
from felix.team.schedule import moments
from felix.team.workflow.document import Path

MAX_AGENTS = 32
"""Of a team, instances counted. More do not fit a window, and no home server has the slots."""

_MIN_GAP = 0.01
"""Between checkpoints: so that at every speed allowed they stay distinct moments."""

DEFAULT_LIMITS = MappingProxyType({"confidence_below": 0.5, "confidence_spread_above": 0.3})
"""Of rules that name no value."""

INCONSISTENT = "inconsistent"
"""Type of the pydantic errors whose context holds `path` and `sentence`: what only several fields together tell."""

Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Switch = Annotated[bool, Strict()]
Depth = Annotated[Number, Field(ge=0, le=1)]
Heat = Annotated[Number, Field(ge=0, le=2)]
Occurrence = Literal["confidence_below", "confidence_spread_above", "agent_failed"]
Name = Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[^\W\d_][\w-]*$")]
Prose = Annotated[str, Field(max_length=20_000)]
Model = Annotated[str, Field(max_length=500)]
EndpointName = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S[^\n]*$")]
ToolName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.-]+(/[\w.-]+)?$")]
MaxTokens = Annotated[Whole, Field(ge=0, le=1_000_000)]

_NAME = "a word of up to 24 letters, digits, - and _ that begins with a letter"
_DEPTH = "a depth from 0 (top) to 1 (bottom)"
_PROSE = "text of at most 20,000 characters"
_MODEL = "the name of a model as the server lists it"
_ENDPOINT = "the name of an endpoint or a pool of the settings"
_TEMPERATURE = "a number from 0 to 2, or two of them as [top, bottom]"
_MAX_TOKENS = "a whole number from 0 (the server's own limit) to 1000000"
_SWITCH = "true or false"
_TOOLS = "a list of tools, each the name of a built-in one, of an MCP server, or server/tool"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AgentSpec(_Part):
    """One entry of `agents`: `count` agents that are alike but for their number."""

    id: Name = Field(description=_NAME)
    """What they are called; an agent's own id adds its number, as `research-1`."""
    role: Name = Field(description=f"{', '.join(ROLES)}, or a role of your own: {_NAME}")
    count: Annotated[Whole, Field(ge=1, le=16)] = Field(default=1, description="a whole number from 1 to 16")
    spawn: Depth | None = Field(default=None, description=_DEPTH)
    """The depth, and moment, at which they enter; None is the role's own."""
    speed: Annotated[Number, Field(ge=0.1, le=10)] = Field(default=1.0, description="a number from 0.1 to 10")
    """Depth per unit of the run's clock; at 1 all agents meet at every checkpoint."""
    prompt: Prose = Field(default="", description=_PROSE)
    endpoint: EndpointName | None = Field(default=None, description=_ENDPOINT)
    """None: that of its role, else of the workflow, else the server in use."""
    model: Model | None = Field(default=None, description=_MODEL)
    """None: that of its role or of the workflow, where it asks the endpoint they name; else the endpoint's own."""
    temperature: Heat | tuple[Heat, Heat] | None = Field(default=None, description=_TEMPERATURE)
    """One for every depth, or the two ends of a line; None: the role's line."""
    max_tokens: MaxTokens | None = Field(default=None, description=_MAX_TOKENS)
    """None: as in the settings."""
    enable_streaming: Switch | None = Field(default=None, description=_SWITCH)
    """None: as in the settings."""
    tools: Annotated[tuple[ToolName, ...], Field(max_length=64)] | None = Field(default=None, description=_TOOLS)
    """What they may use; None: the workflow's."""

    @property
    def manner(self) -> Role:
        """The role itself; for a role only this file knows, the one that stands for all such."""
        return role_named(self.role)

    @property
    def spawn_depth(self) -> float:
        return self.manner.spawn if self.spawn is None else self.spawn

    def temperature_at(self, depth: float) -> float:
        match self.temperature:
            case None:
                return temperature(self.manner, depth)
            case (top, bottom):
                return between(top, bottom, depth)
            case number:
                return number


class SynthesisSpec(_Part):
    """How the hub writes the one answer."""

    skip: Switch = Field(default=False, description=_SWITCH)
    """Whether it writes none: what the only agent says, in its only turn, is the answer as it is."""
    prompt: Prose = Field(default="", description=_PROSE)
    endpoint: EndpointName | None = Field(default=None, description=_ENDPOINT)
    """None: that of the workflow, else the server in use."""
    model: Model | None = Field(default=None, description=_MODEL)
    temperature: Heat = Field(default=0.3, description="a number from 0 to 2")
    max_tokens: MaxTokens | None = Field(default=None, description=_MAX_TOKENS)
    enable_streaming: Switch | None = Field(default=None, description=_SWITCH)


class RoleSpec(_Part):
    """Where the agents of one role are asked, unless they name their own place."""

    endpoint: EndpointName | None = Field(default=None, description=_ENDPOINT)
    model: Model | None = Field(default=None, description=_MODEL)


class Limits(_Part):
    """Where the user is asked whether to go to the synthesis, whatever is left to say; 0 is no limit."""

    tokens: Annotated[Whole, Field(ge=0)] = Field(default=0, description="a whole number, 0 for no limit")
    """Of all answers together, thinking included."""
    minutes: Annotated[Number, Field(ge=0)] = Field(default=0.0, description="a number of minutes, 0 for no limit")


class Rule(_Part):
    """What adds an agent to the team after a round, for all rounds that follow."""

    when: Occurrence = Field(description=f"one of {', '.join(get_args(Occurrence))}")
    """The agents' mean confidence; the distance between the most and the least confident; one that failed."""
    value: Depth | None = Field(default=None, description="a number from 0 to 1")
    """What the confidence is below, or the distance above; None: as in `DEFAULT_LIMITS`."""
    spawn: Name = Field(description=f"{', '.join(ROLES)}, or the role of one of the agents")
    """The role of the agent that comes; it is told what the first agent of that role is told."""
    max: Annotated[Whole, Field(ge=1, le=16)] = Field(default=1, description="a whole number from 1 to 16")
    """Most agents of that role that may be added to a run."""

    @property
    def limit(self) -> float:
        return DEFAULT_LIMITS.get(self.when, 0.0) if self.value is None else self.value


class HelixSpec(_Part):
    """The shape that is drawn."""

    top: Annotated[Number, Field(gt=0)] = Field(default=3.0, description="a number above 0")
    bottom: Annotated[Number, Field(gt=0)] = Field(default=0.5, description="a number above 0")
    height: Annotated[Number, Field(gt=0)] = Field(default=8.0, description="a number above 0")
    turns: Annotated[Number, Field(gt=0, le=20)] = Field(default=2.0, description="a number above 0, at most 20")

    @model_validator(mode="after")
    def _is_a_funnel(self) -> Self:
        if self.top <= self.bottom:
            raise _fault(("top",), "must be more than bottom")
        return self

    @property
    def shape(self) -> Helix:
        return Helix(self.top, self.bottom, self.height, self.turns)


@dataclass(frozen=True, slots=True)
class Member:
    """One agent of a run."""

    id: AgentId
    """`research-2`, the number also standing when there is only one."""
    number: int
    """From 1, among those of its spec."""
    code: str
    """For avatars: a letter and the number, `R2`; no two members share one."""
    spec: AgentSpec


class Workflow(_Part):
    """A team and how it works. What one field can tell is checked there, what several tell together below."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\S[^\n]*$")] = Field(
        description="one line of at most 80 characters"
    )
    description: Annotated[str, Field(max_length=2_000)] = Field(
        default="", description="text of at most 2,000 characters"
    )
    endpoint: EndpointName | None = Field(default=None, description=_ENDPOINT)
    """Of all who name none, directly or by their role; None: the server in use."""
    model: Model | None = Field(default=None, description=_MODEL)
    """Of all who name none and ask the same endpoint; None: the endpoint's own."""
    failover: Switch = Field(default=False, description=_SWITCH)
    """Whether an agent whose server fails before it has written anything is asked on another one."""
    tools: Annotated[tuple[ToolName, ...], Field(max_length=64)] = Field(default=(), description=_TOOLS)
    """What all agents may use that name none of their own."""
    roles: Annotated[dict[Name, RoleSpec], Field(max_length=MAX_AGENTS)] = Field(
        default={}, description="a block of roles, each with endpoint: or model:"
    )
    agents: Annotated[tuple[AgentSpec, ...], Field(max_length=MAX_AGENTS)] = Field(
        description=f"a list of 1 to {MAX_AGENTS} agents"
    )
    checkpoints: Annotated[tuple[Depth, ...], Field(max_length=20)] = Field(
        default=(0.0, 0.3, 0.5, 0.7, 0.9), description="a list of 1 to 20 depths from 0 to 1"
    )
    """Depths at which agents speak, from the top down."""
    consensus_threshold: Depth | None = Field(default=None, description="a number from 0 to 1")
    """Mean of the agents' latest confidences at which the run goes to synthesis early; None: never."""
    synthesis: SynthesisSpec = Field(default=SynthesisSpec(), description="a block of keys")
    limits: Limits = Field(default=Limits(), description="a block of keys")
    rules: Annotated[tuple[Rule, ...], Field(max_length=20)] = Field(
        default=(), description="a list of at most 20 rules, each a block with when: and spawn:"
    )
    continue_truncated: Annotated[Whole, Field(ge=0, le=5)] = Field(default=1, description="a whole number from 0 to 5")
    """How often a thought that was cut at its token limit is continued by itself."""
    helix: HelixSpec = Field(default=HelixSpec(), description="a block of keys")

    def members(self) -> tuple[Member, ...]:
        """Every agent of a run, in the order of the file."""
        letters = _letters(spec.id for spec in self.agents)
        return tuple(
            Member(AgentId(f"{spec.id}-{number}"), number, f"{letter}{number}", spec)
            for spec, letter in zip(self.agents, letters, strict=True)
            for number in range(1, spec.count + 1)
        )

    def _turns(self) -> Iterator[float]:
        """The moment of each turn of each agent."""
        for spec in self.agents:
            for _ in range(spec.count):
                yield from (t for t, _ in moments(spec.spawn_depth, spec.speed, self.checkpoints))

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for path, sentence in self._inconsistencies():
            raise _fault(path, sentence)
        return self

    def _inconsistencies(self) -> Iterator[tuple[Path, str]]:
        # asked here: pydantic's min_length leaves items with a fault out, and would call a list of one bad item empty
        for key, values, least in (
            ("agents", self.agents, "one agent"),
            ("checkpoints", self.checkpoints, "one depth"),
        ):
            if not values:
                yield (key,), f"must hold at least {least}"
                return
        if sum(spec.count for spec in self.agents) > MAX_AGENTS:
            yield ("agents",), f"must add up to at most {MAX_AGENTS} agents, their counts included"
        for index, (above, depth) in enumerate(itertools.pairwise(self.checkpoints), start=1):
            if round(depth - above, 6) < _MIN_GAP:
                yield ("checkpoints", index), f"must be at least {_MIN_GAP} more than the one before it"
        seen: set[str] = set()
        for index, spec in enumerate(self.agents):
            at = ("agents", index)
            if spec.id.casefold() in seen:
                yield (*at, "id"), "must differ from the ids of the other agents; use count for several that are alike"
            seen.add(spec.id.casefold())
            if spec.role not in ROLES and not spec.prompt.strip():
                known = ", ".join(ROLES)
                yield (*at, "role"), f"must be one of {known}, or come with a prompt that says what {spec.role} does"
            if spec.spawn_depth > self.checkpoints[-1]:
                limit = f"at most {self.checkpoints[-1]:g}, the last checkpoint"
                yield (*at, "spawn"), f"must be {limit}, or {spec.id} would never speak"
            elif not any(moments(spec.spawn_depth, spec.speed, self.checkpoints)):
                yield (*at, "speed"), f"must be higher, or {spec.id} would reach no checkpoint before the run ends"
        roles = {*ROLES, *(name for spec in self.agents for name in (spec.role, spec.id))}
        for name in self.roles:
            if name not in {*ROLES, *(spec.role for spec in self.agents)}:
                yield ("roles", name), f"must be one of {', '.join(sorted({*ROLES, *(s.role for s in self.agents)}))}"
        if self.synthesis.skip and (self.rules or sum(1 for _ in self._turns()) > 1):
            yield ("synthesis", "skip"), "must be false, or there must be one agent, one checkpoint and no rule"
        for index, rule in enumerate(self.rules):
            if rule.spawn not in roles:
                yield ("rules", index, "spawn"), f"must be one of {', '.join(sorted(roles))}"
            if rule.when not in DEFAULT_LIMITS and rule.value is not None:
                yield ("rules", index, "value"), f"must be left out: {rule.when} needs none"


def _fault(path: Path, sentence: str) -> PydanticCustomError:
    """A fault of the key at `path` below the model that raises it; `sentence` follows the key's name."""
    return PydanticCustomError(INCONSISTENT, "{sentence}", {"path": path, "sentence": sentence})


def _letters(ids: Iterable[str]) -> Iterator[str]:
    """A letter for each id, no two alike: its first one that is free, else any, else two."""
    taken: set[str] = set()
    pairs = ("".join(pair) for pair in itertools.product(string.ascii_uppercase, repeat=2))
    for word in ids:
        own = (letter for letter in word.upper() if letter.isalpha())
        choice = next(each for each in itertools.chain(own, string.ascii_uppercase, pairs) if each not in taken)
        taken.add(choice)
        yield choice
