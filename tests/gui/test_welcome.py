"""The first screen, the connection doctor, and when the demo model speaks – always asked for or always said."""

from __future__ import annotations

import socket
import threading
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from felix import places, servers
from felix.gui.run_control import NOT_ASKED
from felix.gui.server import server_watch
from felix.gui.server.server_words import server_words
from felix.gui.welcome import EXAMPLES
from felix.llm import discovery
from tests.gui.opened import Opened, free_port, write_settings
from tests.llm.test_discovery import behind_a_key
from tests.servers.demo import demo_server
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.machine import Machine

Open = Callable[..., Opened]


def listening_at(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Have these be the usual ports."""
    addresses = tuple(f"http://127.0.0.1:{port}/v1" for port in ports)
    monkeypatch.setattr(discovery, "usual_addresses", lambda _environment: addresses)
    monkeypatch.setattr(server_watch, "usual_addresses", lambda _environment: addresses)


@pytest.fixture
def open_window(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a window on settings of its own, on a machine without other model servers."""
    listening_at(monkeypatch, free_port(), free_port())
    opened: list[Opened] = []

    def open_one(*, demo: bool = False, **settings: Any) -> Opened:
        opened.append(Opened(write_settings(tmp_path / "settings.json", **settings), demo=demo))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


class AtPort:
    """A model server that comes to a port later."""

    def __init__(self, port: int) -> None:
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path == "/v1/models"
                body = b'{"data": [{"id": "qwen3-8b", "object": "model"}]}' if found else b"{}"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def test_who_never_had_a_server_is_shown_the_demo_model_and_the_way_to_one(open_window: Open) -> None:
    felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1")
    window = felix.window
    felix.until(lambda: window.watch.tried)
    assert window.watch.uses_demo
    felix.until(lambda: "No other server either" in felix.words())
    said = felix.words()
    assert "Demo model – scripted text" in said
    assert "Nothing listens on port" in said
    assert "Run demo" in said
    assert server_words(window.watch).health == "demo"
    assert not window.settings.current.has_connected
    felix.screenshot("window-first-start")


def test_a_server_that_wants_a_key_is_named_and_not_used(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer({"llama": behind_a_key("Invalid API Key")}) as server:
        monkeypatch.setattr(discovery, "usual_addresses", lambda _environment: (server.url("llama"),))
        felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1")
        window = felix.window
        felix.until(lambda: f"llama.cpp at 127.0.0.1:{server.port} wants a key" in felix.words())
        assert window.watch.uses_demo and window.watch.other is None
        assert "No other server either" not in felix.words()


def test_the_servers_that_the_chosen_workflow_names_are_told_of_instead_of_the_one_in_use(
    open_window: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "user_workflows", lambda: tmp_path)
    monkeypatch.setattr(servers, "LOOK_S", 20.0)
    (tmp_path / "two.yaml").write_text(
        "name: Two\nendpoint: Box\nagents: [{id: r, role: research, endpoint: Gone}]\ncheckpoints: [0]\n"
    )
    with Machine("Box") as box:
        gone = {"name": "Gone", "base_url": f"http://127.0.0.1:{free_port()}/v1", "key": "none"}
        felix = open_window(
            base_url=f"http://127.0.0.1:{free_port()}/v1",
            endpoints=[{"name": "Box", "base_url": box.base_url, "key": "none"}, gone],
            workflow="two",
            has_connected=True,
        )
        card = felix.window.welcome.doctor.frame
        felix.until(lambda: "Not every server of this workflow answers" in felix.words(card))
        said = {"Gone", "does not answer", "Box", "answers · 1 model, 1 loaded"}
        felix.until(lambda: said <= set(felix.words(card).split("\n")))
        assert "Nothing listens on port" not in felix.words(card), "nobody asks the one in use"
        before = box.looked_at
        felix.window.welcome.doctor._check.invoke()
        felix.until(lambda: box.looked_at > before)
        felix.screenshot("welcome-named-servers")


def test_who_had_a_server_is_not_slipped_the_demo_model(open_window: Open) -> None:
    felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1", has_connected=True)
    window = felix.window
    felix.until(lambda: window.watch.is_known)
    assert not window.watch.uses_demo
    assert "Demo model" not in felix.words(window.banner.frame)
    assert "not reachable" in felix.words(window.status.frame)
    felix.until(lambda: "Use the demo model" in felix.words(window.welcome.doctor.frame))
    window.welcome.doctor._demo.invoke()
    felix.until(lambda: "Demo model – scripted text" in felix.words(window.banner.frame))


def test_a_server_whose_model_has_answered_is_remembered(open_window: Open, fast_demo_server: str) -> None:
    felix = open_window(base_url=fast_demo_server)
    window = felix.window
    felix.until(lambda: window.watch.server)
    assert not window.settings.current.has_connected, "a list of models is no answer of one"
    assert not window.watch.uses_demo
    window.composer.box.text = "Why?"
    window.composer.run()
    felix.until(lambda: window.bridge.state.status == "complete", timeout_s=20)
    assert window.settings.current.has_connected


@pytest.mark.slow
def test_a_test_that_fails_is_not_taken_for_a_connection(open_window: Open) -> None:
    def lists(client: Connection) -> None:
        if client.request.method == "GET":
            client.reply_json({"object": "list", "data": [{"id": "m", "object": "model"}]})
        else:
            client.reply_json({"error": {"message": "out of memory"}}, status="500 Internal Server Error")

    with FaultServer({"lists": lists}) as server:
        felix = open_window(base_url=server.url("lists"))
        window = felix.window
        felix.until(lambda: window.watch.server)
        window.show_settings()
        rows = window.settings_page.tab.connection
        felix.until(lambda: "Connected" in rows.badge.cget("text"))
        rows.test_button.invoke()
        felix.until(lambda: "out of memory" in rows.server.shown)
        window.watch.look()
        rows.look()
        felix.turn(150)
        assert "out of memory" in rows.server.shown and rows.badge.cget("text") == "Not usable"
        assert not window.settings.current.has_connected


def test_an_address_of_another_kind_is_named_whole(open_window: Open) -> None:
    felix = open_window(base_url="ftp://x y")
    felix.until(lambda: felix.window.watch.is_known)
    felix.until(lambda: "“ftp://x y” is no server address" in felix.words(felix.window.welcome.doctor.frame))
    assert "ftp://x y cannot be used" in felix.words(felix.window.welcome.doctor.frame)


def test_a_server_that_comes_is_offered_and_used_on_a_click(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_watch, "LOOK_AGAIN_MS", 50)
    port = free_port()
    felix = open_window(base_url=f"http://127.0.0.1:{port}/v1")
    window = felix.window
    felix.until(lambda: window.watch.uses_demo)
    with AtPort(port):
        felix.until(lambda: window.watch.offer)
        felix.until(lambda: "is there now – use it" in felix.words(window.banner.frame))
        assert window.watch.uses_demo
        felix.until(lambda: "found – " in felix.words(window.welcome.doctor.frame))
        felix.screenshot("window-server-found")
        window.welcome.doctor._use.invoke()
        felix.until(lambda: not window.watch.uses_demo)
        assert window.settings.current.has_connected
        assert not window.banner.frame.winfo_viewable()


def test_a_server_at_another_port_is_offered(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    listening_at(monkeypatch, port)
    with AtPort(port):
        felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1", has_connected=True)
        window = felix.window
        felix.until(lambda: window.watch.offer)
        window.welcome.doctor._use.invoke()
        felix.until(lambda: window.watch.server)
        assert window.settings.current.base_url == f"http://127.0.0.1:{port}/v1"


def test_a_first_start_takes_the_server_that_is_found_and_never_shows_the_demo_model(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody, port = free_port(), free_port()
    monkeypatch.setattr(server_watch, "DEFAULT_BASE_URL", f"http://127.0.0.1:{nobody}/v1")
    listening_at(monkeypatch, free_port(), port)
    with AtPort(port):
        felix = open_window(base_url=f"http://127.0.0.1:{nobody}/v1")
        window = felix.window
        demo: list[bool] = []
        changed = window.watch.on_change
        window.watch.on_change = lambda: (demo.append(window.watch.uses_demo), changed())[1]
        felix.until(lambda: window.watch.server)
        assert window.settings.current.base_url == f"http://127.0.0.1:{port}/v1"
        assert not any(demo)


def test_who_has_chosen_an_address_is_offered_what_is_found_and_asked_first(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    listening_at(monkeypatch, port)
    with AtPort(port):
        felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1")
        window = felix.window
        felix.until(lambda: window.watch.offer)
        assert window.watch.uses_demo and window.settings.current.base_url != f"http://127.0.0.1:{port}/v1"


def test_nothing_is_asked_of_a_server_during_a_run(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_watch, "LOOK_AGAIN_MS", 20)
    felix = open_window(base_url=f"http://127.0.0.1:{free_port()}/v1")
    window = felix.window
    felix.until(lambda: window.watch.uses_demo)
    felix.write("hello")
    felix.press("<Control-Return>", felix.task)
    felix.until(lambda: window.bridge.state.is_running)
    asked: list[str] = []
    ask = window.engine.ask_server
    monkeypatch.setattr(window.engine, "ask_server", lambda url, *rest: asked.append(url) or ask(url, *rest))  # type: ignore[func-returns-value]
    felix.turn(200)
    assert asked == []
    window.control.stop()
    felix.until(lambda: asked)


def test_a_run_asked_for_at_once_waits_for_the_first_look(open_window: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        felix = open_window(base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}/v1")
        window = felix.window
        window.composer.box.text = "too early"
        window.composer.run()
        assert window.bridge.run == NOT_ASKED
        assert window.composer.phase == "starting"
    felix.until(lambda: window.bridge.run != NOT_ASKED)
    assert window.bridge.state.plan is not None
    assert window.bridge.state.plan.demo
    window.control.stop()
    felix.until(lambda: window.bridge.state.status == "stopped")


def test_examples_fill_the_box_and_run_nothing(open_window: Open, fast_demo_server: str) -> None:
    felix = open_window(base_url=fast_demo_server, has_connected=True)
    window = felix.window
    felix.click(window.welcome._buttons[0])
    assert window.composer.box.text == EXAMPLES[0][1]
    assert window.bridge.run is None


@pytest.mark.slow
def test_tab_goes_as_the_window_is_read(open_window: Open, fast_demo_server: str) -> None:
    felix = open_window(base_url=fast_demo_server, has_connected=True)
    window, app = felix.window, felix.app
    felix.until(lambda: window.watch.server and window.welcome._buttons[2].winfo_viewable())
    felix.task.focus_force()
    felix.turn(20)

    def tab(times: int, key: str = "<Tab>") -> list[tk.Misc]:
        met = []
        for _ in range(times):
            app.focus_get().event_generate(key)
            app.update()
            met.append(app.focus_get())
        return met

    ways = tab(40)
    assert window.composer.box.widget in ways, "it goes round"
    way = ways[: ways.index(window.composer.box.widget)]
    examples, doctor, header = window.welcome._buttons, window.welcome.doctor, window.header
    expected = [
        window.composer.button, *examples, doctor._other, doctor._check,
        header.notebook, header.panel, header.theme, header.help,
    ]  # fmt: skip
    places = [way.index(widget) for widget in expected]
    assert places == sorted(places), [str(widget) for widget in way]
    assert way[way.index(window.composer.button) + 1 :][:2] == [window.composer.buttons.more, examples[0]]
    felix.task.focus_force()
    assert tab(len(way), "<<PrevWindow>>") == way[::-1]


@pytest.mark.slow
def test_no_model_server_and_a_wanted_key_are_told_apart(open_window: Open) -> None:
    def wants_a_key(client: Connection) -> None:
        client.reply_json({"error": {"message": "no key"}}, status="401 Unauthorized")

    def is_a_web_page(client: Connection) -> None:
        client.reply_text(b"<html>hello</html>", "200 OK", "text/html")

    with FaultServer({"key": wants_a_key, "page": is_a_web_page}) as server:
        said = []
        for quirk in ("key", "page"):
            felix = open_window(base_url=server.url(quirk))
            felix.until(lambda felix=felix: felix.window.watch.is_known)
            assert not felix.window.watch.uses_demo, "something answers there"
            felix.until(lambda felix=felix: felix.window.welcome.doctor._body.winfo_height() > 20)
            felix.turn(50)
            said.append(felix.words(felix.window.welcome.doctor.frame))
            felix.close()
    assert "key" in said[0].lower()
    assert said[0] != said[1]


def test_the_demo_model_can_be_asked_for(open_window: Open, fast_demo_server: str) -> None:
    with demo_server(50):
        felix = open_window(base_url=fast_demo_server, has_connected=True, demo=True)
        assert felix.window.watch.uses_demo
        felix.until(lambda: "Demo model – scripted text" in felix.words(felix.window.banner.frame))


def test_at_a_first_start_every_server_of_this_machine_is_told_and_can_be_chosen(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeLMStudio() as studio, FakeOllama() as ollama:
        addresses = (studio.base_url, f"{ollama.root}/v1")
        monkeypatch.setattr(discovery, "usual_addresses", lambda _environment: addresses)
        felix = open_window(base_url=studio.base_url)
        felix.until(lambda: "Ollama answers, too" in felix.words())
        kept = {each.name: each.kind for each in felix.window.settings.current.endpoints}
        assert kept["Ollama"] == "ollama"
        assert felix.window.settings.current.base_url == studio.base_url, "what is in use stays in use"
