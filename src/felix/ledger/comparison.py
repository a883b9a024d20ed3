"""Two runs side by side: their figures and settings, and where their syntheses differ, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from felix.ledger import words
from felix.ledger.state import RunState

MOST_LINES = 4_000
"""Of both texts: difflib needs their product. Longer ones differ as a whole."""
MOST_WORDS = 1_500
"""Of both sides of a stretch of lines that differ; in a longer one whole lines are marked."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the table."""

    name: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        return self.left != self.right


@dataclass(frozen=True, slots=True)
class Stretch:
    """What stands on both sides, or what stands here in the one and there in the other; either may be empty then."""

    left: str
    right: str

    @property
    def differs(self) -> bool:
        return self.left != self.right


@dataclass(frozen=True, slots=True)
class Comparison:
    names: tuple[str, str]
    about: tuple[str, str]
    """Model and time, which tell runs of the same task apart."""
    facts: tuple[Fact, ...]
    stretches: tuple[Stretch, ...]
    """The syntheses in order; joined, the left ones are the left text, and the right ones the right one."""

    @property
    def differences(self) -> int:
        return sum(stretch.differs for stretch in self.stretches)


def compare(left: RunState, right: RunState, names: tuple[str, str] = ("", "")) -> Comparison:
    """`names` are what the runs are called in a list; empty: by their tasks."""
    called = tuple(name or _task(state) for name, state in zip(names, (left, right), strict=True))
    return Comparison(
        names=(called[0], called[1]),
        about=(_about(left), _about(right)),
        facts=tuple(_facts(left, right)),
        stretches=tuple(stretches(_synthesis(left), _synthesis(right))),
    )


def stretches(left: str, right: str) -> Iterator[Stretch]:
    """Two texts as what they share and what they do not: lines first, and in lines that differ their words."""
    same: list[str] = []
    for ours, theirs in _paired(left.splitlines(keepends=True), right.splitlines(keepends=True), MOST_LINES):
        for a, b in [(ours, theirs)] if ours == theirs else _by_words("".join(ours), "".join(theirs)):
            one, other = "".join(a), "".join(b)
            if one == other:
                same += [one] if one else []
                continue
            if same:
                yield Stretch("".join(same), "".join(same))
                same.clear()
            yield Stretch(one, other)
    if same:
        yield Stretch("".join(same), "".join(same))


def _by_words(left: str, right: str) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Words that differ, with the blanks between them: two words in a row that were changed are one change."""
    pairs = list(_paired(_WORD.findall(left), _WORD.findall(right), MOST_WORDS))
    changed: tuple[list[str], list[str]] = [], []
    for number, (ours, theirs) in enumerate(pairs):
        is_between = 0 < number < len(pairs) - 1 and "".join(ours).isspace() and "\n" not in ours
        if ours == theirs and not is_between:
            yield changed
            changed = [], []
            yield ours, theirs
        else:
            changed[0].extend(ours)
            changed[1].extend(theirs)
    yield changed


def _paired(left: list[str], right: list[str], most: int) -> Iterator[tuple[list[str], list[str]]]:
    """Runs of parts that are equal, and those between them."""
    if len(left) + len(right) > most or not left or not right:
        yield left, right
        return
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for _kind, a, b, c, d in matcher.get_opcodes():
        yield left[a:b], right[c:d]


def _facts(left: RunState, right: RunState) -> Iterator[Fact]:
    ours, theirs = _facts_of(left), _facts_of(right)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        yield Fact(name, ours.get(name, "–"), theirs.get(name, "–"))


def _facts_of(state: RunState) -> dict[str, str]:
    facts: dict[str, str] = {}
    if (plan := state.plan) is not None:
        facts |= {
            "Task": _task(state),
            "Began": words.began(state),
            "Workflow": plan.workflow,
            "Model": f"{plan.model} (demo model)" if plan.demo else plan.model,
            "Server": " ".join(part for part in (plan.server_name, plan.server) if part),
            "Context": f"{plan.context_length:,} tokens" if plan.context_length else "–",
            "At once": str(plan.max_parallel),
            "Streaming": "on" if plan.streaming else "off",
            "Interval": f"{plan.batch_interval_s:g} s" if plan.streaming else "–",
            "Agents": ", ".join(state.agents),
            "Rounds": str(len(state.rounds)),
        }
    facts |= dict(words.figures(state))
    if (synthesis := state.synthesis) is not None:
        facts["Synthesis"] = words.ending(synthesis)
        if synthesis.ttft_s is not None:
            facts["First token of the synthesis"] = f"{synthesis.ttft_s:.1f} s"
        for name, is_heard in (("Without", False), ("Only in part", True)):
            those = [each.agent_id for each in words.left_out(state) if each.is_heard == is_heard]
            facts[name] = ", ".join(those) or "nobody"
    return facts


def _synthesis(state: RunState) -> str:
    return str(state.synthesis.answer).replace("\r\n", "\n") if state.synthesis else ""


def _about(state: RunState) -> str:
    return f"{state.plan.model}, {words.began(state)}" if state.plan else ""


def _task(state: RunState) -> str:
    return " ".join(state.plan.task.split()) if state.plan else ""
