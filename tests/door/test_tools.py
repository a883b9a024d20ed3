"""Functions of the caller's as tools of runs and agents."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import pytest

import felix
from felix.events import ToolAnswered, ToolCalled, ToolReturned
from tests.servers import mcp_server

TEAM = {"name": "One", "agents": [{"id": "research", "role": "research", "count": 2}], "checkpoints": [0.0]}
USE = felix.Say("Let me see.", tool_calls=(("add", {"a": 2, "b": 3}),))


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def results(client: felix.ScriptedClient) -> list[tuple[str, bool]]:
    """What the model was told of each call, and whether it failed."""
    return [(each.content, each.is_error) for each in client.requests[-1].messages if each.role == "tool"]


def test_an_agent_uses_a_function_and_goes_on() -> None:
    client = felix.ScriptedClient([USE, "It is five."])
    heard: list[object] = []
    agent = felix.Agent(client=client, tools=[add])
    answer = asyncio.run(agent.ask("Two and three?", on_tool=heard.append))
    assert (answer.status, answer.text) == ("complete", "Let me see.\n\nIt is five.")
    assert [spec.name for spec in client.requests[0].tools] == ["add"]
    assert client.requests[0].tools[0].description == "Add two numbers."
    assert results(client) == [("5", False)]
    assert [type(event) for event in heard] == [ToolCalled, ToolReturned]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"a": 1}, "'b' is a required property"), ({"a": 1, "b": "x"}, "'x' is not of type 'integer'")],
)
def test_what_the_model_gets_wrong_goes_back_to_it(arguments: dict[str, object], said: str) -> None:
    client = felix.ScriptedClient([felix.Say(tool_calls=(("add", arguments),)), "Well."])
    assert asyncio.run(felix.Agent(client=client, tools=[add]).ask("?")).text == "Well."
    assert said in results(client)[0][0] and results(client)[0][1]


def test_what_a_function_raises_goes_to_the_model_and_not_to_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    def fail(a: int, b: int) -> None:
        raise KeyError(a)

    client = felix.ScriptedClient([USE, "Well."])
    agent = felix.Agent(client=client, tools=[felix.FunctionTool(fail, name="add")])
    assert asyncio.run(agent.ask("?")).text == "Let me see.\n\nWell."
    assert results(client) == [("add failed: KeyError: 2", True)]
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG and record.exc_info]


def test_all_agents_of_a_run_may_use_it_and_its_events_tell() -> None:
    client = felix.ScriptedClient({"research": [USE, USE, "Five.", "Five, too."], "hub": "Five."})

    async def work() -> list[felix.Event]:
        run = felix.run("Two and three?", workflow=TEAM, client=client, tools=[add])
        events = [event async for event in run]
        assert run.result.status == "complete"
        return events

    returned = [event for event in asyncio.run(work()) if isinstance(event, ToolReturned)]
    assert {(event.agent_id, event.status, event.content) for event in returned} == {
        ("research-1", "ok", "5"),
        ("research-2", "ok", "5"),
    }


@pytest.mark.parametrize(
    ("said", "done"), [(True, True), ("run", True), ("always", True), (False, False), ("no", False), (None, False)]
)
def test_a_call_that_asks_waits_for_the_callers_word(said: Any, done: bool) -> None:
    calls: list[ToolCalled] = []

    def approve(call: ToolCalled) -> Any:
        calls.append(call)
        return said

    async def approve_later(call: ToolCalled) -> Any:
        await asyncio.sleep(0)
        return approve(call)

    asks = felix.FunctionTool(add, trust="ask")
    for each in (approve, approve_later):
        client = felix.ScriptedClient([USE, "Well."])
        asyncio.run(felix.Agent(client=client, tools=[asks], approve=each).ask("?"))
        assert (results(client) == [("5", False)]) is done
    client = felix.ScriptedClient({"research": [USE, USE, "Well.", "Well."], "hub": "Well."})

    async def work() -> None:
        run = felix.run("?", workflow=TEAM, client=client, tools=[asks], approve=approve)
        events = [event async for event in run]
        answered = [event for event in events if isinstance(event, ToolAnswered)]
        # a word for the run holds for both, whether the second has asked by then or not
        assert len(answered) in ((1, 2) if said in ("run", "always") else (2,))
        returned = [event.status for event in events if isinstance(event, ToolReturned)]
        assert returned == ["ok" if done else "refused"] * 2
        statuses = {call.status for call in run.result.thoughts}
        assert statuses == {"complete"}

    asyncio.run(work())
    assert calls[0].arguments == '{"a": 2, "b": 3}' and calls[0].asks


def test_without_somebody_to_ask_it_is_refused() -> None:
    client = felix.ScriptedClient([USE, "Well."])
    asyncio.run(felix.Agent(client=client, tools=[felix.FunctionTool(add, trust="ask")]).ask("?"))
    assert "nobody can be asked" in results(client)[0][0]


def test_stopping_ends_a_function_that_is_awaited() -> None:
    is_cancelled = asyncio.Event()

    async def hang(a: int, b: int) -> None:
        try:
            stream.stop()
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()

    tool = felix.FunctionTool(hang, name="add")
    stream = felix.Agent(client=felix.ScriptedClient([USE, "Well."]), tools=[tool]).stream("?")

    async def work() -> felix.Answer:
        return await stream

    answer = asyncio.run(work())
    assert (answer.status, answer.text) == ("stopped", "Let me see.")
    assert is_cancelled.is_set()


def test_a_fault_in_approving_is_raised() -> None:
    def approve(call: ToolCalled) -> bool:
        raise ZeroDivisionError

    asks = felix.FunctionTool(add, trust="ask")
    client = felix.ScriptedClient({"research": USE, "hub": "Well."})
    with pytest.raises(ZeroDivisionError):
        felix.run_sync("?", workflow=TEAM, client=client, tools=[asks], approve=approve)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(felix.Agent("research", client=client, tools=[asks], approve=approve).ask("?"))


def test_a_tool_that_nobody_has_is_told() -> None:
    with pytest.raises(felix.ToolError, match="names the tool “nope”, which Felix does not know"):
        asyncio.run(felix.Agent(client=felix.ScriptedClient(), tools=[add, "nope"]).ask("?"))
    result = felix.run_sync("?", workflow=TEAM, client=felix.ScriptedClient(), tools=["nope"])
    assert result.status == "failed" and "nope" in result.reason


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [([add, add], "Two tools are called add"), ([3], "3 is no tool"), ([lambda: None], "is no name for a tool")],
)
def test_what_is_no_tool_is_refused_at_once(tools: Any, sentence: str) -> None:
    with pytest.raises(felix.FelixError, match=sentence):
        felix.Agent(client=felix.ScriptedClient(), tools=tools)


@pytest.mark.slow
def test_a_server_of_tools_is_started_once_for_an_agent_that_is_entered_and_ends_with_it() -> None:
    pytest.importorskip("mcp")
    asked: list[str] = []

    def answer(request: felix.ChatRequest) -> felix.Say:
        if request.messages[-1].role == "tool":
            return felix.Say(request.messages[-1].content)
        return felix.Say(tool_calls=((request.tools[0].name, {"text": f"said {len(asked)}"}),))

    def approve(call: ToolCalled) -> bool:
        asked.append(call.name)
        return True

    async def work() -> set[asyncio.Task[object]]:
        server = {"command": sys.executable, "args": ["-u", mcp_server.__file__]}
        settings = {"mcp_servers": {"one": server}}
        client = felix.ScriptedClient(answer)
        async with felix.Agent(client=client, tools=["one/echo"], approve=approve, settings=settings) as agent:
            said = await asyncio.gather(agent.ask("?"), agent.ask("?"))
            assert [each.text for each in (*said, await agent.ask("?"))] == ["said 0", "said 0", "said 2"]
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    assert asyncio.run(work()) == set()
    assert asked == ["one/echo"] * 3
