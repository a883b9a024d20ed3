"""Which calls begin: what the user trusts, what a run has joined, what had begun before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import permutations

import pytest

from felix.errors import ServerError
from felix.events import CallId, Leave, Record, RunId, ToolAnswered, ToolCalled, ToolReturned
from felix.llm.chat import ChatRequest, Text
from felix.mcp_servers import Trust
from felix.settings import Settings
from felix.team.guards import Guards
from felix.team.hub import CentralPost
from felix.team.steering import Act
from felix.team.tools.tool import Reach
from felix.team.tools.toolbox import Toolbox
from felix.team.workflow import Workflow
from felix.team.workflow.model import Limits
from tests.team.scripted import Line, Script, always, says, workflow
from tests.team.steered import Hand, Steered
from tests.team.tools.tooled import HARMLESS, Having, Scripted, calls, in_turn, toolbox

ALONE = "{id: research, role: research}"
SKIP = "synthesis: {skip: true}"
PRIVATE = Reach(reads_private=True, reads_untrusted=False, can_send=False, changes=False)
UNTRUSTED = Reach(reads_private=False, reads_untrusted=True, can_send=False, changes=False)
OUT = Reach(reads_private=False, reads_untrusted=False, can_send=True)
CHANGES = Reach(reads_private=False, reads_untrusted=False, can_send=False)


def says_so(leave: Leave) -> Hand:
    """The user's word to every call that asks."""

    def hand(record: Record) -> Act | None:
        event = record.event
        if isinstance(event, ToolCalled) and event.asks:
            return lambda run: run.answer_tool(event.call_id, leave)
        return None

    return hand


def flow_of(*tools: Scripted, agents: str = ALONE, checkpoints: str = "[0]") -> Workflow:
    more = f"tools: [{', '.join(tool.name for tool in tools)}]\n"
    return workflow(agents, checkpoints=checkpoints, more=more + (SKIP if agents == ALONE else ""))


def has_result(request: ChatRequest) -> bool:
    return any(message.role == "tool" for message in request.messages)


@pytest.mark.parametrize(("leave", "works"), [("once", 1), ("run", 2), ("always", 2), ("no", 0)])
def test_a_tool_that_asks_waits_for_the_user(leave: Leave, works: int) -> None:
    tool = Scripted("mail", trust="ask")
    answered: list[Leave] = [leave, "no"]

    def hand(record: Record) -> Act | None:
        event = record.event
        if isinstance(event, ToolCalled) and event.asks:
            word = answered.pop(0)
            return lambda run: run.answer_tool(event.call_id, word)
        return None

    script = in_turn(calls(("mail", '{"to": 1}')), calls(("mail", '{"to": 2}')), says("So."))
    run = Steered(script, flow_of(tool), hand, tools=toolbox(tool))
    run.check()
    (thought,) = run.state.thoughts.values()
    assert (thought.status, len(tool.asked)) == ("complete", works)
    first, second = thought.calls
    assert first.asks and first.answer == leave and first.has_begun == (leave != "no")
    assert bool(second.asks) == (leave in ("once", "no")), "a word for the run is not asked for again"
    if leave == "no":
        assert "did not allow" in run.client.requests[1].messages[-1].content


def test_a_model_that_insists_on_what_was_not_allowed_does_not_have_it_asked_again() -> None:
    tool = Scripted("mail", trust="ask")
    script = in_turn(
        calls(("mail", '{"to": 1}')), calls(("mail", '{ "to":1 }')), calls(("mail", '{"to": 2}')), says("So.")
    )
    run = Steered(script, flow_of(tool), says_so("no"), tools=toolbox(tool))
    (thought,) = run.state.thoughts.values()
    assert [bool(call.asks) for call in thought.calls] == [True, False, True] and tool.asked == []
    assert [call.status for call in thought.calls] == ["refused"] * 3


