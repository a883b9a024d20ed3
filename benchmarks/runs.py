"""Runs that nobody made: durable records as the engine would have kept them, of any size and length."""

from __future__ import annotations

import random
from collections.abc import Iterator

from felix.events import (
    AgentId,
    Event,
    PlannedAgent,
    PlannedRound,
    PlannedTurn,
    Record,
    RoundStarted,
    RunFinished,
    RunId,
    RunStarted,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtComplete,
    ThoughtId,
    Tokens,
    Trace,
)

TEXT = (
    "clinic server staff patients cost effort week year plan risk open answer because however which never records law "
    "chat mail message phone encrypted federated simple hard to run half finished measured asked found nobody everyone"
)
WORDS = TEXT.split()
CHUNK_S = 0.1
TOKEN_CHARS = 4


def told(
    run: str, *, began_at: float, agents: int = 1, tokens: int = 60, tokens_per_s: float = 50, task: str = ""
) -> Iterator[Record]:
    """One run: every agent writes one thought of `tokens` tokens, all at once, and the hub half as much."""
    dice = random.Random(run)
    ids = [AgentId(f"research-{number}") for number in range(1, agents + 1)]
    took_s = tokens / tokens_per_s
    at = began_at
    for seq, (event, seconds) in enumerate(_events(dice, ids, task, at, tokens, took_s), start=1):
        yield Record(seq, at + seconds, RunId(run), event)


def _events(
    dice: random.Random, ids: list[AgentId], task: str, began_at: float, tokens: int, took_s: float
) -> Iterator[tuple[Event, float]]:
    """Events, and how many seconds after the run's beginning each of them came."""
    turns = tuple(PlannedTurn(agent_id=each, checkpoint=0.0) for each in ids)
    yield (
        RunStarted(
            task=task or words(dice, 12),
            workflow="Benchmark",
            agents=tuple(
                PlannedAgent(agent_id=each, code=f"R{number % 10}", role="research", spawn=0.0, model="stamped")
                for number, each in enumerate(ids, start=1)
            ),
            rounds=(PlannedRound(number=1, t=0.0, turns=turns),),
            server="http://127.0.0.1:1/v1",
            server_name="Model server",
            model="stamped",
            context_length=16_384,
            streaming=True,
            batch_interval_s=CHUNK_S,
            max_parallel=32,
            consensus_threshold=None,
            helix_turns=2.0,
            demo=False,
        ),
        0.0,
    )
    yield RoundStarted(number=1, total=1, t=0.0, agents=tuple(ids)), 0.0
    for each in ids:
        text = words(dice, tokens)
        yield (
            ThoughtComplete(
                agent_id=each,
                thought_id=ThoughtId(f"{each}#1"),
                role="research",
                round=1,
                checkpoint=0.0,
                status="complete",
                content=text,
                thinking="",
                confidence=0.7,
                finish_reason="stop",
                usage=Tokens(prompt=400, completion=tokens),
                read=(),
                ttft_s=0.2,
                duration_s=took_s,
                tokens_per_s=tokens / took_s,
                error=None,
                trace=_trace(began_at, text, took_s, tokens),
            ),
            took_s,
        )
    sources = tuple(ThoughtId(f"{each}#1") for each in ids)
    yield (
        SynthesisStarted(
            sources=sources,
            left_out=(),
            early=False,
            mean_confidence=0.7,
            reason="All rounds are done.",
            model="stamped",
        ),
        took_s,
    )
    answer = words(dice, tokens // 2)
    yield (
        SynthesisComplete(
            status="complete",
            content=answer,
            thinking="",
            finish_reason="stop",
            usage=Tokens(prompt=400, completion=tokens // 2),
            left_out=(),
            ttft_s=0.2,
            duration_s=took_s / 2,
            tokens_per_s=tokens / took_s,
            error=None,
            trace=_trace(began_at + took_s, answer, took_s / 2, tokens // 2),
        ),
        took_s * 1.5,
    )
    yield RunFinished(status="complete", reason="", duration_s=took_s * 1.5, usage=None), took_s * 1.5


def words(dice: random.Random, tokens: int) -> str:
    """About so many tokens, a line break now and then."""
    parts = []
    for number in range(tokens * TOKEN_CHARS // 6):
        parts.append(dice.choice(WORDS))
        parts.append("\n" if number % 15 == 14 else " ")
    return "".join(parts)


def _trace(began_at: float, text: str, took_s: float, tokens: int) -> Trace:
    chunks = max(1, int(took_s / CHUNK_S))
    edges = [len(text) * number // chunks for number in range(chunks + 1)]
    answer: list[int] = []
    for number in range(chunks):
        answer += (int((number + 1) * took_s / chunks * 1000), edges[number + 1] - edges[number])
    return Trace(began_at=began_at, states=((0, "connecting"), (50, "waiting"), (100, "writing")), thinking=(),
                 answer=tuple(answer), tokens=tokens)  # fmt: skip
