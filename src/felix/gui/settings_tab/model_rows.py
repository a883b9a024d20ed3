"""The models of the endpoint that is chosen: what each is like, and loading and unloading where a server lets others.

A load tells nothing while it goes on, so what is shown is how long it has taken, and nothing that looks like a part of
the whole.
"""

from __future__ import annotations

import time
import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk as plain

from felix.endpoints import Endpoint, ServerKind
from felix.errors import FelixError, SettingsError
from felix.gui.composer.attachment import size_in_words
from felix.gui.composer.model_choices import swap_warning
from felix.gui.composer.model_menu import context_words, shortened
from felix.gui.kit import Kit
from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.fields import number_between
from felix.gui.settings_tab.rows import Card, Row
from felix.llm.condition import models_words, tells_loaded
from felix.llm.loading import can_load
from felix.llm.models import ModelInfo, ServerReport

_FEW = 6
"""So many are shown at first; services have a hundred."""
_TICK_MS = 1_000
_MOST_CONTEXT = 10_000_000


class ModelRows:
    """`after` is the card above this one: without models there is none."""

    def __init__(self, card: Card, kit: Kit, acts: Acts, *, endpoint: Callable[[], Endpoint], after: Card) -> None:
        self._card, self._kit, self._acts, self._endpoint, self._above = card, kit, acts, endpoint, after
        self._report: ServerReport | None = None
        self._rows: dict[str, _ModelRow] = {}
        """By id."""
        self._busy: dict[tuple[str, str], tuple[str, float]] = {}
        """By base URL and id: "loading" or "unloading", and since when."""
        self._faults: dict[tuple[str, str], str] = {}
        self._is_long = False
        self._after = ""
        kit.label(card.head, "Models", "Strong", padding=(0, 0, 0, 6)).pack(side="left")
        self.count = kit.label(card.head, font="Small", color="text2", padding=(10, 0, 0, 6))
        self.count.pack(side="left")
        self._body: plain.Frame = kit.frame(card.frame, "card")
        self._body.pack(fill="x")
        self.all_button = kit.button(card.frame, "Show all", on="card", padding=(10, 5), command=self._toggle)
        card.frame.bind("<Destroy>", lambda _event: self._stop_ticking(), add="+")
        card.show(is_shown=False)

    def show_another(self, report: ServerReport | None) -> None:
        """Another endpoint has been chosen; its models, as far as they are known."""
        self._is_long = False
        self._faults.clear()
        self.show(report)

    def show(self, report: ServerReport | None) -> None:
        """What the server said; None when it said nothing."""
        before, self._report = self._report, report
        self._card.show(is_shown=report is not None, after=self._above)
        if report is None:
            return
        if before is None or (before.models, before.kind) != (report.models, report.kind) or not self._rows:
            self._fill()
        else:
            self.refresh()

    def refresh(self) -> None:
        """Say what goes on."""
        base_url = self._endpoint().base_url
        for name, row in self._rows.items():
            what, since = self._busy.get((base_url, name), ("", 0.0))
            row.show_busy(f"{what}, {time.monotonic() - since:.0f} s" if what else "")
            row.row.set_fault(self._faults.get((base_url, name), ""))

    def load(self, model: ModelInfo, context_length: int) -> None:
        """Have a model loaded; 0 is the context length of the endpoint, or the server's own."""
        self._begin("loading", model.id)
        self._acts.on_load(self._endpoint().base_url, model.id, context_length)

    def unload(self, model: ModelInfo) -> None:
        """Have a model unloaded."""
        self._begin("unloading", model.id)
        self._acts.on_unload(self._endpoint().base_url, model.id)

    def ended(self, base_url: str, model: str, error: FelixError | None) -> None:
        """A load or unload is over. What the server has then is told apart."""
        self._busy.pop((base_url, model), None)
        if error:
            self._faults[base_url, model] = str(error)
        self.refresh()

    @property
    def is_shown(self) -> bool:
        """Whether there are models to show."""
        return self._report is not None

    @property
    def rows(self) -> dict[str, _ModelRow]:
        """Those that are shown, by id."""
        return self._rows

    def swap_words(self, model: ModelInfo) -> str:
        """What may become of the models that are loaded when another is; empty when none is."""
        return swap_warning(self._report, model) if self._report else ""

    def _begin(self, what: str, model: str) -> None:
        key = self._endpoint().base_url, model
        self._busy[key] = (what, time.monotonic())
        self._faults.pop(key, None)
        self.refresh()
        if not self._after:
            self._after = self._card.frame.after(_TICK_MS, self._tick)

    def _tick(self) -> None:
        self._after = ""
        self.refresh()
        if self._busy:
            self._after = self._card.frame.after(_TICK_MS, self._tick)

    def _stop_ticking(self) -> None:
        if self._after:
            self._card.frame.after_cancel(self._after)
            self._after = ""

    def _fill(self) -> None:
        assert self._report is not None
        report, kit = self._report, self._kit
        for child in self._body.winfo_children():
            child.destroy()
        self._rows = {}
        self.count.configure(text=models_words(report))
        models = report.models if self._is_long else report.models[:_FEW]
        # a llama.cpp server that was started with its one model keeps it; one that has several loads and unloads them
        has_one = report.kind == "llamacpp" and all(model.loaded for model in report.models)
        lets_others = (can_load(report.kind) or report.kind == "file") and not has_one
        for number, model in enumerate(models):
            if number:
                kit.rule(self._body).pack(fill="x", padx=kit.px(11))
            row = Row(self._body, kit, shortened(model.name, 48), model_words(model, report.kind))
            row.frame.pack(fill="x")
            loads = self if lets_others else None
            self._rows[model.id] = _ModelRow(row, kit, model, report.kind, loads, self._wanted_context)
        if len(report.models) > _FEW:
            words = "Show fewer" if self._is_long else f"Show all {len(report.models):,}"
            kit.set_button(self.all_button, text=words)
            self.all_button.pack(anchor="w", padx=kit.px(4), pady=kit.px(3))
        else:
            self.all_button.pack_forget()
        self.refresh()

    def _toggle(self) -> None:
        self._is_long = not self._is_long
        self._fill()

    def _wanted_context(self) -> int:
        return self._endpoint().context_length


