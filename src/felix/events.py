"""Everything that can happen in a run, as frozen values; JSON both ways.

The hub makes each into a `Record` (a number, a time, a run), and every face – window, terminal, log – is fed with
nothing else. Names of types and fields are the ones `felix run --json` prints, so they are a promise to scripts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, NewType, assert_never

if TYPE_CHECKING:
    from pydantic import TypeAdapter

RunId = NewType("RunId", str)
AgentId = NewType("AgentId", str)
"""`research-2`: what the card is called and what a citation `[research-2]` leads to."""
ThoughtId = NewType("ThoughtId", str)
"""`research-2#3`: the thought of an agent in a round."""

HUB = AgentId("hub")
"""Who `agent_state` speaks of while the synthesis is made."""
SYNTHESIS = ThoughtId("synthesis")
"""The `thought_id` it then has."""

Channel = Literal["answer", "thinking"]
Status = Literal["complete", "truncated", "refused", "stopped", "failed", "unconfirmed", "interrupted"]
RunStatus = Literal["complete", "failed", "stopped", "crashed", "interrupted"]
"""`interrupted`: the program died; set at its next start."""
Activity = Literal["queued", "connecting", "loading", "reading", "waiting", "thinking", "writing", "retrying"]
Act = Literal["retry", "continue", "ask"]
"""What a user may have an agent do beside its turns: its turn again, the rest of a cut answer, an answer to them."""
Pause = Literal["asked", "paused", "off"]
"""`asked`: the round that is on goes on to its end first."""
Doubt = Literal["repeats", "silent", "tokens", "minutes"]
"""What a guard asks about: a model that repeats itself, one that says nothing, the limits of the workflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A server's own count; there is none of these when the server did not count."""

    prompt: int
    completion: int
    reasoning: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How an answer came about in time, without its text: replays and timelines are drawn from it."""

    began_at: float
    """Unix seconds; all other times count from here, in ms."""
    states: tuple[tuple[int, Activity], ...]
    """When it began to do what, until it began to do the next."""
    thinking: tuple[int, ...]
    """Two numbers for each chunk: ms, characters."""
    answer: tuple[int, ...]
    """The same; fewer than 0 characters were taken back, because they turned out to be thinking."""
    tokens: int = 0
    """One per delta: an estimate, for when the server did not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAgent:
    agent_id: AgentId
    code: str
    """Two characters for avatars: `R2`."""
    role: str
    spawn: float
    """The depth at which it enters."""
    model: str
    endpoint: str = ""
    """The name of the endpoint or pool that it asks; empty: the one the run is against."""
    context_length: int | None = None
    """Tokens of one slot of its model there, as loaded; None when nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTurn:
    agent_id: AgentId
    checkpoint: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRound:
    number: int
    """From 1."""
    t: float
    """The run's clock, 0 to 1."""
    turns: tuple[PlannedTurn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An agent whose last word did not reach the synthesis as a complete thought, and why, in one sentence."""

    agent_id: AgentId
    status: Status | Literal["unheard"]
    """`unheard`: the rounds ended before it had a turn, or nothing of it fitted the hub's context."""
    reason: str
    is_heard: bool = False
    """The synthesis read something of it all the same: an earlier thought, or the last one headed as unfinished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What was asked and answered in a run before this one."""

    task: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    task: str
    workflow: str
    agents: tuple[PlannedAgent, ...]
    rounds: tuple[PlannedRound, ...]
    server: str
    """Base URL."""
    server_name: str
    """`LM Studio`, `llama.cpp`, … as far as it is known."""
    model: str
    context_length: int | None
    """Tokens of one slot as loaded; None when the server does not say."""
    streaming: bool
    batch_interval_s: float
    max_parallel: int
    consensus_threshold: float | None
    helix_turns: float
    demo: bool
    definition: str = ""
    """The workflow as JSON, so that the run can go on when its file has changed."""
    follows: RunId | None = None
    """The run whose synthesis this one begins with."""
    context: str = ""
    """That synthesis."""
    history: tuple[Exchange, ...] = ()
    """The conversation that it goes on with, the oldest first; its last answer is `context`."""
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundStarted:
    number: int
    total: int
    t: float
    agents: tuple[AgentId, ...]
    type: Literal["round_started"] = "round_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpawned:
    agent_id: AgentId
    role: str
    depth: float
    type: Literal["agent_spawned"] = "agent_spawned"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAdded:
    """A rule of the workflow has added an agent to the team."""

    agent: PlannedAgent
    rounds: tuple[PlannedRound, ...]
    """All of the run, as they are planned from now on."""
    reason: str
    """One sentence: why it came."""
    type: Literal["agent_added"] = "agent_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """What an agent (or the hub) is doing before and while it speaks; its first one opens the thought."""

    agent_id: AgentId
    thought_id: ThoughtId
    state: Activity
    round: int
    checkpoint: float
    position: int | None = None
    """Place in the queue, from 1, while queued."""
    fraction: float | None = None
    """0 to 1, only when the server said so."""
    detail: str = ""
    read: tuple[ThoughtId, ...] = ()
    """The thoughts that stood in its prompt; given with `connecting`."""
    cut: str = ""
    """What had to be left out of its prompt, in one sentence; given with `connecting`."""
    temperature: float | None = None
    model: str = ""
    endpoint: str = ""
    """The name of the endpoint that is asked; empty: the run's, where that has none."""
    type: Literal["agent_state"] = "agent_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtAsked:
    """The user wants a thought beside the agent's turns; this opens it."""

    agent_id: AgentId
    thought_id: ThoughtId
    act: Act
    of: ThoughtId | None
    """The thought that is done again or continued; None for a question."""
    round: int
    checkpoint: float
    text: str = ""
    """The question, or the user's own wording of the prompt; empty: Felix's."""
    model: str = ""
    """Another model than the agent's own; empty: that."""
    type: Literal["thought_asked"] = "thought_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialThought:
    agent_id: AgentId
    thought_id: ThoughtId
    role: str
    checkpoint: float
    progress: float
    """The run's clock, 0 to 1."""
    channel: Channel
    partial: str
    """Empty, with a smaller offset, when text that stood there turned out to be thinking; it follows as such."""
    offset: int
    """Characters of this channel before `partial`; what stood from there on no longer counts."""
    tokens_so_far: int
    type: Literal["partial_thought"] = "partial_thought"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtComplete:
    """The one end of every thought, whatever its status."""

    agent_id: AgentId
    thought_id: ThoughtId
    role: str
    round: int
    checkpoint: float
    status: Status
    content: str
    """Without the confidence line; byte for byte otherwise."""
    thinking: str
    confidence: float | None
    """0 to 1 as the agent stated it; None when it did not."""
    finish_reason: str | None
    usage: Tokens | None
    read: tuple[ThoughtId, ...]
    ttft_s: float | None
    duration_s: float
    tokens_per_s: float | None
    error: str | None = None
    """One sentence: why the status is not `complete`."""
    notes: tuple[str, ...] = ()
    model: str = ""
    endpoint: str = ""
    """As in `AgentState`."""
    temperature: float | None = None
    cut: str = ""
    """As in `AgentState`."""
    trace: Trace | None = None
    type: Literal["thought_complete"] = "thought_complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisStarted:
    sources: tuple[ThoughtId, ...]
    left_out: tuple[LeftOut, ...]
    early: bool
    """True when the agents' confidence ended the rounds before their time."""
    mean_confidence: float | None
    reason: str
    """One sentence: why now."""
    number: int = 1
    """From 1 within a run: the user may have it made again."""
    instructions: str = ""
    """The user's own, for this one."""
    model: str = ""
    """Another model than the workflow's, chosen by the user for this one; empty: that."""
    type: Literal["synthesis_started"] = "synthesis_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSynthesis:
    """As `PartialThought`."""

    channel: Channel
    partial: str
    offset: int
    tokens_so_far: int
    type: Literal["partial_synthesis"] = "partial_synthesis"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisComplete:
    status: Status
    content: str
    thinking: str
    finish_reason: str | None
    usage: Tokens | None
    left_out: tuple[LeftOut, ...]
    ttft_s: float | None
    duration_s: float
    tokens_per_s: float | None
    error: str | None = None
    notes: tuple[str, ...] = ()
    model: str = ""
    endpoint: str = ""
    """As in `AgentState`."""
    temperature: float | None = None
    trace: Trace | None = None
    type: Literal["synthesis_complete"] = "synthesis_complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    """A word of the user to the agents; it stands in their prompts from the next one on."""

    text: str
    agent_id: AgentId | None
    """To this one alone; None: to all."""
    type: Literal["note_added"] = "note_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpAsked:
    """The user wants the synthesis now, from what has been said so far."""

    type: Literal["wrap_up_asked"] = "wrap_up_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseChanged:
    state: Pause
    type: Literal["pause_changed"] = "pause_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRaised:
    """A guard asks the user whether to stop something; it goes on until they say so."""

    question_id: str
    doubt: Doubt
    agent_id: AgentId | None
    """`HUB` for the synthesis; None when the run as a whole is meant."""
    text: str
    """One sentence."""
    type: Literal["question_raised"] = "question_raised"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionClosed:
    question_id: str
    answer: Literal["stop", "go_on", "none"]
    """`none`: what it was about has ended by itself."""
    type: Literal["question_closed"] = "question_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReopened:
    """A run that had ended goes on: continued after a crash, or because the user wants more of it."""

    reason: str
    """One sentence."""
    type: Literal["run_reopened"] = "run_reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    status: RunStatus
    reason: str
    """One sentence; empty when complete."""
    duration_s: float
    usage: Tokens | None
    """All calls added up; None as soon as one call was not counted."""
    type: Literal["run_finished"] = "run_finished"


Event = (
    RunStarted
    | RoundStarted
    | AgentSpawned
    | AgentAdded
    | AgentState
    | ThoughtAsked
    | PartialThought
    | ThoughtComplete
    | SynthesisStarted
    | PartialSynthesis
    | SynthesisComplete
    | NoteAdded
    | WrapUpAsked
    | PauseChanged
    | QuestionRaised
    | QuestionClosed
    | RunReopened
    | RunFinished
)

Deed = (
    AgentAdded | ThoughtAsked | NoteAdded | WrapUpAsked | PauseChanged | QuestionRaised | QuestionClosed | RunReopened
)
"""What happened to a run beside its plan: the acts of its user, of guards and of rules."""

PASSING = (AgentState, PartialThought, PartialSynthesis)
"""What a ledger does not keep: the end of the answer they belong to tells it again, with its trace."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event as the hub stamped it. `seq` counts from 1 within a run and orders it; `at` is Unix seconds."""

    seq: int
    at: float
    run: RunId
    event: Event


def told(deed: Deed) -> str:
    """A deed in one sentence, for logs, terminals and exports."""
    match deed:
        case AgentAdded() | RunReopened():
            return deed.reason
        case ThoughtAsked(act="ask"):
            return f"You asked {deed.agent_id}: {deed.text}"
        case ThoughtAsked(act="retry"):
            return f"You had {deed.agent_id} try again."
        case ThoughtAsked():
            return f"You had {deed.agent_id} go on writing."
        case NoteAdded():
            return f"Your note to {deed.agent_id or 'all agents'}: {deed.text}"
        case WrapUpAsked():
            return "You asked for the synthesis now."
        case PauseChanged():
            return {
                "asked": "The run pauses after this round.",
                "paused": "The run is paused.",
                "off": "The run goes on.",
            }[deed.state]
        case QuestionRaised():
            return deed.text
        case QuestionClosed():
            return {
                "stop": "You had it stopped.",
                "go_on": "You let it go on.",
                "none": "It has ended by itself.",
            }[deed.answer]
        case _:
            assert_never(deed)


def to_json(record: Record) -> dict[str, object]:
    """One flat object: `{"seq", "at", "run", "type", …}`, of JSON's own types only."""
    body = _event_adapter().dump_python(record.event, mode="json")
    return {"seq": record.seq, "at": record.at, "run": record.run, "type": body.pop("type"), **body}


def from_json(flat: dict[str, object]) -> Record:
    """The record again. Raises ValueError (pydantic's) when `flat` is no event; unknown fields are ignored."""
    envelope = _envelope_adapter().validate_python({name: flat.get(name) for name in _ENVELOPE})
    return Record(envelope.seq, envelope.at, envelope.run, _event_adapter().validate_python(flat))


@dataclass(frozen=True, slots=True)
class _Envelope:
    seq: int
    at: float
    run: RunId


_ENVELOPE = tuple(field.name for field in fields(_Envelope))


@cache
def _envelope_adapter() -> TypeAdapter[_Envelope]:
    from pydantic import TypeAdapter

    return TypeAdapter(_Envelope)


@cache
def _event_adapter() -> TypeAdapter[Event]:
    # Built when first needed: a window that only shows events never pays for it.
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[Event, Field(discriminator="type")])
