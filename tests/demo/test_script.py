"""The demo model's texts: about the task, aware of the others, different from each other, open about being scripted."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from felix.demo.hearing import hear
from felix.demo.pacing import tokens
from felix.demo.script import scripted
from felix.events import AgentId, ThoughtId
from felix.ledger.speech import Thought
from felix.team.prompts import Room, agent_prompt, synthesis_prompt
from felix.team.schedule import schedule
from felix.team.workflow import Library

TASK = "Should our clinic of twelve people replace e-mail with a chat server for patients?"
BUILTIN = Library(Path(__file__).parents[2] / "assets" / "workflows", Path("nowhere")).entries()

Said = tuple[str, str, float, str]
"""Agent, role, depth, text."""


def prompt(me: str, role: str, depth: float, said: list[Said], task: str = TASK) -> list[dict]:
    others = "".join(f"## [{who}] {what}, depth {at:.2f}\n\n{text}\n\n" for who, what, at, text in said if who != me)
    own = "".join(f"## depth {at:.2f}\n\n{text}\n\n" for who, _, at, text in said if who == me)
    parts = [f"# Task\n\n{task}\n\n"]
    parts += [f"# What the others found\n\n{others}"] if others else []
    parts += [f"# Your own earlier thoughts\n\n{own}"] if own else []
    parts += [f"# Your turn\n\nDepth {depth:.2f} (0.00 is the wide top, 1.00 the narrow bottom)."]
    system = f"You are {me}, a {role} agent of a team of 4.\n\nThe others are research-7 and critic-9."
    return [{"role": "system", "content": system}, {"role": "user", "content": "".join(parts)}]


def hub_prompt(said: list[Said], task: str = TASK, unfinished: str = "") -> list[dict]:
    body = "".join(f"## [{who}] {what}, depth {at:.2f}, confidence 0.72\n\n{text}\n\n" for who, what, at, text in said)
    user = f"# Task\n\n{task}\n\n# Contributions\n\n{body}{unfinished}# Your turn\n\nWrite the answer now."
    return [
        {"role": "system", "content": "You are the hub of a team of agents.\n\n…"},
        {"role": "user", "content": user},
    ]


def played(workflow) -> list[Said]:
    """A whole run, the confidence lines taken off as Felix does."""
    said: list[Said] = []
    for each in schedule(workflow):
        now = [
            (turn.agent_id, turn.role, turn.checkpoint, prompt(turn.agent_id, turn.role, turn.checkpoint, said))
            for turn in each.turns
        ]
        said += [(who, role, at, scripted(hear(messages)).answer.rsplit("\n", 1)[0]) for who, role, at, messages in now]
    return said


def test_a_prompt_of_felix_is_understood() -> None:
    said = [("analysis-1", "analysis", 0.3, "## A heading\n\n- a point"), ("research-2", "research", 0.0, "old")]
    heard = hear(prompt("research-2", "research", 0.3, said, task="# Title\n\n## [not-1] an agent\n\nBody"))
    assert (heard.agent_id, heard.number, heard.role, heard.depth) == ("research-2", 2, "research", 0.3)
    assert heard.task == "# Title\n\n## [not-1] an agent\n\nBody"
    assert heard.names() == ("analysis-1",)
    assert heard.voices[0].text == "## A heading\n\n- a point"
    assert heard.spoken == 1


def test_the_prompts_that_felix_writes_are_understood() -> None:
    workflow = next(entry.workflow for entry in BUILTIN if entry.key == "research_team")
    room = Room(context=8_192, answer=0)
    critic, own = thought("critic-1", "critic", 0.45), thought("research-2", "research", 0.0)
    researcher = next(member for member in workflow.members() if member.id == "research-2")
    written = agent_prompt(TASK, workflow, researcher, checkpoint=0.45, own=[own], others=[critic], room=room)
    heard = hear([{"role": message.role, "content": message.content} for message in written.messages])
    assert (heard.agent_id, heard.number, heard.role, heard.depth) == ("research-2", 2, "research", 0.45)
    assert (heard.task, heard.names(), heard.spoken) == (TASK, ("critic-1",), 1)
    written = synthesis_prompt(TASK, workflow, complete=[own], unfinished=[critic], room=room)
    heard = hear([{"role": message.role, "content": message.content} for message in written.messages])
    assert heard.is_hub
    assert heard.task == TASK
    assert [voice.agent_id for voice in heard.voices] == ["research-2"]
    assert [voice.agent_id for voice in heard.unfinished] == ["critic-1"]


def thought(agent_id: str, role: str, checkpoint: float) -> Thought:
    made = Thought(
        thought_id=ThoughtId(f"{agent_id}#1"),
        agent_id=AgentId(agent_id),
        role=role,
        round=1,
        checkpoint=checkpoint,
        confidence=0.7,
    )
    made.answer.settle("## Heading\n\nA finding.")
    return made


def test_the_hubs_prompt_is_understood_with_what_is_unfinished() -> None:
    unfinished = "# Unfinished contributions\n\n## [critic-1] critic, depth 0.90\n\nhalf a\n\n"
    heard = hear(hub_prompt([("research-1", "research", 0.9, "text")], unfinished=unfinished))
    assert heard.is_hub
    assert (heard.voices[0].depth, heard.voices[0].confidence) == ("0.90", "0.72")
    assert [voice.agent_id for voice in heard.unfinished] == ["critic-1"]
    answer = scripted(heard).answer
    assert "What [critic-1] wrote was cut off and is unfinished" in answer


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.key)
def test_a_whole_run_quotes_the_task_names_who_was_read_and_is_honest(entry) -> None:
    said: list[Said] = []
    for each in schedule(entry.workflow):
        texts = []
        for turn in each.turns:
            heard = hear(prompt(turn.agent_id, turn.role, turn.checkpoint, said))
            thinking, answer = scripted(heard).thinking, scripted(heard).answer
            body, line = answer.rsplit("\n", 1)
            assert re.fullmatch(r"Confidence: 0\.7\d", line)
            assert "demo model" in body.lower()
            assert 80 <= len(body.split()) <= 230
            assert 20 <= len(thinking.split()) <= 90
            assert "{" not in answer + thinking
            assert "“Should our clinic" in answer + thinking or "patients" in answer
            for name in heard.names():
                assert f"[{name}]" in body
            assert set(re.findall(r"\[([\w-]+-\d+)\]", answer)) <= set(heard.names())
            texts.append((turn.agent_id, turn.role, turn.checkpoint, body))
        said += texts
    whole_texts = [text for *_, text in said]
    assert len(set(whole_texts)) == len(whole_texts), "nobody says the same twice"


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.key)
def test_the_synthesis_is_markdown_that_cites_every_agent_and_only_those(entry) -> None:
    said = played(entry.workflow)
    answer = scripted(hear(hub_prompt(said))).answer
    assert "demo model" in answer
    assert answer.startswith("# Should our clinic")
    assert "\n## " in answer
    assert "\n|---|---:|---:|---|\n" in answer
    assert "\n- " in answer
    assert "\n1. " in answer
    assert set(re.findall(r"\[([\w-]+)\]", answer)) == {who for who, *_ in said}
    for row in re.findall(r"^\| \[.*$", answer, re.MULTILINE):
        assert row.count("|") == 5
    assert "Confidence:" not in answer


def test_agents_of_one_role_and_round_say_different_things() -> None:
    answers = {
        scripted(hear(prompt(f"research-{n}", "research", 0.0, []))).answer.split("\n\n", 1)[1] for n in (1, 2, 3, 4)
    }
    assert len(answers) == 4


def test_the_two_sides_of_a_decision_do_not_use_the_same_words() -> None:
    for depth in (0.0, 0.3, 0.9):
        pro = scripted(hear(prompt("pro-1", "advocate", depth, []))).answer
        contra = scripted(hear(prompt("contra-1", "opponent", depth, []))).answer
        assert pro.replace("advocate", "opponent").split("\n\n")[0] != contra.split("\n\n")[0]


def test_an_agent_does_not_repeat_itself_at_the_next_checkpoint() -> None:
    first = scripted(hear(prompt("analysis-1", "analysis", 0.3, []))).answer
    later = scripted(hear(prompt("analysis-1", "analysis", 0.5, [("analysis-1", "analysis", 0.3, first)]))).answer
    assert first.split("\n\n")[0] != later.split("\n\n")[0]


def test_the_same_prompt_has_the_same_answer() -> None:
    messages = prompt(
        "critic-1", "critic", 0.5, [("research-1", "research", 0.0, "A finding that is long enough to quote.")]
    )
    assert scripted(hear(messages)) == scripted(hear(messages))


def test_any_other_prompt_gets_a_short_honest_answer() -> None:
    answer = scripted(hear([{"role": "user", "content": [{"type": "text", "text": "Say hello."}]}])).answer
    assert "demo model" in answer
    assert "“Say hello”" in answer


odd = st.text(max_size=300) | st.sampled_from(
    ["", "|||", "{x}", "“”", "日本語の質問です", "a\n# Contributions\n\nb", "%s"]
)


@given(odd, odd)
@settings(max_examples=settings().max_examples * 2 // 5)  # each of them is dear
def test_any_task_and_any_thought_give_an_answer(task: str, thought: str) -> None:
    said = [("research-1", "research", 0.0, thought), ("critic-1", "critic", 0.5, thought)]
    for messages in (prompt("analysis-1", "analysis", 0.5, said, task), hub_prompt(said, task)):
        answer = scripted(hear(messages)).answer
        assert "demo model" in answer.lower()
        assert "".join(tokens(answer)) == answer


@given(st.lists(st.dictionaries(st.sampled_from(["role", "content"]), st.none() | st.integers() | odd | st.lists(odd))))
def test_any_messages_are_heard(messages: list[dict]) -> None:
    assert scripted(hear(messages)).answer


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    pieces = tokens(text)
    assert "".join(pieces) == text
    assert all(pieces)


def test_tokens_are_of_a_tokenisers_size() -> None:
    answer = scripted(hear(prompt("research-1", "research", 0.0, []))).answer
    assert 3 < len(answer) / len(tokens(answer)) < 5


def test_with_tools_it_calls_them_first_and_then_says_what_they_brought() -> None:
    offered = [{"type": "function", "function": {"name": name}} for name in ("calculator", "list_files", "read_file")]
    messages = prompt("research-1", "research", 0.0, [], task="Why do rivers bend?")

    def answered(*results: str) -> None:
        calls = scripted(hear(messages, offered)).calls
        assert len(calls) == len(results)
        ids = [f"{len(messages)}.{at}" for at in range(len(calls))]
        asked = [
            {"id": each, "type": "function", "function": call._asdict()} for each, call in zip(ids, calls, strict=True)
        ]
        messages.append({"role": "assistant", "content": "I look.", "tool_calls": asked})
        messages.extend(
            {"role": "tool", "tool_call_id": each, "content": result} for each, result in zip(ids, results, strict=True)
        )

    assert scripted(hear(messages)).calls == ()
    answered("4.0", "rivers.md  1,200 bytes\nsea/")
    assert [json.loads(call.arguments) for call in scripted(hear(messages, offered)).calls] == [{"path": "rivers.md"}]
    answered("A river bends because of its banks.")
    last = scripted(hear(messages, offered))
    assert last.calls == ()
    assert "4.0 letters on average" in last.answer
    assert "A river bends because of its banks." in last.answer
