"""Every fault a connection can have, each shown by a server that has it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from felix.llm.address import file_address
from felix.llm.examination import Finding, Repair, examine
from felix.llm.examination.network import listening_finding, name_finding, proxy_finding
from felix.llm.models import ServerReport, list_models
from tests.llm.test_models import LMSTUDIO, lmstudio_model, paths
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fault_server import Connection, FaultServer
from tests.servers.llamacpp import LlamaServer
from tests.servers.quirks import QUIRKS, STOP, USAGE, event, text

ORDER = ["address", "name", "proxy", "listening", "server", "key", "model", "context", "answer"]
DEAD_PROXY = "http://127.0.0.1:9"


async def nothing() -> tuple[ServerReport, ...]:
    """Nothing else runs on this machine, whatever the machine of the tests runs."""
    return ()


def examined(base_url: str, api_key: str = "", **asked: Any) -> dict[str, Finding]:  # Any: as `examine` takes them
    """The findings by check; told as they come, in order, each with an advice where something is wrong."""
    told: list[Finding] = []
    asked = {"find": nothing, "environment": {}, "silence_timeout_s": 100, "on_finding": told.append, **asked}
    findings = asyncio.run(examine(base_url, api_key, **asked))
    assert [finding.check for finding in findings] == ORDER
    assert list(findings) == told
    for finding in findings:
        assert finding.sentence.endswith("."), finding
        assert not finding.advice or finding.advice.endswith("."), finding
        assert finding.advice or finding.state in ("ok", "skipped"), finding
    return {finding.check: finding for finding in findings}


def states(findings: dict[str, Finding]) -> list[str]:
    return [findings[check].state for check in ORDER]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def lmstudio(**replies: Any) -> Any:
    return paths({**LMSTUDIO, "/v1/chat/completions": ANSWER, **replies})


def answer(model: str = "qwen") -> Any:
    def reply(client: Connection) -> None:
        client.head()
        for value in (text("Yes", model=model), {**STOP, "model": model}, USAGE):
            client.send(event({**value, "model": model}))
        client.end()

    return reply


ANSWER = answer()


def test_a_real_server_is_well(llama_server: LlamaServer) -> None:
    findings = examined(llama_server.base_url, needs_context=4_000)
    assert [state for state in states(findings) if state not in ("ok", "warning")] == []
    assert findings["server"].sentence.startswith("llama.cpp answers within")
    assert "needs about 4,000 tokens, each request may have 4,096" in findings["context"].sentence
    assert "first token" in findings["answer"].sentence or "answers" in findings["answer"].sentence


@pytest.mark.parametrize("entered", ["", "not an address", "ftp://127.0.0.1", "http://127.0.0.1:port"])
def test_what_is_no_address_ends_it_at_once(entered: str) -> None:
    findings = examined(entered)
    assert states(findings) == ["fault", *["skipped"] * 8]
    assert findings["server"].sentence == "Not checked, as the fault above comes first."


def test_nothing_listening_is_told_with_what_runs_elsewhere(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = lmstudio()

    async def find() -> tuple[ServerReport, ...]:
        return (await list_models(fault_server.url("it")),)

    base_url = f"http://127.0.0.1:{free_port()}/v1"
    findings = examined(base_url, find=find)
    assert states(findings) == ["ok", "ok", "ok", "fault", *["skipped"] * 5]
    listening = findings["listening"]
    assert listening.sentence.startswith("Nothing listens on 127.0.0.1, port ")
    assert f"Found running: LM Studio at 127.0.0.1:{fault_server.port}" in listening.sentence
    assert listening.repair == Repair(
        f"Use LM Studio at 127.0.0.1:{fault_server.port}", base_url=fault_server.url("it"), kind="lmstudio"
    )
    assert examined(base_url)["listening"].repair is None

    async def find_locked() -> tuple[ServerReport, ...]:
        return (ServerReport("llamacpp", "llama.cpp", (), 1.0, "http://127.0.0.1:8080/v1", wants_key=True),)

    locked = examined(base_url, find=find_locked)["listening"].sentence
    assert "Found running: llama.cpp at 127.0.0.1:8080, which wants a key." in locked


def test_a_server_on_the_other_loopback_is_found() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with listener:
        port = listener.getsockname()[1]
        finding = asyncio.run(listening_finding(f"http://127.0.0.1:{port}/v1"))
    assert finding.state == "fault"
    assert finding.repair == Repair("Use ::1", base_url=f"http://[::1]:{port}/v1")


@pytest.mark.parametrize("quirk", ["html_200", "html_404", "empty_200", "lm_200_unexpected_endpoint"])
def test_what_answers_but_is_no_model_server_is_told(fault_server: FaultServer, quirk: str) -> None:
    findings = examined(fault_server.url(quirk))
    assert states(findings) == [*["ok"] * 4, "fault", *["skipped"] * 4]
    assert "is no model server" in findings["server"].sentence


@pytest.mark.parametrize(
    ("kind", "check", "listed"),
    [("lmstudio", "answer", {}), ("vllm", "server", {"/v1/models": {"data": [{"id": "qwen", "owned_by": "vllm"}]}})],
)
def test_a_missing_v1_is_found_by_asking_and_put_right_with_one_click(
    fault_server: FaultServer, kind: str, check: str, listed: dict[str, Any]
) -> None:
    fault_server.replies["it"] = paths({**(listed or LMSTUDIO), "/v1/chat/completions": ANSWER})
    missing = fault_server.url("it").removesuffix("/v1")
    wrong = examined(missing)[check]
    assert (wrong.state, wrong.sentence) == ("fault", "The model server answers under /it/v1, not under /it.")
    assert wrong.repair == Repair(f"Use {missing}/v1", base_url=f"{missing}/v1", kind=kind)  # type: ignore[arg-type]
    assert "fault" not in states(examined(wrong.repair.base_url))


def test_v1_is_added_to_a_bare_host_and_said(llama_server: LlamaServer) -> None:
    bare = llama_server.base_url.removesuffix("/v1")
    findings = examined(bare)
    assert findings["address"].state == "warning"
    assert findings["address"].repair == Repair(f"Use {bare}/v1", base_url=f"{bare}/v1")
    assert "fault" not in states(findings)


def test_a_localhost_that_costs_time_is_measured(monkeypatch: pytest.MonkeyPatch, fault_server: FaultServer) -> None:
    def both(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:  # Any: as socket.getaddrinfo
        addresses = [("127.0.0.2", port), ("127.0.0.1", port)] if host == "localhost" else [(host, port)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", both)  # the first address has nobody, as ::1 often has
    finding = asyncio.run(name_finding(f"http://localhost:{fault_server.port}/v1"))
    assert finding.state == "warning"
    assert "127.0.0.2 comes first and does not answer" in finding.sentence
    assert finding.repair == Repair("Use 127.0.0.1", base_url=f"http://127.0.0.1:{fault_server.port}/v1")


def test_a_localhost_that_is_127_0_0_1_is_well(fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", fault_server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *rest, **named: [entry])
    assert asyncio.run(name_finding(f"http://localhost:{fault_server.port}/v1")).state == "ok"


def test_a_name_that_no_host_has_is_told() -> None:
    findings = examined("http://no-such-host.invalid:1234/v1")
    assert states(findings) == ["ok", "fault", *["skipped"] * 7]
    assert findings["name"].sentence == "No host is called no-such-host.invalid."


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_catches_this_machine_is_told_and_gone_around(
    llama_server: LlamaServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, DEAD_PROXY)
    findings = examined(llama_server.base_url, environment=None)
    assert findings["proxy"].state == "ok"
    assert f"{variable} (127.0.0.1:9) catches requests to this machine too; Felix goes around it" in (
        findings["proxy"].sentence
    )
    assert "NO_PROXY=127.0.0.1" in findings["proxy"].advice
    assert "fault" not in states(findings)


def test_a_dead_proxy_before_a_server_in_the_own_network_is_the_cause(
    llama_server: LlamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The address of all interfaces stands for one in the own network: it is none of the loopback, yet on this machine.
    near = f"http://0.0.0.0:{llama_server.port}/v1"
    monkeypatch.setenv("HTTP_PROXY", DEAD_PROXY)
    findings = examined(near, environment=None)
    assert (findings["proxy"].state, findings["server"].state) == ("warning", "fault")
    assert findings["proxy"].advice.startswith("Add 0.0.0.0 to NO_PROXY")
    assert "could not be reached through the proxy of HTTP_PROXY" in findings["server"].sentence
    monkeypatch.setenv("NO_PROXY", "localhost,0.0.0.0")
    assert "fault" not in states(examined(near, environment=None))


def test_a_proxy_s_password_is_not_shown() -> None:
    environment = {"https_proxy": "http://me:secret@proxy.example:3128"}
    finding = proxy_finding("https://api.openai.com/v1", environment)
    assert (finding.state, "proxy.example:3128" in finding.sentence) == ("ok", True)
    assert "secret" not in finding.sentence
    assert proxy_finding("http://box.lan:1234/v1", environment).sentence == "No proxy stands in between."
    spared = {"http_proxy": DEAD_PROXY, "no_proxy": "other, .lan"}
    assert proxy_finding("http://box.lan:1234/v1", spared).sentence == "No proxy stands in between."
    assert proxy_finding("http://box.lan:1234/v1", {"http_proxy": DEAD_PROXY}).state == "warning"


def test_with_no_model_loaded_the_first_is_offered(fault_server: FaultServer) -> None:
    models = {"models": [lmstudio_model("gemma"), lmstudio_model("qwen")]}
    fault_server.replies["it"] = lmstudio(**{"/api/v1/models": models})
    findings = examined(fault_server.url("it"))
    assert (findings["model"].state, findings["model"].sentence) == ("warning", "No model is loaded.")
    assert findings["model"].repair == Repair("Load Gemma", model="gemma", load=True)
    assert findings["context"].state == "skipped"
    assert examined(fault_server.url("it"), model="qwen")["model"].sentence == "Qwen is not loaded."


def test_a_server_without_any_model_is_told(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = lmstudio(**{"/api/v1/models": {"models": [lmstudio_model("n", kind="embedding")]}})
    findings = examined(fault_server.url("it"))
    assert states(findings) == [*["ok"] * 6, "fault", "skipped", "skipped"]
    assert "has no model" in findings["model"].sentence


def test_a_model_that_the_server_does_not_have_is_told(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = lmstudio()
    findings = examined(fault_server.url("it"), model="gone")
    assert findings["model"].sentence == "LM Studio has no model “gone”."
    assert findings["model"].repair == Repair("Use Qwen", model="qwen")
    assert fault_server.posts("it") == []


def test_another_model_that_answers_is_told(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = paths(
        {"/v1/models": {"data": [{"id": "asked", "owned_by": "vllm"}]}, "/v1/chat/completions": answer("answered")}
    )
    findings = examined(fault_server.url("it"))
    assert findings["answer"].sentence == "asked was asked, and answered answered."
    assert findings["answer"].repair == Repair("Use answered", model="answered")


@pytest.mark.parametrize(("key", "says"), [("", "wants a key"), ("wrong", "refused the key it got")])
def test_a_key_that_is_wanted_or_refused_is_told(key: str, says: str) -> None:
    with FaultServer() as server:
        server.replies["it"] = QUIRKS["err401"]
        findings = examined(server.url("it"), key)
    assert states(findings) == [*["ok"] * 5, "fault", *["skipped"] * 3]
    assert says in findings["key"].sentence
    assert "wrong" not in "".join(finding.sentence + finding.advice for finding in findings.values())


def test_a_llama_cpp_that_lists_its_models_to_all_still_wants_its_key(llama_model: str) -> None:
    with LlamaServer(llama_model, api_key="sk-right") as server:
        assert examined(server.base_url)["key"].state == "fault"
        assert examined(server.base_url, "sk-wrong")["key"].state == "fault"
        assert "fault" not in states(examined(server.base_url, "sk-right"))


def test_a_context_that_is_too_short_is_told_with_the_one_that_fits(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = lmstudio()
    context = examined(fault_server.url("it"), needs_context=10_000)["context"]
    assert context.state == "fault"
    assert context.sentence == "The workflow needs about 10,000 tokens, each request may have only 8,192."
    assert context.repair == Repair("Load with 10,240", model="qwen", load=True, context_length=10_240)
    beyond = examined(fault_server.url("it"), needs_context=500_000)["context"]
    assert beyond.repair is None and "131,072 at most" in beyond.advice
    assert examined(fault_server.url("it"), needs_context=8_192)["context"].state == "ok"


def test_what_is_told_its_context_each_time_is_repaired_in_the_settings(llama_model: str) -> None:
    context = examined(llama_model, needs_context=10_000)["context"]
    assert (context.state, context.repair) == ("fault", Repair("Give it 10,240", context_length=10_240))
    assert examined(llama_model, needs_context=10_000, context_length=10_240)["context"].state == "ok"


def test_ollama_s_context_is_what_felix_asks_for(fault_server: FaultServer) -> None:
    tags = {"models": [{"name": "qwen3:8b", "model": "qwen3:8b", "size": 5}]}
    loaded = {"models": [{"name": "qwen3:8b", "model": "qwen3:8b", "size": 5, "context_length": 4096}]}
    show = {"capabilities": ["completion"], "model_info": {"qwen3.context_length": 40_960}}
    fault_server.replies["it"] = paths({"/api/tags": tags, "/api/ps": loaded, "/api/show": show})
    short = examined(fault_server.url("it"), kind="ollama", needs_context=6_000)["context"]
    assert (short.state, short.repair) == ("fault", Repair("Give it 6,144", context_length=6_144))
    enough = examined(fault_server.url("it"), kind="ollama", needs_context=6_000, context_length=6_144)["context"]
    assert enough.state == "ok"


def test_a_model_that_is_not_loaded_is_not_loaded_by_looking_at_it() -> None:
    with FakeLMStudio() as studio:
        studio.instances.clear()
        findings = examined(studio.base_url)
        assert studio.answered == []
    repair = findings["model"].repair
    assert repair is not None and repair.load
    assert findings["answer"].state == "skipped" and "would load" in findings["answer"].sentence


def test_ollama_needs_no_path_in_its_address() -> None:
    with FakeOllama() as ollama:
        findings = examined(ollama.root, kind="ollama")
    assert (findings["address"].state, findings["server"].state) == ("ok", "ok")


def test_a_first_token_that_is_slow_though_the_model_is_loaded_is_marked(fault_server: FaultServer) -> None:
    def slow(client: Connection) -> None:
        client.head()
        fault_server.stopping.wait(0.7)
        client.send(event(text("Yes", model="qwen")))
        client.send(event(STOP))
        client.end()

    fault_server.replies["it"] = paths({**LMSTUDIO, "/v1/chat/completions": slow})
    finding = examined(fault_server.url("it"))["answer"]
    assert finding.state == "warning"
    assert "its first token takes 0." in finding.sentence and "although it is loaded" in finding.sentence


def test_a_model_that_refuses_to_answer_is_told_in_its_server_s_words(fault_server: FaultServer) -> None:
    fault_server.replies["it"] = paths({**LMSTUDIO, "/v1/chat/completions": QUIRKS["err_lmstudio_event"]})
    finding = examined(fault_server.url("it"))["answer"]
    assert finding.state == "fault" and "context" in finding.sentence


def test_a_server_that_hangs_is_told(fault_server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("felix.llm.examination.checks._LISTING_S", 0.2)
    finding = examined(fault_server.url("silence_before_headers"))["server"]
    assert finding.state == "fault" and "did not answer" in finding.sentence


def test_a_model_file_is_examined_without_a_server(llama_model: str) -> None:
    findings = examined(llama_model, needs_context=2_000)
    assert states(findings) == ["ok", *["skipped"] * 3, "ok", "skipped", "ok", "ok", "ok"]
    assert findings["model"].sentence == "Tiny Babble is loaded when it is first asked."


def test_a_model_file_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"nothing of the kind")
    findings = examined(file_address(path))
    assert findings["server"].sentence == "x.gguf is no GGUF file."
    assert findings["answer"].state == "skipped"
