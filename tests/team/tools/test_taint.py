"""Whatever is called in whatever order, by whomever: without the user's open eyes no run ever joins all three."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from felix.events import CallId, Leave
from felix.team.tools.tool import Reach
from felix.team.tools.trust import Approvals, Taint, Verdict
from tests.team.tools.tooled import Scripted, toolbox

reaches = st.builds(
    Reach, reads_private=st.booleans(), reads_untrusted=st.booleans(), can_send=st.booleans(), changes=st.booleans()
)
tools = st.lists(st.tuples(reaches, st.sampled_from(["allow", "ask"])), min_size=1, max_size=6).map(
    lambda drawn: [Scripted(f"t{number}", reach=reach, trust=trust) for number, (reach, trust) in enumerate(drawn)]
)
steps = st.lists(
    st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from(["once", "run", "always", "no"])), max_size=20
)


@settings(max_examples=60, deadline=None)
@given(tools, steps, st.booleans())
def test_nothing_joins_all_three_unseen(
    have: list[Scripted], wanted: list[tuple[int, bool, Leave]], asks: bool
) -> None:
    """`once` and `run` are given to whatever asks for another reason; to what would join the three only `no` is said.

    Each step is a call: which tool, whether the user takes their time over it, and what they say to an ordinary one.
    """

    async def play() -> Taint:
        approvals = Approvals(toolbox(*have), asks)
        done = Taint()
        waiting: list[tuple[CallId, Scripted, Leave, asyncio.Task[Leave]]] = []

        async def settle(call_id: CallId, tool: Scripted, leave: Leave, task: asyncio.Task[Leave]) -> None:
            nonlocal done
            approvals.answer(call_id, leave)
            if await task != "no":
                approvals.take(tool.reach)
                done = done.joined(tool.reach)

        async with asyncio.TaskGroup() as group:
            for number, (index, is_slow, leave) in enumerate(wanted):
                tool, call_id = have[index % len(have)], CallId(str(number))
                verdict = approvals.judge(tool)
                if verdict.kind == "go":
                    approvals.take(tool.reach)
                    done = done.joined(tool.reach)
                elif verdict.kind == "ask":
                    said: Leave = "no" if verdict.reason == "joins" else leave
                    task = group.create_task(approvals.leave_for(call_id, tool, verdict.reason))
                    await asyncio.sleep(0)
                    waiting.append((call_id, tool, said, task))
                    if not is_slow:
                        await settle(*waiting.pop())
                else:
                    assert not asks
            for each in waiting:
                await settle(*each)
        assert approvals.taint == done
        return done

    assert not asyncio.run(play()).is_lethal


@settings(max_examples=100, deadline=None)
@given(tools)
def test_whoever_is_asked_with_open_eyes_is_asked_each_time_something_may_leave(have: list[Scripted]) -> None:
    approvals = Approvals(toolbox(*have, trust={tool.name: "allow" for tool in have}), asks=True)
    approvals.take(Reach())
    verdicts: list[Verdict] = [approvals.judge(tool) for tool in have]
    assert [verdict.kind for verdict in verdicts] == ["ask" if tool.reach.can_send else "go" for tool in have]
