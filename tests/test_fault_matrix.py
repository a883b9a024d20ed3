"""What can go wrong between Felix and a model server, each fault once through the whole engine and real HTTP.

For each: how the thought ended, its text to the byte, how often the server was asked, and the words a user reads.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from felix.engine import Engine
from felix.events import AgentState, Record, RunFinished, RunStatus, Status, SynthesisComplete, ThoughtComplete
from felix.gui.wall.card_words import badge_of, trouble_of
from felix.ledger.state import RunState
from felix.settings import SettingsFile
from tests.servers.fault_server import Connection, FaultServer, Reply
from tests.servers.quirks import (
    CALLED,
    CONTEXT,
    CRASHED,
    GOOD,
    PAGE,
    QUIRKS,
    ROLE,
    STOP,
    USAGE,
    call,
    event,
    events,
    raw_events,
    status,
    stream,
    text,
)
from tests.team.scripted import workflow
from tests.test_engine import folded, follow, is_event

SOLO = workflow("{id: research, role: research}", checkpoints="[0]")
TEAM = workflow("{id: research, role: research, count: 3}", checkpoints="[0]")
TWICE = workflow("{id: research, role: research}", checkpoints="[0, 0.5]")

CUT = "The connection was lost in the middle of the answer – ask again, or look whether the server still runs."
NO_WORD = "The answer ended without the server's word that it is whole – ask again."
CLOSED = "The server closed the connection without an answer – see whether it is a model server and try again."
REFUSED = "The model refused to answer – put the task in other words, or choose another model."
SILENT = (
    "The server was silent for 1 s – it may be loading or overloaded; ask again, or raise “Give up when silent"
    " for” in Settings (silence_timeout_s)."
)
NO_SERVER = "check the server address in Settings; it usually ends in /v1."
FULL = "load the model with a longer context, or shorten the task."
LOG = "look at the server's log, then try again."
SOON = "try again in a moment."
NOBODY = (
    "Connection refused: nothing listens at {url} – start the server there, or change the server address in Settings."
)
RATE = "wait, or set fewer agents at once in Settings."
KEY = "set the key in Settings."

BADGES: dict[Status, str] = {
    "complete": "Done",
    "truncated": "Cut short",
    "unconfirmed": "Unconfirmed",
    "refused": "Refused",
    "failed": "Failed",
}


@dataclass(frozen=True)
class Case:
    """A fault, and what is to come of it. `{url}` in a sentence is the server's address."""

    name: str
    reply: Reply
    status: Status
    text: str = ""
    sentence: str = ""
    requests: int = 1
    notes: tuple[str, ...] = ()
    thinking: str = ""
    slow: bool = False


def quirk(name: str, *rest: Any, **more: Any) -> Case:
    return Case(name, QUIRKS[name], *rest, **more)


def whole(name: str, *rest: Any, **more: Any) -> Case:
    """A quirk that harms nothing."""
    return quirk(name, "complete", "Hello world", *rest, **more)


def in_stream(name: str, sentence: str) -> Case:
    """An error after the first words: they are kept, nobody asks again."""
    return quirk(name, "failed", "Hello", sentence)


BITES = "\0 \x1b[31m \x07 \x7f \x85 \u202eevil\u202c \u200d\u200d Z\u0301\u0302\u0303 \u2028 \ufeff 👩‍👩‍👧 \U0010ffff"
LINE = "x" * 1_000_000


def half_a_line(client: Connection) -> None:
    client.head(connection="close")
    client.send(event(ROLE) + event(text("Hello")) + b'data: {"choices": [{"delta": {"con')


def half_a_body(client: Connection) -> None:
    body = json.dumps({"choices": [{"message": {"content": "Hello world"}, "finish_reason": "stop"}]}).encode()
    client.head(content_type="application/json", content_length=str(len(body)))
    client.send(body[:40])


def key_in_the_error(client: Connection) -> None:
    sent = client.request.headers["authorization"].removeprefix("Bearer ")
    client.reply_json({"error": {"message": f"Incorrect API key provided: {sent}."}}, "401 Unauthorized")


def once(first: Reply) -> Reply:
    """This the first time, a good answer from then on."""

    def reply(client: Connection) -> None:
        quirk = client.request.path.split("/")[1]
        (first if len(asked(client.server, quirk)) == 1 else events(*GOOD))(client)

    return reply


