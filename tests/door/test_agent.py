"""One agent that is asked, and a conversation with it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import felix
from felix.demo import DemoServer
from felix.demo.server import SLOTS

Client = felix.ScriptedClient


def test_an_answer_comes_with_its_figures() -> None:
    heard: list[str] = []
    thought: list[str] = []
    client = Client(felix.Say("It is a helix.", thinking="Hm."))
    agent = felix.Agent("research", prompt="Be short.", client=client)
    answer = asyncio.run(agent.ask("What is it?", on_token=heard.append, on_thinking=thought.append))
    assert heard == ["It ", "is ", "a ", "helix."] and thought == ["Hm."]
    assert (str(answer), answer.thinking, answer.status, answer.model) == (
        "It is a helix.",
        "Hm.",
        "complete",
        "scripted",
    )
    assert answer.usage is not None and (answer.usage.completion, answer.usage.reasoning) == (5, 1)
    assert answer.ttft_s is not None and answer.duration_s >= answer.ttft_s
    system, question = client.requests[0].messages
    assert system.content.startswith("You are a research agent.") and system.content.endswith("Be short.")
    assert question == felix.Message("user", "What is it?")
    assert client.requests[0].temperature == 0.65


def test_an_agent_without_a_role_is_just_a_model() -> None:
    client = Client()
    asyncio.run(felix.Agent(client=client, temperature=0.1, max_tokens=7).ask("Well?"))
    request = client.requests[0]
    assert request.messages == (felix.Message("user", "Well?"),)
    assert (request.temperature, request.max_tokens) == (0.1, 7)


def test_an_answer_is_streamed() -> None:
    async def read() -> None:
        stream = felix.Agent(client=Client("One two three")).stream("Well?")
        with pytest.raises(felix.FelixError, match="The answer has not ended yet"):
            _ = stream.answer
        assert [piece async for piece in stream] == ["One ", "two ", "three"]
        assert stream.answer is await stream

    asyncio.run(read())


def test_without_streaming_the_answer_comes_in_one_piece() -> None:
    async def read() -> None:
        agent = felix.Agent(client=Client("One two three"), settings={"enable_streaming": False})
        assert [piece async for piece in agent.stream("Well?")] == ["One two three"]

    asyncio.run(read())


def test_leaving_a_stream_closes_the_connection_and_keeps_what_came() -> None:
    async def leave() -> None:
        async with DemoServer(speed=5) as server, felix.Agent("research", base_url=server.base_url) as agent:
            stream = agent.stream("What is a helix?")
            async for piece in stream:
                assert piece and server.answering
                break
            answer = await stream
            assert (answer.status, answer.error) == ("stopped", "Stopped by you.")
            assert answer.text
            async with asyncio.timeout(10):
                while server.answering:  # noqa: ASYNC110  it has no event for that
                    await asyncio.sleep(0)

    asyncio.run(leave())


def test_a_stream_that_is_cancelled_stops_the_model() -> None:
    client = Client(felix.Say(pieces=(felix.Text("Half"), asyncio.Event())))

    async def cancel() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30) as limit:
                await felix.Agent(client=client).ask("Well?", on_token=lambda _: limit.reschedule(0))

    asyncio.run(cancel())
    assert (client.speaking, client.stopped) == (0, 1)


def test_one_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(felix.ServerError, match=r"127\.0\.0\.1:9") as told:
        asyncio.run(felix.Agent(base_url="http://127.0.0.1:9/v1").ask("Well?"))
    assert told.value.fault == "unreachable"


def test_questions_of_an_agent_that_is_entered_share_a_connection(fast_demo_server: str) -> None:
    async def ask() -> list[felix.Answer]:
        async with felix.Agent(base_url=fast_demo_server) as agent:
            return await asyncio.gather(*(agent.ask("Well?") for _ in range(6)))

    assert {answer.status for answer in asyncio.run(ask())} == {"complete"}


def test_questions_side_by_side_ask_a_server_for_no_more_than_its_slots(fast_demo_server: str) -> None:
    writing: set[int] = set()
    most = 0

    async def ask(number: int) -> None:
        nonlocal most

        def count(_: str) -> None:
            nonlocal most
            writing.add(number)
            most = max(most, len(writing))

        await felix.Agent(base_url=fast_demo_server).ask("Well?", on_token=count)
        writing.discard(number)

    async def all_at_once() -> None:
        await asyncio.gather(*map(ask, range(3 * SLOTS)))

    asyncio.run(all_at_once())
    assert 1 < most <= SLOTS


def test_a_conversation_goes_on_from_what_was_said(tmp_path: Path) -> None:
    client = Client(["Four.", "Nine.", felix.Say("Six", finish="length"), "Done."])
    chat = felix.Conversation(felix.Agent(client=client))

    async def talk() -> None:
        await chat.ask("Two and two?")
        await chat.ask("Three by three?")
        await chat.ask("And?")
        chat.save(tmp_path / "chat.json")
        again = felix.Conversation.load(tmp_path / "chat.json", felix.Agent(client=client))
        assert again.turns == chat.turns
        await again.ask("Last?")

    asyncio.run(talk())
    assert [(m.role, m.content) for m in client.requests[3].messages] == [
        ("user", "Two and two?"),
        ("assistant", "Four."),
        ("user", "Three by three?"),
        ("assistant", "Nine."),
        ("user", "And?"),
        ("assistant", "Six\n\n[This answer was cut off here.]"),
        ("user", "Last?"),
    ]


def test_what_failed_is_no_turn_and_what_was_left_is_one_that_says_so() -> None:
    down = felix.ServerError("Down – start it.", fault="server")
    for_ever = asyncio.Event()
    half = felix.Say(pieces=(felix.Text("One "), for_ever))
    chat = felix.Conversation(felix.Agent(client=Client([down, half])))

    async def talk() -> None:
        with pytest.raises(felix.ServerError):
            await chat.ask("First?")
        async for _ in (stream := chat.stream("Second?")):
            break
        await stream

    asyncio.run(talk())
    assert chat.turns == [felix.Turn(question="Second?", answer="One ", status="stopped", model="scripted")]


def test_what_does_not_fit_the_context_is_left_out_from_the_oldest_on_and_said() -> None:
    client = Client(context_length=1_000)
    said = [felix.Turn(question=f"Question {n}? " + "x" * 300, answer="y" * 300, status="complete") for n in range(5)]
    answer = asyncio.run(felix.Conversation(felix.Agent(client=client), said).ask("Last?"))
    messages = client.requests[0].messages
    assert messages[0].content.startswith("Question 2?") and len(messages) == 7
    assert answer.notes == ("the 4 oldest messages are left out to fit a context of 1,000 tokens",)


def test_where_nobody_says_what_fits_all_is_sent_and_less_when_it_was_too_much() -> None:
    too_long = felix.ServerError("Too long – ask less.", fault="context")
    client = Client([too_long, "Well.", too_long])
    said = [felix.Turn(question=f"Question {n}?", answer="y" * 3_000, status="complete") for n in range(5)]
    answer = asyncio.run(felix.Conversation(felix.Agent(client=client), said).ask("Last?"))
    assert [len(request.messages) for request in client.requests] == [11, 5]
    assert answer.notes == (
        "the 6 oldest messages are left out to fit a context of ~4,096 tokens (the server does not say)",
    )
    with pytest.raises(felix.ServerError, match="Too long"):
        asyncio.run(felix.Agent(client=client).ask("Only this?"))
    assert len(client.requests) == 3


def test_a_pool_answers_though_one_of_its_machines_does_not(fast_demo_server: str) -> None:
    endpoints = [
        {"name": "gone", "base_url": "http://127.0.0.1:9/v1", "pool": "gpus"},
        {"name": "there", "base_url": fast_demo_server, "pool": "gpus"},
    ]

    async def ask() -> list[felix.Answer]:
        async with felix.Agent(endpoint="gpus", settings={"endpoints": endpoints}) as agent:
            return [await agent.ask("Well?"), await agent.ask("Well?")]

    first, second = asyncio.run(ask())
    assert (first.status, second.status) == ("complete", "complete")
    assert "gone does not answer" in first.notes[0]


def test_an_endpoint_that_the_settings_do_not_have_is_told() -> None:
    with pytest.raises(felix.FelixError, match="“box”, which the settings do not know"):
        asyncio.run(felix.Agent(endpoint="box").ask("Well?"))


def test_two_questions_at_once_are_refused() -> None:
    async def talk() -> None:
        chat = felix.Conversation(felix.Agent(client=Client("One two")))
        async for _ in chat.stream("First?"):
            with pytest.raises(felix.FelixError, match="still being answered"):
                chat.stream("Second?")

    asyncio.run(talk())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"felix_conversation": 2}', json.dumps({"felix_conversation": 1, "turns": [{"question": 1}]})],
)
def test_what_is_no_conversation_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text(text)
    with pytest.raises(felix.FelixError, match="This is no conversation"):
        felix.Conversation.load(path, felix.Agent(client=Client()))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(felix.FelixError, match=r"nope\.json cannot be read"):
        felix.Conversation.load("nope.json", felix.Agent(client=Client()))
