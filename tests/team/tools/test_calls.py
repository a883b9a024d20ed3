"""Tool calls in a run: written, carried out, returned, and the answer that goes on with them."""

from __future__ import annotations

import asyncio
import logging

import pytest

from felix.errors import ToolError
from felix.events import PartialToolCall, ToolCalled, ToolProgressed, ToolReturned
from felix.ledger.speech import Thought
from felix.llm.chat import Message, Reasoning, Text, TextWasReasoning
from felix.team.prompts import estimate_tokens
from felix.team.tools.calls import ANSWER_NOW, MOST_ROUNDS
from felix.team.workflow import Workflow
from tests.team.scripted import Line, Script, always, says, workflow
from tests.team.steered import Steered
from tests.team.tools.tooled import Scripted, calls, in_turn, toolbox

ALONE = "{id: research, role: research}"
FLOW = workflow(ALONE, checkpoints="[0]", more="tools: [add]\nsynthesis: {skip: true}")
NUMBERS = {
    "type": "object",
    "properties": {"n": {"type": "array", "items": {"type": "number"}}},
    "required": ["n"],
    "additionalProperties": False,
}


def add(**changes: object) -> Scripted:
    return Scripted("add", lambda arguments: str(sum(arguments.get("n", ()))), schema=NUMBERS, **changes)  # type: ignore[arg-type,call-overload]


def asked(script: Script, *tools: Scripted, flow: Workflow = FLOW, **more: object) -> tuple[Thought, Steered]:
    run = Steered(script, flow, tools=toolbox(*tools), **more)  # type: ignore[arg-type]
    run.check()
    return next(iter(run.state.thoughts.values())), run


def test_an_answer_goes_on_with_what_its_tools_bring() -> None:
    tool = add()
    script = in_turn(
        calls(("add", '{"n": [2, 3]}'), text="Let me add.\nConfidence: 0.2", step=4),
        says("It is five.\nConfidence: 0.9"),
    )
    flow = workflow(ALONE, checkpoints="[0]", more="tools: [add]")
    thought, run = asked(script, tool, flow=flow)
    assert (thought.status, thought.confidence) == ("complete", 0.9)
    assert str(thought.answer) == "Let me add.\n\nIt is five.\n"
    assert tool.asked == [{"n": [2, 3]}]
    (call,) = thought.calls
    assert (call.name, str(call.arguments), call.status, call.content) == ("add", '{"n": [2, 3]}', "ok", "5")
    assert call.position == len("Let me add.\n")
    assert thought.usage is not None and (thought.usage.prompt, thought.usage.completion) == (20, 10)
    first, second = run.client.requests[:2]
    assert [tool.name for tool in first.tools] == [tool.name for tool in second.tools] == ["add"]
    assistant, result = second.messages[-2:]
    assert (assistant.role, assistant.calls[0].name) == ("assistant", "add")
    assert result == Message("tool", "5", call_id=assistant.calls[0].id, name="add")


def test_without_streaming_tools_are_used_all_the_same() -> None:
    tool = add()
    script = in_turn(calls(("add", '{"n": [1]}'), text="First."), says("One."))
    thought, run = asked(script, tool, settings=always(enable_streaming=False))
    assert (str(thought.answer), tool.asked) == ("First.\n\nOne.", [{"n": [1]}])
    assert not any(run.client.streamed)
    assert thought.calls[0].called_at and thought.calls[0].content == "1"


def test_a_call_is_shown_while_it_is_written_and_not_once_for_each_token() -> None:
    script = in_turn(calls(("add", '{"n": [1, 2, 3, 4, 5, 6]}'), step=1), says("21."))
    _, eager = asked(script, add())
    partial = [r.event for r in eager.records if isinstance(r.event, PartialToolCall)]
    assert "".join(event.partial for event in partial) == '{"n": [1, 2, 3, 4, 5, 6]}'
    assert len(partial) == 25 and {event.name for event in partial} == {"add"}
    script = in_turn(calls(("add", '{"n": [1, 2, 3, 4, 5, 6]}'), step=1), says("21."))
    _, patient = asked(script, add(), settings=always(streaming_batch_interval=1.0))
    partial = [r.event for r in patient.records if isinstance(r.event, PartialToolCall)]
    assert len(partial) == 2, "the first piece at once, the rest with the end of the answer"
    kinds = [r.event.type for r in patient.records]
    assert kinds.index("tool_call") > max(at for at, kind in enumerate(kinds) if kind == "partial_tool_call")


