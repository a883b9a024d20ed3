"""What a run has cost by the prices that its user entered, and whether that is all of it. Nothing is ever guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from felix.endpoints import HOSTED, Endpoint, at, named
from felix.ledger.state import RunState
from felix.ledger.words import amount, speeches_of
from felix.llm.address import is_near


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run."""

    known: float | None
    """Of the answers for which there are prices; None where there are none."""
    unknown: tuple[str, ...] = ()
    """Places that surely want money, and for which no prices were entered."""
    uncounted: int = 0
    """Answers for which there are prices, and whose tokens nobody counted."""

    @property
    def words(self) -> str:
        """`cost 0.0123`; with a plus where that is not all."""
        if self.known is None:
            return "cost unknown"
        return f"cost {amount(self.known)}{'+' if self.unknown or self.uncounted else ''}"

    @property
    def sentence(self) -> str:
        """The same for whoever has room to read, with the next step where one would help."""
        missing = f"enter prices for {' and '.join(self.unknown)} in Settings, under More"
        if self.known is None:
            return f"Cost unknown – {missing}."
        told = f"Cost by your prices: {amount(self.known)}"
        if self.uncounted:
            told += f", without {self.uncounted} answer{'s' * (self.uncounted > 1)} whose tokens nobody counted"
        return f"{told} – for the rest, {missing}." if self.unknown else f"{told}."


def cost_of(state: RunState, endpoints: Sequence[Endpoint]) -> Cost | None:
    """None where nobody expects a price: on the user's own machines, unless prices were entered for them."""
    if state.plan is None or state.plan.demo:
        return None
    known: float | None = None
    unknown: dict[str, None] = {}
    uncounted = 0
    for speech in speeches_of(state):
        if speech.is_live or not (speech.usage or speech.tokens):
            continue
        server = "" if speech.endpoint else state.plan.server
        endpoint = named(endpoints, speech.endpoint) if speech.endpoint else at(endpoints, server)
        prices = (endpoint.prompt_price, endpoint.completion_price) if endpoint else (None, None)
        if prices[0] is None or prices[1] is None:
            if prices != (None, None) or _is_hosted(endpoint, server):
                unknown[endpoint.name if endpoint else state.plan.server_name or server] = None
        elif speech.usage is None:
            known, uncounted = known or 0.0, uncounted + 1
        else:
            paid = speech.usage.prompt * prices[0] + speech.usage.completion * prices[1]
            known = (known or 0.0) + paid / 1_000_000
    return Cost(known, tuple(unknown), uncounted) if known is not None or unknown else None


def _is_hosted(endpoint: Endpoint | None, server: str) -> bool:
    base_url = endpoint.base_url if endpoint else server
    return (endpoint is not None and endpoint.kind in HOSTED) or (base_url != "" and not is_near(base_url))
