from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from felix.llm import faults


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("boom", "boom"),
        ({"error": "boom"}, "boom"),
        ({"error": {"message": "boom", "type": "x"}}, "boom"),
        ({"error": {"error": {"message": "boom"}}}, "boom"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"message": "boom"}, "boom"),
        ({"detail": "boom"}, "boom"),
        ({"detail": [{"msg": "boom", "loc": []}]}, "boom"),
        ("<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        ("<!DOCTYPE html><style>a{}</style><h1>Not &amp; here</h1><script>x</script>", "Not & here"),
        ("a\x1b[31mb\x00c\u202ed\ud83d", "a [31mb c d\ufffd"),
        (None, ""),
        ({}, ""),
        (7, ""),
    ],
)
def test_the_words_of_an_error_are_found_wherever_they_stand(body: Any, text: str) -> None:
    assert faults.error_text(body) == text


def test_a_long_error_is_cut() -> None:
    assert len(faults.error_text("x" * 10_000)) == 400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_a_server_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert faults.retry_after_s(headers) == seconds


def test_a_wait_may_be_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    assert faults.retry_after_s({"retry-after": formatdate(1_000_030, usegmt=True)}) == 30.0


def test_a_status_worth_another_try_is_not_when_the_context_is_the_matter() -> None:
    assert faults.from_status(503, "Loading model", address="").retryable
    assert not faults.from_status(503, "Context size has been exceeded.", address="").retryable
    assert not faults.from_status(429, "slow", address="", retry_after_s=61).retryable


@pytest.mark.parametrize("text", ["Not Found", "File Not Found", "404 page not found", "Cannot POST /chat", ""])
def test_a_path_that_is_not_there_is_no_missing_model(text: str) -> None:
    assert faults.from_status(404, text, address="http://x/v1").fault == "not_a_model_server"


def test_a_crash_is_not_taken_for_an_unknown_model() -> None:
    assert faults.from_stream({"error": "Model crashed: unknown error"}).fault == "server"
    assert faults.from_stream({"error": "Unknown model: x"}).fault == "unknown_model"


def test_the_first_half_of_a_sentence_stands_alone() -> None:
    error = faults.from_status(503, "Loading model", address="")
    assert faults.brief(error) == "the server is busy or not ready (HTTP 503): “Loading model”"
