"""What the model panel lists, as rows: every endpoint with its state in words, below it the models it has.

Pure: settings and what the endpoints said in, rows out; and what a choice changes in the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from felix.endpoints import HOSTED, Endpoint
from felix.gui.composer.attachment import size_in_words
from felix.gui.composer.model_menu import AUTOMATIC, context_words, shortened
from felix.gui.server import roster
from felix.gui.server.endpoint_words import Said, StateWords, name_of, place_words, state_words
from felix.gui.server.roster import Changes
from felix.llm.condition import tells_loaded
from felix.llm.loading import can_load
from felix.llm.models import ModelInfo, ServerReport
from felix.settings import Settings

AUTOMATIC_WORDS = "Automatic – the first that is loaded"


@dataclass(frozen=True, slots=True)
class Heading:
    """An endpoint; `slots` of it, where somebody knows how many answer at once."""

    base_url: str
    name: str
    place: str
    state: StateWords
    sentence: str = ""
    """Why it cannot be used, and what to do."""
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A model of an endpoint, or none: the first that is loaded there."""

    base_url: str
    endpoint: str
    """Its name in the settings; empty for the server in use that has none."""
    model: str
    name: str
    facts: str = ""
    """`8B · Q4_K_M · 4.7 GB · 16k of 40k context`."""
    state: str = ""
    """`loaded`, or nothing where that means nothing."""
    thinks: bool = False
    has_tools: bool = False
    is_chosen: bool = False
    can_load: bool = False
    can_unload: bool = False


Row = Heading | Choice


def rows_of(settings: Settings, said: Mapping[str, Said], query: str = "", *, is_demo: bool = False) -> list[Row]:
    """All endpoints with the models that have every word of `query` in their names; the one in use first.

    `said` is by base URL. With `is_demo` nothing is chosen: the demo model is.
    """
    words = query.casefold().split()
    rows: list[Row] = []
    for endpoint in sorted(roster.listed(settings), key=lambda each: not roster.is_in_use(settings, each)):
        is_in_use = roster.is_in_use(settings, endpoint) and not is_demo
        heard = said.get(endpoint.base_url)
        heading = _heading(endpoint, heard, is_chosen=is_in_use)
        lines = _choices(settings, endpoint, heard, is_in_use=is_in_use)
        about = f"{heading.name} {heading.place}".casefold()
        left = [word for word in words if word not in about]
        found = [line for line in lines if all(word in _searched(line) for word in left)]
        if found or not left:
            rows += [heading, *found]
    return rows


def chosen(settings: Settings, endpoint: str, model: str) -> Changes:
    """What choosing a model of the endpoint of that name changes in the settings."""
    there = roster.found(settings, endpoint)
    if roster.is_in_use(settings, there):
        return roster.changed(settings, there.name, model=model)
    changes = roster.used(settings, there.name)
    kept: tuple[Endpoint, ...] = changes["endpoints"]
    own = tuple(each.model_copy(update={"model": model}) if each.name == there.name else each for each in kept)
    return changes | {"model": model, "endpoints": own}


def swap_warning(report: ServerReport, model: ModelInfo) -> str:
    """What may become of the models that are loaded when another is asked for; empty when none has to fear that."""
    if model.loaded or not can_load(report.kind):
        return ""
    others = [each for each in report.models if each.loaded]
    if not others:
        return ""
    names = " and ".join(shortened(each.name, 30) for each in others[:2]) + (" and others" if len(others) > 2 else "")
    stays = "is loaded and may have to go" if len(others) == 1 else "are loaded and may have to go"
    sizes = [each.size_bytes for each in (*others, model) if each.size_bytes]
    both = f"; together they take {size_in_words(sum(sizes))}" if len(sizes) == len(others) + 1 else ""
    match report.kind:
        case "lmstudio":
            why = "LM Studio keeps one of those it loads by itself, and what memory holds"
        case "ollama":
            why = "Ollama keeps as many as memory and its own limit allow"
        case _:
            why = f"{report.name} unloads what memory cannot hold beside it"
    return f"{names} {stays}: {why}{both}."


