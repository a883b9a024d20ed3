"""The workflows on disk: what comes with Felix, what the user keeps, and what happens when somebody edits them."""

import os
from pathlib import Path

import pytest

from felix.errors import WorkflowError
from felix.team.schedule import schedule
from felix.team.workflow import Library, parse

BUILTIN = Path(__file__).parents[2] / "assets" / "workflows"
SMALL = "# kept\nname: Small\nagents: [{id: r, role: research}]\ncheckpoints: [0]\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(BUILTIN, tmp_path / "mine")


def test_at_least_four_come_with_felix_and_the_default_stands_first(library: Library) -> None:
    entries = library.entries()
    assert len(entries) >= 4
    assert [entry.fault for entry in entries] == [None] * len(entries)
    assert entries[0].key == "research_team"
    assert entries[0].summary == "8 calls in 3 rounds"
    assert all(entry.is_builtin and entry.workflow and entry.workflow.description for entry in entries)


def test_the_default_one_is_done_in_three_minutes_at_four_times_twenty_tokens_a_second(library: Library) -> None:
    workflow = library.find("").workflow
    assert workflow is not None
    rounds = schedule(workflow)
    assert len(rounds) <= 3
    assert sum(len(each.turns) for each in rounds) <= 8
    tokens_per_word, tokens_per_second, slots, wait_s = 1.4, 20, 4, 5
    for each in rounds:
        for turn in each.turns:
            spec = next(member.spec for member in workflow.members() if member.id == turn.agent_id)
            assert _words_asked_for(spec.manner.instruction(turn.checkpoint)) <= 200
    waves = sum(-(-len(each.turns) // slots) for each in rounds)
    answers_s = waves * (wait_s + 200 * tokens_per_word / tokens_per_second)
    synthesis_s = wait_s + _words_asked_for(workflow.synthesis.prompt) * tokens_per_word / tokens_per_second
    assert answers_s + synthesis_s < 120, "leaves a minute for a model that thinks first"


def _words_asked_for(prompt: str) -> int:
    length = prompt.rstrip().rsplit("About ", 1)[1]
    return int(length.removesuffix(" words."))


@pytest.mark.parametrize("path", sorted(BUILTIN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_prompt_that_names_another_agent_names_one_that_is_there(path: Path) -> None:
    import re

    workflow = parse(path.read_text(encoding="utf-8"), path.name)
    ids = {member.id for member in workflow.members()}
    for text in (*(spec.prompt for spec in workflow.agents), workflow.synthesis.prompt):
        assert set(re.findall(r"\[([\w-]+-\d+)\]", text)) <= ids
        assert "Confidence:" not in text, "the prompt builder asks for it"
    assert workflow.synthesis.prompt.strip() or workflow.synthesis.skip


def test_a_broken_file_of_the_user_is_listed_with_its_fault(library: Library) -> None:
    library.user_folder.mkdir()
    (library.user_folder / "broken.yaml").write_text("name: B\nagents: []\n")
    (library.user_folder / "notes.txt").write_text("no workflow")
    mine = [entry for entry in library.entries() if not entry.is_builtin]
    assert [(entry.key, entry.name, entry.workflow, entry.summary) for entry in mine] == [
        ("broken", "broken", None, "")
    ]
    assert mine[0].fault is not None
    assert mine[0].fault.line == 2


def test_files_that_come_change_and_go_are_noticed(library: Library) -> None:
    assert library.changed()
    library.entries()
    assert not library.changed()
    path = library.user_folder / "a.yaml"
    library.save(path, SMALL)
    assert library.changed()
    assert library.find("a").summary == "1 call in 1 round"
    assert not library.changed()
    path.write_text(SMALL.replace("[0]", "[0, 1]"))
    assert library.changed()
    assert library.find("a").summary == "2 calls in 2 rounds"
    path.unlink()
    assert library.changed()
    assert all(entry.is_builtin for entry in library.entries())


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(library: Library) -> None:
    path = library.save(library.user_folder / "a.yaml", SMALL).path
    library.entries()
    other = library.user_folder / "b.tmp"
    other.write_text(SMALL.replace("Small", "Other"))
    os.utime(other, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert library.changed()
    assert library.find("a").name == "Other"


def test_a_file_that_did_not_change_is_not_read_again(library: Library) -> None:
    assert library.entries()[0] is library.entries()[0]


def test_a_duplicate_is_the_users_own_with_a_name_and_comments_of_its_own(library: Library) -> None:
    default = library.find("")
    first, second = library.duplicate(default), library.duplicate(default)
    assert [first.key, second.key] == ["research_team_copy", "research_team_copy_2"]
    assert [first.name, second.name] == ["Research team (copy)", "Research team (copy 2)"]
    assert not first.is_builtin
    assert "# Half the speed" in library.text(first)
    assert first.workflow is not None
    assert first.workflow.agents == default.workflow.agents
    assert first in library.entries()


def test_a_duplicate_of_a_name_over_two_lines_keeps_the_text_valid(library: Library) -> None:
    entry = library.save(library.user_folder / "two.yaml", SMALL.replace("Small", "Small\n  but long"))
    copy = library.duplicate(entry)
    assert copy.fault is None
    assert copy.workflow == entry.workflow


def test_only_valid_text_is_saved(library: Library) -> None:
    path = library.user_folder / "a.yaml"
    library.save(path, SMALL)
    with pytest.raises(WorkflowError, match=r"a\.yaml, line 3: agents\.0\.role"):
        library.save(path, SMALL.replace("role: research", "role: nobody"))
    assert path.read_text() == SMALL
    assert [each.name for each in library.user_folder.iterdir()] == ["a.yaml"]


def test_what_came_with_felix_cannot_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "builtin").mkdir()
    library = Library(tmp_path / "builtin", tmp_path / "mine")
    for path in (tmp_path / "builtin" / "a.yaml", tmp_path / "mine" / ".." / "a.yaml", tmp_path / "mine" / "a.txt"):
        with pytest.raises(WorkflowError, match="duplicate it"):
            library.save(path, SMALL)
    assert not list(tmp_path.rglob("a.*"))


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file stands in the way")
    with pytest.raises(WorkflowError, match="cannot be written"):
        Library(BUILTIN, tmp_path / "mine").save(tmp_path / "mine" / "a.yaml", SMALL)


def test_a_workflow_is_found_by_key_file_name_title_or_path(library: Library, tmp_path: Path) -> None:
    for word in ("red_blue", "red_blue.yaml", "RED TEAM, BLUE TEAM"):
        assert library.find(word).key == "red_blue"
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(SMALL)
    assert library.find(str(elsewhere)).name == "Small"
    library.save(library.user_folder / "decision.yaml", SMALL)
    assert library.find("decision").name == "Small", "the user's own comes first"
    with pytest.raises(WorkflowError, match="no workflow called nothing; there are: research_team, "):
        library.find("nothing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_broken_link_is_listed_and_never_waited_for(library: Library) -> None:
    library.user_folder.mkdir()
    os.mkfifo(library.user_folder / "pipe.yaml")
    (library.user_folder / "link.yaml").symlink_to("nowhere.yaml")
    (library.user_folder / "folder.yaml").mkdir()
    faults = {entry.key: str(entry.fault) for entry in library.entries() if not entry.is_builtin}
    assert "is not a file" in faults["pipe"]
    assert "is not a file" in faults["folder"]
    assert "cannot be read" in faults["link"]
