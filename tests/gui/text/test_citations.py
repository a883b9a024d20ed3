"""Citations: what names an agent of the run, and what stays text."""

from __future__ import annotations

import pytest

from felix.events import AgentId
from felix.gui.text.citations import Citation, split

AGENTS = [AgentId("research-1"), AgentId("analysis-2")]
R1 = Citation(AgentId("research-1"), "[research-1]")
A2 = Citation(AgentId("analysis-2"), "[analysis-2]")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It works [research-1].", ["It works ", R1, "."]),
        ("[research-1, analysis-2]", [R1, " ", A2]),
        ("[research-1; analysis-2] x", [R1, " ", A2, " x"]),
        ("a [research-1#2]", ["a ", Citation(AgentId("research-1"), "[research-1#2]")]),
        ("[Research-1]", [R1]),
        ("[research-1][analysis-2]", [R1, A2]),
        ("[research-1, my notes]", [R1, " ", "[my notes]"]),
    ],
)
def test_a_bracket_that_names_agents_becomes_citations(text: str, parts: list[object]) -> None:
    assert list(split(text, AGENTS)) == parts


@pytest.mark.parametrize("text", ["[source-9]", "[1]", "a [ ] b", "[research-1", "[research-12]", "x[0, 1]", "[]", ""])
def test_a_bracket_that_names_nobody_stays_text(text: str) -> None:
    assert "".join(map(str, split(text, AGENTS))) == text


def test_without_agents_nothing_is_a_citation() -> None:
    assert list(split("[research-1]", [])) == ["[research-1]"]


def test_thousands_of_open_brackets_are_read_in_no_time() -> None:
    assert "".join(map(str, split("[" * 100_000, AGENTS))) == "[" * 100_000