def test_stop_while_a_thought_waits_for_its_place_again_leaves_the_result_as_it_is() -> None:
    """Where one may speak at once, the other has the place while the user is asked."""
    tool = Scripted("mail", trust="ask")
    asking: list[CallId] = []
    never = asyncio.Event()

    def hand(record: Record) -> Act | None:
        event = record.event
        if isinstance(event, ToolCalled):
            asking.append(event.call_id)
        if asking and event.type == "partial_thought" and event.agent_id == "research-2":
            return lambda run: run.answer_tool(asking[0], "once")
        return None

    def script(request: ChatRequest) -> Iterable[Line]:
        wants = request.agent_id == "research-1" and not has_result(request)
        return calls(("mail", "{}")) if wants else [Text("Hm"), never]

    run = Steered(
        script,
        flow_of(tool, agents="{id: research, role: research, count: 2}"),
        hand,
        tools=toolbox(tool),
        settings=always(max_parallel=1),
        cancel_when=lambda record: isinstance(record.event, ToolReturned),
    )
    run.check()
    returned = [r.event.status for r in run.records if isinstance(r.event, ToolReturned)]
    assert (returned, run.state.status, len(tool.asked)) == (["ok"], "stopped", 1)


def test_where_nobody_can_be_asked_it_is_refused_in_a_sentence() -> None:
    tool = Scripted("mail", trust="ask")
    run = Steered(in_turn(calls(("mail", "{}")), says("So.")), flow_of(tool), tools=toolbox(tool), asks=False)
    (call,) = next(iter(run.state.thoughts.values())).calls
    assert (call.status, tool.asked, call.has_begun) == ("refused", [], False)
    assert "nobody can be asked" in (call.error or "") and "Settings" in call.content


@pytest.mark.parametrize(("own", "said", "works"), [("ask", "allow", 1), ("allow", "never", 0), ("never", "allow", 1)])
def test_the_users_word_stands_over_the_tools_own(own: Trust, said: Trust, works: int) -> None:
    tool = Scripted("mail", trust=own)
    box = toolbox(tool, trust={"mail": said})
    run = Steered(in_turn(calls(("mail", "{}")), says("So.")), flow_of(tool), tools=box, asks=False)
    assert len(tool.asked) == works
    assert bool(run.client.requests[0].tools) == (said != "never"), "what is never used is not offered"


def test_others_speak_on_while_one_waits_for_the_user_even_where_only_one_may_speak_at_once() -> None:
    tool = Scripted("mail", trust="ask")
    asking: list[CallId] = []

    def hand(record: Record) -> Act | None:
        event = record.event
        if isinstance(event, ToolCalled):
            asking.append(event.call_id)
        if event.type == "thought_complete" and asking and event.agent_id == "research-2":
            return lambda run: run.answer_tool(asking[0], "once")
        return None

    def script(request: ChatRequest) -> Iterable[Line]:
        wants = request.agent_id == "research-1" and not has_result(request)
        return calls(("mail", "{}")) if wants else says("So.")

    run = Steered(
        script,
        flow_of(tool, agents="{id: research, role: research, count: 2}"),
        hand,
        tools=toolbox(tool),
        settings=always(max_parallel=1),
    )
    run.check()
    assert run.ends() == {"research-1#1": "complete", "research-2#1": "complete"} and len(tool.asked) == 1
    assert run.client.most_at_once == 1


@pytest.mark.parametrize("leave", ["run", "always"])
def test_a_word_for_the_run_lets_all_that_wait_for_the_same(leave: Leave) -> None:
    tool = Scripted("mail", trust="ask")
    asking: list[CallId] = []

    def hand(record: Record) -> Act | None:
        if isinstance(record.event, ToolCalled):
            asking.append(record.event.call_id)
            if len(asking) == 2:
                return lambda run: run.answer_tool(asking[1], leave)
        return None

    def script(request: ChatRequest) -> Iterable[Line]:
        return calls(("mail", "{}")) if request.tools and not has_result(request) else says("So.")

    agents = "{id: research, role: research, count: 2}"
    run = Steered(script, flow_of(tool, agents=agents), hand, tools=toolbox(tool))
    run.check()
    answered = [r.event.call_id for r in run.records if isinstance(r.event, ToolAnswered)]
    assert set(answered) == set(asking) and len(answered) == 2 and len(tool.asked) == 2


def test_stop_while_the_user_is_asked_ends_the_wait_and_nothing_has_begun() -> None:
    tool = Scripted("mail", trust="ask")
    run = Steered(
        in_turn(calls(("mail", "{}"))),
        flow_of(tool),
        tools=toolbox(tool),
        cancel_when=lambda record: isinstance(record.event, ToolCalled),
    )
    run.check()
    (call,) = next(iter(run.state.thoughts.values())).calls
    assert (run.state.status, call.status, call.has_begun, tool.asked) == ("stopped", "stopped", False, [])


