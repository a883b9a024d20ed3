"""The examples do what they say, and the README shows them as they are."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path

import pytest

import felix

EXAMPLES = Path(__file__).parent.parent / "examples"
README = Path(__file__).parent.parent.parent / "README.md"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_the_readme_shows_each_example_word_for_word(path: Path) -> None:
    assert f"```python\n{path.read_text(encoding='utf-8')}```" in README.read_text(encoding="utf-8")


def test_a_run_is_watched_and_followed_up(fast_demo_server: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = asyncio.run(_main("watch_a_run")(fast_demo_server))
    assert result.status == "complete"
    assert "has thought, and is 0.7" in (printed := capsys.readouterr().out)
    assert "## " in printed


def test_an_agent_is_talked_to(
    fast_demo_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chat = asyncio.run(_main("talk_to_an_agent")(fast_demo_server))
    assert [turn.question for turn in chat.turns] == ["Name a use of it in engineering.", "And another one?"]
    assert all(turn.answer in capsys.readouterr().out for turn in chat.turns[1:])


@pytest.mark.slow
def test_a_run_may_have_a_time_limit(fast_demo_server: str) -> None:
    assert asyncio.run(_main("stop_early")(fast_demo_server)).status == "complete"


def test_a_client_of_ones_own_answers() -> None:
    assert asyncio.run(_main("own_client")()).text == "Is anybody there? "


def test_tools_of_ones_own_are_used_after_asking(capsys: pytest.CaptureFixture[str]) -> None:
    client = felix.ScriptedClient(
        [
            felix.Say(tool_calls=(("stock", {"fruit": "pears"}),)),
            felix.Say(tool_calls=(("order", {"fruit": "pears", "pieces": 20}),)),
            "There were none; 20 come tomorrow.",
        ]
    )
    assert asyncio.run(_main("own_tools")(client)).text == "There were none; 20 come tomorrow."
    assert [each.content for each in client.requests[-1].messages if each.role == "tool"] == [
        "0",
        "20 pears come tomorrow.",
    ]
    assert "stock keeping wants order" in capsys.readouterr().out


def _main(name: str):
    return importlib.import_module(f"tests.examples.{name}").main