def _heading(endpoint: Endpoint, heard: Said, *, is_chosen: bool) -> Heading:
    slots = endpoint.slots
    if not slots and isinstance(heard, ServerReport):
        slots = next((model.slots for model in heard.models if model.loaded and model.slots), 0) or 0
    at_once = f"{slots} slot{'' if slots == 1 else 's'}" if slots else ""
    return Heading(
        endpoint.base_url,
        name_of(endpoint, heard),
        " · ".join(part for part in (place_words(endpoint, heard), at_once) if part),
        state_words(heard),
        "" if heard is None or isinstance(heard, ServerReport) else str(heard),
        is_chosen,
    )


def _choices(settings: Settings, endpoint: Endpoint, heard: Said, *, is_in_use: bool) -> list[Choice]:
    wanted = settings.model if is_in_use else None
    models = heard.models if isinstance(heard, ServerReport) else ()
    choices: list[Choice] = []
    if models and endpoint.kind != "file" and not endpoint.base_url.startswith("file:"):
        first = next((model for model in models if model.loaded), models[0])
        words, facts = AUTOMATIC_WORDS, f"now {shortened(first.name, 40)}"
        if isinstance(heard, ServerReport) and heard.kind in HOSTED:
            words = "Automatic – the first of its list"
        elif not first.loaded:
            facts = f"none is: {shortened(first.name, 40)} would be"
        choices.append(Choice(endpoint.base_url, endpoint.name, AUTOMATIC, words, facts, is_chosen=wanted == AUTOMATIC))
    elif is_in_use and not models:
        name = AUTOMATIC_WORDS if wanted == AUTOMATIC else str(wanted)
        return [Choice(endpoint.base_url, endpoint.name, wanted or AUTOMATIC, name, is_chosen=True)]
    if isinstance(heard, ServerReport):
        lets_others = can_load(heard.kind) and (heard.kind != "llamacpp" or not all(m.loaded for m in models))
        choices += [_choice(endpoint, heard, model, wanted, lets_others=lets_others) for model in models]
    if wanted and endpoint.kind != "file" and all(model.id != wanted for model in models):
        choices.append(Choice(endpoint.base_url, endpoint.name, wanted, wanted, "not on this server", is_chosen=True))
    return choices


def _choice(
    endpoint: Endpoint, report: ServerReport, model: ModelInfo, wanted: str | None, *, lets_others: bool
) -> Choice:
    """`lets_others`: whether its server loads and unloads models when told to."""
    is_file = report.kind == "file"
    return Choice(
        endpoint.base_url,
        endpoint.name,
        model.id,
        model.name,
        facts_of(model),
        "loaded" if model.loaded and tells_loaded(report.kind) else "",
        thinks=bool(model.thinks),
        has_tools=bool(model.has_tools),
        is_chosen=wanted == model.id or (is_file and wanted is not None),
        can_load=lets_others and not model.loaded,
        can_unload=lets_others and model.loaded,
    )


def facts_of(model: ModelInfo) -> str:
    """`8B · Q4_K_M · 4.7 GB · 16k of 40k context · 4 slots`."""
    now, most = context_words(model.context_length), context_words(model.max_context_length)
    if now and most and now != most:
        context = f"{now} of {most} context"
    elif now or most:
        context = f"{now} context" if now else f"up to {most} context"
    else:
        context = ""
    slots = f"{model.slots} slot{'' if model.slots == 1 else 's'}" if model.slots else ""
    size = size_in_words(model.size_bytes) if model.size_bytes else ""
    parts = (model.parameters, model.quantization, size, context, slots)
    return " · ".join(part for part in parts if part)


def _searched(line: Choice) -> str:
    if line.model == AUTOMATIC:
        return line.name.casefold()  # what it would be now is listed by itself
    marks = f"{'thinks thinking' if line.thinks else ''} {'tools' if line.has_tools else ''}"
    return f"{line.model} {line.name} {line.facts} {line.state} {marks}".casefold()
