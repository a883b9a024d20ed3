"""What workflows mean by the names of tools, and what is said of names that nobody has."""

from __future__ import annotations

import asyncio

import pytest

from felix.errors import ToolError
from felix.settings import Settings
from felix.team.tools import toolbox as toolbox_module
from felix.team.tools.toolbox import Provider, Toolbox
from tests.team.tools.tooled import Having, Scripted

LOCAL = Having([Scripted("calculator"), Scripted("read_file")])
DESK = Having([Scripted("desk/read"), Scripted("desk/write")], name="desk")
BROKEN = Having([], name="broken", fault="The server “broken” did not start – look at its log.")


def offered(*names: str, providers: tuple[Provider, ...] = (LOCAL, DESK, BROKEN)) -> list[str]:
    box = Toolbox(lambda: providers, Settings)
    return [tool.name for tool in asyncio.run(box.offered(names))]


@pytest.mark.parametrize(
    ("names", "means"),
    [
        (["calculator"], ["calculator"]),
        (["desk"], ["desk/read", "desk/write"]),
        (["desk/write", "desk", "calculator", "calculator"], ["desk/write", "desk/read", "calculator"]),
        ([], []),
    ],
)
def test_a_name_is_a_tool_a_tool_of_a_server_or_all_of_a_server(names: list[str], means: list[str]) -> None:
    assert offered(*names) == means


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "abacus",
            "“abacus”, which Felix does not know – add it in Settings, or name another one (there: calculator, ",
        ),
        ("desk/burn", "no tool “burn” – name one it has (there: desk/read, desk/write)"),
        ("shop/buy", "“shop/buy”, which Felix does not know"),
        ("broken", "did not start"),
        ("broken/x", "did not start"),
        ("calculator/x", "“calculator/x”"),
    ],
)
def test_what_nobody_has_is_told_with_what_there_is(name: str, told: str) -> None:
    with pytest.raises(ToolError) as missing:
        offered("calculator", name)
    assert told in str(missing.value) and "\n" not in str(missing.value)


def test_servers_that_are_not_named_are_not_started() -> None:
    assert offered("desk/read", "calculator") == ["desk/read", "calculator"], "the broken one was not asked"
    assert offered("calculator", providers=(LOCAL, BROKEN)) == ["calculator"]


def test_servers_that_fail_are_all_told_of_without_waiting_for_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(Having):
        async def tools(self) -> tuple[Scripted, ...]:
            await asyncio.Event().wait()
            return ()

    monkeypatch.setattr(toolbox_module, "_MOMENT_S", 0.01)
    bad = [Having([], name=name, fault=f"The server “{name}” is broken – mend it.") for name in ("one", "two")]
    with pytest.raises(ToolError) as failed:
        offered("one", "two", "mute", providers=(*bad, Mute([], name="mute")))
    told = "The server “one” is broken; the server “two” is broken; the server “mute” has not started yet – look into"
    assert str(failed.value) == f"{told} Settings, Tools."


def test_servers_start_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    class Slow(Having):
        async def tools(self) -> tuple[Scripted, ...]:
            async with asyncio.timeout(10):
                await both.wait()
            return await super().tools()

    one, two = Slow([Scripted("one/a")], name="one"), Slow([Scripted("two/a")], name="two")
    assert offered("one", "two", providers=(one, two)) == ["one/a", "two/a"]
