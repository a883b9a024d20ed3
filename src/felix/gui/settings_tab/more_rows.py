"""What may be said of an endpoint beside its address: name, kind, requests at once, context length, pool and prices.

Most users never need these rows, so they stay folded until they are asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from tkinter import ttk as plain
from typing import get_args

from felix.endpoints import HOSTED, Endpoint, ServerKind
from felix.errors import SettingsError
from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import Choice, ChoiceMenu, Field, number_between
from felix.gui.settings_tab.rows import Card, Row
from felix.llm.models import NAMES

_MOST_SLOTS, _MOST_CONTEXT, _MOST_PRICE, _LONGEST = 256, 10_000_000, 1_000_000, 60
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_OTHER = "Other, compatible with OpenAI"
_CONTEXT = "Tokens that a model is loaded with; 0 is the server's own"


class MoreRows:
    """`change` puts values of the endpoint in force, and raises SettingsError for one that is not allowed."""

    def __init__(self, card: Card, kit: Kit, *, endpoint: Callable[[], Endpoint], change: Callable[..., None]) -> None:
        self._kit, self._endpoint, self._change = kit, endpoint, change
        self._fold_row = card.row("More", "Name, kind, requests at once, context length, pool, prices")
        self.fold = kit.button(
            self._fold_row.control, "Show", "chevron-down", on="card", padding=(10, 5), icon_size=10,
            command=self.toggle,
        )  # fmt: skip
        self.fold.pack()
        self._body: plain.Frame = kit.frame(card.frame, "card")
        self.is_open = False

        row = self._row("Name", "As workflows call it")
        self.name = self._field(row, lambda: self._endpoint().name, self._set_name, 24, justify="left")
        row = self._row("Kind", "Whose interface is spoken there")
        self.kind = ChoiceMenu(row.control, kit, on_choose=lambda kind: change(kind=kind), tooltip="Kind of server")
        self.kind.button.pack()
        row = self._row("Requests at once", "0: as many as the server says, else as many agents as work at once")
        self.slots = self._field(row, lambda: str(self._endpoint().slots), self._set_slots, 6)
        self._context_row = self._row("Context length", _CONTEXT)
        self.context = self._field(
            self._context_row, lambda: str(self._endpoint().context_length), self._set_context, 10
        )
        row = self._row("Pool", "Endpoints of one pool share the work of whoever names the pool")
        self.pool = self._field(row, lambda: self._endpoint().pool, self._set_pool, 16, justify="left")
        row = self._row("Price per million tokens", "Read, and written; without them costs are unknown")
        self.prompt_price = self._field(row, lambda: _price_text(self._endpoint().prompt_price), self._set_read, 8)
        kit.label(row.control, "read", "Small", "text2", "card", padding=(6, 0, 12, 0)).pack(side="left")
        self.completion_price = self._field(
            row, lambda: _price_text(self._endpoint().completion_price), self._set_written, 8
        )
        kit.label(row.control, "written", "Small", "text2", "card", padding=(6, 0, 0, 0)).pack(side="left")
        self.fields = (self.name, self.slots, self.context, self.pool, self.prompt_price, self.completion_price)

    def toggle(self) -> None:
        """Show the rows, or hide them."""
        self.is_open = not self.is_open
        if self.is_open:
            self._body.pack(fill="x")
        else:
            self._body.pack_forget()
        words, icon = ("Hide", "chevron-up") if self.is_open else ("Show", "chevron-down")
        self._kit.set_button(self.fold, text=words, icon=icon)

    def refresh(self) -> None:
        """Show what is in force."""
        endpoint = self._endpoint()
        kinds: tuple[ServerKind, ...] = get_args(ServerKind)
        choices = [
            Choice("auto", "Found out by asking", "Automatic"),
            *(Choice(kind, _OTHER if kind == "other" else NAMES[kind]) for kind in kinds),
        ]
        self.kind.show(choices, endpoint.kind)
        is_hosted = endpoint.kind in HOSTED
        self._context_row.set_hint("This service decides it" if is_hosted else _CONTEXT)
        for field in self.fields:
            field.refresh()

    def _row(self, name: str, hint: str) -> Row:
        self._kit.rule(self._body).pack(fill="x", padx=self._kit.px(11))
        row = Row(self._body, self._kit, name, hint)
        row.frame.pack(fill="x")
        return row

    def _field(
        self, row: Row, read: Callable[[], str], commit: Callable[[str], None], width: int, *, justify: str = "right"
    ) -> Field:
        field = Field(row, self._kit, read=read, commit=commit, width=width, settles=False, justify=justify)
        field.entry.pack(side="left")
        return field

    def _set_name(self, text: str) -> None:
        self._change(name=_short(text, "The name"))

    def _set_pool(self, text: str) -> None:
        self._change(pool=_short(text, "The name of a pool"))

    def _set_slots(self, text: str) -> None:
        self._change(slots=number_between(text, 0, _MOST_SLOTS, "The number of requests"))

    def _set_context(self, text: str) -> None:
        self._change(context_length=number_between(text, 0, _MOST_CONTEXT, "The context length"))

    def _set_read(self, text: str) -> None:
        self._change(prompt_price=_price(text))

    def _set_written(self, text: str) -> None:
        self._change(completion_price=_price(text))


def _short(text: str, what: str) -> str:
    words = " ".join(text.split())
    if len(words) > _LONGEST:
        raise SettingsError(f"{what} must have at most {_LONGEST} characters.")
    return words


def _price(text: str) -> float | None:
    """A price as typed, with a comma or a point; nothing is none. Raises SettingsError."""
    words = text.strip()
    # 1,000 is a thousand; 2,50 and 0,125 are written so in half of the world
    words = words.replace(",", "" if _THOUSANDS.fullmatch(words) else ".")
    if not words:
        return None
    try:
        price = float(words)
    except ValueError:
        price = math.nan
    if 0 <= price <= _MOST_PRICE:
        return price
    raise SettingsError(f"A price must be a number from 0 to {_MOST_PRICE:,}; leave it empty where it is unknown.")


def _price_text(price: float | None) -> str:
    return "" if price is None else f"{price:.10g}"
