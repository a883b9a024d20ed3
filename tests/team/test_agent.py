from __future__ import annotations

import asyncio

import pytest

from felix.events import AgentId, ThoughtComplete
from felix.llm.chat import ChatRequest
from felix.team.agent import LLMAgent
from felix.team.workflow import Workflow
from tests.team.scripted import Line, ScriptedClient, always, connection, says, workflow


def agent(client: ScriptedClient, flow: Workflow, agent_id: str = "research-1") -> LLMAgent:
    member = next(m for m in flow.members() if m.id == AgentId(agent_id))
    return LLMAgent(member, flow, connection(client), always())


def think(speaker: LLMAgent, t: float, *, streaming: bool = True) -> ThoughtComplete:
    return asyncio.run(speaker.process_task_with_llm("Why?", t, enable_streaming=streaming))


def test_an_agent_thinks_without_a_hub_and_remembers_its_own_thoughts() -> None:
    client = ScriptedClient(lambda request: says("A thought of its own.\nConfidence: 0.7"))
    alone = agent(client, workflow())
    first = think(alone, 0.0)
    assert (first.status, first.content, first.confidence) == ("complete", "A thought of its own.\n", 0.7)
    second = think(alone, 0.5)
    assert second.read == (first.thought_id,)
    assert "A thought of its own." in client.prompt("research-1", 1)


def test_without_a_hub_each_thought_has_a_name_of_its_own_whatever_became_of_it() -> None:
    alone = agent(ScriptedClient(lambda request: []), workflow())
    assert [think(alone, 0.0).thought_id for _ in range(2)] == ["research-1#1", "research-1#2"]


@pytest.mark.parametrize(("t", "checkpoint"), [(0.0, 0.0), (0.49, 0.0), (0.5, 0.5), (1.0, 0.5)])
def test_the_depth_in_the_prompt_is_the_deepest_checkpoint_reached(t: float, checkpoint: float) -> None:
    client = ScriptedClient(lambda request: says("Words."))
    assert think(agent(client, workflow()), t).checkpoint == checkpoint
    assert f"Depth {checkpoint:.2f}" in client.prompt("research-1")


def test_temperature_falls_with_depth() -> None:
    client = ScriptedClient(lambda request: says("Words."))
    alone = agent(client, workflow(checkpoints="[0, 1]"))
    think(alone, 0.0)
    think(alone, 1.0)
    assert [request.temperature for request in client.requests] == [0.9, 0.4]


def test_the_argument_switches_streaming_off() -> None:
    client = ScriptedClient(lambda request: says("Words."))
    think(agent(client, workflow()), 0.0, streaming=False)
    assert client.streamed == [False]


def test_cancelling_without_a_hub_just_cancels() -> None:
    asked = asyncio.Event()

    def script(request: ChatRequest) -> list[Line]:
        asked.set()
        return [asyncio.Event()]

    client = ScriptedClient(script)

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            thinking = tasks.create_task(agent(client, workflow()).process_task_with_llm("Why?", 0.0))
            await asked.wait()
            thinking.cancel()

    asyncio.run(run())
    assert client.speaking == 0