CASES = [
    # -- streams that are whole, however odd
    whole("ok"),
    whole("no_done"),
    whole("open_after_done"),
    whole("bom"),
    whole("gzip_stream"),
    whole("raw_ndjson"),
    whole("json_200_not_stream"),
    whole("rst_after_finish"),
    whole("bad_json", notes=("1 damaged piece was skipped",)),
    whole("spliced", notes=("the server joined two answers in one stream",)),
    whole("cannot_stream", requests=2),
    whole("refuses_stream_options", requests=2),
    whole("refuses_max_tokens", requests=2, notes=("the server accepts no temperature",)),
    Case("comes back after 503", once(QUIRKS["err503_busy"]), "complete", "Hello world", requests=2),
    Case("comes back after a short limit", once(QUIRKS["err429_after0"]), "complete", "Hello world", requests=2),
    Case("comes back after a closed door", once(QUIRKS["close_before_headers"]), "complete", "Hello world", requests=2),
    # -- characters
    quirk("split_utf8", "complete", "Привет 🌍 мир"),
    quirk("invalid_utf8", "complete", "Hello\ufffd\ufffd world"),
    quirk("lone_surrogates", "complete", "Hello 😀\ufffd!"),
    quirk("u2028_in_text", "complete", "Hello\u2028\u2029\x85 world"),
    Case("characters that bite", events(*(text(sign) for sign in BITES), STOP), "complete", BITES),
    Case("bytes of characters one by one", stream(*(bytes([b]) for b in b"".join(map(event, (text(BITES), STOP))))),
         "complete", BITES),
    Case("a line of a megabyte", events(text(LINE), STOP), "complete", LINE),
    # -- endings
    quirk("fin_mid_chunked", "unconfirmed", "Hello", CUT),
    quirk("rst_mid", "unconfirmed", "Hello", CUT),
    quirk("content_length_short", "unconfirmed", "Hello", CUT),
    quirk("fin_close_delimited", "unconfirmed", "Hello", NO_WORD),
    quirk("no_finish_no_done", "unconfirmed", "Hello", NO_WORD),
    quirk("done_without_finish", "unconfirmed", "Hello", NO_WORD),
    quirk("ollama_v1_midstream_error", "unconfirmed", "Hello", NO_WORD),
    Case("half a line", half_a_line, "unconfirmed", "Hello", NO_WORD, notes=("1 damaged piece was skipped",)),
    quirk("finish_length", "truncated", "Hello worldHello world",
          "Cut short at its length limit – raise max_tokens or the context length.", requests=2,
          notes=("cut at its length limit, then continued once",)),
    quirk("finish_filter", "refused", "Hello world", REFUSED),
    quirk("refusal_field", "refused", "I will not.", REFUSED),
    quirk("finish_error", "failed", "Hello world",
          "The server broke the answer off (error) – look at the server's log, then ask again."),
    quirk("empty_answer", "failed", "",
          "The model returned an empty answer – ask again, or choose another model."),
    quirk("empty_200", "failed", "", "The server ended the stream without an answer – look at the server's log."),
    quirk("think_only", "failed", "", "Only thinking, no answer – ask again, or choose another model.",
          thinking="thinking"),
    quirk("think_until_limit", "failed", "",
          "Only thinking, no answer: the token limit was reached first – raise max_tokens or the context length.",
          thinking="thinking"),
    quirk("thinking_then_end", "failed", "", "The stream ended during the thinking, no answer came – ask again.",
          thinking="thinking"),
    # -- silence
    quirk("silence_before_headers", "failed", "", SILENT),
    quirk("silence_after_headers", "failed", "", SILENT, slow=True),
    quirk("silence_mid", "failed", "Hello", SILENT, slow=True),
    quirk("silence_with_comments", "failed", "Hello", SILENT, slow=True),
    # -- errors in the stream
    in_stream("err_openai_obj", f"The server reported an error: “boom” – {LOG}"),
    in_stream("err_lmstudio_midstream", f"The server reported an error: “{CRASHED}” – {LOG}".replace(".)”", ")”")),
    in_stream("err_event_text", f"The server reported an error: “boom” – {LOG}"),
    in_stream("err_json_no_sse", f"The server reported an error: “boom” – {LOG}"),
    in_stream("err_anthropic", f"The server is busy or not ready (HTTP 529): “boom” – {SOON}"),
    in_stream("err_code_int", f"The server's rate limit is reached: “boom” – {RATE}"),
    quirk("err_lmstudio_event", "failed", "",
          f"The prompt does not fit the model's context: “{CONTEXT.rstrip('.')}” – {FULL}"),
    Case("overloaded before any text", events({"error": {"code": 503, "message": "busy"}}), "failed", "",
         f"The server is busy or not ready (HTTP 503): “busy” – {SOON}", requests=3),
    Case("a tool nobody offered", events(call("rm", "{}", index=0, id="c1"), CALLED), "failed", "",
         "The model asked for a tool, no answer came – ask again, or choose another model."),
    Case("three damaged pieces", raw_events(*[b"data: {broken\n\n"] * 3), "complete", "Hello world",
         notes=("3 damaged pieces were skipped",)),
    Case("one damaged piece after the other", raw_events(*[b"data: {broken\n\n"] * 4), "failed", "Hello",
         f"The server sent one damaged piece of the answer after the other – {LOG.replace('try', 'ask')}",
         notes=("4 damaged pieces were skipped",)),
    # -- no answer at all
    quirk("close_before_headers", "failed", "", CLOSED, requests=3),
    quirk("rst_before_headers", "failed", "", CLOSED, requests=3),
    quirk("cut_before_any_event", "failed", "", CLOSED, requests=3),
    quirk("garbage_headers", "failed", "", "{url} answers, but not with HTTP – check the port in Settings.",
          requests=3),
    quirk("html_200", "failed", "",
          f"{{url}} answers, but is no model server (text/html): “Sign in to the network” – {NO_SERVER}"),
    quirk("html_labelled_stream", "failed", "",
          f"{{url}} answers, but is no model server (text/event-stream): “Sign in to the network” – {NO_SERVER}"),
    quirk("html_404", "failed", "", f"{{url}} answers, but not as a model server (HTTP 404) – {NO_SERVER}"),
    quirk("no_content_204", "failed", "",
          f"{{url}} answers, but is no model server, with an empty answer (HTTP 204) – {NO_SERVER}"),
    quirk("json_200_error", "failed", "", f"The server reported an error: “boom” – {LOG}"),
    quirk("html_502", "failed", "", f"The server is busy or not ready (HTTP 502): “502 Bad Gateway” – {SOON}",
          requests=3),
    quirk("err500_empty", "failed", "", f"The server failed (HTTP 500) – {LOG}", requests=3),
    quirk("err503_busy", "failed", "", f"The server is busy or not ready (HTTP 503): “No slot is free” – {SOON}",
          requests=3),
    Case("overloaded", status("529 Overloaded"), "failed", "",
         f"The server is busy or not ready (HTTP 529) – {SOON}", requests=3),
    quirk("err429_after0", "failed", "", f"The server's rate limit is reached: “slow down” – {RATE}", requests=3),
    quirk("err429_after300", "failed", "",
          f"The server's rate limit is reached, for 300 s: “slow down” – {RATE}"),
    quirk("err400_obj", "failed", "", "The server refused the request (HTTP 400): “boom”"
          " – check the model and the server address in Settings."),
    quirk("err401", "failed", "", "The server wants an API key or refused the one it got:"
          f" “An LM Studio API token is required” – {KEY}"),
    Case("the key in the error", key_in_the_error, "failed", "", "The server wants an API key or refused the one it"
         f" got: “Incorrect API key provided: …” – {KEY}"),
    Case("forbidden", status("403 Forbidden"), "failed", "",
         f"The server wants an API key or refused the one it got – {KEY}"),
    quirk("err404_model", "failed", "", "The server does not know this model: “model 'x' not found, try pulling it"
          " first” – choose another model in Settings."),
    quirk("err404_no_model", "failed", "", "No model is loaded: “No models loaded. Please load a model in the developer"
          " page or use the 'lms load' command” – load one in the server, then try again."),
    quirk("err413_plain", "failed", "", "The server refused the prompt as too large: “too large” – shorten the task."),
    quirk("err500_context", "failed", "",
          f"The prompt does not fit the model's context: “Context size has been exceeded” – {FULL}"),
    quirk("redirect_307", "failed", "", "The server redirects to {host}, not followed"
          " – if that is the right one, enter it as the server address in Settings."),
    quirk("redirect_302", "failed", "", "The server redirects to elsewhere.example, not followed"
          " – if that is the right one, enter it as the server address in Settings."),
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.gate.set()
        yield server


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingsFile:
    """Chunks at once, one second of patience, no waiting between two tries, and a key."""
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)
    monkeypatch.setenv("FELIX_API_KEY", "sk-matrix-0123456789")
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    settings.override(silence_timeout_s=1, streaming_batch_interval=0.0)
    return settings


