"""What is said of tools wherever they are listed: what they may touch, and what their servers say of them."""

from __future__ import annotations

from felix.mcp_servers import Trust
from felix.team.tools.mcp.servers import ServerReport
from felix.team.tools.mcp.tool import Hints
from felix.team.tools.tool import Reach

TRUST_WORDS: dict[Trust, str] = {"allow": "Allow", "ask": "Ask first", "never": "Never"}


def reach_words(reach: Reach) -> str:
    """`may read private data and what strangers wrote, and send data away`; of one of which nobody has said anything,
    what it counts as."""
    if reach == Reach():
        return "unknown: counts as private data, text by strangers and a way out"
    reads = [
        words
        for holds, words in ((reach.reads_private, "private data"), (reach.reads_untrusted, "what strangers wrote"))
        if holds
    ]
    does = [f"read {' and '.join(reads)}"] if reads else []
    if reach.can_send:
        does.append("send data away")
    return f"may {', and '.join(does)}" if does else "reads nothing private and sends nothing away"


def hint_words(hints: Hints) -> str:
    """`its server says: only reads, stays on this machine`; empty when it says nothing."""
    said = []
    if hints.reads_only:
        said.append("only reads")
    elif hints.destroys:
        said.append("may destroy")
    if hints.is_open is not None:
        said.append("deals with the world outside" if hints.is_open else "deals with nothing outside")
    return f"its server says: {', '.join(said)}" if said else ""


def state_words(report: ServerReport | None, *, disabled: bool = False) -> str:
    """`ready · 3 tools`, `starting`, `off`, `failed`, `disabled`."""
    if disabled:
        return "disabled"
    if report is None:
        return "off"
    count = len(report.tools)
    if report.state == "ready":
        return f"ready · {count:,} tool{'' if count == 1 else 's'}"
    return report.state