@pytest.mark.parametrize(("finish", "status"), [("length", "truncated"), (None, "unconfirmed"), ("error", "failed")])
def test_nothing_runs_without_the_word_that_the_answer_is_whole(finish: str | None, status: str) -> None:
    tool = add()
    thought, run = asked(in_turn(calls(("add", '{"n": [1]}'), text="So:", finish=finish)), tool)
    assert (thought.status, str(thought.answer), thought.calls, tool.asked) == (status, "So:", [], [])
    assert "were not used" in " ".join(thought.notes)
    assert len(run.client.requests) == 1


def test_whatever_the_finish_reason_is_called_the_presence_of_calls_decides() -> None:
    tool = add()
    asked(in_turn(calls(("add", '{"n": [1]}'), finish="stop"), says("One.")), tool)
    assert tool.asked == [{"n": [1]}]


@pytest.mark.parametrize(
    "arguments",
    ['{"n": [1', "[1]", '{"n": NaN}', '{"n": [1], "n": [2]}', '{"n": "x"}', "{}", '{"m": []}', "[" * 100_000, '"x"'],
)
def test_a_call_that_does_not_fit_goes_back_once_and_a_good_one_follows(arguments: str) -> None:
    tool = add()
    thought, run = asked(in_turn(calls(("add", arguments)), calls(("add", '{"n": [4]}')), says("Four.")), tool)
    assert (thought.status, str(thought.answer), tool.asked) == ("complete", "Four.", [{"n": [4]}])
    bad, good = thought.calls
    assert (bad.status, good.status, bad.has_begun) == ("failed", "ok", False)
    told = run.client.requests[1].messages[-1]
    assert told.is_error and "arguments" in told.content and told.content == bad.content
    assert all(len(call.arguments) < 100 for call in run.client.requests[1].messages[-2].calls)


@pytest.mark.parametrize("wrong", [("add", "{"), ("subtract", "{}"), ("", "{}"), ("add\n", '{"n": []}')])
def test_who_calls_wrongly_twice_must_answer_without_tools(wrong: tuple[str, str]) -> None:
    tool = add()
    thought, run = asked(in_turn(calls(wrong, text="Hm."), calls(wrong), says("I cannot add.")), tool)
    assert (thought.status, str(thought.answer), tool.asked) == ("complete", "Hm.\n\nI cannot add.", [])
    assert [call.status for call in thought.calls] == ["failed", "failed"]
    last = run.client.requests[-1]
    assert last.tools == () and not any(m.role == "tool" or m.calls for m in last.messages)
    assert ANSWER_NOW in last.messages[-1].content and "wrongly again" in " ".join(thought.notes)


def test_a_model_that_only_ever_calls_is_told_to_answer_and_ends_all_the_same() -> None:
    tool = add()
    thought, run = asked(in_turn(calls(("add", '{"n": [1]}'))), tool)
    assert len(tool.asked) == MOST_ROUNDS and len(run.client.requests) == MOST_ROUNDS + 1
    assert run.client.requests[-1].tools == ()
    assert thought.status == "failed" and thought.error and "asked for a tool" in thought.error
    ids = [call.id for message in run.client.requests[-2].messages for call in message.calls]
    assert len(ids) == len(set(ids)) == MOST_ROUNDS - 1


def test_the_same_call_three_times_in_one_answer_is_done_once() -> None:
    tool = add()
    three = calls(("add", '{"n": [1, 2]}'), ("add", '{ "n":[1,2] }'), ("add", '{"n": [1, 2]}'))
    thought, run = asked(in_turn(three, says("Three.")), tool)
    assert len(tool.asked) == 1 and thought.status == "complete"
    assert [call.status for call in thought.calls] == ["ok", "refused", "refused"]
    assert "3 identical calls of add" in " ".join(thought.notes)
    assistant, result = run.client.requests[1].messages[-2:]
    assert len(assistant.calls) == 1 and result.content == "3"


def test_calls_stand_in_the_order_in_which_they_were_written_whatever_was_done_first() -> None:
    """A double is told of behind those that were done; the ledger must give the same state (see the fixture)."""
    four = calls(("add", '{"n": [1]}'), ("add", '{"n": [1]}'), ("add", '{"n": [2]}'))
    thought, _ = asked(in_turn(four, says("So.")), add())
    assert [call.status for call in thought.calls] == ["ok", "refused", "ok"]