def served(server: FaultServer, name: str, reply: Reply) -> str:
    """The address at which the agents get `reply`; the list of models is in order, and the hub gets a good answer."""

    def answer(client: Connection) -> None:
        if client.request.method == "GET":
            is_list = client.request.path.endswith("/v1/models") and "/api/" not in client.request.path
            body = {"object": "list", "data": [{"id": "quirk", "object": "model"}]} if is_list else {"error": "no"}
            client.reply_json(body, "200 OK" if is_list else "404 Not Found")
        elif b"You are the hub" in client.request.body:
            events(*GOOD)(client)
        else:
            reply(client)

    path = name.replace(" ", "-")
    server.replies[path] = answer
    return server.url(path)


def asked(server: FaultServer, name: str) -> list[bytes]:
    """What the agents asked at an address, in order."""
    return [r.body for r in server.posts(name.replace(" ", "-")) if b"You are the hub" not in r.body]


def run(settings: SettingsFile, flow: Any = SOLO) -> tuple[RunState, list[Record]]:
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        run = engine.start("Why?", flow)
        items = follow(mailbox, is_event("run_finished"))
    return folded(items, run), [item for item in items if isinstance(item, Record)]


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.name, marks=[pytest.mark.slow] if c.slow else []) for c in CASES]
)
def test_a_fault_is_told_as_what_it_is_and_costs_no_text(
    server: FaultServer, settings: SettingsFile, case: Case, logged_errors: list[Any]
) -> None:
    url = served(server, case.name, case.reply)
    settings.override(base_url=url)
    state, records = run(settings)
    (thought,) = state.thoughts.values()
    sentence = case.sentence.format(url=url, host=url.split("/")[2])
    assert (thought.status, thought.error or "") == (case.status, sentence)
    assert str(thought.answer).encode() == case.text.encode()
    assert str(thought.thinking).strip() == case.thinking
    assert len(asked(server, case.name)) == case.requests
    assert thought.notes == case.notes
    assert badge_of(thought).word == BADGES[case.status]
    assert (trouble_of(thought) or ("", "", ""))[2] == sentence
    # what was kept of it is what was shown, and the run says how it is with the whole
    (end,) = [record.event for record in records if isinstance(record.event, ThoughtComplete)]
    assert end.content == case.text and sum(end.trace.answer[1::2]) == len(case.text)
    assert (state.status, state.reason) == (("complete", "") if case.text else ("failed", sentence))