# -- private data, text by strangers, a way out ------------------------------------------------------------------------

PARTS = {"files": PRIVATE, "web": UNTRUSTED, "post": OUT}
TWO = {
    "files+web": Reach(reads_private=True, reads_untrusted=True, can_send=False, changes=False),
    "files+post": Reach(reads_private=True, reads_untrusted=False, can_send=True),
    "web+post": Reach(reads_private=False, reads_untrusted=True, can_send=True),
}
VARIANTS = [
    *({name: PARTS[name] for name in order} for order in permutations(PARTS)),
    *(
        dict(pair)
        for both, one in zip(TWO, ("post", "web", "files"), strict=True)
        for pair in permutations([(both, TWO[both]), (one, PARTS[one])])
    ),
    {"mcp": Reach()},
    {"harmless": HARMLESS, "mcp": Reach()},
]


@pytest.mark.parametrize("spread", [False, True], ids=["one agent", "an agent for each"])
@pytest.mark.parametrize("reaches", VARIANTS, ids=["-then-".join(each) for each in VARIANTS])
def test_the_call_that_would_join_all_three_stops_whatever_its_trust(reaches: dict[str, Reach], spread: bool) -> None:
    tools = [Scripted(name.replace("+", "_"), reach=reach) for name, reach in reaches.items()]
    count = len(tools) if spread else 1

    def script(request: ChatRequest) -> Iterable[Line]:
        if not request.tools:
            return says("So.")  # the hub
        done = sum(message.role == "tool" for message in request.messages)
        mine = [tools[int(request.agent_id[1]) - 1]] if spread else tools
        return calls((mine[done].name, "{}")) if done < len(mine) else says("So.")

    agents = ", ".join(f"{{id: a{n}, role: research, spawn: {(n - 1) / 10}}}" for n in range(1, count + 1))
    flow = flow_of(*tools, agents=agents if spread else ALONE, checkpoints="[0, 0.1, 0.2]" if spread else "[0]")
    asked = Steered(script, flow, says_so("no"), tools=toolbox(*tools))
    asked.check()
    begun = [call for thought in asked.state.thoughts.values() for call in thought.calls if call.has_begun]
    stopped = [c for thought in asked.state.thoughts.values() for c in thought.calls if c.answer == "no"]
    assert stopped and all("way out" in call.asks for call in stopped)
    assert len(tools[-1].asked) == 0 and len(begun) >= len(tools) - 1
    alone = Steered(script, flow, tools=toolbox(*tools), asks=False)
    assert len(tools[-1].asked) == 0 and alone.state.status == "complete"


def test_two_that_are_harmless_apart_do_not_slip_past_each_other_while_the_user_thinks() -> None:
    post, web, files = (
        Scripted("post", reach=OUT, trust="ask"),
        Scripted("web", reach=UNTRUSTED),
        Scripted("files", reach=PRIVATE),
    )
    asked: list[ToolCalled] = []

    def hand(record: Record) -> list[Act]:
        event = record.event
        if isinstance(event, ToolCalled) and event.asks:
            asked.append(event)
        if len(asked) == 2:
            found, asked[:] = list(asked), []
            return [lambda run, e=e: run.answer_tool(e.call_id, "no") for e in found]
        return []

    def script(request: ChatRequest) -> Iterable[Line]:
        wants = {"research-1": ["post"], "research-2": ["web", "files"]}.get(request.agent_id, [])
        done = sum(message.role == "tool" for message in request.messages)
        return calls((wants[done], "{}")) if done < len(wants) else says("So.")

    agents = "{id: research, role: research, count: 2}"
    run = Steered(script, flow_of(post, web, files, agents=agents), hand, tools=toolbox(post, web, files))
    assert (len(post.asked), len(files.asked)) == (0, 0)
    run.check()


