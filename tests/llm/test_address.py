from __future__ import annotations

from pathlib import Path

import pytest

from felix.llm.address import (
    AddressError,
    default_silence_timeout_s,
    file_address,
    file_path,
    is_loopback,
    repair_base_url,
)

REPAIRS = [
    ("http://127.0.0.1:1234/v1", "http://127.0.0.1:1234/v1"),
    (" http://localhost:1234/v1/ \n", "http://127.0.0.1:1234/v1"),
    ("localhost:1234", "http://127.0.0.1:1234/v1"),
    (' "http://127.0.0.1:1234 " ', "http://127.0.0.1:1234/v1"),
    ("LocalHost:1234/", "http://127.0.0.1:1234/v1"),
    ("127.0.0.1", "http://127.0.0.1/v1"),
    ("//box.local:8080", "http://box.local:8080/v1"),
    ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
    ("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
    ("HTTPS://Example.COM", "https://example.com/v1"),
    ("http://host/api", "http://host/api"),
    ("http://host//v1//", "http://host/v1"),
    ("http://127.0.0.1:1234/v1/chat/completions", "http://127.0.0.1:1234/v1"),
    ("http://127.0.0.1:3000/api/chat/completions", "http://127.0.0.1:3000/api"),
    ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1"),
    ("http://127.0.0.1:11434/api/chat", "http://127.0.0.1:11434/v1"),
    ("http://127.0.0.1:1234/v1?x=1#y", "http://127.0.0.1:1234/v1"),
    ("[::1]:1234", "http://[::1]:1234/v1"),
    ("'http://127.0.0.1:1234'", "http://127.0.0.1:1234/v1"),
    ("file:///m/x.gguf", "file:///m/x.gguf"),
    ("FILE:///m/My Model.GGUF", "file:///m/My%20Model.GGUF"),
    ("file:///m/My%20Model%20ä.gguf", "file:///m/My%20Model%20%C3%A4.gguf"),
    ("file://localhost/m/x.gguf", "file:///m/x.gguf"),
    (' "/m/two words 100%.gguf" ', "file:///m/two%20words%20100%25.gguf"),
]


@pytest.mark.parametrize(("entered", "repaired"), REPAIRS)
def test_an_address_is_repaired_where_the_repair_is_sure(entered: str, repaired: str) -> None:
    assert repair_base_url(entered) == repaired
    assert repair_base_url(repaired) == repaired


NONSENSE = [
    "",
    "   ",
    "http://",
    "http://:1234",
    "http://127.0.0.1:99999/v1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:port",
    "http://127.0.0.1.300:1",
    "http://999.1.1.1",
    "ftp://127.0.0.1/v1",
    "not an address at all",
    "http:// 127.0.0.1 :1234",
    "127.0.0.1:1234\n127.0.0.1:8080",
    "file:///etc/passwd",
    "file://other/m/x.gguf",
    "file:",
    "model.gguf",
    "http://user:secret@host/v1",
    "http://ho$t",
    "http://-host",
    "http://[::1",
    "http://[nonsense]",
]


@pytest.mark.parametrize("entered", NONSENSE)
def test_nonsense_is_refused_with_the_next_step(entered: str) -> None:
    with pytest.raises(AddressError) as caught:
        repair_base_url(entered)
    assert " – " in str(caught.value)
    assert "secret" not in str(caught.value)


def test_loopback_is_this_machine_in_all_its_spellings() -> None:
    assert all(is_loopback(f"http://{host}:1/v1") for host in ("127.0.0.1", "127.9.9.9", "[::1]", "localhost"))
    assert not any(
        is_loopback(f"http://{host}/v1") for host in ("192.168.1.2", "127.0.0.1.example.com", "localhost.io")
    )
    assert not is_loopback("http://[broken")


def test_a_server_on_this_machine_gets_more_patience() -> None:
    assert default_silence_timeout_s("http://127.0.0.1:1234/v1") == 600
    assert default_silence_timeout_s("https://api.openai.com/v1") == 120


def test_a_model_file_is_an_address_of_this_machine_and_back(tmp_path: Path) -> None:
    path = tmp_path / "ein Größeres Modell #1 100%?.gguf"
    assert is_loopback(file_address(path))
    assert file_path(file_address(path)) == path
    assert repair_base_url(str(path)) == file_address(path) == repair_base_url(file_address(path))
    assert repair_base_url("~/x.gguf") == file_address(Path.home() / "x.gguf")
