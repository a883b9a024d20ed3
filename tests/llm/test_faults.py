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


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached for model `m`. Please try again in 5.289s. Need more?", 5.289),
        ("Please try again in 1m2.5s.", 62.5),
        ("Please try again in 2h3m.", 7380.0),
        ("Please try again in 820ms.", 0.82),
        ("Please try again in 7m12s", 432.0),
        ("Please try again in a moment.", None),
        ("Please try again in 1.2.3s.", None),
    ],
)
def test_the_wait_may_stand_in_the_words_alone(words: str, seconds: float | None) -> None:
    assert faults.retry_after_s({}, words) == seconds
    assert faults.retry_after_s({"retry-after": "9"}, words) == 9.0
    body = {"error": {"message": words, "code": "rate_limit_exceeded"}}
    assert faults.from_stream(body).retry_after_s == seconds


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (400, {"error": {"type": "invalid_request", "code": "invalid_api_key", "message": "A token."}}, "key"),
        (400, {"error": {"message": "An LM Studio API token is required to make requests."}}, "key"),
        (400, {"error": {"type": "exceed_context_size_error", "message": "Too much.", "n_ctx": 9}}, "context"),
        (500, {"error": {"message": "Context size has been exceeded."}}, "context"),
        (400, {"error": {"code": "model_not_found", "message": "No such thing."}}, "unknown_model"),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, "loading"),
        (503, {"error": "Model org/x is currently loading"}, "loading"),
        (503, {"error": "No slot is free"}, "overloaded"),
        (429, {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}, "rate_limit"),
    ],
)
def test_the_word_for_machines_counts_where_the_status_and_the_sentence_say_less(
    status: int, body: dict[str, Any], fault: str
) -> None:
    text, code = faults.error_text(body), faults.error_code(body)
    assert faults.from_status(status, text, address="x", code=code).fault == fault


def test_an_error_in_a_stream_has_the_status_its_word_stands_for() -> None:
    error = faults.from_stream({"error": {"message": "Wait.", "type": "tokens", "code": "rate_limit_exceeded"}})
    assert (error.fault, error.retryable) == ("rate_limit", True)


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
    error = faults.from_status(503, "No slot", address="")
    assert faults.brief(error) == "the server is busy or not ready (HTTP 503): “No slot”"
