"""Which calls of a run may begin: what the user trusts, what the run has joined by now, what was begun before a crash.

The lethal trifecta: who has seen private data and has read what strangers wrote can be talked into sending the one to
the others. Agents read each other, so what one of them has read, all have; a call that would complete the three stops
for the user, whatever its trust.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from felix.events import CallId, Leave
from felix.ledger.speech import Call
from felix.mcp_servers import server_of
from felix.team.tools.tool import Reach, Tool
from felix.team.tools.toolbox import Toolbox

Reason = Literal["trust", "joins", "repeats"]
"""Why a call asks: its trust; it would join what must not be joined unseen; it may have been done before."""

NOBODY = "nobody can be asked here"
_WHERE = "run this where you can be asked (in the window, at a terminal, from Python with approve=)"
REFUSED_BY_USER = "The user did not allow this call. Go on without it."


@dataclass(frozen=True, slots=True)
class Taint:
    """What a run has had to do with."""

    private: bool = False
    untrusted: bool = False
    out: bool = False
    """Something may have left the machine."""

    def joined(self, reach: Reach) -> Taint:
        return Taint(
            self.private or reach.reads_private, self.untrusted or reach.reads_untrusted, self.out or reach.can_send
        )

    @property
    def is_lethal(self) -> bool:
        return self.private and self.untrusted and self.out


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may begin: at once, when the user lets it, or not."""

    kind: Literal["go", "ask", "refuse"]
    why: str = ""
    """One sentence for the user."""
    reason: Reason = "trust"

    @property
    def asks_always(self) -> bool:
        """Whatever the user answers, the next run asks again."""
        return self.kind == "ask" and self.reason != "trust"


@dataclass(slots=True)
class _Waiting:
    """A call that asks."""

    tool: Tool
    reason: Reason
    leave: asyncio.Future[Leave]


@dataclass(slots=True)
class Approvals:
    """Of one run; belongs to its loop."""

    toolbox: Toolbox
    asks: bool
    """Whether there is somebody who can answer."""
    taint: Taint = Taint()
    _let: dict[str, bool] = field(default_factory=dict)
    """Tools the user has let be used in this run; True: they knew what it would join."""
    _waiting: dict[CallId, _Waiting] = field(default_factory=dict)

    def remember(self, calls: Collection[Call], reaches: Mapping[str, Reach]) -> None:
        """What was done in the run before it was opened again."""
        self.reach_of(calls, reaches)
        for call in calls:
            if call.answer == "run":  # what holds for always stands in the settings, until its user thinks better of it
                self._let.setdefault(call.name, False)

    def reach_of(self, calls: Iterable[Call], reaches: Mapping[str, Reach]) -> None:
        """What earlier calls have had to do with. A tool that is no more counts as reaching everything."""
        for call in calls:
            if call.has_begun:
                self.take(reaches.get(call.name, Reach()))

    def judge(self, tool: Tool, *, is_repeated: bool = False) -> Verdict:
        """Whether a call may begin now; `is_repeated`: the tool was set to work in an earlier go at this turn.

        Calls that wait for the user count as let: no two that are harmless alone slip past each other.
        """
        if forbidden := self.forbids(tool):
            return Verdict("refuse", forbidden)
        adds = self.taint.joined(tool.reach) != self.taint or tool.reach.can_send
        if adds and self._expected.joined(tool.reach).is_lethal and not self._let.get(tool.name):
            return self._asked(Verdict("ask", _why_it_joins(tool), "joins"), tool)
        if is_repeated and tool.reach.changes:
            why = f"{tool.name} had begun when this turn was taken before, and may have done its work – let it again?"
            return self._asked(Verdict("ask", why, "repeats"), tool)
        if self.toolbox.trust(tool) == "ask" and tool.name not in self._let:
            return self._asked(Verdict("ask", f"{tool.name} asks before it is used.", "trust"), tool)
        return Verdict("go")

    def forbids(self, tool: Tool) -> str:
        """Why a tool is not to be used at all, as the settings are now; empty when it may be."""
        is_forbidden = self.toolbox.trust(tool) == "never"
        return f"{tool.name} is not to be used – change that in Settings." if is_forbidden else ""

    def take(self, reach: Reach) -> None:
        """A call of that reach begins."""
        self.taint = self.taint.joined(reach)

    async def leave_for(self, call_id: CallId, tool: Tool, reason: Reason) -> Leave:
        """Wait for the user's word."""
        waiting = _Waiting(tool, reason, asyncio.get_running_loop().create_future())
        self._waiting[call_id] = waiting
        try:
            return await waiting.leave
        finally:
            del self._waiting[call_id]

    def answer(self, call_id: CallId, leave: Leave) -> tuple[Leave, list[CallId]]:
        """The user's word as it holds, and the calls that it holds for: that one, and others of the tool that wait for
        the same. What every run asks for is let for the run at most."""
        asked = self._waiting.get(call_id)
        if asked is None or asked.leave.done():
            return leave, []
        if leave == "always" and asked.reason != "trust":
            leave = "run"
        answered = [call_id]
        if leave in ("run", "always"):
            knew = asked.reason == "joins"
            self._let[asked.tool.name] = self._let.get(asked.tool.name, False) or knew
            answered += [
                other_id
                for other_id, other in self._waiting.items()
                if other is not asked
                and other.tool.name == asked.tool.name
                and not other.leave.done()
                and (other.reason == "trust" or (other.reason == "joins" and knew))
            ]
        for each in answered:
            self._waiting[each].leave.set_result(leave)
        return leave, answered

    @property
    def _expected(self) -> Taint:
        taint = self.taint
        for waiting in self._waiting.values():
            taint = taint.joined(waiting.tool.reach)
        return taint

    def _asked(self, verdict: Verdict, tool: Tool) -> Verdict:
        if self.asks:
            return verdict
        how = {
            "trust": f"allow it in Settings, or {_WHERE}.",
            "joins": f"{_WHERE}.",
            "repeats": f"{_WHERE}.",
        }[verdict.reason]
        what = {
            "trust": f"{tool.name} asks before it is used",
            "joins": f"With {tool.name} this run would join private data, text by strangers and a way out",
            "repeats": f"{tool.name} may have been used already when this turn was taken before",
        }[verdict.reason]
        return Verdict("refuse", f"{what}, and {NOBODY} – {how}", verdict.reason)


def _why_it_joins(tool: Tool) -> str:
    three, way_out = "private data, text by strangers and a way out", "say in Settings, Tools what it can do"
    if not server_of(tool.name):
        return f"With {tool.name} this run joins {three}, for which every run asks anew – look at what it is to do."
    if tool.reach == Reach():
        return f"{tool.name} is unknown, so it counts as {three}: every run asks – {way_out}."
    return f"With {tool.name} this run joins {three}, for which every run asks anew – or {way_out}."