# -- before anybody is asked -------------------------------------------------------------------------------------------


def nothing_there(server: FaultServer) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


def refusing(name: str, reply: Reply) -> Callable[[FaultServer], str]:
    """An address where even the list of models fails."""

    def address(server: FaultServer) -> str:
        server.replies[name] = reply
        return server.url(name)

    return address


def lists(*models: str) -> Reply:
    return lambda client: client.reply_json({"object": "list", "data": [{"id": each} for each in models]})


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (nothing_there, NOBODY),
        (refusing("page", status("200 OK", PAGE, "text/html")),
         f"{{url}} answers, but is no model server (text/html): “Sign in to the network” – {NO_SERVER}"),
        (refusing("ssh", QUIRKS["garbage_headers"]),
         "{url} answers, but not with HTTP – check the port in Settings."),
        (refusing("shut", QUIRKS["close_before_headers"]), CLOSED),
        (refusing("gate", status("401 Unauthorized", {"error": "who are you?"})),
         f"The server wants an API key or refused the one it got: “who are you?” – {KEY}"),
        (refusing("quotes", key_in_the_error),
         f"The server wants an API key or refused the one it got: “Incorrect API key provided: …” – {KEY}"),
        (refusing("bare", lists()),
         "Model server runs, but has no model – download or load one there, then try again."),
        (refusing("busy", status("503 Service Unavailable", {"error": "starting"})),
         f"The server is busy or not ready (HTTP 503): “starting” – {SOON}"),
        (lambda server: "http://felix.invalid:1234/v1",
         "No such host: {url} – check the server address in Settings and the network."),
        (lambda server: "ftp://127.0.0.1/v1",
         "A server address begins with http:// or https://, not ftp:// – correct it."),
    ],
    ids=["nothing there", "a page", "another protocol", "a shut door", "a key wanted", "a key quoted", "no model",
         "starting", "no such host", "no HTTP address"],
)  # fmt: skip
def test_a_run_that_cannot_begin_says_why_and_asks_nothing(
    server: FaultServer, settings: SettingsFile, address: Callable[[FaultServer], str], sentence: str
) -> None:
    url = address(server)
    settings.override(base_url=url)
    posts = sum(request.method == "POST" for request in server.requests)
    state, records = run(settings)
    assert (state.status, state.reason) == ("failed", sentence.format(url=url))
    assert [record.event.type for record in records] == ["run_started", "run_finished"]
    assert state.plan is not None and state.plan.task == "Why?", "the task is kept"
    assert sum(request.method == "POST" for request in server.requests) == posts


