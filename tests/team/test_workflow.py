"""Workflow files: the right is read, the wrong is said with file, line and key, the hostile is refused at once."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import WorkflowError
from felix.team.workflow import MAX_BYTES, Workflow, load, parse

SMALL = """\
name: Small   # as a user would write it
agents:
  - id: research
    role: research
    count: 2
  - id: advocate
    role: advocate
    spawn: 0.3
    temperature: [1.0, 0.5]
    prompt: |
      Speak for it.
checkpoints: [0, 0.3]
"""


def fault(text: str, source: str = "research.yaml") -> WorkflowError:
    with pytest.raises(WorkflowError) as caught:
        parse(text, source)
    return caught.value


def read(text: str) -> Workflow | WorkflowError:
    try:
        return parse(text, "any.yaml")
    except WorkflowError as error:
        return error


def test_a_small_file_is_read_with_defaults_for_the_rest() -> None:
    workflow = parse(SMALL, "small.yaml")
    assert workflow.name == "Small"
    research, advocate = workflow.agents
    assert (research.spawn_depth, research.speed, research.model, research.enable_streaming) == (0, 1, None, None)
    assert advocate.prompt == "Speak for it.\n"
    assert workflow.synthesis.temperature == 0.3
    assert workflow.continue_truncated == 1
    assert workflow.consensus_threshold is None
    assert workflow.limits.tokens == workflow.limits.minutes == 0
    assert workflow.helix.shape.position(0) == (3.0, 0.0, 8.0)


def test_every_key_there_is_can_be_given() -> None:
    workflow = parse(
        """
name: Whole
description: All of it
agents:
  - {id: critic, role: critic, count: 1, spawn: 0.5, speed: 1.5, prompt: Be kind., model: qwen3-8b, temperature: 0,
     max_tokens: 300, enable_streaming: false}
