"""Tool calls as servers really send them: every irregular form, and llama.cpp's own."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from felix.events import RunId
from felix.ledger.state import RunState
from felix.llm.chat import ChatClient, ChatRequest
from felix.llm.openai_client import OpenAIClient
from felix.team.connection import Connection
from felix.team.connections import Connections
from felix.team.hub import CentralPost
from felix.team.runner import run_workflow
from felix.team.tools.offer import RunTools
from felix.team.tools.schema import canonical
from tests.llm.conformance.kinds import Kind, kinds_that
from tests.servers.fakes.openai import DONE, FakeOpenAI
from tests.servers.fakes.script import Call, End, Raw, Say, Script
from tests.servers.fakes.serving import sse
from tests.servers.llamacpp import LlamaServer
from tests.team.scripted import always, workflow
from tests.team.tools.tooled import Scripted, toolbox

FLOW = workflow("{id: research, role: research}", checkpoints="[0]", more="tools: [add, look]\nsynthesis: {skip: true}")
FORMS = ["regular", "no index", "one index", "gaps", "whole", "object", "no id", "empty id", "name again", "null"]

Wanted = list[tuple[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


def use(client: ChatClient, url: str, model: str, *tools: Scripted, **changes: object) -> RunState:
    hub, settings = CentralPost(RunId("r")), always(**changes)

    async def run() -> None:
        places = Connections.to(Connection(client, url, "Fake", model, {model: 16_384}, 0), settings)
        await run_workflow("Why?", FLOW, places, hub, settings, tools=RunTools(toolbox(*tools), hub=hub))
        await client.aclose()

    asyncio.run(run())
    return hub.state


def pieces_of(form: str, wanted: Wanted, cuts: list[int]) -> Iterator[list[dict[str, Any]]]:
    """What stands in `tool_calls` of one delta after another."""
    for number, (name, arguments) in enumerate(wanted):
        index = {"one index": 0, "gaps": 1 + 3 * number}.get(form, number)
        call_id = {"no id": None, "empty id": ""}.get(form, f"id-{number}-{'x' * number}")
        text: Any = json.dumps(arguments)
        if form == "object":
            text = arguments
        elif form == "null" and not arguments:
            text = None
        first: dict[str, Any] = {"index": index, "id": call_id, "type": "function", "function": {"name": name}}
        if form == "no index":
            del first["index"]
        if call_id is None:
            del first["id"]
        if form in ("whole", "object", "null") or not text:
            first["function"]["arguments"] = text
            yield [first]
            continue
        at = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
        parts = [text[a:b] for a, b in itertools.pairwise(at)]
        first["function"]["arguments"] = ""
        yield [first]
        for part in parts:
            more: dict[str, Any] = {"index": index, "function": {"arguments": part}}
            if form == "no index":
                del more["index"]
            if form == "name again":
                more["function"]["name"] = name
            yield [more]


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return sse({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


calls_wanted = st.lists(
    st.tuples(
        st.sampled_from(["add", "look"]),
        st.dictionaries(st.sampled_from("abc"), st.one_of(st.integers(-9, 9), st.text(max_size=6)), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    form=st.sampled_from(FORMS),
    wanted=calls_wanted,
    cuts=st.lists(st.integers(0, 30), max_size=4),
    finish=st.sampled_from(["tool_calls", "stop", "function_call"]),
    before=st.sampled_from(["", "Let me see."]),
    at_once=st.booleans(),
)
def test_whatever_form_the_calls_come_in_they_are_what_was_meant(
    server: FakeOpenAI, form: str, wanted: Wanted, cuts: list[int], finish: str, before: str, at_once: bool
) -> None:
    deltas = list(pieces_of(form, wanted, cuts))
    if at_once and form in ("whole", "object", "null"):
        deltas = [[piece for delta in deltas for piece in delta]]
    body = [chunk({"content": before})] if before else []
    body += [chunk({"tool_calls": delta}) for delta in deltas]
    server.answered.clear()
    server.scripts = (Script(Raw(b"".join([*body, chunk({}, finish), DONE]))), Script(Say("Done."), End()))
    add, look = Scripted("add"), Scripted("look")
    state = use(OpenAIClient(server.base_url), server.base_url, "m", add, look)
    (thought,) = state.thoughts.values()
    assert (thought.status, str(thought.answer)) == ("complete", f"{before}\n\nDone." if before else "Done.")
    once = list(dict.fromkeys((name, json.dumps(arguments, sort_keys=True)) for name, arguments in wanted))
    for tool in (add, look):
        meant = [json.loads(arguments) for name, arguments in once if name == tool.name]
        assert sorted(map(canonical, tool.asked)) == sorted(map(canonical, meant))
    told = server.answered[1].json["messages"]
    asked = [call["id"] for message in told for call in message.get("tool_calls") or ()]
    answered = [message["tool_call_id"] for message in told if message["role"] == "tool"]
    assert asked == answered and len(set(asked)) == len(asked) == len(once) and all(asked)


@pytest.mark.slow
@kinds_that(lambda kind: kind.has_tools)
@pytest.mark.parametrize("streaming", [True, False])
def test_every_dialect_carries_an_answer_over_its_tools_to_its_end(kind: Kind, streaming: bool) -> None:
    """Also the last question, with which no tools are sent: the fakes object to what their documentation does not
    allow."""
    wrong = Script(Call("nothing", ("{}",)), End("tools"))
    good = Script(Say("First."), Call("add", ('{"a":', "1}")), Call("look", ("{}",)), End("tools"))
    refused = [good] if kind.name in ("openai", "anthropic") else []  # these models take no temperature
    with kind.server(*refused, good, wrong, wrong, Script(Say("Done."), End())) as server:
        add, look = Scripted("add", lambda arguments: "one"), Scripted("look")
        state = use(kind.open(server), server.base_url, kind.model, add, look, enable_streaming=streaming)
        asked = [request.json for request in server.answered][len(refused) :]
    (thought,) = state.thoughts.values()
    assert (thought.status, str(thought.answer)) == ("complete", "First.\n\nDone."), thought.error
    assert (add.asked, look.asked, len(asked)) == ([{"a": 1}], [{}], 4)
    assert [call.status for call in thought.calls] == ["ok", "ok", "failed", "failed"]
    assert all(body.get("tools") for body in asked[:3]) and not asked[3].get("tools")
    assert "one" in str(asked[1]) and "one" in str(asked[3])


class _MustCall(OpenAIClient):
    """Wants a call of a model that was taught nothing, as long as none has come back."""

    seed = 0

    def _body(self, request: ChatRequest, *, streaming: bool) -> dict[str, Any]:
        has_result = any(message.role == "tool" for message in request.messages)
        body = super()._body(request, streaming=streaming)
        wanted = {"tool_choice": "none", "max_tokens": 40} if has_result else {"tool_choice": "required"}
        return {**body, "max_tokens": 400, "seed": self.seed, **wanted}


@pytest.mark.slow
def test_a_real_llama_cpp_server_makes_calls_that_are_carried_out(llama_server: LlamaServer) -> None:
    schema = {
        "type": "object",
        "properties": {"which": {"enum": ["a", "b"]}, "sure": {"type": "boolean"}},
        "required": ["which", "sure"],
        "additionalProperties": False,
    }
    look = Scripted("look", lambda arguments: "It is " + str(arguments["which"]), schema=schema)
    add = Scripted("add", schema=schema)
    for seed in range(8):  # some of its answers are talk up to their limit, and some are no words
        client = _MustCall(llama_server.base_url)
        client.seed = seed
        look.asked.clear()
        add.asked.clear()
        state = use(client, llama_server.base_url, llama_server.model, look, add)
        (thought,) = state.thoughts.values()
        if thought.calls and str(thought.answer).strip():
            break
    meant = [(call.name, canonical(json.loads(str(call.arguments)))) for call in thought.calls]
    repeats = [each in meant[:number] for number, each in enumerate(meant)]
    assert meant and all(call.called_at for call in thought.calls)
    assert [call.status for call in thought.calls] == ["refused" if is_one else "ok" for is_one in repeats]
    assert len(look.asked) + len(add.asked) == len(set(meant))
    assert thought.calls[0].chunks, "it was seen while it was written"
    assert thought.status in ("complete", "truncated") and str(thought.answer).strip()
    assert thought.usage is not None and thought.usage.completion > 40
