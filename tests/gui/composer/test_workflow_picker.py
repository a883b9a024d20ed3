"""The chip with the workflows that come with Felix and with a user's own, good and broken."""

from __future__ import annotations

import os
import shutil
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest

from felix.errors import WorkflowError
from felix.gui.composer.workflow_picker import WorkflowPicker
from felix.gui.kit import Kit
from felix.settings import SettingsFile
from felix.team.workflow import Entry, Library

BUILTIN = Path(__file__).parents[3] / "assets" / "workflows"
SMALL = "name: Small\nagents:\n  - id: one\n    role: research\ncheckpoints: [0]\n"
Update = Callable[[], None]


def lines(menu: tk.Menu) -> list[str]:
    end = menu.index("end")
    assert end is not None
    return [str(menu.entrycget(n, "label")).strip() for n in range(end + 1) if menu.type(n) != "separator"]


def invoke(menu: tk.Menu, words: str) -> None:
    end = menu.index("end")
    assert end is not None
    for line in range(end + 1):
        if menu.type(line) != "separator" and str(menu.entrycget(line, "label")).strip().startswith(words):
            menu.invoke(line)
            return
    raise AssertionError(f"no line begins with {words}")


class Chips:
    """The chip and what it told."""

    def __init__(self, kit: Kit, window: tk.Toplevel, folder: Path) -> None:
        self.own = folder / "workflows"
        self.own.mkdir()
        self.settings = SettingsFile(folder / "settings.json")
        self.library = Library(BUILTIN, self.own)
        self.chosen: list[Entry] = []
        self.errors: list[str] = []
        self.workflow = WorkflowPicker(
            window, kit, self.library, self.settings, on_change=self.chosen.append, on_error=self.errors.append
        )
        self.workflow.button.pack(side="left")
        window.update()

    def open(self, button: tk.Misc, key: str) -> None:
        """Post a chip's menu by keyboard."""
        button.focus_force()
        button.update()
        button.event_generate(f"<Key-{key}>")
        button.update()

    def write(self, name: str, text: str, *, later: int = 0) -> Path:
        path = self.own / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(10**18 + later, 10**18 + later))
        return path


@pytest.fixture
def chips(kit: Kit, window: tk.Toplevel, tmp_path: Path) -> Chips:
    return Chips(kit, window, tmp_path)


def test_the_default_workflow_is_chosen_at_first(chips: Chips) -> None:
    assert chips.workflow.button.cget("text") == "Research team"
    assert chips.workflow.workflow().name == "Research team"
    assert chips.chosen == []


@pytest.mark.parametrize("key", ["space", "Down", "Return"])
def test_the_menu_opens_by_keyboard_and_lists_agents_calls_and_rounds(chips: Chips, key: str) -> None:
    chips.write("mine.yaml", SMALL)
    chips.open(chips.workflow.button, key)
    menu = chips.workflow.button.menu
    assert menu.winfo_ismapped()
    menu.unpost()
    listed = lines(menu)
    assert listed[:2] == ["Built in", "Research team  –  4 agents, 8 calls in 3 rounds"]
    assert listed[-5:] == ["Your own", "Small  –  1 agent, 1 call in 1 round", "View…", "Duplicate…", "Show folder"]


def test_a_choice_is_kept_in_the_settings(chips: Chips) -> None:
    chips.workflow._fill()
    invoke(chips.workflow.button.menu, "Code review")
    assert chips.settings.current.workflow == "code_review"
    assert chips.workflow.button.cget("text") == "Code review"
    assert [entry.name for entry in chips.chosen] == ["Code review"]


def test_a_choice_that_is_gone_falls_back_to_the_default(chips: Chips) -> None:
    path = chips.write("mine.yaml", SMALL)
    chips.settings.change(workflow="mine")
    chips.workflow.refresh()
    assert chips.workflow.button.cget("text") == "Small"
    path.unlink()
    assert chips.workflow.workflow().name == "Research team"