checkpoints: [0.5, 0.75]
consensus_threshold: 0.9
synthesis: {prompt: Answer., model: big, temperature: 0.1, max_tokens: 0, enable_streaming: true}
limits: {tokens: 10000, minutes: 2.5}
continue_truncated: 0
helix: {top: 4, bottom: 1, height: 6, turns: 3}
""",
        "whole.yaml",
    )
    assert workflow.agents[0].temperature_at(0.5) == 0
    assert workflow.agents[0].enable_streaming is False
    assert workflow.limits.minutes == 2.5
    assert workflow.helix.shape.turns == 3


def test_members_are_numbered_and_have_codes_of_their_own() -> None:
    workflow = parse(
        "name: T\nagents: [{id: red, role: critic, count: 2}, {id: reader, role: research}, {id: rd, role: analysis}]",
        "t",
    )
    assert [(member.id, member.number, member.code) for member in workflow.members()] == [
        ("red-1", 1, "R1"),
        ("red-2", 2, "R2"),
        ("reader-1", 1, "E1"),
        ("rd-1", 1, "D1"),
    ]


def test_codes_stay_unique_for_the_largest_team_of_namesakes() -> None:
    agents = [{"id": "a" * (n + 1) if n < 20 else f"a{n}", "role": "research"} for n in range(32)]
    members = Workflow.model_validate({"name": "T", "agents": agents}).members()
    assert len({member.code for member in members}) == 32


def test_temperature_is_the_roles_line_or_the_agents_own() -> None:
    research, advocate = parse(SMALL, "small.yaml").agents
    assert research.temperature_at(0.5) == 0.65
    assert advocate.temperature_at(0.5) == 0.75


AGENT = "name: T\nagents:\n  - id: r\n    role: research\n"


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        (AGENT + "    count: 17\n", 5, "agents.0.count", "a whole number from 1 to 16"),
        (AGENT + '    count: "3"\n', 5, "agents.0.count", "a whole number from 1 to 16"),
        (AGENT + "    count: true\n", 5, "agents.0.count", "a whole number"),
        (AGENT + "    speed: 0\n", 5, "agents.0.speed", "from 0.1 to 10"),
        (AGENT + "    speed: .nan\n", 5, "agents.0.speed", "from 0.1 to 10"),
        (AGENT + "    spawn: 1e999\n", 5, "agents.0.spawn", "a depth from 0"),
        (AGENT + "    temperature: [0.5]\n", 5, "agents.0.temperature", "or two of them"),
        (AGENT + "    temperature: warm\n", 5, "agents.0.temperature", "a number from 0 to 2"),
        (AGENT + "    enable_streaming: yes\n", 5, "agents.0.enable_streaming", "true or false"),
        (AGENT + "    prompt:\n", 5, "agents.0.prompt", "has no value"),
        (AGENT + "    model: 4\n", 5, "agents.0.model", "quotes"),
        (AGENT + "    cuont: 2\n", 5, "agents.0.cuont", "did you mean count?"),
        (AGENT + "    nonsense: 2\n", 5, "agents.0.nonsense", "here it knows id, role"),
        (AGENT + "    role: critic\n", 5, "agents.0.role", "stands here again, first in line 4"),
        (AGENT + "  - role: critic\n", 5, "agents.1.id", "is missing"),
        (AGENT + "  - id: R\n    role: critic\n", 5, "agents.1.id", "must differ"),
        (AGENT + "  - id: 2r\n    role: critic\n", 5, "agents.1.id", "begins with a letter"),
        (AGENT + "  - id: a\n    role: advocate\n", 6, "agents.1.role", "come with a prompt"),
        (AGENT + "    count: 16\n  - {id: s, role: critic, count: 16}\n  - {id: t, role: critic}\n", 2, "agents", "32"),
        (AGENT + "    spawn: 0.95\n", 5, "agents.0.spawn", "at most 0.9, the last checkpoint"),
        (AGENT + "    spawn: 0.2\n    speed: 0.1\n", 6, "agents.0.speed", "reach no checkpoint"),
        (AGENT + "checkpoints: [0.5, 0.3]\n", 5, "checkpoints.1", "more than the one before"),
        (AGENT + "checkpoints:\n  - 0.3\n  - 0.305\n", 7, "checkpoints.1", "at least 0.01"),
        (AGENT + "checkpoints:\n  - 0.3\n  - deep\n", 7, "checkpoints.1", "depths from 0 to 1"),
        (AGENT + "checkpoints: []\n", 5, "checkpoints", "at least one depth"),
        (AGENT + "helix:\n  top: 1\n  bottom: 2\n", 6, "helix.top", "more than bottom"),
        (AGENT + "limits: 3\n", 5, "limits", "a block of keys"),
        (AGENT + "limits:\n  tokens: -1\n", 6, "limits.tokens", "0 for no limit"),
        (AGENT + "synthesis:\n  temperature: 3\n", 6, "synthesis.temperature", "from 0 to 2"),
        (AGENT + "consensus_threshold: 80%\n", 5, "consensus_threshold", "from 0 to 1"),
        ("agents: []\nname: T\n", 1, "agents", "at least one agent"),
        ("name: T\n", 1, "agents", "is missing"),
        ("name: T\nagents: research\n", 2, "agents", "a list"),
        ("name: T\nagents:\n  - research\n", 3, "agents.0", "a block of keys"),
        ("name: 2024\nagents: [{id: r, role: research}]\n", 1, "name", "quotes"),
        ("- name: T\n", 1, None, "block of keys"),
        ("", None, None, "is empty"),
        ("# only a comment\n", None, None, "is empty"),
        ("name: T\nagents: [\n", 3, None, "not YAML"),
        ("name: T\n\tagents: 3\n", 2, None, "not YAML"),
        (AGENT + "---\nname: U\n", 5, None, "second document"),
        (AGENT + "description: a\x07b\n", 5, None, "control character"),
        (AGENT + "description: \ud83d\n", 5, None, "half a character"),
        ("? [a]\n: 1\n", 1, None, "plain word"),
    ],
)
def test_a_fault_names_file_line_and_key_in_one_sentence(
    text: str, line: int | None, key: str | None, words: str
) -> None:
    error = fault(text)
    sentence = str(error)
    assert words in sentence
    assert (error.line, error.key) == (line, key)
    assert sentence.startswith("research.yaml" if line is None else f"research.yaml, line {line}: {key or ''}")
    assert sentence[-1] in ".?"
    assert "\n" not in sentence


def test_the_sentence_reads_as_promised() -> None:
    text = "name: T\nagents:\n  - id: research\n    role: research\n\n    # how many\n    count: many\n"
    assert str(fault(text)) == "research.yaml, line 7: agents.0.count must be a whole number from 1 to 16."


def test_of_several_faults_the_first_in_the_file_is_told() -> None:
    assert fault("limits: {tokens: -1}\n" + AGENT + "    count: 99\n").line == 1


def deep_bomb() -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(rows)


HOSTILE = {
    "alias bomb": (deep_bomb(), "alias"),
    "merge of an alias": ("x: &x {name: T}\n<<: *x\n", "alias"),
    "python object": ("name: !!python/object/apply:os.system ['true']\n", "tag"),
    "python name": ("name: !!python/name:os.system\n", "tag"),
    "binary": ("name: !!binary AAAA\n", "tag"),
    "local tag": ("name: !secret x\n", "tag"),
    "a tagged key": ("!!str name: x\n", "plain word"),
    "deep list": ("[" * 5_000, "nested deeper"),
    "deep mapping": ("{a: " * 5_000, "nested deeper"),
    "deep blocks": ("- " * 5_000 + "x", "nested deeper"),
    "deep indentation": ("\n".join(" " * n + "a:" for n in range(500)), "nested deeper"),
    "too long": ("# " + "x" * MAX_BYTES, "longer than 256 KB"),
    "a long number": ("name: " + "9" * 250_000, "at most 80"),
    "a long time of day": ("name: " + "1:" * 100_000 + "1", "not YAML|at most 80"),
    "a date that is none": ("name: 2024-13-45", "agents is missing"),
    "many unknown keys": ("\n".join(f"k{n}: 1" for n in range(25_000)), "more than 5000 values"),
    "many agents": ("name: T\nagents: [" + "{}, " * 60_000 + "]", "more than 5000 values"),
    "some agents too many": ("name: T\nagents: [" + "{id: r, role: research}, " * 33 + "]", "1 to 32"),
    "many checkpoints": (AGENT + "checkpoints: [" + "0, " * 80_000 + "]", "more than 5000 values"),
    "many duplicates": ("name: T\n" * 30_000, "stands here again"),
    "many quotes": ('"' * 250_000, "not YAML"),
    "many questions": ("? " * 120_000, "not YAML|plain word|nested"),
    "many anchors": ("&a " * 80_000, "not YAML"),
    "many colons": (":" * 250_000, "not YAML"),
    "a key without an end": ("[" + "x" * 250_000, "not YAML"),
    "many documents": ("--- x\n" * 40_000, "second document"),
    "percent signs": ("%" * 250_000, "not YAML"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_at_once(case: str) -> None:
    text, words = HOSTILE[case]
    began = time.perf_counter()
    error = fault(text)
    assert time.perf_counter() - began < 2
    assert any(word in str(error) for word in words.split("|")), str(error)[:300]
    assert len(str(error)) < 1_000


marks = "[]{}:,-?&*!|>'\"%@`#~ \n\t"
scraps = st.sampled_from(
    (*marks, "name", "agents", "id", "role", "- ", ": ", "&a", "*a", "!!str", "<<", "---\n", "...", "\r\n", "  ", "1e9")
) | st.sampled_from((".inf", "\u2028", "\ufeff", "\x00", "\ud800", "é", "\U0001f600"))


@given(st.one_of(st.text(max_size=200), st.lists(scraps, max_size=60).map("".join)))
def test_any_text_is_a_workflow_or_a_workflow_error(text: str) -> None:
    assert isinstance(read(text), Workflow) or str(read(text)).startswith("any.yaml")


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-100, 100)
    | st.floats(allow_nan=False)
    | st.sampled_from(["research", "", "r"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*Workflow.model_fields, "id", "role", "count", "top"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(list(Workflow.model_fields)), json_like))
def test_any_values_under_the_right_keys_are_a_workflow_or_a_fault_with_a_line(values: dict) -> None:
    found = read(json.dumps(values))
    assert isinstance(found, Workflow) or found.line == 1


def test_a_file_from_another_editor_is_read_with_its_mark_and_line_ends(tmp_path) -> None:
    path = tmp_path / "crlf.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load(path) == parse(SMALL, "small.yaml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name: Größe".encode("latin-1"), "line 1: is not UTF-8"),
        (SMALL.encode("utf-16"), "not UTF-8"),
        (b"#" * (MAX_BYTES + 1), "longer than 256 KB"),
    ],
)
def test_a_file_that_is_no_text_is_said_so(tmp_path, content: bytes, words: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(WorkflowError, match=words):
        load(path)