@pytest.mark.parametrize(("changes", "most"), [(False, 2), (True, 1)])
def test_only_what_changes_nothing_is_done_at_once(changes: bool, most: int) -> None:
    tool = add()
    tool.reach = type(tool.reach)(reads_private=False, reads_untrusted=False, can_send=False, changes=changes)
    asked(in_turn(calls(("add", '{"n": [1]}'), ("add", '{"n": [2]}')), says("So.")), tool)
    assert (tool.most_at_once, len(tool.asked)) == (most, 2)


def test_a_tool_that_hangs_is_ended_at_its_limit_and_the_model_told() -> None:
    tool = add(waits=asyncio.Event(), limit_s=0.05)
    thought, run = asked(in_turn(calls(("add", '{"n": [1]}')), says("It hangs.")), tool)
    assert (thought.status, tool.cancelled, thought.calls[0].status) == ("complete", 1, "failed")
    assert "did not end within 0.05 s" in run.client.requests[1].messages[-1].content


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ToolError("The folder is gone – choose another one."), "The folder is gone"),
        (ZeroDivisionError("secret"), "mistake of its own"),
        (TimeoutError(), "waited in vain"),
        (asyncio.CancelledError(), "broke off by itself"),
    ],
)
def test_what_a_tool_raises_is_its_result(fault: Exception, told: str, logged_errors: list[logging.LogRecord]) -> None:
    tool = Scripted("add", fault)
    thought, run = asked(in_turn(calls(("add", "{}")), says("So be it.")), tool)
    assert (thought.status, thought.calls[0].status) == ("complete", "failed")
    assert told in run.client.requests[1].messages[-1].content and "secret" not in str(run.client.requests)
    assert bool(logged_errors) == isinstance(fault, ZeroDivisionError)
    logged_errors.clear()


def test_what_a_tool_says_of_itself_is_passed_on_at_most_twice_a_second() -> None:
    tool = add(says=[(f"{number} of 50", number / 50) for number in range(50)])
    _, run = asked(in_turn(calls(("add", '{"n": [1]}')), says("So.")), tool)
    progressed = [r.event for r in run.records if isinstance(r.event, ToolProgressed)]
    assert [(event.message, event.fraction) for event in progressed] == [("0 of 50", 0.0)]


def test_stop_ends_a_tool_at_once_and_says_so() -> None:
    tool = add(waits=asyncio.Event())
    thought, run = asked(
        in_turn(calls(("add", '{"n": [1]}'), text="Wait.")), tool, cancel_when=lambda r: isinstance(r.event, ToolCalled)
    )
    assert (run.state.status, thought.status, str(thought.answer)) == ("stopped", "stopped", "Wait.")
    assert (thought.calls[0].status, thought.calls[0].has_begun, tool.cancelled) == ("stopped", True, 1)


def test_thinking_of_several_rounds_is_kept_apart_from_text_that_is_taken_back() -> None:
    second: list[Line] = [Text("Hm, five"), TextWasReasoning(), *says("Five.")]
    first: list[Line] = [Reasoning("I must add."), *calls(("add", '{"n": [5]}'), text="Adding.")]
    thought, _ = asked(in_turn(first, second), add())
    assert (str(thought.answer), str(thought.thinking)) == ("Adding.\n\nFive.", "I must add.\n\nHm, five")


def test_an_answer_cut_at_its_limit_is_gone_on_with_behind_its_tools() -> None:
    script = in_turn(calls(("add", '{"n": [5]}'), text="Adding."), says("Fi", finish="length"), says("ve."))
    thought, run = asked(script, add())
    assert (thought.status, str(thought.answer)) == ("complete", "Adding.\n\nFive.")
    roles = [message.role for message in run.client.requests[2].messages]
    assert roles[-4:] == ["assistant", "tool", "assistant", "user"]


