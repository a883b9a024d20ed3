"""Runs made by a real hub that is told what to do, second by second; for whatever reads durable records."""

from __future__ import annotations

from collections.abc import Callable

from felix.events import (
    HUB,
    PASSING,
    SYNTHESIS,
    Activity,
    AgentId,
    AgentState,
    PlannedRound,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    Status,
    SynthesisStarted,
    ThoughtId,
)
from felix.team.hub import CentralPost, Moment
from tests.telling import planned_agent, planned_round, run_started, synthesis_complete, thought_complete

RUN = RunId("run-1")
TEAM = tuple(AgentId(f"research-{number}") for number in range(1, 4))
START = 1_700_000_000.0


def rounds(agents: tuple[AgentId, ...]) -> tuple[PlannedRound, ...]:
    return (planned_round(1, 0.3, agents),)


class Run:
    """A hub told what to do, second by second, with everything it said kept."""

    def __init__(self, agents: tuple[AgentId, ...] = TEAM, *, clock: Callable[[], float] | None = None) -> None:
        """`clock` is another one than `now`, which `wait` moves."""
        self.now = START
        self.records: list[Record] = []
        self.hub = CentralPost(RUN, clock=clock or (lambda: self.now))
        self.hub.register_streaming_callback(self.records.append)
        self.hub.emit(run_started(map(planned_agent, agents), rounds(agents), workflow="Team", max_parallel=2))
        self.wait(0.01)
        self.hub.emit(RoundStarted(number=1, total=1, t=0.3, agents=agents))

    @property
    def durable(self) -> list[Record]:
        return [record for record in self.records if not isinstance(record.event, PASSING)]

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def do(self, thought: ThoughtId, activity: Activity, **details: object) -> None:
        self.hub.emit(
            AgentState(
                agent_id=agent_of(thought),
                thought_id=thought,
                state=activity,
                round=1,
                checkpoint=0.3,
                **details,  # type: ignore[arg-type]
            )
        )

    def say(self, thought: ThoughtId, text: str, *, thinking: bool = False, back_to: int | None = None) -> None:
        """`back_to` takes the answer back to so many characters, and then says the text."""
        known = self.hub.state.thoughts.get(thought)
        moment = Moment(agent_of(thought), thought, "research", 0.3, 0.3)
        if back_to is not None:
            self.hub.receive_partial_thought(moment, "", offset=back_to)
        channel = "thinking" if thinking else "answer"
        known = self.hub.state.thoughts.get(thought)
        before = 0 if known is None else len(known.thinking if thinking else known.answer)
        tokens = (known.tokens if known else 0) + 1
        if text:
            self.hub.receive_partial_thought(moment, text, offset=before, channel=channel, tokens_so_far=tokens)  # type: ignore[arg-type]

    def end(self, thought: ThoughtId, status: Status = "complete", *, cut: int = 0) -> None:
        """`cut` characters of what was shown turn out not to belong to the answer."""
        known = self.hub.state.thoughts.get(thought)
        content = str(known.answer) if known else ""
        self.hub.finalize_streaming_thought(
            thought_complete(
                thought,
                checkpoint=0.3,
                status=status,
                content=content[: len(content) - cut],
                thinking=str(known.thinking) if known else "",
                confidence=0.7,
                read=(ThoughtId("research-1#0"),),
                model="m",
                temperature=0.5,
                cut="One was left out.",
            )
        )

    def synthesise(self, number: int = 1) -> None:
        self.hub.emit(
            SynthesisStarted(
                sources=(), left_out=(), early=False, mean_confidence=None, reason="All spoke.", number=number
            )
        )
        self.hub.emit(AgentState(agent_id=HUB, thought_id=SYNTHESIS, state="reading", round=0, checkpoint=1.0))

    def write(self, text: str) -> None:
        synthesis = self.hub.state.synthesis
        assert synthesis is not None
        self.hub.receive_partial_synthesis(text, offset=len(synthesis.answer), channel="answer", tokens_so_far=1)

    def conclude(self, status: Status = "complete") -> None:
        synthesis = self.hub.state.synthesis
        assert synthesis is not None
        self.hub.finalize_synthesis(
            synthesis_complete(status=status, content=str(synthesis.answer), thinking=str(synthesis.thinking))
        )

    def finish(self) -> None:
        self.hub.emit(RunFinished(status="complete", reason="", duration_s=self.now - START, usage=None))


def agent_of(thought: ThoughtId) -> AgentId:
    return AgentId(thought.partition("#")[0])


FIRST, SECOND, THIRD = (ThoughtId(f"{agent}#1") for agent in TEAM)


def short_run() -> Run:
    """Two who speak side by side, one in line; then the hub."""
    run = Run()
    run.do(FIRST, "connecting", read=(ThoughtId("research-1#0"),), cut="One was left out.", model="m", temperature=0.5)
    run.do(SECOND, "connecting")
    run.do(THIRD, "queued", position=1)
    for step in range(10):
        run.wait(0.1)
        run.say(FIRST, f"thought {step} ", thinking=True)
        run.say(SECOND, f"word {step} ")
    run.wait(0.1)
    run.say(FIRST, "So it is.")
    run.end(FIRST)
    run.wait(0.1)
    run.do(THIRD, "connecting")
    run.wait(0.5)
    run.say(THIRD, "Third.")
    run.wait(0.01)
    run.end(SECOND, "failed")
    run.wait(0.1)
    run.end(THIRD)
    run.wait(0.2)
    run.synthesise()
    for word in ("All ", "in ", "all."):
        run.wait(0.3)
        run.write(word)
    run.conclude()
    run.wait(0.05)
    run.finish()
    return run
