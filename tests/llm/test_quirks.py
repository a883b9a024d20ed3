"""Every known way a server of this dialect misbehaves, over real HTTP: what the user gets in the end."""

from __future__ import annotations

import pytest

from felix.llm.chat import ToolCall, Usage
from tests.llm.asking import Heard, ask_once
from tests.servers.fault_server import FaultServer
from tests.servers.quirks import QUIRKS

WHOLE_ANSWERS = [
    "ok",
    "null_content",
    "comments",
    "no_done",
    "crlf",
    "cr_only",
    "bom",
    "no_space_after_colon",
    "multi_data_lines",
    "dup_finish",
    "usage_on_finish",
    "usage_every_chunk",
    "finish_empty_string",
    "content_after_finish",
    "content_parts_list",
    "choices_null",
    "choices_missing",
    "delta_null",
    "delta_missing",
    "object_wrong",
    "message_instead_of_delta",
    "choice_index_1",
    "azure_prompt_filter",
    "not_an_object",
    "created_float_id_int",
    "single_newlines",
    "raw_ndjson",
    "ndjson_labelled",
    "no_final_blank_line",
    "empty_data",
    "event_ping_no_data",
    "event_ping_with_data",
    "retry_only",
    "id_then_comment",
    "data_colon_keepalive",
    "keepalive_empty_chunk",
    "nan_json",
    "done_trailing_space",
    "done_quoted",
    "done_lowercase",
    "done_event_name",
    "text_content_type",
    "json_content_type",
    "no_content_type",
    "gzip_stream",
    "json_200_not_stream",
    "groq_usage",
    "split_crlf",
    "reasoning_content",
    "reasoning",
    "reasoning_both",
    "think_tags_split",
    "think_orphan",
    "open_after_done",
    "finish_unknown",
    "refuses_stream_options",
    "cannot_stream",
]
TEXTS = {
    "u2028_in_text": "Hello\u2028\u2029\x85 world",
    "control_char_json": "Hello\x01\t world",
    "invalid_utf8": "Hello\ufffd\ufffd world",
    "lone_surrogates": "Hello 😀\ufffd!",
    "split_utf8": "Привет 🌍 мир",
    "tool_calls_null": "Hello",
}
THINKING = ["reasoning_content", "reasoning", "reasoning_both", "think_tags_split", "think_orphan"]
NOTED = {
    "bad_json": "1 damaged piece was skipped",
    "python_repr_json": "1 damaged piece was skipped",
    "other_model": "answered by another model than asked: something-else",
    "spliced": "the server joined two answers in one stream",
}
OTHER_ENDINGS = {
    "finish_length": "truncated",
    "finish_filter": "refused",
    "no_finish_no_done": "unconfirmed",
    "done_without_finish": "unconfirmed",
    "ollama_v1_midstream_error": "unconfirmed",
    "fin_close_delimited": "unconfirmed",
    "fin_mid_chunked": "unconfirmed",
    "content_length_short": "unconfirmed",
    "rst_mid": "unconfirmed",
    "finish_error": "failed",
}
NO_ANSWER = {
    "think_only": "Only thinking, no answer",
    "think_unclosed": "Only thinking, no answer",
    "think_until_limit": "token limit",
    "empty_answer": "empty answer",
    "empty_200": "ended the stream without an answer",
    "thinking_then_end": "ended during the thinking",
}
STREAM_ERRORS = {
    "err_openai_obj": "boom",
    "err_lmstudio_midstream": "The model has crashed without additional information",
    "err_string": "boom",
    "err_event_flat": "boom",
    "err_object_error": "boom",
    "err_event_text": "boom",
    "err_json_no_sse": "boom",
    "err_anthropic": "boom",
    "err_finish_error_chunk": "boom",
    "err_code_int": "boom",
    "err_groq": "boom",
}
REFUSALS = {
    "err_lmstudio_event": ("context", "31430 tokens"),
    "html_200": ("not_a_model_server", "Sign in to the network"),
    "html_labelled_stream": ("not_a_model_server", "Sign in to the network"),
    "html_404": ("not_a_model_server", "usually ends in /v1"),
    "lm_200_unexpected_endpoint": ("not_a_model_server", "Unexpected endpoint"),
    "no_content_204": ("not_a_model_server", "HTTP 204"),
    "json_200_error": ("server", "boom"),
    "err400_string": ("context", "n_ctx: 4096"),
    "err400_obj": ("rejected", "boom"),
    "err401": ("key", "API token is required"),
    "err404_model": ("unknown_model", "try pulling it first"),
    "err404_no_model": ("no_model", "No models loaded"),
    "err413_plain": ("context", "too large"),
    "err422_detail": ("rejected", "boom"),
    "err429_after300": ("rate_limit", "for 300 s"),
    "err500_context": ("context", "Context size has been exceeded"),
    "redirect_302": ("redirected", "redirects to elsewhere.example, not followed"),
}
TOOL_CALLS = {
    "tool_ok": [ToolCall("c1", "get_time", '{"tz":"UTC"}')],
    "tool_no_index_frag": [ToolCall("c1", "get_time", '{"tz":"UTC"}')],
    "tool_two_same_index": [ToolCall("c1", "a", "{}"), ToolCall("c2", "b", "{}")],
    "tool_empty_id": [ToolCall("call_0", "a", "{}")],
    "tool_name_repeat": [ToolCall("c1", "get_time", "{}")],
    "tool_args_object": [ToolCall("c1", "a", '{"tz": "UTC"}')],
    "tool_index_gap": [ToolCall("c1", "a", "{}")],
}
ELSEWHERE = {
    # silence, retries, cancelling, parameters: in files of their own
    "silence_before_headers",
    "silence_after_headers",
    "silence_mid",
    "silence_with_comments",
    "endless",
    "open_after_finish",
    "rst_after_finish",
    "close_before_headers",
    "rst_before_headers",
    "garbage_headers",
    "cut_before_any_event",
    "html_502",
    "err429_after0",
    "err500_empty",
    "err503_loading",
    "err503_busy",
    "err400_no_streaming",
    "fails_once",
    "refuses_max_tokens",
    "redirect_307",
    "huge_chunk",
    "many_chunks",
    "refusal_field",
}


