"""The ways in which model servers misbehave, each as a reply of the fault server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.servers.fault_server import Connection, Reply

QUIRKS: dict[str, Reply] = {}

CONTEXT = (
    "Input does not fit in context length. The input has 31430 tokens,"
    " but the context length only supports 30000 tokens."
)
CRASHED = "The model has crashed without additional information. (Exit code: 18446744072635812000)"


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> dict[str, Any]:
    """One chunk of the dialect."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1747835957,
        "model": "quirk",
        "choices": [{"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}],
        **more,
    }


def text(content: Any, **more: Any) -> dict[str, Any]:
    return chunk({"content": content}, **more)


def event(value: Any, end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(value).encode() + end


ROLE = chunk({"role": "assistant", "content": ""})
STOP = chunk(finish="stop")
USAGE = {**chunk(), "choices": [], "usage": {"prompt_tokens": 24, "completion_tokens": 2, "total_tokens": 26}}
DONE = b"data: [DONE]\n\n"
GOOD: list[Any] = [ROLE, text("Hello"), text(" world"), STOP, USAGE]


def quirk(reply: Callable[[Connection], None]) -> Callable[[Connection], None]:
    QUIRKS[reply.__name__.rstrip("_")] = reply
    return reply


def stream(
    *pieces: bytes, content_type: str | None = "text/event-stream", headers: dict[str, str] | None = None
) -> Reply:
    """A reply that sends these pieces of body and ends regularly."""

    def reply(client: Connection) -> None:
        client.head(content_type=content_type, **(headers or {}))
        for piece in pieces:
            client.send(piece)
        client.end()

    return reply


def events(*values: Any, done: bool = True, end: bytes = b"\n\n") -> Reply:
    """A reply with these values as events."""
    return stream(*(event(value, end) for value in values), *([b"data: [DONE]" + end] if done else []))


def raw_events(*lines: bytes, then: Sequence[Any] = (text(" world"), STOP)) -> Reply:
    """Hello, then these bytes, then the rest of a good answer."""
    return stream(event(ROLE), event(text("Hello")), *lines, *(event(value) for value in then), DONE)


def status(code: str, body: Any = None, content_type: str = "application/json", **headers: str) -> Reply:
    """An HTTP error."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return lambda client: client.reply_text(data, code, content_type, **headers)


# ---------------------------------------------------------------- good streams in odd clothes

QUIRKS["ok"] = events(*GOOD)
QUIRKS["null_content"] = events(chunk({"role": "assistant", "content": None}), *GOOD[1:])
QUIRKS["comments"] = stream(
    b": hi\n\n", event(text("Hello")), b": ping\n", event(text(" world")), b":\n\n", event(STOP), DONE
)
QUIRKS["no_done"] = events(*GOOD, done=False)
QUIRKS["crlf"] = events(*GOOD, end=b"\r\n\r\n")
QUIRKS["cr_only"] = events(*GOOD, end=b"\r\r")
QUIRKS["bom"] = stream(b"\xef\xbb\xbf", *(event(value) for value in GOOD[1:]), DONE)
QUIRKS["no_space_after_colon"] = stream(*(event(value).replace(b"data: ", b"data:", 1) for value in GOOD), DONE)
QUIRKS["multi_data_lines"] = stream(
    *(
        b"".join(b"data: " + line + b"\n" for line in json.dumps(v, indent=1).encode().split(b"\n")) + b"\n"
        for v in GOOD
    ),
    DONE,
)
QUIRKS["dup_finish"] = events(*GOOD[:4], STOP, STOP)
QUIRKS["usage_on_finish"] = events(*GOOD[:3], {**STOP, "usage": USAGE["usage"]})
QUIRKS["usage_every_chunk"] = events(
    *({**value, "usage": {"prompt_tokens": 24, "completion_tokens": n}} for n, value in enumerate(GOOD[:4])), USAGE
)
QUIRKS["finish_empty_string"] = events(
    chunk({"content": "Hello"}, finish=""), chunk({"content": " world"}, finish=""), STOP, USAGE
)
QUIRKS["content_after_finish"] = events(text("Hello"), STOP, text(" world"), USAGE)
QUIRKS["content_parts_list"] = events(
    text([{"type": "thinking", "thinking": [{"type": "text", "text": "plan"}]}]),
    text([{"type": "text", "text": "Hello"}]),
    text(" world"),
    STOP,
)
QUIRKS["choices_null"] = events({**ROLE, "choices": None}, *GOOD[1:])
QUIRKS["choices_missing"] = events({"id": "chatcmpl-1", "object": "chat.completion.chunk"}, *GOOD[1:])
QUIRKS["delta_null"] = events({**ROLE, "choices": [{"index": 0, "delta": None}]}, *GOOD[1:])
QUIRKS["delta_missing"] = events({**ROLE, "choices": [{"index": 0}]}, *GOOD[1:])
QUIRKS["object_wrong"] = events(*({**value, "object": "thing"} for value in GOOD))
QUIRKS["message_instead_of_delta"] = events(
    {**ROLE, "choices": [{"message": {"role": "assistant", "content": "Hello world"}, "finish_reason": "stop"}]}
)
QUIRKS["choice_index_1"] = events(
    {**ROLE, "choices": [{"index": 1, "delta": {"content": "Hello world"}, "finish_reason": "stop"}]}
)
QUIRKS["azure_prompt_filter"] = events({"choices": [], "id": "", "prompt_filter_results": [{"index": 0}]}, *GOOD)
QUIRKS["not_an_object"] = stream(b"data: 7\n\ndata: null\n\ndata: []\n\n", *(event(value) for value in GOOD), DONE)
QUIRKS["created_float_id_int"] = events(*({**value, "created": 1.5, "id": 7} for value in GOOD))
QUIRKS["single_newlines"] = events(*GOOD, end=b"\n")
QUIRKS["raw_ndjson"] = stream(*(json.dumps(value).encode() + b"\n" for value in GOOD))
QUIRKS["ndjson_labelled"] = stream(
    *(json.dumps(value).encode() + b"\n" for value in GOOD), content_type="application/x-ndjson"
)
QUIRKS["no_final_blank_line"] = stream(
    *(event(value) for value in GOOD[:2]),
    b"data: " + json.dumps(chunk({"content": " world"}, finish="stop")).encode(),
)
QUIRKS["empty_data"] = raw_events(b"data:\n\n", b"data: \n\n", b"data\n\n")
QUIRKS["event_ping_no_data"] = raw_events(b"event: ping\n\n")
QUIRKS["event_ping_with_data"] = raw_events(b'event: ping\ndata: {"type":"ping"}\n\n')
QUIRKS["retry_only"] = stream(b"retry: 3000\n\n", *(event(value) for value in GOOD), DONE)
QUIRKS["id_then_comment"] = raw_events(b"id: 7\n: comment\n\n")
QUIRKS["data_colon_keepalive"] = raw_events(b"data: : keepalive\n\n")
QUIRKS["keepalive_empty_chunk"] = raw_events(event(text("")), event({}))
QUIRKS["nan_json"] = raw_events(event(chunk({"content": ""}, logprob=float("nan"))))
QUIRKS["control_char_json"] = stream(
    event(text("Hello")), event(text("TAB world")).replace(b"TAB", b"\x01\t"), event(STOP), DONE
)
QUIRKS["invalid_utf8"] = stream(
    event(text("Hello")), event(text("BAD world")).replace(b"BAD", b"\xff\xf0\x9f"), event(STOP), DONE
)
QUIRKS["u2028_in_text"] = stream(
    "data: {}\n\n".format(json.dumps(text("Hello\u2028\u2029\x85 world"), ensure_ascii=False)).encode(),
    event(STOP),
    DONE,
)
QUIRKS["lone_surrogates"] = events(text("Hello \ud83d"), text("\ude00"), text("\ud83d!"), STOP)
QUIRKS["done_trailing_space"] = stream(*(event(value) for value in GOOD), b"data: [DONE] \n\n")
QUIRKS["done_quoted"] = stream(*(event(value) for value in GOOD), b'data: "[DONE]"\n\n')
QUIRKS["done_lowercase"] = stream(*(event(value) for value in GOOD), b"data: [done]\n\n")
QUIRKS["done_event_name"] = stream(*(event(value) for value in GOOD), b"event: done\ndata: [DONE]\n\n")
QUIRKS["text_content_type"] = stream(*(event(value) for value in GOOD), DONE, content_type="text/plain")
QUIRKS["json_content_type"] = stream(*(event(value) for value in GOOD), DONE, content_type="application/json")
QUIRKS["no_content_type"] = stream(*(event(value) for value in GOOD), DONE, content_type=None)
QUIRKS["gzip_stream"] = stream(
    gzip.compress(b"".join(event(value) for value in GOOD) + DONE), headers={"content_encoding": "gzip"}
)
QUIRKS["huge_chunk"] = events(text("x" * 20_000_000), STOP)
QUIRKS["many_chunks"] = stream(b"".join([event(text("word"))] * 20_000), event(STOP), DONE)
QUIRKS["json_200_not_stream"] = lambda client: client.reply_json(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "quirk",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello world"}, "finish_reason": "stop"}],
        "usage": USAGE["usage"],
    }
)
QUIRKS["other_model"] = events(*({**value, "model": "something-else"} for value in GOOD))
QUIRKS["spliced"] = events(*GOOD[:2], {**text(" world"), "id": "chatcmpl-2"}, {**STOP, "id": "chatcmpl-2"})
QUIRKS["groq_usage"] = events(*GOOD[:3], {**STOP, "x_groq": {"id": "req_1", "usage": USAGE["usage"]}})


@quirk
def split_utf8(client: Connection) -> None:
    client.head()
    data = json.dumps(text("Привет 🌍 мир"), ensure_ascii=False).encode()
    for byte in b"data: " + data + b"\n\n" + event(STOP) + DONE:
        client.send(bytes([byte]))
    client.end()


@quirk
def split_crlf(client: Connection) -> None:
    client.head()
    for value in GOOD:
        data = event(value, b"")
        for piece in (data, b"\r", b"\n\r", b"\n"):
            client.send(piece)
    client.end()


# ---------------------------------------------------------------- thinking

QUIRKS["reasoning_content"] = events(
    chunk({"reasoning_content": "think"}), chunk({"reasoning_content": "ing"}), *GOOD[1:]
)
QUIRKS["reasoning"] = events(chunk({"reasoning": "thinking", "content": ""}), *GOOD[1:])
QUIRKS["reasoning_both"] = events(chunk({"reasoning": "thinking", "reasoning_content": "thinking"}), *GOOD[1:])
QUIRKS["think_tags_split"] = events(
    *(text(t) for t in ("<th", "ink>think", "ing</th", "ink>", "\n\nHello", " world")), STOP
)
QUIRKS["think_orphan"] = events(*(text(t) for t in ("think", "ing\n</thi", "nk>\n", "\nHello", " world")), STOP)
QUIRKS["think_only"] = events(chunk({"reasoning_content": "thinking"}), STOP)
QUIRKS["think_unclosed"] = events(text("<think>thinking"), STOP)
QUIRKS["think_until_limit"] = events(text("<think>thinking"), chunk(finish="length"))

# ---------------------------------------------------------------- endings

QUIRKS["finish_length"] = events(*GOOD[:3], chunk(finish="length"), USAGE)
QUIRKS["finish_unknown"] = events(*GOOD[:3], chunk(finish="because"))
QUIRKS["finish_error"] = events(*GOOD[:3], chunk(finish="error"))
QUIRKS["finish_filter"] = events(*GOOD[:3], chunk(finish="content_filter"))
QUIRKS["refusal_field"] = events(chunk({"refusal": "I will not."}), STOP)
QUIRKS["empty_answer"] = events(ROLE, STOP)
QUIRKS["no_finish_no_done"] = events(ROLE, text("Hello"), done=False)
QUIRKS["done_without_finish"] = events(ROLE, text("Hello"))
QUIRKS["thinking_then_end"] = events(chunk({"reasoning_content": "thinking"}), done=False)
QUIRKS["ollama_v1_midstream_error"] = events(
    ROLE, text("Hello"), {"id": "chatcmpl-1", "model": "", "choices": [{"delta": {"content": ""}}]}, done=False
)
QUIRKS["bad_json"] = raw_events(b'data: {"choices": [{"delta": {"conte\n\n')
QUIRKS["python_repr_json"] = raw_events(b"data: {'choices': [{'delta': {'content': 'lost'}}]}\n\n")


@quirk
def fin_close_delimited(client: Connection) -> None:
    client.head(connection="close")
    client.send(event(ROLE) + event(text("Hello")))


@quirk
def fin_mid_chunked(client: Connection) -> None:
    client.head()
    client.send(event(ROLE) + event(text("Hello")))
    client.raw(b"ff\r\ndata: {")


@quirk
def rst_mid(client: Connection) -> None:
    client.head()
    client.send(event(ROLE) + event(text("Hello")))
    client.wait(client.server.gate)  # an RST drops what the client has not read yet
    client.reset()


@quirk
def rst_after_finish(client: Connection) -> None:
    client.head()
    client.send(b"".join(event(value) for value in GOOD[:4]))
    client.wait(client.server.gate)
    client.reset()


@quirk
def content_length_short(client: Connection) -> None:
    client.head(content_length="5000")
    client.send(event(ROLE) + event(text("Hello")))


@quirk
def close_before_headers(client: Connection) -> None:
    del client


@quirk
def rst_before_headers(client: Connection) -> None:
    client.reset()


@quirk
def garbage_headers(client: Connection) -> None:
    client.raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@quirk
def cut_before_any_event(client: Connection) -> None:
    client.head()
    client.raw(b"ff\r\n")


@quirk
def open_after_done(client: Connection) -> None:
    client.head()
    client.send(b"".join(event(value) for value in GOOD) + DONE)
    client.silence()


@quirk
def open_after_finish(client: Connection) -> None:
    client.head()
    client.send(b"".join(event(value) for value in GOOD[:4]))
    client.silence()


@quirk
def silence_before_headers(client: Connection) -> None:
    client.silence()


@quirk
def silence_after_headers(client: Connection) -> None:
    client.head()
    client.silence()


@quirk
def silence_mid(client: Connection) -> None:
    client.head()
    client.send(event(ROLE) + event(text("Hello")))
    client.silence()


@quirk
def silence_with_comments(client: Connection) -> None:
    client.head()
    client.send(event(ROLE) + event(text("Hello")))
    while True:
        client.send(b": ping\n\n")
        client.server.stopping.wait(0.02)


@quirk
def endless(client: Connection) -> None:
    client.head()
    client.send(event(ROLE))
    while True:
        client.send(event(text("word ")))
        client.server.stopping.wait(0.002)


# ---------------------------------------------------------------- errors inside a stream

QUIRKS["err_openai_obj"] = events(
    ROLE, text("Hello"), {"error": {"message": "boom", "type": "server_error", "code": None}}
)
QUIRKS["err_lmstudio_event"] = stream(b"event: error\n" + event({"error": {"message": CONTEXT}, "message": CONTEXT}))
QUIRKS["err_lmstudio_midstream"] = stream(
    event(ROLE), event(text("Hello")), b"event: error\n" + event({"error": {"message": CRASHED}, "message": CRASHED})
)
QUIRKS["err_string"] = events(ROLE, text("Hello"), {"error": "boom"})
QUIRKS["err_event_flat"] = stream(event(ROLE), event(text("Hello")), b"event: error\n" + event({"message": "boom"}))
QUIRKS["err_object_error"] = events(ROLE, text("Hello"), {"object": "error", "message": "boom", "code": 40303})
QUIRKS["err_event_text"] = stream(event(ROLE), event(text("Hello")), b"event: error\ndata: boom\n\n")
QUIRKS["err_json_no_sse"] = stream(event(ROLE), event(text("Hello")), b'{"error": {"message": "boom"}}\n')
QUIRKS["err_anthropic"] = stream(
    event(ROLE),
    event(text("Hello")),
    b"event: error\n" + event({"type": "error", "error": {"type": "overloaded_error", "message": "boom"}}),
)
QUIRKS["err_finish_error_chunk"] = events(
    ROLE, text("Hello"), {**chunk(finish="error"), "error": {"code": 502, "message": "boom"}}
)
QUIRKS["err_code_int"] = events(ROLE, text("Hello"), {"error": {"code": 429, "message": "boom"}})
QUIRKS["err_groq"] = events(ROLE, text("Hello"), {**chunk(), "x_groq": {"error": "boom"}})

# ---------------------------------------------------------------- what is no model server, and HTTP errors

PAGE = b"<!doctype html><html><head><title>Sign in to the network</title></head><body><p>x</p></body></html>"
QUIRKS["html_200"] = status("200 OK", PAGE, "text/html; charset=utf-8")
QUIRKS["html_labelled_stream"] = status("200 OK", PAGE, "text/event-stream")
QUIRKS["html_502"] = status("502 Bad Gateway", b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html")
QUIRKS["html_404"] = status("404 Not Found", b"<html><h1>Not Found</h1></html>", "text/html")
QUIRKS["json_200_error"] = status("200 OK", {"error": {"message": "boom"}})
QUIRKS["lm_200_unexpected_endpoint"] = status(
    "200 OK", {"error": "Unexpected endpoint or method. (POST /chat/completions)"}
)
QUIRKS["empty_200"] = status("200 OK", b"", "text/event-stream")

QUIRKS["err400_string"] = status(
    "400 Bad Request",
    {
        "error": "The number of tokens to keep from the initial prompt is greater than the context length"
        " (n_keep: 13055>= n_ctx: 4096)."
    },
)
QUIRKS["err400_obj"] = status("400 Bad Request", {"error": {"message": "boom", "type": "invalid_request_error"}})
QUIRKS["err401"] = status(
    "401 Unauthorized",
    {"error": {"type": "invalid_request", "code": "invalid_api_key", "message": "An LM Studio API token is required"}},
)
QUIRKS["err404_model"] = status("404 Not Found", {"error": {"message": "model 'x' not found, try pulling it first"}})
QUIRKS["err404_no_model"] = status(
    "404 Not Found",
    {
        "error": {
            "message": "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
            "param": "model",
        }
    },
)
QUIRKS["err413_plain"] = status("413 Payload Too Large", b"too large", "text/plain")
QUIRKS["err422_detail"] = status("422 Unprocessable Entity", {"detail": [{"loc": ["body"], "msg": "boom"}]})
QUIRKS["err429_after0"] = status("429 Too Many Requests", {"error": {"message": "slow down"}}, retry_after="0.01")
QUIRKS["err429_after300"] = status("429 Too Many Requests", {"error": {"message": "slow down"}}, retry_after="300")
QUIRKS["err500_empty"] = status("500 Internal Server Error")
QUIRKS["err500_context"] = status(
    "500 Internal Server Error", {"error": {"message": "Context size has been exceeded."}}
)
QUIRKS["err503_loading"] = status(
    "503 Service Unavailable", {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
)
QUIRKS["err503_busy"] = status("503 Service Unavailable", {"error": {"code": 503, "message": "No slot is free"}})
QUIRKS["err400_no_streaming"] = status(
    "400 Bad Request", {"error": {"message": "Streaming is not supported for this model"}}
)


@quirk
def no_content_204(client: Connection) -> None:
    client.raw(b"HTTP/1.1 204 No Content\r\n\r\n")
    client.is_whole = True


@quirk
def cannot_stream(client: Connection) -> None:
    if "stream" in client.request.json:
        QUIRKS["err400_no_streaming"](client)
    else:
        QUIRKS["json_200_not_stream"](client)


@quirk
def refuses_stream_options(client: Connection) -> None:
    if "stream_options" in client.request.json:
        client.reply_json({"error": {"message": "Unknown field: stream_options"}}, "400 Bad Request")
    else:
        QUIRKS["ok"](client)


@quirk
def refuses_max_tokens(client: Connection) -> None:
    asked = client.request.json
    if "max_tokens" in asked:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        client.reply_json({"error": {"message": message, "param": "max_tokens"}}, "400 Bad Request")
    elif "temperature" in asked:
        message = "Unsupported value: 'temperature' does not support 0.2 with this model."
        client.reply_json({"error": {"message": message, "param": "temperature"}}, "400 Bad Request")
    else:
        QUIRKS["ok"](client)


@quirk
def redirect_307(client: Connection) -> None:
    where = f"http://127.0.0.1:{client.server.port}/ok/v1/chat/completions"
    client.reply_text(b"", "307 Temporary Redirect", "text/plain", location=where)


@quirk
def redirect_302(client: Connection) -> None:
    client.reply_text(b"", "302 Found", "text/plain", location="https://elsewhere.example/v1/chat/completions")


@quirk
def fails_once(client: Connection) -> None:
    if len(client.server.posts("fails_once")) == 1:
        QUIRKS["err503_busy"](client)
    else:
        QUIRKS["ok"](client)


# ---------------------------------------------------------------- tool calls


def call(name: Any = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return chunk({"tool_calls": [{**more, "function": function}]})


CALLED = chunk(finish="tool_calls")
QUIRKS["tool_ok"] = events(
    call("get_time", "", index=0, id="c1"), call(None, '{"tz"', index=0), call(None, ':"UTC"}', index=0), CALLED
)
QUIRKS["tool_no_index_frag"] = events(call("get_time", "", id="c1"), call(None, '{"tz":"UTC"}'), CALLED)
QUIRKS["tool_two_same_index"] = events(call("a", "{}", index=0, id="c1"), call("b", "{}", index=0, id="c2"), CALLED)
QUIRKS["tool_empty_id"] = events(call("a", "{}", index=0, id=""), CALLED)
QUIRKS["tool_name_repeat"] = events(
    call("get_time", "{", index=0, id="c1"), call("get_time", "}", index=0, id="c1"), CALLED
)
QUIRKS["tool_args_object"] = events(call("a", {"tz": "UTC"}, index=0, id="c1"), CALLED)
QUIRKS["tool_index_gap"] = events(call("a", "{}", index=3, id="c1"), CALLED)
QUIRKS["tool_calls_null"] = events(chunk({"content": "Hello", "tool_calls": None}), STOP)
