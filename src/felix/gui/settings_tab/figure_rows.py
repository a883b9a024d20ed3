"""How the endpoint that is chosen has done in the runs that are kept, in lines that are only read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from tkinter import ttk as plain
from typing import NamedTuple

from felix.endpoints import Endpoint
from felix.gui.kit import Kit
from felix.gui.settings_tab.rows import Card
from felix.ledger.figures import SLOW_FIRST_S, EndpointFigures, of_endpoint
from felix.ledger.words import amount


class Fact(NamedTuple):
    """One line; `is_marked` is what a user should look at."""

    name: str
    value: str
    is_marked: bool = False


class FigureRows:
    """Takes no room for an endpoint that has not answered yet. `after` are the cards above, the nearest first."""

    def __init__(self, card: Card, kit: Kit, *, endpoint: Callable[[], Endpoint], after: Callable[[], Card]) -> None:
        self._card, self._kit, self._endpoint, self._above = card, kit, endpoint, after
        self._all: Sequence[EndpointFigures] = ()
        self._shown: tuple[Fact, ...] = ()
        kit.label(card.head, "Figures", "Strong", padding=(0, 0, 0, 6)).pack(side="left")
        self.over = kit.label(card.head, font="Small", color="text2", padding=(10, 0, 0, 6))
        self.over.pack(side="left")
        self._table: plain.Frame = kit.frame(card.frame, "card", padding=(12, 8, 10, 9))
        self._table.pack(fill="x")
        self._table.columnconfigure(0, weight=1)
        card.show(is_shown=False)

    def show(self, all_figures: Sequence[EndpointFigures]) -> None:
        """What the ledger says of all of them."""
        self._all = all_figures
        self.refresh()

    def refresh(self) -> None:
        """Say it of the one that is chosen now, with its prices as they are now."""
        endpoint = self._endpoint()
        figures = of_endpoint(self._all, endpoint)
        self._card.show(is_shown=figures is not None, after=self._above())
        if figures is None:
            return
        self.over.configure(text=f"over {figures.calls:,} answer{'' if figures.calls == 1 else 's'} in runs kept")
        told = facts(figures, endpoint)
        if told != self._shown:
            self._shown = told
            self._fill(told)

    def _fill(self, told: Sequence[Fact]) -> None:
        kit = self._kit
        for child in self._table.winfo_children():
            child.destroy()
        for row, fact in enumerate(told):
            gap = kit.px(2)
            kit.label(self._table, fact.name, on="card").grid(row=row, column=0, sticky="nw", pady=gap)
            value = kit.label(
                self._table, fact.value, "Small", "ink:stop" if fact.is_marked else "text2", "card",
                icon="exclamation-triangle-fill" if fact.is_marked else None, icon_size=11, justify="right",
                wraplength=kit.px(460),
            )  # fmt: skip
            value.grid(row=row, column=1, sticky="e", pady=gap)
            if fact.is_marked:
                kit.tooltip(value, "A model that is loaded should begin sooner: is the machine busy, the prompt long?")

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The lines as they stand."""
        return self._shown


def facts(figures: EndpointFigures, endpoint: Endpoint) -> tuple[Fact, ...]:
    """In words. What nobody knows is left out, but for the cost: there it is said what is missing."""
    told: list[Fact] = []
    if figures.ttft_s is not None and figures.ttft_p95_s is not None:
        late = f"{_seconds(figures.ttft_s)} · one in twenty takes {_seconds(figures.ttft_p95_s)} or more"
        told.append(Fact("First word, model loaded", late, figures.ttft_s > SLOW_FIRST_S))
    if figures.tokens_per_s is not None:
        told.append(Fact("Pace", f"{figures.tokens_per_s:,.1f} tok/s"))
    if figures.gap_p50_ms is not None:
        late = f"one in a hundred {figures.gap_p99_ms:,.0f} ms or more"
        told.append(Fact("Between two pieces", f"{figures.gap_p50_ms:,.0f} ms · {late}"))
    if figures.errors:
        kinds = ", ".join(f"{count:,} {status}" for status, count in figures.errors)
        told.append(Fact("Not answered to the end", f"{kinds}\nlately: {figures.latest_error}".strip()))
    counted = f"{figures.prompt_tokens:,} read · {figures.completion_tokens:,} written"
    if figures.uncounted:
        counted += f" · not counted in {figures.uncounted:,} answer{'' if figures.uncounted == 1 else 's'}"
    told.extend((Fact("Tokens", counted), Fact("Cost", cost_words(figures, endpoint))))
    return tuple(told)


def cost_words(figures: EndpointFigures, endpoint: Endpoint) -> str:
    """`2.00 by your prices`, or why it is not known."""
    cost = figures.cost(endpoint)
    if cost is None:
        return "unknown: enter prices under More"
    return f"{amount(cost)} by your prices" + (", for the tokens that were counted" if figures.uncounted else "")


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
