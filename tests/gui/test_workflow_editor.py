"""The workflow editor: typed in by real events, saved to real files, and surprised by another program."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest

from felix.endpoints import Endpoint
from felix.gui.kit import Kit
from felix.gui.workflow_editor import WorkflowEditor
from felix.llm.models import ModelInfo, ServerReport
from felix.settings import Settings
from felix.team.workflow import Entry, Library

GOOD = "name: Small\nagents:\n  - id: one\n    role: research\n    prompt: |\n      Say it.\ncheckpoints: [0]\n"

STUDIO = "http://127.0.0.1:1234/v1"
SETTINGS = Settings(
    endpoints=(
        Endpoint(name="Studio", base_url=STUDIO, kind="lmstudio"),
        Endpoint(name="Left: rack", base_url="http://10.0.0.2:8000/v1", kind="vllm", pool="racks"),
    )
)
REPORT = ServerReport("lmstudio", "LM Studio", (ModelInfo("qwen3-8b", "Qwen3 8B", True),), 10, STUDIO)

WaitUntil = Callable[..., None]
Open = Callable[..., WorkflowEditor]


class Told:
    """What an editor told its owner."""

    def __init__(self) -> None:
        self.saved: list[Entry] = []
        self.duplicated: list[Entry] = []
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "builtin").mkdir()
    (tmp_path / "own").mkdir()
    return Library(tmp_path / "builtin", tmp_path / "own")


@pytest.fixture
def open_editor(kit: Kit, window: tk.Toplevel, library: Library, told: Told) -> Open:
    def open_editor(text: str = GOOD, *, is_builtin: bool = False) -> WorkflowEditor:
        path = (library.builtin_folder if is_builtin else library.user_folder) / "mine.yaml"
        path.write_bytes(text.encode())
        (entry,) = library.entries()
        editor = WorkflowEditor(
            window, kit, library, entry,
            settings=lambda: SETTINGS, reports=lambda: {STUDIO: REPORT},
            on_saved=told.saved.append, on_duplicate=told.duplicated.append, on_close=told.close,
        )  # fmt: skip
        editor.window.update()
        editor.pane.text.focus_force()
        editor.window.update()
        return editor

    return open_editor


def replace(editor: WorkflowEditor, old: str, new: str) -> None:
    """Edit as with find and replace."""
    text = editor.pane.text
    start = text.search(old, "1.0")
    assert start
    text.delete(start, f"{start} + {len(old)} chars")
    text.insert(start, new)
    editor.window.update()


def verdict(editor: WorkflowEditor) -> str:
    return str(editor._verdict.cget("text")).strip()


def can_save(editor: WorkflowEditor) -> bool:
    return bool(editor.save_button.instate(["!disabled"]))


def written_elsewhere(editor: WorkflowEditor, text: str) -> None:
    editor.path.write_text(text)
    os.utime(editor.path, ns=(10**18, 10**18))


def test_a_good_file_is_summed_up(open_editor: Open) -> None:
    editor = open_editor()
    assert verdict(editor) == "1 agent  ·  1 call in 1 round"
    assert not editor.is_changed and not can_save(editor)


def test_a_fault_is_marked_at_its_line_while_typing_and_goes_when_mended(
    open_editor: Open, wait_until: WaitUntil
) -> None:
    editor = open_editor()
    text = editor.pane.text
    text.mark_set("insert", "3.6")
    text.event_generate("<Key>", keysym="x")
    wait_until(lambda: editor.fault is not None)
    assert str(text.tag_ranges("fault")[0]) == "3.0"
    assert verdict(editor).startswith("mine.yaml, line 3: agents.0.id is missing")
    assert not can_save(editor)
    text.event_generate("<Key>", keysym="BackSpace")
    wait_until(lambda: editor.fault is None)
    assert not text.tag_ranges("fault")


def test_a_fault_leads_to_its_line(open_editor: Open) -> None:
    editor = open_editor(GOOD + "\n" * 200 + "limits:\n  tokens: many\n")
    assert editor.fault and editor.fault.line
    editor._go.invoke()
    assert editor.pane.text.index("insert") == f"{editor.fault.line}.2"
    assert editor.pane.text.dlineinfo("insert")


def test_only_what_is_right_can_be_saved(open_editor: Open, told: Told) -> None:
    editor = open_editor()
    replace(editor, "research", "sceptic")
    assert editor.save() is True, "a role of one's own is fine, with a prompt"
    right = editor.path.read_text()
    replace(editor, "agents:", "agent:")
    assert editor.save() is False
    assert editor.path.read_text() == right
    assert len(told.saved) == 1


def test_control_s_saves_and_undo_comes_back(open_editor: Open, told: Told) -> None:
    editor = open_editor()
    replace(editor, "Small", "Great")
    assert editor.is_changed and can_save(editor)
    editor.pane.text.event_generate("<Control-s>")
    editor.window.update()
    assert editor.path.read_text() == GOOD.replace("Small", "Great")
    assert [entry.name for entry in told.saved] == ["Great"]
    assert not editor.is_changed and verdict(editor).startswith("Saved")
    editor.pane.text.event_generate("<<Undo>>")
    editor.pane.text.event_generate("<<Undo>>")
    editor.window.update()
    assert "Small" in editor.pane.content and editor.is_changed
    editor.pane.text.event_generate("<Control-y>")
    editor.pane.text.event_generate("<Control-y>")
    editor.window.update()
    assert not editor.is_changed


def test_undo_does_not_go_back_before_the_file(open_editor: Open) -> None:
    editor = open_editor()
    editor.pane.text.event_generate("<<Undo>>")
    editor.window.update()
    assert editor.pane.content == GOOD


def test_a_disk_that_refuses_is_said_and_nothing_is_lost(open_editor: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = open_editor()
    replace(editor, "Small", "Great")

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refused)
    assert editor.save() is False
    assert "cannot be written (Permission denied)" in verdict(editor)
    assert editor.is_changed and editor.path.read_text() == GOOD


def test_escape_closes_what_is_unchanged(open_editor: Open, told: Told) -> None:
    editor = open_editor()
    editor.pane.text.event_generate("<Escape>")
    assert not editor.window.winfo_exists() and told.closed == 1


def test_unsaved_changes_are_asked_about_in_the_window(open_editor: Open, told: Told) -> None:
    editor = open_editor()
    replace(editor, "Small", "Great")
    editor.close()
    editor.window.update()
    assert editor.question.is_asked and [b.cget("text") for b in editor.question.buttons] == [
        "Discard",
        "Keep editing",
        "Save",
    ]
    editor.window.event_generate("<Escape>")
    assert not editor.question.is_asked and editor.window.winfo_exists()
    editor.close()
    editor.question.buttons[0].invoke()
    assert not editor.window.winfo_exists()
    assert editor.path.read_text() == GOOD and told.saved == []


def test_save_in_the_question_saves_and_closes(open_editor: Open, told: Told) -> None:
    editor = open_editor()
    replace(editor, "Small", "Great")
    editor.close()
    editor.question.buttons[-1].invoke()
    assert not editor.window.winfo_exists()
    assert [entry.name for entry in told.saved] == ["Great"]


def test_what_is_wrong_is_not_offered_to_be_saved(open_editor: Open) -> None:
    editor = open_editor()
    replace(editor, "agents:", "agent:")
    editor.close()
    assert [b.cget("text") for b in editor.question.buttons] == ["Discard", "Keep editing"]


def test_a_file_that_came_with_felix_is_only_read(open_editor: Open, told: Told) -> None:
    editor = open_editor(is_builtin=True)
    editor.pane.text.event_generate("<Key>", keysym="x")
    editor.window.update()
    assert editor.pane.content == GOOD and not editor.is_changed
    assert editor.save_button.cget("text") == "Duplicate to edit"
    editor.save_button.invoke()
    assert [entry.key for entry in told.duplicated] == ["mine"]


def test_a_file_changed_elsewhere_is_read_again_while_nothing_was_typed(
    open_editor: Open, wait_until: WaitUntil
) -> None:
    editor = open_editor()
    written_elsewhere(editor, GOOD.replace("Small", "Elsewhere"))
    wait_until(lambda: "Elsewhere" in editor.pane.content)
    assert "another program" in verdict(editor) and not editor.is_changed


def test_a_file_changed_elsewhere_and_here_is_asked_about(open_editor: Open) -> None:
    editor = open_editor()
    replace(editor, "Small", "Mine")
    written_elsewhere(editor, GOOD.replace("Small", "Theirs"))
    editor._look_now()
    assert editor.question.is_asked
    editor.question.buttons[0].invoke()
    assert "Mine" in editor.pane.content and can_save(editor)
    assert editor.save()
    assert "Mine" in editor.path.read_text()

    replace(editor, "Mine", "Again")
    written_elsewhere(editor, GOOD.replace("Small", "Theirs"))
    editor._look_now()
    editor.question.buttons[1].invoke()
    assert "Theirs" in editor.pane.content and not editor.is_changed


def test_a_file_that_is_gone_can_be_written_again(open_editor: Open) -> None:
    editor = open_editor()
    editor.path.unlink()
    editor._look_now()
    assert editor.question.is_asked and can_save(editor)
    assert editor.save()
    assert editor.path.read_text() == GOOD


def test_tab_indents_by_blanks_and_shift_tab_takes_them_back(open_editor: Open) -> None:
    editor = open_editor()
    text = editor.pane.text
    text.mark_set("insert", "2.0")
    text.event_generate("<Tab>")
    assert text.get("2.0", "2.end") == "  agents:"
    text.event_generate("<Shift-Tab>")
    assert text.get("2.0", "2.end") == "agents:"
    text.tag_add("sel", "3.0", "5.0")
    text.event_generate("<Tab>")
    assert text.get("3.0", "4.end") == "    - id: one\n      role: research"
    assert "\t" not in editor.pane.content


def test_a_new_line_begins_where_the_last_one_did_or_deeper(open_editor: Open) -> None:
    editor = open_editor()
    text = editor.pane.text
    text.mark_set("insert", "4.end")
    text.event_generate("<Return>")
    assert text.index("insert") == "5.4"
    text.mark_set("insert", "2.end")
    text.event_generate("<Return>")
    assert text.index("insert") == "3.2"


def test_lines_are_numbered_and_coloured_as_far_as_they_can_be_seen(open_editor: Open) -> None:
    editor = open_editor("# long\n" * 3_000 + GOOD)
    pane = editor.pane
    assert pane.text.tag_nextrange("comment", "1.0") and not pane.text.tag_nextrange("key", "1.0")
    numbers = [pane._gutter.itemcget(item, "text") for item in pane._gutter.find_all()]
    assert numbers[:3] == ["1", "2", "3"] and len(numbers) < 100
    pane.text.see("end")
    editor.window.update()
    assert pane.text.tag_nextrange("key", "1.0")
    assert "3007" in [pane._gutter.itemcget(item, "text") for item in pane._gutter.find_all()]


def test_emoji_do_not_shift_the_colours(open_editor: Open) -> None:
    editor = open_editor("name: '😀😀'  # end\n")
    start, end = editor.pane.text.tag_nextrange("comment", "1.0")
    assert editor.pane.text.get(start, end) == "# end"


@pytest.mark.parametrize("text", ["", "\n", "name: x", "a\r\nb\r\n", "name: a\0b\n", "x\n\n\n"])
def test_whatever_a_file_holds_it_is_unchanged_until_somebody_types(open_editor: Open, text: str) -> None:
    editor = open_editor(text)
    assert not editor.is_changed
    editor.pane.text.event_generate("<Escape>")
    assert editor.path.read_bytes() == text.encode()


def test_the_editor_follows_theme_and_text_size(open_editor: Open, kit: Kit) -> None:
    editor = open_editor()
    light = editor.pane.text.tag_cget("key", "foreground")
    kit.set_theme("dark")
    kit.scale_fonts(150)
    editor.window.update()
    assert editor.pane.text.tag_cget("key", "foreground") == kit["ink:write"] != light


def test_a_closed_editor_leaves_nothing_waiting(open_editor: Open) -> None:
    editor = open_editor()
    replace(editor, "Small", "Great")
    app = editor.window.nametowidget(".")
    before = len(app.tk.splitlist(app.tk.call("after", "info")))
    assert before >= 2
    editor.window.destroy()
    app.update()
    scripts = [str(app.tk.call("after", "info", each)) for each in app.tk.splitlist(app.tk.call("after", "info"))]
    assert not [script for script in scripts if "_look" in script or "check" in script]


def labels(menu: tk.Menu) -> list[str]:
    end = menu.index("end")
    assert end is not None
    return [str(menu.entrycget(n, "label")) for n in range(end + 1) if menu.type(n) != "separator"]


def cascade(menu: tk.Menu, label: str) -> tk.Menu:
    end = menu.index("end")
    assert end is not None
    line = next(
        n for n in range(end + 1) if menu.type(n) == "cascade" and str(menu.entrycget(n, "label")).startswith(label)
    )
    found = menu.nametowidget(str(menu.entrycget(line, "menu")))
    assert isinstance(found, tk.Menu)
    return found


def test_the_menu_names_a_server_for_a_role_and_undo_takes_it_back(open_editor: Open) -> None:
    editor = open_editor()
    assert editor.servers is not None
    editor.servers.fill()
    menu = editor.servers.button.menu
    assert labels(menu) == [
        "The whole team", "Role research", "Agent one", "Synthesis", "Ask another server when one fails",
    ]  # fmt: skip
    role = cascade(menu, "Role research")
    assert labels(role) == ["As the team", "Studio", "Left: rack", "racks, whichever is least busy"]
    models = cascade(role, "Studio")
    models.invoke(labels(models).index("qwen3-8b") + 1)  # a line stands above it
    editor.window.update()
    assert "roles:\n  research: {endpoint: Studio, model: qwen3-8b}\n" in editor.pane.content
    assert editor.fault is None and editor.unknown is None and can_save(editor)
    editor.servers.fill()
    assert labels(menu)[1] == "Role research:  Studio · qwen3-8b"
    editor.pane.text.event_generate("<<Undo>>")
    editor.window.update()
    assert editor.pane.content == GOOD


def test_failing_over_is_switched_on_by_the_menu(open_editor: Open) -> None:
    editor = open_editor()
    assert editor.servers is not None
    editor.servers.fill()
    menu = editor.servers.button.menu
    menu.invoke("end")
    assert "failover: true" in editor.pane.content
    editor.servers.fill()
    menu.invoke("end")
    assert editor.pane.content == GOOD


def test_an_unknown_server_is_marked_with_a_sentence_and_can_be_saved(open_editor: Open) -> None:
    editor = open_editor(GOOD + "synthesis:\n  endpoint: Olama\n")
    assert editor.unknown is not None and editor.unknown[0] == 9
    assert str(editor.pane.text.tag_ranges("fault")[0]) == "9.0"
    assert verdict(editor).startswith("The workflow asks “Olama”, which the settings do not know")
    editor._go.invoke()
    assert editor.pane.text.index("insert") == "9.2"
    replace(editor, "Small", "Great")
    assert editor.save() is True
    replace(editor, "Olama", "Studio")
    editor.check()
    assert editor.unknown is None and not editor.pane.text.tag_ranges("fault")


def test_a_file_with_a_fault_offers_no_servers_and_a_built_in_one_none_at_all(open_editor: Open) -> None:
    editor = open_editor("name: X\n")
    assert editor.servers is not None
    editor.servers.fill()
    assert labels(editor.servers.button.menu) == ["Mend the fault below first"]


def test_the_menu_of_tools_names_them_for_the_team_and_for_an_agent(open_editor: Open) -> None:
    editor = open_editor()
    assert editor.tools is not None
    editor.tools.fill()
    menu = editor.tools.button.menu
    assert labels(menu) == ["The whole team:  none", "Agent one:  as the team"]
    team = cascade(menu, "The whole team:  none")
    assert labels(team)[:2] == ["calculator", "list_files  ·  no folder chosen yet"]
    team.invoke(0)
    assert "tools: [calculator]\n" in editor.pane.content
    editor.tools.fill()
    agent = cascade(menu, "Agent one:  as the team")
    agent.invoke(labels(agent).index("calculator") + 1)  # a line stands above it
    assert "    tools: []\n" in editor.pane.content
    assert editor.fault is None and can_save(editor)


def test_an_unknown_tool_is_marked_with_a_sentence(open_editor: Open) -> None:
    editor = open_editor(GOOD + "tools: [calculater]\n")
    assert editor.unknown is not None
    assert verdict(editor).startswith("The workflow names the tool “calculater”, which Felix does not know")
