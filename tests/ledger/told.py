"""Runs told by hand, for ledgers: the records of a hub whose clock a test turns."""

from __future__ import annotations

from felix.events import (
    AgentId,
    AgentSpawned,
    AgentState,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunStatus,
    Status,
    SynthesisStarted,
    ThoughtId,
    Tokens,
)
from felix.ledger.file import Ledger
from felix.ledger.state import RunState
from felix.team.hub import CentralPost, Moment
from tests.telling import planned_agent, planned_round, run_started, synthesis_complete, thought_complete

AGENT = AgentId("research-1")


class Told:
    """One run with one agent. `ledger` None: nothing is kept."""

    def __init__(
        self,
        ledger: Ledger | None = None,
        run: str = "r",
        *,
        task: str = "Why?",
        at: float = 1_000.0,
        state: RunState | None = None,
    ) -> None:
        self.at = at
        self.heard: list[Record] = []
        self.run = RunId(run)
        self.hub = CentralPost(self.run, clock=self._clock, ledger=ledger, state=state)
        self.hub.register_streaming_callback(self.heard.append)
        self.task = task

    def _clock(self) -> float:
        self.at += 0.1
        return self.at

    def start(self, *, follows: str | None = None, model: str = "m") -> Told:
        self.hub.emit(
            run_started(
                [planned_agent(AGENT, model=model)],
                [planned_round(1, 0.0, [AGENT])],
                task=self.task,
                server_name="Scripted",
                model=model,
                max_parallel=1,
                follows=RunId(follows) if follows else None,
            )
        )
        self.hub.emit(RoundStarted(number=1, total=1, t=0.0, agents=(AGENT,)))
        self.hub.emit(AgentSpawned(agent_id=AGENT, role="research", depth=0.0))
        return self

    def write(self, *pieces: str, number: int = 1) -> Told:
        thought = ThoughtId(f"{AGENT}#{number}")
        self.hub.emit(
            AgentState(agent_id=AGENT, thought_id=thought, state="connecting", round=number, checkpoint=0.0, model="m")
        )
        offset = 0
        for piece in pieces:
            moment = Moment(AGENT, thought, "research", 0.0, 0.0)
            self.hub.receive_partial_thought(moment, piece, offset=offset, tokens_so_far=offset + 1)
            offset += len(piece)
        return self

    def end(self, content: str, status: Status = "complete", *, number: int = 1, thinking: str = "") -> Told:
        self.hub.finalize_streaming_thought(
            thought_complete(
                ThoughtId(f"{AGENT}#{number}"),
                round=number,
                status=status,
                content=content,
                thinking=thinking,
                confidence=0.5,
                usage=Tokens(prompt=1, completion=2),
                tokens_per_s=2.0,
                model="m",
            )
        )
        return self

    def synthesise(self, text: str | None = "All in all.", *, number: int = 1) -> Told:
        """None: it is begun and does not end."""
        self.hub.emit(
            SynthesisStarted(
                sources=(), left_out=(), early=False, mean_confidence=None, reason="Done.", number=number, model="m"
            )
        )
        if text is not None:
            self.hub.receive_partial_synthesis(text, offset=0, channel="answer", tokens_so_far=3)
            self.hub.finalize_synthesis(
                synthesis_complete(content=text, usage=Tokens(prompt=1, completion=2), tokens_per_s=2.0, model="m")
            )
        return self

    def finish(self, status: RunStatus = "complete") -> Told:
        self.hub.finish(RunFinished(status=status, reason="", duration_s=2.0, usage=Tokens(prompt=2, completion=4)))
        return self

    def whole(self, thought: str = "Because of tides.", synthesis: str = "All in all.") -> Told:
        """From its beginning to its end."""
        self.start().write(thought[:4], thought[4:]).end(thought)
        return self.synthesise(synthesis).finish()