def test_a_server_that_speaks_no_tls_is_told_from_one_that_is_away(server: FaultServer, settings: SettingsFile) -> None:
    settings.override(base_url=server.url("tls").replace("http://", "https://"))
    state, _ = run(settings)
    assert state.reason.startswith(f"No secure connection to {settings.current.base_url} (")
    assert state.reason.endswith(
        "check whether the address should begin with http:// or the server's certificate is trusted."
    )


# -- what it means for the others --------------------------------------------------------------------------------------


def test_what_fails_one_agent_leaves_the_others_and_the_answer_standing(
    server: FaultServer, settings: SettingsFile
) -> None:
    def second_fails(client: Connection) -> None:
        number = len(asked(client.server, "second fails"))
        (QUIRKS["err400_obj"] if number == 2 else events(*GOOD))(client)

    settings.override(base_url=served(server, "second fails", second_fails), max_parallel=1)
    state, _ = run(settings, TEAM)
    assert [t.status for t in state.thoughts.values()] == ["complete", "failed", "complete"]
    assert state.status == "complete" and state.synthesis is not None
    (missing,) = state.synthesis.left_out
    assert (missing.agent_id, missing.status) == ("research-2", "failed")
    assert missing.reason.startswith("The server refused the request (HTTP 400): “boom”")


def test_a_rate_limit_holds_one_agent_up_and_is_said_while_it_waits(
    server: FaultServer, settings: SettingsFile
) -> None:
    settings.override(base_url=served(server, "limit", once(QUIRKS["err429_after0"])))
    state, records = run(settings, TEAM)
    assert [t.status for t in state.thoughts.values()] == ["complete"] * 3
    waits = [r.event for r in records if isinstance(r.event, AgentState) and r.event.state == "retrying"]
    assert [event.detail for event in waits] == [
        "retry 1 of 2 in 0.0 s: the server's rate limit is reached: “slow down”"
    ]
    assert len(asked(server, "limit")) == 4


def test_a_server_that_restarts_costs_the_answer_it_was_at_and_no_other(
    server: FaultServer, settings: SettingsFile
) -> None:
    def restarts(client: Connection) -> None:
        number = len(asked(client.server, "restarts"))
        {1: QUIRKS["fin_mid_chunked"], 2: QUIRKS["close_before_headers"]}.get(number, events(*GOOD))(client)

    settings.override(base_url=served(server, "restarts", restarts))
    state, _ = run(settings, TWICE)
    assert [(t.status, str(t.answer)) for t in state.thoughts.values()] == [
        ("unconfirmed", "Hello"),
        ("complete", "Hello world"),
    ]
    assert state.status == "complete" and len(asked(server, "restarts")) == 3


