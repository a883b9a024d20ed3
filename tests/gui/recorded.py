"""Runs made of records, for views: what an engine would have said, without one."""

from __future__ import annotations

import itertools

from felix.events import (
    HUB,
    Activity,
    AgentId,
    AgentState,
    Event,
    LeftOut,
    PartialSynthesis,
    PlannedAgent,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    Status,
    SynthesisStarted,
    ThoughtId,
)
from felix.ledger.state import RunState
from tests.telling import planned_agent, planned_round, run_started, synthesis_complete, thought_complete

TEAM = {"research-1": 0.0, "research-2": 0.0, "research-3": 0.0, "analysis-1": 0.2, "analysis-2": 0.2, "critic-1": 0.5}
CHECKPOINTS = (0.0, 0.3, 0.5, 0.7, 0.9)
MISSING = LeftOut(agent_id=AgentId("research-3"), status="failed", reason="The server stopped answering.")
_runs = itertools.count(1)


class ScriptedRun:
    """Feeds a `RunState` as the bridge would. Times are whole seconds from 1,000 on."""

    def __init__(self, *, threshold: float | None = 0.8) -> None:
        self.state = RunState()
        self.records: list[Record] = []
        """All that was said."""
        self._run = RunId(f"run-{next(_runs)}")
        rounds = (
            planned_round(number, t, [agent for agent, spawn in TEAM.items() if spawn <= t])
            for number, t in enumerate(CHECKPOINTS, start=1)
        )
        self.say(
            run_started(
                planned(),
                rounds,
                task="Should our clinic move?",
                workflow="Research team",
                server_name="LM Studio",
                model="qwen3-8b",
                context_length=4096,
                consensus_threshold=threshold,
            )
        )

    def say(self, event: Event) -> None:
        seq = self.state.seq + 1
        self.records.append(Record(seq, 1_000.0 + seq, self._run, event))
        self.state.apply(self.records[-1])

    def round(self, number: int) -> None:
        self.say(RoundStarted(number=number, total=len(CHECKPOINTS), t=CHECKPOINTS[number - 1], agents=()))

    def speak(self, agent: str, number: int, activity: Activity = "writing") -> None:
        self.say(
            AgentState(
                agent_id=AgentId(agent),
                thought_id=ThoughtId(f"{agent}#{number}"),
                state=activity,
                round=number,
                checkpoint=CHECKPOINTS[number - 1],
                temperature=0.45,
            )
        )

    def end(self, agent: str, number: int, *, status: Status = "complete", content: str = "Patients first.") -> None:
        self.say(
            thought_complete(
                ThoughtId(f"{agent}#{number}"),
                round=number,
                checkpoint=CHECKPOINTS[number - 1],
                status=status,
                content=content,
                confidence=0.7,
                duration_s=3.0,
                tokens_per_s=40.0,
                error=None if status == "complete" else "The server stopped answering.",
            )
        )

    def synthesise(self, *, left_out: tuple[LeftOut, ...] = ()) -> None:
        self.say(SynthesisStarted(sources=(), left_out=left_out, early=False, mean_confidence=0.7, reason="All spoke."))
        self.say(AgentState(agent_id=HUB, thought_id=ThoughtId("hub#1"), state="waiting", round=5, checkpoint=1.0))

    def think(self, text: str) -> None:
        assert self.state.synthesis is not None
        offset = len(self.state.synthesis.thinking)
        self.say(PartialSynthesis(channel="thinking", partial=text, offset=offset, tokens_so_far=offset // 4))

    def write(self, text: str) -> None:
        assert self.state.synthesis is not None
        offset = len(self.state.synthesis.answer)
        self.say(PartialSynthesis(channel="answer", partial=text, offset=offset, tokens_so_far=offset // 4))

    def conclude(self, *, status: Status = "complete", error: str | None = None) -> None:
        synthesis = self.state.synthesis
        assert synthesis is not None
        self.say(
            synthesis_complete(
                status=status,
                content=str(synthesis.answer),
                thinking=str(synthesis.thinking),
                left_out=synthesis.left_out,
                duration_s=12.0,
                tokens_per_s=58.0,
                error=error,
            )
        )
        outcome = "complete" if status == "complete" else "stopped" if status == "stopped" else "failed"
        self.say(RunFinished(status=outcome, reason=error or "", duration_s=60.0, usage=None))


def planned() -> tuple[PlannedAgent, ...]:
    return tuple(planned_agent(agent, spawn=spawn, model="qwen3-8b") for agent, spawn in TEAM.items())