def test_what_was_let_with_open_eyes_for_the_run_goes_on_and_reading_alone_does_not_ask_again() -> None:
    tools = [Scripted(name, reach=reach) for name, reach in PARTS.items()]
    wanted = ["files", "web", "post", "files", "post", "web"]
    script = in_turn(*(calls((name, f'{{"n": {n}}}')) for n, name in enumerate(wanted)), says("So."))
    run = Steered(script, flow_of(*tools), says_so("run"), tools=toolbox(*tools))
    asks = [bool(call.asks) for call in next(iter(run.state.thoughts.values())).calls]
    assert asks == [False, False, True, False, False, False]
    script = in_turn(*(calls((name, f'{{"n": {n}}}')) for n, name in enumerate(wanted)), says("So."))
    run = Steered(script, flow_of(*tools), says_so("once"), tools=toolbox(*tools))
    made = next(iter(run.state.thoughts.values())).calls
    assert [bool(call.asks) for call in made] == [False, False, True, False, True, False], "each way out anew"
    assert all(call.asks_always == bool(call.asks) for call in made)


def test_what_every_run_asks_for_cannot_be_let_for_always() -> None:
    tool = Scripted("post", reach=Reach())
    run = Steered(in_turn(calls(("post", "{}")), says("So.")), flow_of(tool), says_so("always"), tools=toolbox(tool))
    (call,) = next(iter(run.state.thoughts.values())).calls
    assert (call.answer, call.status, call.asks_always) == ("run", "ok", True) and "anew" in call.asks


@pytest.mark.parametrize("leave", ["once", "run"])
def test_what_is_forbidden_while_it_waits_is_not_done_whatever_the_answer(leave: Leave) -> None:
    tool = Scripted("mail", trust="ask")
    settings = [Settings()]

    def hand(record: Record) -> Act | None:
        event = record.event
        if isinstance(event, ToolCalled) and event.asks:
            settings.append(Settings(tool_trust={"mail": "never"}))
            return lambda run: run.answer_tool(event.call_id, leave)
        return None

    box = Toolbox(lambda: [Having([tool])], lambda: settings[-1])
    run = Steered(in_turn(calls(("mail", "{}")), says("So.")), flow_of(tool), hand, tools=box)
    run.check()
    (call,) = next(iter(run.state.thoughts.values())).calls
    assert (call.status, call.has_begun, tool.asked) == ("refused", False, []) and "not to be used" in str(call.error)


# -- what had begun ----------------------------------------------------------------------------------------------------


def broken_off(tool: Scripted) -> tuple[Script, list[int]]:
    """A first go that uses the tool and loses its server, and a second that wants to use it again."""
    gone: list[int] = []

    def script(request: ChatRequest) -> Iterable[Line]:
        if has_result(request) and not gone:
            gone.append(1)
            return [Text("Sent, and"), ServerError("Gone.", fault="cut")]
        return says("Done.") if has_result(request) else calls((tool.name, '{"to": "a"}'))

    return script, gone


@pytest.mark.parametrize(("reach", "asks"), [(CHANGES, True), (HARMLESS, False)])
def test_what_had_begun_is_not_done_again_unasked(reach: Reach, asks: bool) -> None:
    tool = Scripted("mail", reach=reach)
    script, _ = broken_off(tool)
    run = Steered(script, flow_of(tool), tools=toolbox(tool))
    assert run.ends() == {"research-1#1": "unconfirmed"} and len(tool.asked) == 1
    run.reopen(lambda r: r.retry("research-1#1"), hand=says_so("no"))
    run.check()
    call = run.state.thoughts["research-1#1.2"].calls[0]
    assert bool(call.asks) == asks and len(tool.asked) == (1 if asks else 2)
    if asks:
        assert "had begun" in call.asks


@pytest.mark.parametrize("trust", ["allow", "ask"])
def test_a_word_for_the_run_does_not_hold_for_what_may_have_been_done(trust: Trust) -> None:
    tool = Scripted("mail", reach=CHANGES, trust=trust)
    script, _ = broken_off(tool)
    run = Steered(script, flow_of(tool), says_so("run"), tools=toolbox(tool))
    run.reopen(lambda r: r.retry("research-1#1"), hand=says_so("once"))
    assert "had begun" in run.state.thoughts["research-1#1.2"].calls[0].asks and len(tool.asked) == 2


@pytest.mark.parametrize(("leave", "asks"), [("run", False), ("always", True)])
def test_when_a_run_is_opened_again_what_was_let_for_always_is_for_the_settings_to_say(
    leave: Leave, *, asks: bool
) -> None:
    tool = Scripted("mail", trust="ask")
    run = Steered(
        in_turn(calls(("mail", "{}")), says("So."), calls(("mail", "{}")), says("So.")),
        flow_of(tool), says_so(leave), tools=toolbox(tool),
    )  # fmt: skip
    run.reopen(lambda r: r.retry("research-1#1"), hand=says_so("no"))
    assert bool(run.state.thoughts["research-1#1.2"].calls[0].asks) == asks


