"""What a model is like for those who want to use it: there and loaded, with enough context, answering soon. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from felix.llm.answer import same_model
from felix.llm.condition import tells_loaded
from felix.llm.examination.findings import Finding, Repair
from felix.llm.models import ConnectionCheck, ModelInfo, ServerReport

if TYPE_CHECKING:
    from felix.endpoints import ServerKind

SLOW_TTFT_S = 0.5
"""To the first token of a short prompt, with the model loaded: what takes longer is felt in every round."""
_LOADS = frozenset({"lmstudio", "ollama"})
"""Kinds of servers that load a model when they are told to."""
_TOLD_EACH_TIME = frozenset({"ollama", "file"})
"""Kinds that are told with every request, or when they are first asked, how long the context shall be."""
_CONTEXT_STEP = 1_024


def model_finding(report: ServerReport, wanted: str) -> tuple[ModelInfo | None, Finding]:
    """The model that `wanted` means (empty: the first), None where the server does not have it."""
    chosen, first = report.model(wanted), report.models[0]
    if chosen is None:
        repair = Repair(f"Use {first.name}", model=first.id)
        sentence = f"{report.name} has no model “{wanted}”."
        return None, Finding("model", "fault", sentence, "Choose one from its list.", repair)
    if chosen.loaded or report.kind == "file":
        state = "is loaded" if chosen.loaded else "is loaded when it is first asked"
        if not tells_loaded(report.kind):
            state = "is on its list"
        return chosen, Finding("model", "ok", f"{chosen.name} {state}.")
    is_nothing_loaded = not wanted and not any(model.loaded for model in report.models)
    return chosen, Finding(
        "model",
        "warning",
        "No model is loaded." if is_nothing_loaded else f"{chosen.name} is not loaded.",
        "The first answer waits until it is; load it beforehand, there or here.",
        Repair(f"Load {chosen.name}", model=chosen.id, load=True) if report.kind in _LOADS else None,
    )


def context_finding(kind: ServerKind, model: ModelInfo, *, needs: int, entered: int) -> Finding:
    """Whether `needs` tokens fit, 0 if nobody knows; `entered` is what the user wants the context to be, or 0."""
    has = model.context_length
    if kind == "ollama" or not has:
        # Ollama is told with every request; others may not say, and then the user's word counts.
        has = entered or has
    if not has:
        return Finding("context", "skipped", "The server does not say how much context the model has now.")
    if not needs:
        return Finding("context", "ok", f"Each request may have {has:,} tokens.")
    if needs <= has:
        return Finding("context", "ok", f"The workflow needs about {needs:,} tokens, each request may have {has:,}.")
    sentence = f"The workflow needs about {needs:,} tokens, each request may have only {has:,}."
    length = -(-needs // _CONTEXT_STEP) * _CONTEXT_STEP
    if model.max_context_length and length > model.max_context_length:
        most = f"{model.name} can have {model.max_context_length:,} at most"
        return Finding("context", "fault", sentence, f"{most}: take another model or a shorter task.")
    repair = None
    if kind == "lmstudio":
        repair = Repair(f"Load with {length:,}", model=model.id, load=True, context_length=length)
    elif kind in _TOLD_EACH_TIME:
        repair = Repair(f"Give it {length:,}", context_length=length)
    advice = f"Load the model with {length:,} tokens of context, or take a workflow with fewer rounds."
    return Finding("context", "fault", sentence, advice, repair)


def answer_finding(check: ConnectionCheck, model: ModelInfo) -> Finding:
    """How the one-token call went."""
    if not check.ok:
        return Finding("answer", "fault", *halves(check.sentence))
    if check.model and not same_model(model.id, check.model):
        return Finding(
            "answer",
            "fault",
            f"{model.name} was asked, and {check.model} answered.",
            f"Load {model.name} in the server, or choose the one that answers.",
            Repair(f"Use {check.model}", model=check.model),
        )
    ttft_s = check.ttft_s
    if ttft_s is None:
        return Finding("answer", "ok", f"{model.name} answers.")
    if ttft_s > SLOW_TTFT_S and model.loaded:
        return Finding(
            "answer",
            "warning",
            f"{model.name} answers, but its first token takes {ttft_s:.1f} s although it is loaded.",
            "See whether it fits into the graphics memory, and whether others are using the server now.",
        )
    return Finding("answer", "ok", f"{model.name} answers, its first token after {ttft_s * 1000:.0f} ms.")


def halves(error: Exception | str) -> tuple[str, str]:
    """An error's sentence as what was found and what to do."""
    what, _, advice = str(error).partition(" – ")
    return f"{what.rstrip('.')}.", f"{advice[:1].upper()}{advice[1:]}"