def test_a_changed_file_is_noticed_when_the_menu_opens_and_before_a_run(chips: Chips) -> None:
    chips.write("mine.yaml", SMALL)
    chips.settings.change(workflow="mine")
    chips.workflow.refresh()
    chips.write("mine.yaml", SMALL.replace("Small", "Renamed").replace("[0]", "[0, 0.5]"), later=1)
    assert chips.workflow.workflow().name == "Renamed"
    assert chips.workflow.button.cget("text") == "Renamed"
    chips.write("mine.yaml", SMALL.replace("Small", "Again"), later=2)
    chips.workflow._fill()
    assert "Again  –  1 agent, 1 call in 1 round" in lines(chips.workflow.button.menu)


def test_a_broken_file_is_listed_with_its_fault_and_opens_at_it(chips: Chips, window: tk.Toplevel) -> None:
    path = chips.write("broken.yaml", "name: X\nagents:\n  - id: one\n    rule: research\n")
    chips.workflow._fill()
    invoke(chips.workflow.button.menu, "broken.yaml, line ")
    window.update()
    editor = chips.workflow.editors[path]
    assert editor.fault is not None
    editor.window.destroy()
    assert chips.workflow.editors == {}


def test_a_broken_choice_says_its_fault_instead_of_running(chips: Chips) -> None:
    chips.write("mine.yaml", SMALL)
    chips.settings.change(workflow="mine")
    chips.write("mine.yaml", "name: [", later=1)
    with pytest.raises(WorkflowError, match=r"^mine\.yaml"):
        chips.workflow.workflow()
    assert chips.workflow._tip().startswith("mine.yaml")


def test_duplicate_copies_chooses_and_opens(chips: Chips, window: tk.Toplevel) -> None:
    chips.workflow._fill()
    invoke(chips.workflow.button.menu, "Duplicate")
    window.update()
    path = chips.own / "research_team_copy.yaml"
    assert chips.settings.current.workflow == "research_team_copy"
    assert chips.workflow.entry and chips.workflow.entry.path == path
    assert chips.workflow.editors[path].is_editable
    chips.workflow.editors[path].window.destroy()


def test_a_file_is_opened_once(chips: Chips, window: tk.Toplevel) -> None:
    assert chips.workflow.entry
    chips.workflow.edit(chips.workflow.entry)
    window.update()
    chips.workflow.edit(chips.workflow.entry)
    (editor,) = chips.workflow.editors.values()
    assert not editor.is_editable, "what came with Felix is only shown"
    editor.save_button.invoke()
    window.update()
    (copy,) = chips.workflow.editors.values()
    assert copy.path.name == "research_team_copy.yaml"
    copy.window.destroy()


def test_a_copy_that_cannot_be_written_is_an_error_in_words(chips: Chips) -> None:
    shutil.rmtree(chips.own)
    chips.own.write_text("a file where the folder should be")
    assert chips.workflow.entry
    assert chips.workflow.duplicate(chips.workflow.entry) is None
    assert "cannot be written" in chips.errors[0]


def test_a_file_that_is_no_text_is_an_error_in_words(chips: Chips) -> None:
    (chips.own / "picture.yaml").write_bytes(b"\xff\xd8\xff")
    entry = next(each for each in chips.library.entries() if each.key == "picture")
    chips.workflow.edit(entry)
    assert "UTF-8" in chips.errors[0] and chips.workflow.editors == {}


def test_without_any_workflow_that_is_said(kit: Kit, window: tk.Toplevel, tmp_path: Path) -> None:
    picker = WorkflowPicker(
        window, kit, Library(tmp_path / "a", tmp_path / "b"), SettingsFile(tmp_path / "s.json"),
        on_change=lambda _: None, on_error=lambda _: None,
    )  # fmt: skip
    assert picker.button.cget("text") == "No workflow"
    picker._fill()
    assert lines(picker.button.menu) == ["Show folder"]
    with pytest.raises(WorkflowError):
        picker.workflow()
