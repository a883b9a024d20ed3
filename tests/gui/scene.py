"""A run told by hand: real records in the order of a real run, folded into a real state."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from felix.events import (
    Act,
    AgentId,
    AgentState,
    Channel,
    Event,
    PartialThought,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunStatus,
    Status,
    ThoughtAsked,
    ThoughtId,
    Tokens,
)
from felix.ledger.speech import Thought
from felix.ledger.state import RunState
from tests.telling import planned_agent, planned_round, run_started, thought_complete

_scenes = itertools.count(1)
TEAM = ("research-1", "research-2", "research-3", "analysis-1", "analysis-2", "critic-1")


class Scene:
    """`state` after what was told. `ago` is how many seconds before now the run began."""

    def __init__(
        self, agents: Sequence[str] = TEAM, *, rounds: int = 3, ago: float = 60.0, streaming: bool = True
    ) -> None:
        self.state = RunState()
        self._seq, self._began = 0, time.time() - ago
        self._run = RunId(f"scene-{next(_scenes)}")
        self._beside: dict[str, ThoughtId] = {}
        self.ids = [AgentId(name) for name in agents]
        self.tell(
            run_started(
                (planned_agent(agent_id, model="qwen3-8b") for agent_id in self.ids),
                (planned_round(n + 1, n / rounds, self.ids, checkpoint=0.3) for n in range(rounds)),
                workflow="Research team",
                server_name="LM Studio",
                model="qwen3-8b",
                context_length=16_384,
                streaming=streaming,
                max_parallel=3,
                consensus_threshold=0.8,
            ),
            0,
        )
        self.round(1)

    def tell(self, event: Event, at: float) -> None:
        """Apply one event, `at` seconds after the run began."""
        self._seq += 1
        self.state.apply(Record(self._seq, self._began + at, self._run, event))
        self.state.now = time.time()

    def round(self, number: int, at: float = 0.0) -> None:
        self._beside.clear()
        self.tell(RoundStarted(number=number, total=3, t=number / 3, agents=tuple(self.ids)), at)

    def act(self, agent: str, activity: str, at: float = 1.0, *, cp: float = 0.3, **details: object) -> None:
        """An `agent_state` of the present round."""
        self.tell(
            AgentState(
                agent_id=AgentId(agent),
                thought_id=self._id(agent),
                state=activity,  # type: ignore[arg-type]
                round=self.state.round,
                checkpoint=cp,
                **details,  # type: ignore[arg-type]
            ),
            at,
        )

    def say(
        self, agent: str, text: str, at: float = 2.0, *, channel: Channel = "answer", tokens: int | None = None
    ) -> None:
        """A partial thought that goes on where the last one ended."""
        thought = self.state.thoughts.get(self._id(agent))
        if thought is None:
            self.act(agent, "connecting", at)
            thought = self.thought(agent)
        grown = thought.answer if channel == "answer" else thought.thinking
        self.tell(
            PartialThought(
                agent_id=AgentId(agent),
                thought_id=thought.thought_id,
                role=thought.role,
                checkpoint=thought.checkpoint,
                progress=0.3,
                channel=channel,
                partial=text,
                offset=len(grown),
                tokens_so_far=tokens if tokens is not None else thought.tokens + max(1, len(text) // 4),
            ),
            at,
        )

    def think(self, agent: str, text: str, at: float = 2.0, *, tokens: int | None = None) -> None:
        self.say(agent, text, at, channel="thinking", tokens=tokens)

    def end(
        self,
        agent: str,
        status: Status = "complete",
        *,
        at: float = 30.0,
        content: str | None = None,
        confidence: float | None = None,
        error: str | None = None,
        usage: Tokens | None = None,
        notes: tuple[str, ...] = (),
        duration: float = 8.0,
    ) -> None:
        """The end of an agent's present thought."""
        thought = self.thought(agent)
        self.tell(
            thought_complete(
                thought.thought_id,
                round=thought.round,
                checkpoint=thought.checkpoint,
                status=status,
                content=str(thought.answer) if content is None else content,
                thinking=str(thought.thinking),
                confidence=confidence,
                usage=usage,
                read=thought.read,
                ttft_s=0.4,
                duration_s=duration,
                tokens_per_s=43.0,
                error=error,
                notes=notes,
                cut=thought.cut,
            ),
            at,
        )

    def ask(
        self, agent: str, act: Act, number: int, *, of: str | None = None, text: str = "", at: float = 40.0
    ) -> None:
        """The user wants a thought beside the turns: it is `thought(agent)` from now on."""
        first = f"{agent}#ask{number}" if act == "ask" else f"{agent}#{self.state.round}.{number}"
        self._beside[agent] = ThoughtId(first)
        self.tell(
            ThoughtAsked(
                agent_id=AgentId(agent),
                thought_id=ThoughtId(first),
                act=act,
                of=ThoughtId(of) if of else None,
                round=self.state.round,
                checkpoint=0.3,
                text=text,
            ),
            at,
        )

    def finish(self, status: RunStatus = "complete", at: float = 59.0) -> None:
        self.tell(RunFinished(status=status, reason="", duration_s=at, usage=None), at)

    def thought(self, agent: str) -> Thought:
        return self.state.thoughts[self._id(agent)]

    def _id(self, agent: str) -> ThoughtId:
        return self._beside.get(agent, ThoughtId(f"{agent}#{self.state.round}"))
