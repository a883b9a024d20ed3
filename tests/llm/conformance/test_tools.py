"""Tools in every dialect: offered, called, their results sent back; and what is done where a server takes none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from felix.llm.chat import ChatRequest, Message, ToolCall, ToolSpec
from tests.llm.conformance.kinds import KINDS, Kind, kinds_that, talk
from tests.servers.fakes import Call, End, Request, Say, Script
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fakes.openai import FakeOpenAI
from tests.servers.fakes.serving import Refusal

CLOCK = ToolSpec(
    "get_time",
    "The time of a place.",
    {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
)
SPOKEN = (
    Message("system", "Be brief."),
    Message("user", "What time is it in Kyiv and in Lima?"),
    Message(
        "assistant",
        "I look.",
        (ToolCall("call_a", "get_time", '{"zone": "Kyiv"}'), ToolCall("call_b", "get_time", '{"zone": "Lima"}')),
    ),
    Message("tool", "18:04 in Kyïv", call_id="call_a", name="get_time"),
    Message("tool", "no such zone", call_id="call_b", name="get_time", is_error=True),
)
callers = kinds_that(lambda kind: kind.has_tools)


def asked(kind: Kind, messages: tuple[Message, ...] = SPOKEN) -> ChatRequest:
    return replace(kind.request(messages=messages), tools=(CLOCK,))


@callers
def test_a_model_is_told_of_its_tools(kind: Kind) -> None:
    got = talk(kind, (Call("get_time", ('{"zone":', '"Kyiv"}')), End("tools")), request=asked(kind, kind.messages))
    (told,) = got.server.answered[-1].json["tools"]
    described = told.get("function", told)
    schema = described.get("parameters") or described["input_schema"]
    assert (described["name"], described["description"], schema) == (CLOCK.name, CLOCK.description, CLOCK.parameters)
    assert [(call.name, json.loads(call.arguments)) for call in got.answer.tool_calls] == [
        ("get_time", {"zone": "Kyiv"})
    ]
    assert got.answer.status == "complete"
    assert got.answer.notes == ()


@callers
def test_calls_and_their_results_go_back_in_the_dialects_own_shape(kind: Kind) -> None:
    got = talk(kind, (Say("Four past six."), End()), request=asked(kind))
    messages = got.server.answered[-1].json["messages"]
    assert got.answer.text == "Four past six."
    match kind.client:
        case "anthropic":
            said, results = messages[-2]["content"], messages[-1]["content"]
            assert [block["type"] for block in said] == ["text", "tool_use", "tool_use"]
            assert said[2] == {"type": "tool_use", "id": "call_b", "name": "get_time", "input": {"zone": "Lima"}}
            first = {"type": "tool_result", "tool_use_id": "call_a", "content": "18:04 in Kyïv"}
            second = {"type": "tool_result", "tool_use_id": "call_b", "content": "no such zone", "is_error": True}
            assert results == [first, second]
            assert messages[-1]["role"] == "user"
        case "ollama":
            calls = [call["function"] for call in messages[-3]["tool_calls"]]
            assert calls == [{"name": "get_time", "arguments": {"zone": zone}} for zone in ("Kyiv", "Lima")]
            assert messages[-2] == {"role": "tool", "content": "18:04 in Kyïv", "tool_name": "get_time"}
        case _:
            first, second = messages[-3]["tool_calls"]
            function = {"name": "get_time", "arguments": '{"zone": "Kyiv"}'}
            assert first == {"id": "call_a", "type": "function", "function": function}
            assert messages[-3]["content"] == "I look."
            assert messages[-1] == {"role": "tool", "content": "no such zone", "tool_call_id": second["id"]}


@callers
def test_a_call_written_into_the_text_is_a_call(kind: Kind) -> None:
    pieces = ("Let me see.\n<tool", '_call>\n{"name": "get_time", "argu', 'ments": {"zone": "Lima"}}\n</tool_c', "all>")
    got = talk(kind, (*map(Say, pieces), End()), request=asked(kind, kind.messages))
    assert got.answer.text == got.heard.text() == "Let me see.\n"
    assert [(call.name, json.loads(call.arguments)) for call in got.answer.tool_calls] == [
        ("get_time", {"zone": "Lima"})
    ]


class NoToolsHere(FakeOllama):
    def objection(self, request: Request) -> Refusal | None:
        words = f"registry.ollama.ai/library/{request.json['model']} does not support tools"
        return Refusal(400, {"error": words}) if "tools" in request.json else super().objection(request)


class NoParser(FakeOpenAI):
    def objection(self, request: Request) -> Refusal | None:
        words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
        if "tools" not in request.json:
            return super().objection(request)
        return Refusal(400, {"error": {"message": words, "type": "BadRequestError", "code": 400}})


class NoTemplate(FakeOpenAI):
    def objection(self, request: Request) -> Refusal | None:
        error = {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}
        return Refusal(500, {"error": error}) if "tools" in request.json else super().objection(request)


@pytest.mark.parametrize(("name", "server"), [("ollama", NoToolsHere), ("vllm", NoParser), ("llamacpp", NoTemplate)])
def test_where_tools_are_refused_they_stand_in_the_prompt(name: str, server: type[FakeOllama | FakeOpenAI]) -> None:
    kind = replace(next(each for each in KINDS if each.name == name), server=server)
    text = 'So:\n<tool_call>{"name": "get_time", "arguments": {"zone": "Oslo"}}</tool_call>'
    got = talk(kind, Script(Say(text), End()), request=asked(kind))
    sent = got.server.answered[-1].json
    assert "tools" not in sent
    assert "get_time" in sent["messages"][0]["content"]
    assert {message["role"] for message in sent["messages"]} <= {"system", "user", "assistant"}
    assert "18:04 in Kyïv" in sent["messages"][3]["content"]
    assert [(call.name, json.loads(call.arguments)) for call in got.answer.tool_calls] == [
        ("get_time", {"zone": "Oslo"})
    ]
    assert got.answer.text == "So:\n"
    assert "the model takes no tools by itself: they were described in its prompt" in got.answer.notes
