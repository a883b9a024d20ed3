"""Who gets in: forty who mean harm do not, and those who are meant to do. Real sockets, one server for all."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from felix.web.app import routes
from felix.web.gate import OPEN
from tests.web.served import WAIT_S, Answer, Served, ask, exchange, head, read_head, served

GOOD_JSON = b'{"message": "Why?"}'
EVIL = "http://evil.example"
WS = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
ASKED_BEFORE = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-app"}


def get(path: str = "/runs", host: str | None = "{host}", **headers: str) -> Callable[[Served], Answer]:
    """A request with the right token and whatever else is said; `{host}` and the like are filled in."""

    def send(shown: Served) -> Answer:
        pairs = {"Host": host, "Authorization": "Bearer {token}", **named(headers)}
        return ask(shown.port, "GET", filled(path, shown), filled_all(pairs, shown))

    return send


def post(path: str = "/chat/stream", body: bytes = GOOD_JSON, **headers: str) -> Callable[[Served], Answer]:
    """A post as the page makes it, with a cookie."""

    def send(shown: Served) -> Answer:
        pairs = {
            "Host": "{host}",
            "Cookie": "{cookie}",
            "Content-Type": "application/json",
            "X-App": "1",
            **named(headers),
        }
        return ask(shown.port, "POST", path, filled_all(pairs, shown), body)

    return send


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def filled_all(pairs: dict[str, str | None], shown: Served) -> dict[str, str]:
    return {name: filled(value, shown) for name, value in pairs.items() if value}


def filled(text: str, shown: Served) -> str:
    text = text.replace("{host}", shown.host).replace("{port}", str(shown.port))
    text = text.replace("{token}", shown.serving.token)
    if "{cookie}" in text:
        text = text.replace("{cookie}", shown.cookie())
    if "{link}" in text:
        text = text.replace("{link}", shown.serving.link().partition("#t=")[2])
    return text


def raw(data: str) -> Callable[[Served], Answer]:
    return lambda shown: exchange(shown.port, filled(data, shown).encode("latin-1"))


def upgrade(**headers: str) -> Callable[[Served], Answer]:
    def send(shown: Served) -> Answer:
        pairs = {"Host": "{host}", **WS, **named(headers)}
        return exchange(shown.port, head("GET", "/ws", filled_all(pairs, shown)))

    return send


def exchanged(body: dict[str, object], **headers: str) -> Callable[[Served], Answer]:
    def send(shown: Served) -> Answer:
        pairs = {"Host": "{host}", "Content-Type": "application/json", "X-App": "1", **named(headers)}
        data = filled(json.dumps(body), shown).encode()
        return ask(shown.port, "POST", "/session", filled_all(pairs, shown), data)

    return send


def twice(shown: Served) -> Answer:
    """A link that somebody has used already."""
    token = shown.serving.link().partition("#t=")[2]
    assert exchanged({"token": token})(shown).status == 204
    return exchanged({"token": token})(shown)


AUTH = "Authorization: Bearer {token}\r\n"

HOSTILE: dict[str, tuple[int, Callable[[Served], Answer]]] = {
    # a name that was made to point here
    "no host": (403, raw(f"GET /runs HTTP/1.1\r\n{AUTH}\r\n")),
    "no host in the old protocol": (403, raw(f"GET /runs HTTP/1.0\r\n{AUTH}\r\n")),
    "two hosts": (403, raw(f"GET /runs HTTP/1.1\r\nHost: {{host}}\r\nHost: evil.example\r\n{AUTH}\r\n")),
    "an empty host": (403, raw(f"GET /runs HTTP/1.1\r\nHost:\r\n{AUTH}\r\n")),
    "a foreign host": (403, get(host="evil.example")),
    "a foreign host with our port": (403, get(host="evil.example:{port}")),
    "a host that begins like ours": (403, get(host="127.0.0.1.evil.example:{port}")),
    "a host that begins with localhost": (403, get(host="localhost.evil.example:{port}")),
    "a host that ends like ours": (403, get(host="evil.example.localhost:{port}")),
    "our host without its port": (403, get(host="127.0.0.1")),
    "our host with another port": (403, get(host="127.0.0.1:1")),
    "our host with a dot": (403, get(host="localhost.:{port}")),
    "our address as a number": (403, get(host="2130706433:{port}")),
    "our address, shortened": (403, get(host="127.1:{port}")),
    "the address of every network": (403, get(host="0.0.0.0:{port}")),
    "a host with a user in front": (403, get(host="127.0.0.1:{port}@evil.example")),
    "the page itself under a foreign host": (403, get("/", host="evil.example:{port}")),
    # another page in the user's browser
    "a foreign origin": (403, get(Origin=EVIL)),
    "a foreign origin with a cookie": (403, get(Origin=EVIL, Authorization="", Cookie="{cookie}")),
    "no origin that could be named": (403, get(Origin="null")),
    "our origin encrypted": (403, get(Origin="https://{host}")),
    "our origin with another port": (403, get(Origin="http://127.0.0.1:1")),
    "our origin by another name": (403, get(Origin="http://localhost:{port}")),
    "an origin that begins like ours": (403, get(Origin="http://{host}.evil.example")),
    "led here by another site": (403, get(Sec_Fetch_Site="cross-site")),
    "led here from another port": (403, get("/", Sec_Fetch_Site="same-site", Cookie="{cookie}")),
    "a form of another page": (415, post(Content_Type="application/x-www-form-urlencoded")),
    "a form as plain text": (415, post(Content_Type="text/plain")),
    "a post of no kind": (415, post(Content_Type="")),
    "a post without the mark of the page": (403, post(X_App="")),
    "a post with another mark": (403, post(X_App="2")),
    "a question before a foreign post": (
        401,
        lambda shown: ask(shown.port, "OPTIONS", "/chat/stream", {"Host": shown.host, **ASKED_BEFORE}),
    ),
    "an exchange without the mark of the page": (403, exchanged({"token": "{link}"}, X_App="")),
    "an exchange from a foreign page": (403, exchanged({"token": "{link}"}, Origin=EVIL)),
    # somebody who was not let in
    "no token": (401, get(Authorization="")),
    "a guessed token": (401, get(Authorization="Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    "an empty token": (401, get(Authorization="Bearer ")),
    "the token as a password": (401, get(Authorization="Basic {token}")),
    "the token in the address": (401, get("/runs?token={token}", Authorization="")),
    "two tokens": (401, raw(f"GET /runs HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer x\r\n{AUTH}\r\n")),
    "a run to be stopped where only watching is allowed": (403, post("/runs/x/stop", b"{}")),
    "a wrong token beside a good cookie": (401, get(Authorization="Bearer x", Cookie="{cookie}")),
    "a guessed cookie": (401, get(Authorization="", Cookie="felix-{port}=AAAA")),
    "the program's token as a cookie": (401, get(Authorization="", Cookie="felix-{port}={token}")),
    "a link as a cookie": (401, get(Authorization="", Cookie="felix-{port}={link}")),
    "a link as the program's token": (401, get(Authorization="Bearer {link}")),
    "a link that was used": (403, twice),
    "a link that was never given": (403, exchanged({"token": "AAAA"})),
    "no link at all": (403, exchanged({"token": None})),
    "an address that is nowhere": (401, get("/nowhere", Authorization="")),
    "a way around the page": (401, get("/app.js/../runs", Authorization="")),
    "a whole address": (401, get("http://{host}/", Authorization="")),
    # a socket
    "a socket without an origin": (403, upgrade(Cookie="{cookie}")),
    "a socket of a foreign page": (403, upgrade(Cookie="{cookie}", Origin=EVIL)),
    "a socket without a token": (403, upgrade(Origin="http://{host}")),
    # somebody who was let in, and wants too much
    "talking to a server that only shows": (403, post()),
    "a link for a friend": (403, post("/link", b"{}")),
    "more than there is room for": (413, post(Content_Length="2000000", body=b"{}")),
    "a length that is none": (400, post(Content_Length="-1", body=b"{}")),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_hostile_is_refused(shown: Served, what: str) -> None:
    status, send = HOSTILE[what]
    answer = send(shown)
    assert answer.status == status, answer
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "set-cookie" not in answer.headers and len(answer.body) < 300
    assert shown.json("/runs") == {"runs": []}, "something was done"


HONEST: dict[str, tuple[int, Callable[[Served], Answer]]] = {
    "the page, typed into the address line": (200, get("/", Authorization="", Sec_Fetch_Site="none")),
    "its script": (200, get("/app.js", Authorization="", Sec_Fetch_Site="same-origin")),
    "a link": (204, exchanged({"token": "{link}"}, Origin="http://{host}", Sec_Fetch_Site="same-origin")),
    "a browser with its cookie": (200, get(Authorization="", Cookie="a=b; {cookie}", Sec_Fetch_Site="same-origin")),
    "a browser with cookies of others": (200, get(Authorization="", Cookie='x={"y":1}, z; {cookie}; [=]')),
    "the page under its other name": (200, get(host="localhost:{port}", Origin="http://localhost:{port}")),
    "a program with its token": (200, get()),
    "a socket of our own page": (101, upgrade(Cookie="{cookie}", Origin="http://{host}")),
    "a socket of a program": (101, upgrade(Authorization="Bearer {token}", Origin="http://{host}")),
    "a program that asks for a link": (200, post("/link", b"{}", Cookie="", X_App="", Authorization="Bearer {token}")),
}  # fmt: skip


@pytest.mark.parametrize("what", HONEST)
def test_what_is_honest_is_served(shown: Served, what: str) -> None:
    status, send = HONEST[what]
    assert send(shown).status == status


def test_every_route_but_the_open_ones_is_closed_without_a_token(shown: Served) -> None:
    nothing: Any = SimpleNamespace(
        **dict.fromkeys(("stream", "stop", "talk"), lambda _: None)
    )  # Any: nothing of it is called
    table = routes(nothing, nothing, nothing, nothing, nothing)
    paths = {re.sub(r"{.*?}", "x", route.path) for route in table}
    assert paths > OPEN, "the page has gone"
    for path in paths - OPEN:
        for method in ("GET", "POST", "PUT", "DELETE"):
            headers = {"Host": shown.host, "Content-Type": "application/json", "X-App": "1"}
            answer = ask(shown.port, method, path, headers, b"{}" if method == "POST" else b"")
            assert answer.status in {401, 403}, (method, path, answer)


def test_a_cookie_is_for_this_server_alone_and_out_of_every_scripts_reach(shown: Served) -> None:
    cookie = exchanged({"token": "{link}"})(shown).headers["set-cookie"]
    assert cookie.startswith(f"felix-{shown.port}=") and "HttpOnly" in cookie and "samesite=strict" in cookie.lower()


def test_every_answer_carries_the_policy(shown: Served) -> None:
    for answer in (
        get("/")(shown),
        get()(shown),
        get("/nowhere")(shown),
        get(Authorization="")(shown),
        get(host="x")(shown),
    ):
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; connect-src 'self'; img-src data:; style-src 'self'; script-src 'self';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_in_the_network_it_listens_at_that_address_alone_and_answers_to_its_name(tmp_path: Path) -> None:
    with served(tmp_path, lan="127.0.0.2") as server:
        assert server.serving.address == f"http://127.0.0.2:{server.port}"
        assert server.serving.link().startswith(f"{server.serving.address}/#t=")
        with pytest.raises(OSError, match="refused"):
            exchange(server.port, b"")
        for host, status in ((f"127.0.0.2:{server.port}", 200), ("127.0.0.3:1", 403), ("evil.example", 403)):
            with socket.create_connection(("127.0.0.2", server.port), WAIT_S) as sock:
                sock.sendall(head("GET", "/status", {"Host": host, **server.bearer}))
                assert read_head(sock)[0] == status, host


HALF_HEAD = b"POST /session HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json"
HALF_POST = HALF_HEAD + b"\r\nX-App: 1\r\nContent-Length: 9\r\n\r\n{"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        HALF_HEAD,
        b"GET /app.js HTTP/1.1\r\nHost: {host}\r\n\r\nGET ",
        HALF_POST,
    ],
    ids=["nothing", "half a head", "half a second head", "half a body"],
)
def test_who_is_not_let_in_within_a_while_is_let_go(
    shown: Served, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("felix.web.line.STRANGER_S", 0.05)
    with socket.create_connection(("127.0.0.1", shown.port), WAIT_S) as sock:
        sock.sendall(said.replace(b"{host}", shown.host.encode()))
        assert gone(sock)


def test_a_crowd_of_strangers_gives_way_to_who_comes_alone_or_was_let_in(
    shown: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("felix.web.line.MOST_STRANGERS", 2)
    here, elsewhere = ("127.0.0.1", shown.port), ("127.0.0.2", 0)
    with (
        shown.stream("/events"),
        socket.create_connection(here, WAIT_S) as alone,
        socket.create_connection(here, WAIT_S, elsewhere) as first,
        socket.create_connection(here, WAIT_S, elsewhere),
    ):
        assert gone(first)
        alone.sendall(head("GET", "/status", {"Host": shown.host, **shown.bearer}))
        assert read_head(alone)[0] == 200
        assert shown.serving.watchers == 1


def test_there_are_only_so_many_connections(shown: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.web.line.MOST_LINES", 2)
    here = ("127.0.0.1", shown.port)
    with (
        socket.create_connection(here),
        socket.create_connection(here),
        socket.create_connection(here, WAIT_S) as third,
    ):
        assert gone(third)


def gone(sock: socket.socket) -> bool:
    """The other side closes it, one way or the other, after whatever it said."""
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