class _ModelRow:
    """A model, and what can be done with it."""

    def __init__(
        self,
        row: Row,
        kit: Kit,
        model: ModelInfo,
        kind: ServerKind,
        loads: ModelRows | None,
        wanted_context: Callable[[], int],
    ) -> None:
        """`loads` does it; None where the server does not let others."""
        self.row, self._kit, self._model, self._kind = row, kit, model, kind
        self._loads, self._wanted = loads, wanted_context
        control = row.control
        kit.label(control, _weight_words(model), "Small", "text2", "card").pack(side="left")
        self.button: plain.Button | None = None
        self.busy = kit.badge(control, "", "prep", "memory")
        self._edit: plain.Frame | None = None
        self.entry: plain.Entry | None = None
        if loads and model.loaded:
            self._add_button("Unload", partial(loads.unload, model))
        elif loads:
            self._add_button("Load…", self.ask)

    def show_busy(self, words: str) -> None:
        """`loading, 12 s`; empty when nothing goes on."""
        if words:
            self.leave()
            self._kit.set_badge(self.busy, words, "prep", "memory")
            self.busy.pack(side="left", padx=(self._kit.px(10), 0))
        else:
            self.busy.pack_forget()
        self._show_button(is_shown=not words and self._edit is None)

    def ask(self) -> None:
        """Show the field for the context length."""
        kit, model = self._kit, self._model
        edit = self._edit = kit.frame(self.row.control, "card")
        kit.label(edit, "Context", "Small", "text2", "card", padding=(0, 0, 6, 0)).pack(side="left")
        entry = self.entry = kit.entry(edit, "card", 9, justify="right", placeholder="automatic")
        if wanted := self._wanted():
            entry.insert(0, str(min(wanted, model.max_context_length or wanted)))
        go = kit.button(edit, "Load", kind="outline", on="card", padding=(10, 5), command=self._load)
        cancel = kit.button(
            edit, icon="x-lg", on="card", padding=(6, 6), icon_size=11, tooltip="Leave it as it is (Esc)",
            command=self.leave,
        )  # fmt: skip
        for widget in (entry, go, cancel):
            widget.pack(side="left", padx=(0 if widget is entry else kit.px(4), 0))
            widget.bind("<Escape>", self._escaped)
        for key in ("<Return>", "<KP_Enter>"):
            entry.bind(key, lambda _event: self._load())
        self._show_button(is_shown=False)
        edit.pack(side="left", padx=(kit.px(10), 0))
        warning = self._loads.swap_words(model) if self._loads else ""
        most = f"at most {model.max_context_length:,} tokens" if model.max_context_length else ""
        self.row.set_fault("")
        self.row.set_hint(warning or f"Tokens to load it with{f', {most}' if most else ''}; empty: the server decides")
        entry.focus_set()

    def leave(self) -> None:
        """Back to the button."""
        if self._edit is None:
            return
        had_focus = str(self._edit.focus_displayof() or "").startswith(str(self._edit))
        self._edit.destroy()
        self._edit = self.entry = None
        self.row.set_hint(model_words(self._model, self._kind))
        self.row.set_fault("")
        self._show_button(is_shown=True)
        if had_focus and self.button:
            self.button.focus_set()

    def _load(self) -> None:
        assert self.entry is not None and self._loads is not None
        text = self.entry.get().strip()
        most = self._model.max_context_length or _MOST_CONTEXT
        try:
            context = number_between(text, 1, most, "The context length") if text else 0
        except SettingsError as error:
            self.row.set_fault(str(error))
            self._kit.set_bad(self.entry, True)
            return
        self._loads.load(self._model, context)

    def _escaped(self, _event: tk.Event[tk.Misc]) -> str:
        self.leave()
        return "break"

    def _add_button(self, text: str, command: Callable[[], object]) -> None:
        self.button = self._kit.button(
            self.row.control, text, kind="outline", on="card", padding=(10, 5), command=command
        )
        self._show_button(is_shown=True)

    def _show_button(self, *, is_shown: bool) -> None:
        if self.button is None:
            return
        if is_shown:
            self.button.pack(side="left", padx=(self._kit.px(10), 0))
        else:
            self.button.pack_forget()


def model_words(model: ModelInfo, kind: ServerKind) -> str:
    """`Loaded · 16k of 128k context · 4 slots · thinks · tools`; of a service there is nothing loaded."""
    now, most = context_words(model.context_length), context_words(model.max_context_length)
    if now and most and now != most:
        context = f"{now} of {most} context"
    else:
        context = f"{now or most} context" if now or most else ""
    slots = f"{model.slots} slot{'' if model.slots == 1 else 's'}" if model.slots else ""
    parts = (
        ("Loaded" if model.loaded else "Not loaded") if tells_loaded(kind) else "",
        context,
        slots,
        "thinks" if model.thinks else "",
        "tools" if model.has_tools else "",
    )
    return " · ".join(part for part in parts if part)


def _weight_words(model: ModelInfo) -> str:
    """`8B · Q4_K_M · 4.7 GB`."""
    size = size_in_words(model.size_bytes) if model.size_bytes else ""
    return " · ".join(part for part in (model.parameters, model.quantization, size) if part)