def test_results_that_no_longer_fit_are_left_out_the_oldest_first_and_said() -> None:
    texts = iter(f"{number} " + "word " * 900 for number in range(9))
    tool = Scripted("read", lambda arguments: next(texts))
    flow = workflow(ALONE, checkpoints="[0]", more="tools: [read]\nsynthesis: {skip: true}")
    script = in_turn(*(calls(("read", f'{{"part": {n}}}')) for n in range(6)), says("Read."))
    thought, run = asked(script, tool, flow=flow, context=8_192)
    assert thought.status == "complete"
    results = [message.content for message in run.client.requests[-1].messages if message.role == "tool"]
    assert results[0].startswith("[This result was left out") and results[-1].startswith("5 ")
    assert "left out, to fit the context" in " ".join(thought.notes)


def test_what_was_just_asked_for_is_cut_shorter_but_never_left_out() -> None:
    tool = Scripted("read", lambda arguments: f"{arguments['part']} " + "word " * 900)
    flow = workflow(ALONE, checkpoints="[0]", more="tools: [read]\nsynthesis: {skip: true}")
    three = calls(*(("read", f'{{"part": {number}}}') for number in range(3)))
    thought, run = asked(
        in_turn(three, says("Read.")), tool, flow=flow, context=4_096, settings=always(max_tokens=1_900)
    )
    results = [message.content for message in run.client.requests[-1].messages if message.role == "tool"]
    assert [result[:7] for result in results] == ["0 word ", "1 word ", "2 word "]
    assert "No more of it fits." in results[0] and thought.status == "complete"
    told = sum(estimate_tokens(message.content) for message in run.client.requests[-1].messages)
    assert told < 4_096 - 1_900


def test_tools_that_would_fill_the_context_with_their_description_are_not_offered_and_it_is_said() -> None:
    many = [add() for _ in range(30)]
    for number, tool in enumerate(many):
        tool.name = f"add-{number}"
    names = ", ".join(tool.name for tool in many)
    flow = workflow(ALONE, checkpoints="[0]", more=f"tools: [{names}]\nsynthesis: {{skip: true}}")
    thought, run = asked(lambda request: says("So."), *many, flow=flow, context=2_048)
    assert run.client.requests[0].tools == () and "name fewer of them" in " ".join(thought.notes)
    _, wide = asked(lambda request: says("So."), *many, flow=flow, context=65_536)
    assert len(wide.client.requests[0].tools) == 30


def test_agents_are_told_of_tools_in_one_sentence_only_where_they_have_some() -> None:
    flow = workflow(
        "{id: research, role: research}, {id: critic, role: critic, spawn: 0, tools: []}",
        checkpoints="[0]",
        more="tools: [add]",
    )
    _, run = asked(lambda request: says("So."), add(), flow=flow)
    told = {request.agent_id: request for request in run.client.requests}
    has = {agent: "call the tools" in request.messages[0].content for agent, request in told.items()}
    assert has == {"research-1": True, "critic-1": False, "hub": False}
    assert {agent: bool(request.tools) for agent, request in told.items()} == has


def test_a_tool_that_is_nowhere_fails_the_run_before_anything_is_asked() -> None:
    flow = workflow(ALONE, checkpoints="[0]", more="tools: [subtract]")
    run = Steered(lambda request: says("So."), flow, tools=toolbox(add()))
    assert (run.state.status, run.client.requests) == ("failed", [])
    assert "“subtract”" in run.state.reason and "there: add" in run.state.reason


def test_a_model_that_knows_no_tools_is_asked_without_them_and_it_is_said() -> None:
    from dataclasses import replace

    class Plain(Steered):
        def places(self):  # type: ignore[no-untyped-def]
            self.connection = replace(self.connection, toolless=frozenset({"m"}))
            return super().places()

    run = Plain(lambda request: says("So."), FLOW, tools=toolbox(add()))
    (thought,) = run.state.thoughts.values()
    assert thought.status == "complete" and "not taught to call tools" in " ".join(thought.notes)
    assert run.client.requests[0].tools == ()


def test_one_end_for_every_call_and_the_ledger_knows_it_before_the_tool_does() -> None:
    flow = workflow(ALONE, checkpoints="[0]", more="tools: [add, look]\nsynthesis: {skip: true}")
    script = in_turn(calls(("add", "{}"), ("look", "{}")), says("So."))
    _, run = asked(script, Scripted("add"), Scripted("look"), flow=flow)
    called = [r.event.call_id for r in run.records if isinstance(r.event, ToolCalled)]
    ended = [r.event.call_id for r in run.records if isinstance(r.event, ToolReturned)]
    assert called == sorted(ended) == ["research-1#1/1", "research-1#1/2"]