def test_a_synthesis_that_breaks_off_keeps_its_text_and_is_no_success(
    server: FaultServer, settings: SettingsFile
) -> None:
    def hub_breaks(client: Connection) -> None:
        is_hub = b"You are the hub" in client.request.body
        (QUIRKS["fin_mid_chunked"] if is_hub else events(*GOOD))(client)

    url = served(server, "hub breaks", events(*GOOD))
    inner = server.replies["hub-breaks"]
    server.replies["hub-breaks"] = lambda client: (inner if client.request.method == "GET" else hub_breaks)(client)
    settings.override(base_url=url)
    state, records = run(settings)
    assert state.synthesis is not None
    assert (state.synthesis.status, str(state.synthesis.answer), state.synthesis.error) == ("unconfirmed", "Hello", CUT)
    assert (state.status, state.reason) == ("failed", CUT)
    assert sum(isinstance(record.event, SynthesisComplete) for record in records) == 1
    assert sum(isinstance(record.event, RunFinished) for record in records) == 1


def test_a_redirect_takes_no_prompt_to_another_host(server: FaultServer, settings: SettingsFile) -> None:
    with FaultServer() as other:
        where = other.url("ok") + "/chat/completions"
        for name, code in (("moved", "301 Moved"), ("found", "302 Found"), ("sent on", "308 Permanent Redirect")):
            settings.override(base_url=served(server, name, status(code, b"", "text/plain", location=where)))
            state, _ = run(settings)
            assert state.reason.startswith(f"The server redirects to 127.0.0.1:{other.port}, not followed")
        assert other.requests == []


def test_no_proxy_of_the_environment_comes_between(
    server: FaultServer, settings: SettingsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        settings.override(base_url=served(server, "direct", events(*GOOD)))
        state, _ = run(settings)
        assert state.status == "complete" and proxy.requests == []


def test_a_task_that_bites_reaches_the_server_as_it_was_written(server: FaultServer, settings: SettingsFile) -> None:
    settings.override(base_url=served(server, "biting task", events(*GOOD)))
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        engine.start(f"{BITES} \ud83d", SOLO)
        follow(mailbox, is_event("run_finished"))
    (body,) = asked(server, "biting task")
    assert f"{BITES} \ufffd" in "".join(message["content"] for message in json.loads(body)["messages"])


# -- the answer in one piece -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reply", "outcome", "said", "sentence", "requests"),
    [
        ("a whole", QUIRKS["json_200_not_stream"], "complete", "Hello world", "", 1),
        ("a page", QUIRKS["html_200"], "failed", "",
         f"{{url}} answers, but is no model server (text/html): “Sign in to the network” – {NO_SERVER}", 1),
        ("half a body", half_a_body, "failed", "", CLOSED, 3),
        ("silence", QUIRKS["silence_before_headers"], "failed", "", SILENT, 1),
        ("a failing server", QUIRKS["err500_empty"], "failed", "", f"The server failed (HTTP 500) – {LOG}", 3),
        ("a whole that bites", lambda client: client.reply_json(
            {"choices": [{"message": {"content": BITES}, "finish_reason": "stop"}], "usage": USAGE["usage"]}),
         "complete", BITES, "", 1),
        ("a whole cut short", lambda client: client.reply_json(
            {"choices": [{"message": {"content": "Hello"}, "finish_reason": None}]}),
         "unconfirmed", "Hello", NO_WORD, 1),
    ],
)  # fmt: skip
def test_without_streaming_the_same_holds(
    server: FaultServer, settings: SettingsFile, name: str, reply: Reply, outcome: RunStatus, said: str, sentence: str,
    requests: int,
) -> None:  # fmt: skip
    def answer(client: Connection) -> None:
        assert "stream" not in client.request.json
        reply(client)

    url = served(server, f"whole {name}", answer)
    inner, path = server.replies[f"whole-{name.replace(' ', '-')}"], f"whole-{name.replace(' ', '-')}"
    server.replies[path] = lambda client: (
        QUIRKS["json_200_not_stream"] if b"You are the hub" in client.request.body else inner
    )(client)
    settings.override(base_url=url, enable_streaming=False)
    state, _ = run(settings)
    (thought,) = state.thoughts.values()
    assert (thought.status, str(thought.answer), thought.error or "") == (outcome, said, sentence.format(url=url))
    assert len(asked(server, f"whole {name}")) == requests
