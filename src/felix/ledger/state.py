"""Records folded into what a face may show. Every face folds the same records in the same way: all show the same run.

`RunState.apply` is the only place that interprets history. A state belongs to the thread that folds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import assert_never

from felix.events import (
    HUB,
    PASSING,
    AgentAdded,
    AgentId,
    AgentSpawned,
    AgentState,
    NoteAdded,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    Pause,
    PauseChanged,
    PlannedAgent,
    PlannedRound,
    QuestionClosed,
    QuestionRaised,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunReopened,
    RunStarted,
    RunStatus,
    StoodStill,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    Tokens,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    WrapUpAsked,
)
from felix.ledger.speech import Agent, Note, Speech, Synthesis, Thought


@dataclass(slots=True)
class RunState:
    """A run as far as its records tell. Equal states have been told the same."""

    run: RunId | None = None
    seq: int = field(default=0, compare=False)
    """Of the last record applied."""
    now: float = field(default=0.0, compare=False)
    """Unix seconds on the run's own clock at this moment, set by whoever shows it: the present in a live run, the
    moment that is shown in a replay."""
    plan: RunStarted | None = None
    started_at: float = 0.0
    agents: dict[AgentId, Agent] = field(default_factory=dict)
    """In the order of the workflow."""
    thoughts: dict[ThoughtId, Thought] = field(default_factory=dict)
    """All agents' thoughts, in the order in which they were opened."""
    round: int = 0
    t: float = 0.0
    rounds: tuple[PlannedRound, ...] = ()
    synthesis: Synthesis | None = None
    """The latest."""
    earlier: list[Synthesis] = field(default_factory=list)
    """Those made before it."""
    notes: list[Note] = field(default_factory=list)
    halts: list[tuple[float, StoodStill]] = field(default_factory=list)
    """When Felix went on that had stood still, and for how long it had."""
    questions: dict[str, QuestionRaised] = field(default_factory=dict)
    """Of the guards, as long as they are open."""
    pause: Pause = "off"
    is_wrapping_up: bool = False
    status: RunStatus | None = None
    """None while it goes on."""
    reason: str = ""
    usage: Tokens | None = None
    ended_at: float | None = None
    duration_s: float | None = None
    """Of its own time: what passes while it is closed or idle does not count."""
    idle_s: float = 0.0
    """Since it began or was last opened again: paused while nobody spoke, or Felix stood still."""
    idle_since: float | None = None
    """When it became idle, as long as it is."""
    is_in_rounds: bool = False
    """From the first round on, until the hub speaks or the run ends; once more when a run is continued."""
    is_continuing: bool = False
    """What came to nothing before it ended is asked for again, until the hub speaks or the run ends."""
    reopened_at: float | None = None
    """When it last went on after an end, as long as it does; `duration_s` is then what it had come to."""

    def elapsed_s(self, at: float) -> float:
        """Seconds of its own time at a moment (Unix seconds)."""
        if self.status is not None:
            return self.duration_s or 0.0
        since = self.started_at if self.reopened_at is None else self.reopened_at
        spent = max(0.0, at - since - self.idle_until(at))
        return spent if self.reopened_at is None else (self.duration_s or 0.0) + spent

    def idle_until(self, at: float) -> float:
        """Seconds up to a moment that are no time of its own, since it began or was last opened again."""
        return self.idle_s + (0.0 if self.idle_since is None else max(0.0, at - self.idle_since))

    @property
    def is_running(self) -> bool:
        return self.plan is not None and self.status is None

    @property
    def calls_planned(self) -> int:
        return sum(len(r.turns) for r in self.rounds) + 1

    @property
    def calls_ended(self) -> int:
        """Of those that are planned: a turn that is taken again is one call, a question to an agent is none.

        In a run that goes on after an end, what had failed before is to be done, and does not count.
        """
        return self.turns_ended + bool(self.synthesis and self._counts(self.synthesis))

    @property
    def turns_ended(self) -> int:
        """The same of the agents' turns alone."""
        return len({(t.agent_id, t.round) for t in self.thoughts.values() if t.act != "ask" and self._counts(t)})

    def _counts(self, speech: Speech) -> bool:
        if speech.is_live or self.reopened_at is None or speech.status == "complete":
            return not speech.is_live
        return (speech.ended_at or 0.0) >= self.reopened_at

    @property
    def syntheses(self) -> list[Synthesis]:
        """All that were made, in order."""
        return [*self.earlier, *([self.synthesis] if self.synthesis else [])]

    def standing(self) -> list[Thought]:
        """Every thought that is somebody's word in this run: no answers to the user, none that a better go replaced."""
        replaced: set[ThoughtId] = set()
        for thought in self.thoughts.values():
            before = thought.replaces
            while before is not None and before not in replaced:
                replaced.add(before)  # and what that one was a failed attempt to replace
                before = self.thoughts[before].of if before in self.thoughts else None
        return [t for t in self.thoughts.values() if t.act != "ask" and t.thought_id not in replaced]

    def apply(self, record: Record) -> None:
        """Take one record in. Records come in the order of their `seq`; one already known is passed over."""
        event, at = record.event, record.at
        if record.run == self.run and record.seq <= self.seq and not isinstance(event, PASSING):
            return  # what passes is told again to a reader who comes back
        self.run, self.seq = record.run, max(self.seq, record.seq)
        match event:
            case RunStarted():
                self.plan, self.started_at, self.rounds = event, at, event.rounds
                self.agents = {agent.agent_id: _agent_of(agent) for agent in event.agents}
            case RoundStarted():
                self.round, self.t, self.is_in_rounds = event.number, event.t, True
            case AgentSpawned():
                agent = self._agent(event.agent_id, event.role)
                agent.has_spawned, agent.depth = True, event.depth
            case AgentAdded():
                self.agents[event.agent.agent_id] = _agent_of(event.agent, event.reason)
                self.rounds = event.rounds
            case AgentState(agent_id=agent_id) if agent_id == HUB:
                if self.synthesis:
                    self._change(self.synthesis, event, at)
            case AgentState():
                thought = self._thought(event, at)
                self._change(thought, event, at)
                thought.read, thought.cut = event.read or thought.read, event.cut or thought.cut
            case ThoughtAsked():
                self._thought(event, at).ask(event)
            case PartialThought():
                self._thought(event, at).put(event.channel, event.partial, event.offset, event.tokens_so_far, at)
            case ThoughtComplete():
                thought = self._thought(event, at)
                thought.read, thought.confidence, thought.cut = event.read, event.confidence, event.cut
                thought.end(event, at)
                self._tell_halts(thought, at)
                self._put_in_order(thought)
            case PartialToolCall() | ToolCalled() | ToolAnswered() | ToolProgressed() | ToolReturned():
                self._use_tool(event, at)
            case SynthesisStarted() | PartialSynthesis() | SynthesisComplete():
                self._hear_hub(event, at)
            case NoteAdded() | WrapUpAsked() | PauseChanged() | QuestionRaised() | QuestionClosed() | StoodStill():
                self._steer(event, at)
            case RunReopened():
                self.status, self.reason, self.ended_at, self.is_wrapping_up = None, "", None, False
                self.reopened_at, self.idle_s, self.is_continuing = at, 0.0, event.is_continued
            case RunFinished():
                self.questions.clear()
                self.pause, self.is_in_rounds, self.is_continuing = "off", False, False
                self.status, self.reason, self.usage = event.status, event.reason, event.usage
                self.ended_at, self.duration_s, self.reopened_at = at, event.duration_s, None
            case _:
                assert_never(event)
        self._rest(at)

    def _rest(self, at: float) -> None:
        """It is idle while it is paused and nobody answers the user."""
        is_idle = self.pause == "paused" and not any(thought.is_live for thought in self.thoughts.values())
        if is_idle != (self.idle_since is not None):
            self.idle_s, self.idle_since = self.idle_until(at), at if is_idle else None

    def _hear_hub(self, event: SynthesisStarted | PartialSynthesis | SynthesisComplete, at: float) -> None:
        match event:
            case SynthesisStarted():
                if self.synthesis is not None:
                    self.earlier.append(self.synthesis)
                self.is_in_rounds = self.is_continuing = False
                self.synthesis = Synthesis(
                    activity="connecting",
                    opened_at=at,
                    sources=event.sources,
                    left_out=event.left_out,
                    early=event.early,
                    mean_confidence=event.mean_confidence,
                    reason=event.reason,
                    number=event.number,
                    instructions=event.instructions,
                    model=event.model,
                    wanted_model=event.model,
                )
                self.t = 1.0
            case PartialSynthesis():
                if self.synthesis:
                    self.synthesis.put(event.channel, event.partial, event.offset, event.tokens_so_far, at)
            case SynthesisComplete():
                if self.synthesis:
                    self.synthesis.left_out = event.left_out
                    self.synthesis.end(event, at)
                    self._tell_halts(self.synthesis, at)
            case _:
                assert_never(event)

    def _use_tool(
        self, event: PartialToolCall | ToolCalled | ToolAnswered | ToolProgressed | ToolReturned, at: float
    ) -> None:
        if isinstance(event, PartialToolCall | ToolCalled):
            self._thought(event, at).use(event, at)
        elif event.thought_id in self.thoughts:
            self.thoughts[event.thought_id].use(event, at)

    def _steer(
        self, event: NoteAdded | WrapUpAsked | PauseChanged | QuestionRaised | QuestionClosed | StoodStill, at: float
    ) -> None:
        match event:
            case NoteAdded():
                self.notes.append(Note(at, event.text, event.agent_id))
            case WrapUpAsked():
                self.is_wrapping_up, self.is_continuing = True, False
            case PauseChanged():
                self.pause = event.state
            case QuestionRaised():
                self.questions[event.question_id] = event
            case QuestionClosed():
                self.questions.pop(event.question_id, None)
            case StoodStill():
                self.halts.append((at, event))
                if self.idle_since is None:
                    self.idle_s += event.seconds
                for speech in (*self.thoughts.values(), *self.syntheses):
                    if speech.is_live:
                        self._tell_halts(speech, at)
            case _:
                assert_never(event)

    def _tell_halts(self, speech: Speech, until: float) -> None:
        """Those between its beginning and a moment; a ledger tells them before it tells of the answer."""
        halts = ((at - halt.seconds, at) for at, halt in self.halts)
        speech.halts = [(since, to) for since, to in halts if to > speech.opened_at and since < until]

    def _change(self, speech: Speech, event: AgentState, at: float) -> None:
        speech.change(event, at)
        if event.trace is not None:
            self._tell_halts(speech, inf)

    def _agent(self, agent_id: AgentId, role: str) -> Agent:
        """The agent; one that no plan named, for a hub that is used without a run, is taken as it comes."""
        if agent_id not in self.agents:
            self.agents[agent_id] = Agent(agent_id, agent_id[:2].upper(), role, 0.0)
        return self.agents[agent_id]

    def _put_in_order(self, thought: Thought) -> None:
        """A ledger tells of thoughts in the order of their ends; they stand in the order in which they were opened."""
        agent = self.agents[thought.agent_id]
        agent.thoughts.sort(key=_opened_at)
        thoughts = list(self.thoughts.values())
        if any(a.opened_at > b.opened_at for a, b in pairwise(thoughts)):
            self.thoughts = {each.thought_id: each for each in sorted(thoughts, key=_opened_at)}

    def _thought(
        self,
        event: AgentState | ThoughtAsked | PartialThought | PartialToolCall | ToolCalled | ThoughtComplete,
        at: float,
    ) -> Thought:
        thought = self.thoughts.get(event.thought_id)
        if thought is None:
            agent = self._agent(event.agent_id, getattr(event, "role", ""))
            agent.depth = max(agent.depth, event.checkpoint)
            thought = Thought(
                thought_id=event.thought_id,
                agent_id=event.agent_id,
                role=agent.role,
                round=getattr(event, "round", self.round),
                checkpoint=event.checkpoint,
                opened_at=at,
            )
            agent.thoughts.append(thought)
            self.thoughts[event.thought_id] = thought
        return thought


def _agent_of(plan: PlannedAgent, reason: str = "") -> Agent:
    return Agent(
        plan.agent_id,
        plan.code,
        plan.role,
        plan.spawn,
        plan.model,
        plan.spawn,
        reason=reason,
        endpoint=plan.endpoint,
        context_length=plan.context_length,
    )


def _opened_at(speech: Speech) -> float:
    return speech.opened_at
