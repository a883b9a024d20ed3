"""OLLAMA_HOST in the forms that Ollama itself takes."""

from __future__ import annotations

import pytest

from felix.llm.ollama.address import DEFAULT, from_environment, native_root


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", DEFAULT),
        ("10.0.0.5", "http://10.0.0.5:11434/v1"),
        ("10.0.0.5:8000", "http://10.0.0.5:8000/v1"),
        (":8000", "http://127.0.0.1:8000/v1"),
        ("0.0.0.0", DEFAULT),
        ("0.0.0.0:8000", "http://127.0.0.1:8000/v1"),
        ("http://0.0.0.0:11434", DEFAULT),
        ("[::]:8000", "http://127.0.0.1:8000/v1"),
        ("::", DEFAULT),
        ("::1", "http://[::1]:11434/v1"),
        ("[::1]:8000", "http://[::1]:8000/v1"),
        ("localhost", DEFAULT),
        ("gpu.lan", "http://gpu.lan:11434/v1"),
        ("gpu.lan/", "http://gpu.lan:11434/v1"),
        ("gpu.lan:8000/ollama", "http://gpu.lan:8000/ollama"),
        ("http://gpu.lan", "http://gpu.lan/v1"),
        ("https://gpu.lan", "https://gpu.lan/v1"),
        ("https://gpu.lan:8443/", "https://gpu.lan:8443/v1"),
        ("ollama.com", "https://ollama.com/v1"),
        (' "10.0.0.5:8000" ', "http://10.0.0.5:8000/v1"),
        ("10.0.0.5:port", "http://10.0.0.5:11434/v1"),
        ("10.0.0.5:99999", "http://10.0.0.5:11434/v1"),
        ("two words", DEFAULT),
        ("ftp://gpu.lan", DEFAULT),
        ("user:secret@gpu.lan:1", DEFAULT),
    ],
)
def test_the_variable_names_the_address(value: str, address: str) -> None:
    assert from_environment({"OLLAMA_HOST": value}) == address


def test_without_the_variable_it_is_ollamas_own_address() -> None:
    assert from_environment({}) == DEFAULT == "http://127.0.0.1:11434/v1"


@pytest.mark.parametrize("base_url", ["http://h:1/v1", "http://h:1/v1/", "http://h:1", "http://h:1/"])
def test_the_native_interface_is_found_from_either_form(base_url: str) -> None:
    assert native_root(base_url) == "http://h:1"
