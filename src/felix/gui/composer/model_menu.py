"""The models of a server as lines of a menu: what is loaded first, each with its context as loaded."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import TYPE_CHECKING

from felix.llm.condition import tells_loaded

if TYPE_CHECKING:
    from felix.endpoints import ServerKind
    from felix.llm.models import ModelInfo, ServerReport

AUTOMATIC = ""
_COLUMN = 24
"""Lines before a new column: a menu of Tk's cannot scroll."""
_LONGEST = 38


def context_words(tokens: int | None) -> str:
    """`16k` of 16,384 tokens; empty when the server does not tell."""
    if not tokens:
        return ""
    return f"{tokens // 1024}k" if tokens % 1024 == 0 and tokens >= 1024 else f"{tokens:,}"


def shortened(name: str, longest: int = _LONGEST) -> str:
    """A long name without its middle: what tells models apart stands at both ends."""
    if len(name) <= longest:
        return name
    tail = longest // 2 - 1
    return f"{name[: longest - tail - 1]}…{name[-tail:]}"


def model_words(model: ModelInfo, kind: ServerKind) -> str:
    """`qwen3-8b · loaded, 16k`; of a server that does not tell what is loaded, the model alone."""
    if not tells_loaded(kind):
        return shortened(model.id)
    if not model.loaded:
        return f"{shortened(model.id)} · loads when a run starts"
    context = context_words(model.context_length)
    return f"{shortened(model.id)} · loaded{f', {context}' if context else ''}"


def chosen_words(report: ServerReport | None, wanted: str) -> str:
    """What a button says of the model in force."""
    if wanted == AUTOMATIC:
        first = report.model(AUTOMATIC) if report else None
        return f"Automatic · {shortened(first.id)}" if first else "Automatic"
    if report is None:
        return shortened(wanted)
    model = next((model for model in report.models if model.id == wanted), None)
    return model_words(model, report.kind) if model else f"{shortened(wanted)} · not on this server"


def fill_model_menu(
    menu: tk.Menu, variable: tk.StringVar, report: ServerReport | None, wanted: str, choose: Callable[[str], object]
) -> None:
    """Empty `menu` and list the models in it; `choose` hears of the id, or of AUTOMATIC."""
    variable.set(f"id:{wanted}")  # Tk takes an empty value for none
    menu.delete(0, "end")

    def add(label: str, value: str) -> None:
        count = (menu.index("end") or 0) + 1
        menu.add_radiobutton(
            label=label,
            value=f"id:{value}",
            variable=variable,
            columnbreak=count % _COLUMN == 0,
            command=lambda: choose(value),
        )

    add("Automatic – the first that is loaded", AUTOMATIC)
    models = report.models if report else ()
    for loaded, heading in ((True, "Loaded"), (False, "Not loaded: the server loads it when a run starts")):
        group = [model for model in models if model.loaded == loaded]
        if group:
            menu.add_separator()
            menu.add_command(label=heading, state="disabled")
        for model in group:
            context = context_words(model.context_length) if loaded else ""
            add(f"{shortened(model.id, 60)}{f'  ·  {context} context' if context else ''}", model.id)
    if wanted != AUTOMATIC and all(model.id != wanted for model in models):
        menu.add_separator()
        add(f"{shortened(wanted, 60)}{'  ·  not on this server' if report else ''}", wanted)


def model_choices(report: ServerReport | None, own: str) -> list[tuple[str, str] | None]:
    """The models of a server as pairs of id and words, those that are loaded first; None is a line between groups.

    The first is empty and says `own`: as it is without a choice.
    """
    choices: list[tuple[str, str] | None] = [("", own)]
    for loaded in (True, False):
        group = [(m.id, model_words(m, report.kind)) for m in report.models if m.loaded == loaded] if report else []
        if group:
            choices += [None, *group]
    return choices
