"""The scripted client, which others test their programs with: it has to do exactly what it was told."""

from __future__ import annotations

import asyncio

import pytest

import felix
from felix.llm.chat import ToolCall

QUESTION = felix.ChatRequest((felix.Message("user", "How are you?"),), "m", agent_id="research-2")


async def told(client: felix.ScriptedClient, request: felix.ChatRequest = QUESTION) -> list[felix.Delta]:
    return [delta async for delta in client.stream(request) if not isinstance(delta, felix.Progress)]


def test_text_and_thinking_come_word_by_word_with_their_words_counted() -> None:
    client = felix.ScriptedClient(felix.Say("Very well.", thinking="Hm, so."))
    assert asyncio.run(told(client)) == [
        felix.Reasoning("Hm, "),
        felix.Reasoning("so."),
        felix.Text("Very "),
        felix.Text("well."),
        felix.Usage(3, 4, 2),
        felix.Finish("stop", "m"),
    ]
    assert client.requests == [QUESTION]
    assert client.prompt("research-2") == client.prompt() == "How are you?"


@pytest.mark.parametrize("name", ["research-2", "research", ""])
def test_an_agent_is_found_by_its_id_its_name_or_as_any_other(name: str) -> None:
    client = felix.ScriptedClient({name: "Mine.", "hub": "Not mine."})
    assert asyncio.run(client.complete(QUESTION)).text == "Mine."


def test_a_script_goes_on_answer_by_answer_and_its_end_is_told() -> None:
    client = felix.ScriptedClient({"research": ["One.", felix.Say("Two.", finish="length")]})
    assert asyncio.run(client.complete(QUESTION)).status == "complete"
    assert asyncio.run(client.complete(QUESTION)).status == "truncated"
    with pytest.raises(felix.ServerError, match="The script for research ends after 2, this is question 3"):
        asyncio.run(client.complete(QUESTION))


def test_nobody_is_answered_for_whom_nothing_is_written() -> None:
    with pytest.raises(felix.ServerError, match="The script has nothing for research-2"):
        asyncio.run(felix.ScriptedClient({"hub": "Not mine."}).complete(QUESTION))


def test_a_function_may_write_the_script() -> None:
    client = felix.ScriptedClient(lambda request: f"{len(request.messages)} message")
    assert asyncio.run(client.complete(QUESTION)).text == "1 message"


def test_tool_calls_are_told_with_their_finish() -> None:
    client = felix.ScriptedClient(felix.Say(tool_calls=(("add", {"a": 1}), ("halt", {}))))
    answer = asyncio.run(client.complete(QUESTION))
    assert answer.tool_calls == (ToolCall("call_0", "add", '{"a": 1}'), ToolCall("call_1", "halt", "{}"))
    assert answer.finish_reason == "tool_calls"


def test_an_answer_may_break_off() -> None:
    client = felix.ScriptedClient(felix.Say("Half of", fails=felix.ServerError("Gone – look.", fault="cut")))
    answer = asyncio.run(felix.Agent(client=client).ask("Well?"))
    assert (answer.status, answer.text, answer.error) == ("unconfirmed", "Half of", "Gone – look.")


def test_a_failure_instead_of_an_answer_is_raised() -> None:
    client = felix.ScriptedClient([felix.ServerError("Down – start it.", fault="server")])
    with pytest.raises(felix.ServerError, match="Down"):
        asyncio.run(felix.Agent(client=client).ask("Well?"))


def test_an_answer_may_be_given_piece_by_piece_and_held_where_a_test_wants_it() -> None:
    async def hold() -> None:
        gate = asyncio.Event()
        pieces = (felix.Text("Before "), gate, 0.0, felix.Text("after."), felix.Finish("stop"))
        stream = felix.Agent(client=(client := felix.ScriptedClient(felix.Say(pieces=pieces)))).stream("Well?")
        seen = ""
        async for piece in stream:
            seen += piece
            assert client.speaking
            gate.set()
        assert (seen, stream.answer.text, client.speaking, client.stopped) == ("Before after.", "Before after.", 0, 0)

    asyncio.run(hold())


def test_a_question_that_was_not_asked_is_told() -> None:
    with pytest.raises(felix.FelixError, match="hub was not asked that often: 0 times"):
        felix.ScriptedClient().prompt("hub")
