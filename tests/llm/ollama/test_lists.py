"""Ollama's three lists, in one shape."""

from __future__ import annotations

from typing import Any

import pytest

from felix.llm.model_lists import ModelInfo
from felix.llm.ollama.lists import from_tags, full_name, running_context, with_details, with_running


def tag(name: str, **more: Any) -> dict[str, Any]:
    details = {"family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "size": 4_900_000_000, "digest": "4", "details": details, **more}


def listed(*tags: dict[str, Any]) -> tuple[ModelInfo, ...]:
    models = from_tags({"models": [*tags]})
    assert models is not None
    return models


def test_a_model_is_told_with_its_size_and_what_it_can() -> None:
    details = {"parameter_size": "8.2B", "quantization_level": "Q4_K_M", "context_length": 40_960}
    (model,) = listed(tag("qwen3:latest", details=details, capabilities=["completion", "tools", "thinking"]))
    assert model == ModelInfo(
        id="qwen3:latest",
        name="qwen3",
        loaded=False,
        max_context_length=40_960,
        size_bytes=4_900_000_000,
        quantization="Q4_K_M",
        parameters="8.2B",
        thinks=True,
        has_tools=True,
    )


def test_what_nobody_says_is_not_known() -> None:
    (model,) = listed(tag("llama3:8b"))
    assert (model.thinks, model.has_tools, model.max_context_length) == (None, None, None)


def test_models_that_write_no_answers_are_left_out() -> None:
    assert (
        listed(
            tag("nomic-embed-text:latest"),
            tag("minilm:latest", details={"family": "bert"}),
            tag("qwen3-vec:latest", capabilities=["embedding"]),
        )
        == ()
    )


def test_loaded_models_come_first_with_their_context() -> None:
    models = with_running(
        listed(tag("a:latest"), tag("b:7b")), {"models": [tag("b:7b", size_vram=1, context_length=8192)]}
    )
    assert [(model.id, model.loaded, model.context_length) for model in models] == [
        ("b:7b", True, 8192),
        ("a:latest", False, None),
    ]


def test_a_model_that_ollama_com_runs_can_answer_at_once() -> None:
    (model,) = listed(tag("gpt-oss:120b-cloud", remote_host="https://ollama.com:443"))
    assert model.loaded


def test_details_fill_in_what_the_list_does_not_tell() -> None:
    (model,) = listed(tag("llama3:8b"))
    show = {
        "capabilities": ["completion", "tools"],
        "model_info": {"general.type": "model", "llama.context_length": 8192},
    }
    detailed = with_details(model, show)
    assert (detailed.max_context_length, detailed.thinks, detailed.has_tools) == (8192, False, True)
    assert with_details(model, None) == with_details(model, {}) == model


@pytest.mark.parametrize("body", [None, [], {}, {"models": None}, {"models": [], "data": []}, {"error": "no"}])
def test_other_lists_are_not_ollamas(body: object) -> None:
    assert from_tags(body) is None


def test_names_without_a_tag_mean_the_latest() -> None:
    assert full_name("llama3") == "llama3:latest"
    assert full_name("hf.co:443/bartowski/qwen") == "hf.co:443/bartowski/qwen:latest"
    assert full_name("llama3:8b") == "llama3:8b"


def test_the_context_as_loaded_is_found_by_either_name() -> None:
    ps = {"models": [tag("llama3:latest", context_length=8192), tag("old:1b")]}
    assert running_context(ps, "llama3") == 8192
    assert running_context(ps, "old:1b") == 0
    assert running_context(ps, "other") is None
    assert running_context({"error": "not found"}, "other") == 0
