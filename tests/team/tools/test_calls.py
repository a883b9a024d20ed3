"""Tool calls in a run: written, carried out, returned, and the answer that goes on with them."""

from __future__ import annotations

from felix.llm.chat import Message
from tests.team.scripted import says, workflow
from tests.team.steered import Steered
from tests.team.tools.tooled import Scripted, calls, in_turn, toolbox

ALONE = "{id: research, role: research}"


def test_an_answer_goes_on_with_what_its_tools_bring() -> None:
    add = Scripted("add", lambda arguments: str(sum(arguments["n"])))
    script = in_turn(
        calls(("add", '{"n": [2, 3]}'), text="Let me add.", step=4),
        says("It is five.\nConfidence: 0.9"),
        says("Five."),
    )
    run = Steered(script, workflow(ALONE, checkpoints="[0]", more="tools: [add]"), tools=toolbox(add))
    run.check()
    thought = run.state.thoughts["research-1#1"]
    assert (thought.status, thought.confidence) == ("complete", 0.9)
    assert str(thought.answer) == "Let me add.\n\nIt is five.\n"
    assert add.asked == [{"n": [2, 3]}]
    (call,) = thought.calls
    assert (call.name, str(call.arguments), call.status, call.content) == ("add", '{"n": [2, 3]}', "ok", "5")
    assert call.position == len("Let me add.")
    assert thought.usage is not None and (thought.usage.prompt, thought.usage.completion) == (20, 10)
    first, second = run.client.requests[:2]
    assert [tool.name for tool in first.tools] == [tool.name for tool in second.tools] == ["add"]
    assistant, result = second.messages[-2:]
    assert (assistant.role, assistant.content, assistant.calls[0].name) == ("assistant", "Let me add.", "add")
    assert result == Message("tool", "5", call_id=assistant.calls[0].id, name="add")