def test_no_quirk_is_without_a_test() -> None:
    tested = {*WHOLE_ANSWERS, *TEXTS, *NOTED, *OTHER_ENDINGS, *NO_ANSWER, *STREAM_ERRORS, *REFUSALS, *TOOL_CALLS}
    assert tested | ELSEWHERE == set(QUIRKS)


@pytest.mark.parametrize("quirk", [*WHOLE_ANSWERS, *NOTED])
def test_a_whole_answer_in_odd_clothes_is_complete(fault_server: FaultServer, quirk: str) -> None:
    heard = Heard()
    answer = ask_once(fault_server.url(quirk), heard=heard)
    assert (answer.text, answer.status, answer.error) == ("Hello world", "complete", None)
    if quirk != "think_orphan":  # there the text streamed before its closing tag told what it was
        assert heard.text() == answer.text
    assert (NOTED.get(quirk) in answer.notes) == (quirk in NOTED)


@pytest.mark.parametrize("quirk", THINKING)
def test_thinking_never_stands_in_the_answer(fault_server: FaultServer, quirk: str) -> None:
    assert ask_once(fault_server.url(quirk)).reasoning.strip() == "thinking"


@pytest.mark.parametrize(("quirk", "text"), TEXTS.items())
def test_every_character_arrives(fault_server: FaultServer, quirk: str, text: str) -> None:
    answer = ask_once(fault_server.url(quirk))
    assert (answer.text, answer.status) == (text, "complete")


@pytest.mark.parametrize("quirk", ["ok", "usage_on_finish", "usage_every_chunk", "json_200_not_stream", "groq_usage"])
def test_the_last_count_of_tokens_holds(fault_server: FaultServer, quirk: str) -> None:
    assert ask_once(fault_server.url(quirk)).usage == Usage(24, 2)


@pytest.mark.parametrize(("quirk", "status"), OTHER_ENDINGS.items())
def test_what_is_not_whole_is_not_called_complete_and_keeps_its_text(
    fault_server: FaultServer, quirk: str, status: str
) -> None:
    fault_server.gate.set()
    answer = ask_once(fault_server.url(quirk))
    assert answer.status == status
    assert answer.text.startswith("Hello")
    assert bool(answer.error) == (status in ("failed", "unconfirmed"))


@pytest.mark.parametrize(("quirk", "words"), NO_ANSWER.items())
def test_an_answer_without_visible_text_has_failed(fault_server: FaultServer, quirk: str, words: str) -> None:
    answer = ask_once(fault_server.url(quirk))
    assert (answer.text, answer.status) == ("", "failed")
    assert words in (answer.error or "")


@pytest.mark.parametrize(("quirk", "words"), STREAM_ERRORS.items())
def test_an_error_in_the_stream_is_told_in_the_servers_words(fault_server: FaultServer, quirk: str, words: str) -> None:
    answer = ask_once(fault_server.url(quirk))
    assert (answer.text, answer.status) == ("Hello", "failed")
    assert words in (answer.error or "")


@pytest.mark.parametrize(("quirk", "fault", "words"), [(quirk, *rest) for quirk, rest in REFUSALS.items()])
def test_a_refusal_names_the_fault_and_the_next_step(
    fault_server: FaultServer, quirk: str, fault: str, words: str
) -> None:
    answer = ask_once(fault_server.url(quirk))
    assert (answer.status, answer.fault) == ("failed", fault)
    assert words in (answer.error or "")
    assert " – " in (answer.error or "")
    assert "Error code" not in (answer.error or "")
    assert len(fault_server.posts(quirk)) == 1


@pytest.mark.parametrize(("quirk", "calls"), TOOL_CALLS.items())
def test_tool_calls_are_put_together(fault_server: FaultServer, quirk: str, calls: list[ToolCall]) -> None:
    answer = ask_once(fault_server.url(quirk))
    assert (list(answer.tool_calls), answer.status) == (calls, "complete")


def test_a_refusal_in_a_field_of_its_own_is_read(fault_server: FaultServer) -> None:
    answer = ask_once(fault_server.url("refusal_field"))
    assert (answer.text, answer.status) == ("I will not.", "refused")


def test_a_piece_of_twenty_megabytes_comes_whole(fault_server: FaultServer) -> None:
    assert len(ask_once(fault_server.url("huge_chunk")).text) == 20_000_000