def test_what_a_run_had_joined_it_has_joined_when_it_is_opened_again() -> None:
    tools = [Scripted(name, reach=reach) for name, reach in PARTS.items()]
    flow = flow_of(*tools)
    wanted = [calls(("files", "{}")), calls(("web", "{}")), says("So."), calls(("post", "{}")), says("Sent.")]
    run = Steered(in_turn(*wanted), flow, tools=toolbox(*tools))
    run.reopen(lambda r: r.retry("research-1#1"), hand=says_so("no"))
    assert "way out" in run.state.thoughts["research-1#1.2"].calls[0].asks and tools[2].asked == []


@pytest.mark.parametrize("cut", range(4, 22, 3))
def test_wherever_the_program_dies_nothing_that_had_begun_is_done_twice_unasked(cut: int) -> None:
    tool = Scripted("mail", reach=CHANGES)
    lines: list[Line] = calls(("mail", '{"to": "a"}'), text="Now.")

    def script(request: ChatRequest) -> Iterable[Line]:
        return says("Done.") if has_result(request) else lines

    run = Steered(script, flow_of(tool), tools=toolbox(tool))
    if cut >= len(run.records):
        return
    known = {r.event.type for r in run.records[:cut]}
    tool.asked.clear()
    run.crash_behind(cut).reopen(hand=says_so("no"), is_continued=True)
    run.check()
    begun = "tool_call" in known
    assert len(tool.asked) == (0 if begun else 1) or "thought_complete" in known


def test_who_goes_on_with_a_cut_answer_is_told_what_its_tools_had_brought() -> None:
    tool = Scripted("mail", lambda arguments: "Sent to a.", reach=CHANGES)
    script = in_turn(calls(("mail", '{"to": "a"}'), text="I send."), says("It is", finish="length"), says(" done."))
    flow = flow_of(tool).model_copy(update={"continue_truncated": 0})
    run = Steered(script, flow, tools=toolbox(tool))
    assert run.ends() == {"research-1#1": "truncated"}
    run.reopen(lambda r: r.continue_writing("research-1#1"), hand=says_so("no"))
    run.check()
    thought = run.state.thoughts["research-1#1.2"]
    assert (thought.status, str(thought.answer)) == ("complete", "I send.\n\nIt is done.")
    told = run.client.requests[-1].messages
    assert [message.role for message in told][-4:] == ["assistant", "tool", "assistant", "user"]
    assert (told[-4].content, told[-3].content, told[-2].content) == ("I send.", "Sent to a.", "It is")
    assert told[-4].calls[0].name == "mail" and len(tool.asked) == 1


def test_a_tool_that_was_cut_off_is_told_as_such_when_its_answer_is_gone_on_with() -> None:
    tool = Scripted("mail", reach=CHANGES, waits=asyncio.Event())
    script = in_turn(calls(("mail", "{}"), text="I send."), says("I do not know."))
    stop = Steered(script, flow_of(tool), tools=toolbox(tool), cancel_when=lambda r: isinstance(r.event, ToolCalled))
    stop.reopen(lambda r: r.continue_writing("research-1#1"))
    stop.check()
    assert str(stop.state.thoughts["research-1#1.2"].answer) == "I send.\n\nI do not know."
    assert "Nobody knows" in stop.client.requests[-1].messages[-1].content


def test_the_minutes_of_a_workflow_do_not_pass_while_all_wait_for_the_user() -> None:
    now = [1_000.0]
    hub = CentralPost(RunId("r"), clock=lambda: now[0])
    tool = Scripted("mail", trust="ask")
    run = Steered(in_turn(calls(("mail", "{}")), says("So.")), flow_of(tool), says_so("no"), tools=toolbox(tool))
    for record in run.records:
        hub.emit(record.event)
        if isinstance(record.event, ToolCalled):
            break
    guards = Guards(hub, Limits(minutes=1), silence_timeout_s=30)
    for _ in range(200):
        now[0] += 1.0
        guards.look()
    assert hub.state.questions == {}, "neither silence nor minutes"
