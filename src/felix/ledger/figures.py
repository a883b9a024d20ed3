"""How each endpoint has done over the runs that are kept: how soon it begins, how fast it writes, what fails, the cost.

All of it comes from the ends of answers in the ledger; nothing is measured for its own sake. An answer during which the
model was being loaded says nothing of how soon a loaded one begins, and does not count there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from felix.endpoints import Endpoint, at, named
from felix.events import Status
from felix.ledger.reader import AnswerRow, Reader

MOST_ANSWERS = 2_000
"""The latest ones: what a server did a year ago is no longer what it does."""

SLOW_FIRST_S = 0.5
"""A model that is loaded and takes longer to its first token keeps people waiting; the figure is marked."""

_WHOLE: frozenset[Status] = frozenset({"complete", "truncated", "stopped", "interrupted"})
"""Ends that no server is to blame for: whole, cut at the limit, ended by the user, or by the end of Felix."""


@dataclass(frozen=True, slots=True)
class EndpointFigures:
    """Of one endpoint, over its latest answers; what cannot be told is None."""

    name: str
    """As the settings call it; empty for a server that has no entry there."""
    base_url: str
    """Empty for an endpoint that the settings no longer have."""
    calls: int
    ttft_s: float | None
    """Median of the seconds to the first token, with the model loaded."""
    ttft_p95_s: float | None
    tokens_per_s: float | None
    """Median."""
    gap_p50_ms: float | None
    """Between two pieces as they came from the server, at the beginning of each answer."""
    gap_p99_ms: float | None
    errors: tuple[tuple[Status, int], ...]
    """Answers that did not come to their end, by how they ended; the most frequent first."""
    latest_error: str
    """One sentence; empty where nothing failed."""
    prompt_tokens: int
    """As the servers counted, as `completion_tokens`."""
    completion_tokens: int
    uncounted: int
    """Answers whose tokens nobody counted."""

    @property
    def is_slow(self) -> bool:
        """Whether a loaded model takes too long to its first token."""
        return self.ttft_s is not None and self.ttft_s > SLOW_FIRST_S

    @property
    def failed(self) -> int:
        return sum(count for _, count in self.errors)

    def cost(self, endpoint: Endpoint | None) -> float | None:
        """By the prices its user entered, of the tokens that were counted; None where a price is unknown."""
        if endpoint is None or endpoint.prompt_price is None or endpoint.completion_price is None:
            return None
        read, written = self.prompt_tokens * endpoint.prompt_price, self.completion_tokens * endpoint.completion_price
        return (read + written) / 1_000_000


def figures(reader: Reader, endpoints: Sequence[Endpoint] = ()) -> tuple[EndpointFigures, ...]:
    """Of every endpoint that has answers, in the order of the settings, then servers without an entry there.

    An answer that names no endpoint is of the one with the address of its run; one whose endpoint has another name now,
    of the one with its address.
    """
    answers: dict[tuple[str, str], list[AnswerRow]] = {}
    in_vain: Counter[tuple[str, str]] = Counter()
    for answer in reader.answers(MOST_ANSWERS):
        known = named(endpoints, answer.endpoint) if answer.endpoint else at(endpoints, answer.server)
        known = known or (at(endpoints, answer.asked) if answer.asked else None)
        name = known.name if known else answer.endpoint
        base_url = known.base_url if known else "" if answer.endpoint else answer.server
        answers.setdefault((name, base_url), []).append(answer)
        for failed in answer.failed_at:
            there = named(endpoints, failed)
            in_vain[there.name if there else failed, there.base_url if there else ""] += 1
    order = {each.name: number for number, each in enumerate(endpoints)}
    keys = sorted({*answers, *in_vain}, key=lambda key: (order.get(key[0], len(order)), key))
    return tuple(_figures(*key, answers.get(key, ()), in_vain[key]) for key in keys)


def of_endpoint(all_figures: Iterable[EndpointFigures], endpoint: Endpoint) -> EndpointFigures | None:
    """Those of one endpoint; None when it has none."""
    if endpoint.name:
        return next((each for each in all_figures if each.name == endpoint.name), None)
    return next((each for each in all_figures if not each.name and each.base_url == endpoint.base_url), None)


def _figures(name: str, base_url: str, answers: Sequence[AnswerRow], in_vain: int) -> EndpointFigures:
    """`in_vain`: how many answers were asked for there that another endpoint gave."""
    loaded = (each for each in answers if all(state != "loading" for _, state in each.states))
    ttft = sorted(each.ttft_s for each in loaded if each.ttft_s is not None)
    pace = sorted(each.tokens_per_s for each in answers if each.tokens_per_s is not None)
    gaps = sorted(gap for each in answers for gap in each.gaps_ms)
    errors = Counter(each.status for each in answers if each.status not in _WHOLE)
    if in_vain:
        errors["failed"] += in_vain
    usages = [each.usage for each in answers if each.usage]
    return EndpointFigures(
        name=name,
        base_url=base_url,
        calls=len(answers) + in_vain,
        ttft_s=_quantile(ttft, 0.5),
        ttft_p95_s=_quantile(ttft, 0.95),
        tokens_per_s=_quantile(pace, 0.5),
        gap_p50_ms=_quantile(gaps, 0.5),
        gap_p99_ms=_quantile(gaps, 0.99),
        errors=tuple(sorted(errors.items(), key=lambda each: (-each[1], each[0]))),
        latest_error=next((each.error for each in answers if each.status not in _WHOLE and each.error), ""),
        prompt_tokens=sum(each.get("prompt") or 0 for each in usages),
        completion_tokens=sum(each.get("completion") or 0 for each in usages),
        uncounted=len(answers) - len(usages),
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of `values`, which are sorted, does not pass."""
    if not values:
        return None
    return values[max(0, _rank(len(values), share) - 1)]


def _rank(count: int, share: float) -> int:
    return -int(-count * share // 1)
