"""How endpoints are, in words."""

from __future__ import annotations

from typing import get_args

import pytest

from felix.errors import FelixError, ServerError, ServerFault
from felix.llm.condition import Said, condition
from felix.llm.models import ModelInfo, ServerReport

MODELS = (ModelInfo("a", "a", True), ModelInfo("b", "b", False))


@pytest.mark.parametrize(
    ("said", "words", "grade"),
    [
        (None, "asking…", "unknown"),
        (ServerReport("lmstudio", "", MODELS, 1.0), "answers · 2 models, 1 loaded", "well"),
        (ServerReport("other", "", MODELS[:1], 1.0), "answers · 1 model", "well"),
        (ServerReport("openai", "", MODELS, 1.0), "answers · 2 models", "well"),
        (ServerError("", fault="unreachable"), "does not answer", "down"),
        (ServerError("", fault="key"), "wants a key", "wanting"),
        (ServerError("", fault="server"), "cannot be used", "down"),
        (FelixError(""), "cannot be used", "down"),
    ],
)
def test_an_endpoint_is_told_in_a_few_words(said: Said, words: str, grade: str) -> None:
    assert condition(said) == (words, grade)


def test_a_model_file_is_ready_or_loaded_or_cannot_be_opened() -> None:
    assert condition(ServerReport("file", "", MODELS[1:], 1.0), is_file=True) == ("ready", "well")
    assert condition(ServerReport("file", "", MODELS[:1], 1.0), is_file=True) == ("loaded", "well")
    assert condition(ServerError("", fault="no_model"), is_file=True).words == "cannot be opened"
    assert condition(None, is_file=True).grade == "unknown"


@pytest.mark.parametrize("fault", get_args(ServerFault))
def test_there_are_words_for_every_fault(fault: ServerFault) -> None:
    assert condition(ServerError("", fault=fault)).grade in ("down", "wanting")
