"""The task box and its buttons, driven as a user does."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from pathlib import Path

import pytest

from felix.errors import FelixError
from felix.gui.composer.attachment import context_warning, read_attachment, size_in_words, with_attachments
from felix.gui.composer.composer import Composer
from felix.gui.composer.run_buttons import Steer
from felix.gui.composer.task_box import FEWEST, LONGEST, MOST, SOFT
from felix.gui.kit import Kit

Wait = Callable[..., None]


class Desk:
    """A composer and what it asked for."""

    def __init__(self, window: tk.Toplevel, kit: Kit) -> None:
        self.runs: list[str] = []
        self.stops = 0
        self.asked: list[str] = []
        self.files: list[Path] = []
        """What the user would choose."""
        self.composer = Composer(
            window, kit, on_run=self.runs.append, on_stop=self._stop, steer=self._steer(), ask_files=lambda: self.files,
            add_pickers=lambda _row: None,
        )  # fmt: skip
        self.composer.frame.pack(fill="x")
        self.text = self.composer.box.widget
        window.update()
        self.text.focus_force()
        window.update()

    def _stop(self) -> None:
        self.stops += 1

    def _steer(self) -> Steer:
        asked = self.asked
        return Steer(
            note=lambda: asked.append("note"), pause=lambda: asked.append("pause"),
            wrap_up=lambda: asked.append("wrap up"), follow_up=lambda: asked.append("follow up"),
            synthesise_again=lambda: asked.append("synthesise again"), continue_run=lambda: asked.append("continue"),
        )  # fmt: skip

    def paste(self, text: str) -> None:
        self.text.clipboard_clear()
        self.text.clipboard_append(text)
        self.text.event_generate("<<Paste>>")
        self.text.update()

    @property
    def notice(self) -> str:
        label = self.composer._notice
        return str(label.cget("text")) if label.winfo_ismapped() else ""


@pytest.fixture
def desk(window: tk.Toplevel, kit: Kit) -> Desk:
    return Desk(window, kit)


def test_a_task_that_is_put_in_takes_the_request_for_one_away(desk: Desk) -> None:
    desk.composer.run()
    desk.text.update()
    assert "Write what the team shall think about" in desk.notice
    desk.composer.take("An example")
    desk.text.update()
    assert desk.notice == ""
    assert desk.composer.box.text == "An example"


def test_control_enter_runs_and_leaves_the_text_as_it_was(desk: Desk) -> None:
    desk.composer.box.text = "two\nlines"
    desk.text.event_generate("<Control-Return>")
    assert desk.runs == ["two\nlines"]
    assert desk.composer.box.text == "two\nlines"


def test_an_empty_task_is_a_quiet_sentence_and_no_run(desk: Desk) -> None:
    desk.composer.box.text = "  \n "
    desk.text.event_generate("<Control-Return>")
    desk.text.update()
    assert desk.runs == []
    assert desk.notice == "Write what the team shall think about; then press Run."
    desk.text.event_generate("<Key-a>")
    desk.text.update()
    assert desk.notice == ""


def test_the_box_grows_with_its_text_and_no_further(desk: Desk, wait_until: Wait) -> None:
    assert int(desk.text.cget("height")) == FEWEST
    desk.composer.box.text = "\n".join("abcd")
    wait_until(lambda: int(desk.text.cget("height")) == 4)
    desk.composer.box.text = "\n".join("abcdefghijkl")
    wait_until(lambda: int(desk.text.cget("height")) == MOST)


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "word " * 20_000, "a line\n" * 15_000, "ends with blanks   \n\n" + "y z" * 500],
    ids=["one word", "one line", "many lines", "mixed"],
)
def test_a_long_paste_comes_out_as_it_went_in_and_stays_quick(desk: Desk, text: str) -> None:
    desk.paste(text)
    assert desk.composer.box.text == text
    longest = max(len(line) for line in desk.text.get("1.0", "end").split("\n"))
    assert longest <= LONGEST + len(SOFT)
    desk.text.event_generate("<Key-a>")
    assert desk.composer.box.text == text + "a"
    desk.text.event_generate("<<Undo>>")
    desk.text.event_generate("<<Undo>>")
    assert desk.composer.box.text == ""
    desk.text.event_generate("<<Redo>>")
    assert desk.composer.box.text == text


def test_a_long_line_is_broken_where_the_screen_breaks_it(desk: Desk) -> None:
    text = desk.text
    desk.paste("first\n" + "a sentence with 😀 words of many lengths, " * 200)
    text.update()
    ends, start = [], "1.0"
    while start := text.search(SOFT[-1], f"{start} + 1 c", "end-1c"):
        if text.get(f"{start} - 2 c", f"{start} + 1 c") == SOFT:
            text.see(start)
            box = text.dlineinfo(f"{start} - 4 c")
            assert box is not None
            ends.append(box[2])
    assert len(ends) > 3
    # a word more would not have fitted
    assert min(ends) > text.winfo_width() * 0.8


def test_copying_gives_back_what_was_pasted(desk: Desk) -> None:
    text = "word " * 1_000
    desk.paste(text)
    desk.text.tag_add("sel", "1.0", "end-1c")
    desk.text.clipboard_clear()
    desk.text.event_generate("<<Copy>>")
    assert desk.text.clipboard_get() == text
    desk.text.event_generate("<<Cut>>")
    assert desk.composer.box.text == ""


def test_what_tk_cannot_show_becomes_visible_instead_of_cutting_the_text(desk: Desk) -> None:
    desk.composer.box.text = "a\0b \ud83d c \U0001f600"
    assert desk.composer.box.text == "a\u2400b \ufffd c \U0001f600"


def test_a_locked_task_can_be_copied_but_not_changed(desk: Desk) -> None:
    desk.composer.box.text = "fixed"
    desk.composer.set_phase("running")
    editing = ("<Key-a>", "<BackSpace>", "<Delete>", "<Return>", "<Control-k>", "<Control-d>", "<<Undo>>", "<<Clear>>")
    for keys in editing:
        desk.text.mark_set("insert", "1.2")
        desk.text.event_generate(keys)
    desk.paste("no")
    desk.text.tag_add("sel", "1.0", "end-1c")
    desk.text.event_generate("<<Cut>>")
    assert desk.composer.box.text == "fixed"
    assert desk.text.clipboard_get() == "fixed"


def test_escape_passes_a_locked_task(desk: Desk, window: tk.Toplevel) -> None:
    escaped: list[str] = []
    window.bind("<Escape>", lambda _event: escaped.append("yes"))
    desk.composer.set_phase("running")
    desk.text.event_generate("<Escape>")
    assert escaped == ["yes"]


def test_tab_leaves_the_box_in_both_directions(desk: Desk) -> None:
    desk.text.event_generate("<Tab>")
    desk.text.update()
    assert desk.text.focus_get() is not desk.text
    assert desk.composer.box.text == ""
    desk.text.focus_force()
    desk.text.event_generate("<Shift-Tab>")
    desk.text.update()
    assert desk.text.focus_get() is not desk.text


def test_one_button_runs_stops_and_runs_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("felix.gui.composer.composer.time.monotonic", lambda: now[0])
    composer = desk.composer
    composer.box.text = "go"
    composer.button.invoke()
    assert desk.runs == ["go"]
    composer.set_phase("starting")
    composer.button.invoke()
    assert desk.stops == 0, "the second half of a double click must not stop the run"
    now[0] += 1
    composer.button.invoke()
    assert desk.stops == 1
    composer.set_phase("stopping")
    assert composer.button.instate(["disabled"])
    assert "Stopping" in str(composer.button.cget("text"))
    composer.set_phase("finished")
    assert str(composer.button.cget("text")) == "Run again"
    composer.button.invoke()
    assert desk.runs == ["go"], "a click that was meant for Stop must not start another run"
    now[0] += 1
    composer.button.invoke()
    assert desk.runs == ["go", "go"]


def test_space_presses_the_button(desk: Desk) -> None:
    desk.composer.box.text = "by key"
    desk.composer.button.focus_force()
    desk.composer.button.event_generate("<Key-space>")
    desk.text.update()
    assert desk.runs == ["by key"]


def test_an_added_file_is_shown_counted_sent_and_removed(desk: Desk, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes\n```\ncode\n```\n" + "text " * 600)
    desk.composer.box.text = "Read this."
    desk.files = [notes]
    desk.composer._add.invoke()
    desk.text.update()
    chip = desk.composer._chips.winfo_children()[0]
    assert "notes.md · 3.0 KB · ~" in str(chip.cget("text"))
    desk.composer.run()
    assert desk.runs[0].startswith("Read this.\n\nFile `notes.md`:\n\n````\n# Notes\n```\ncode")
    assert desk.runs[0].endswith("\n````")
    chip.invoke()
    assert desk.composer.task == "Read this."


def test_a_task_too_long_for_the_context_is_said_before_the_run(desk: Desk, tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    big.write_text("word " * 5_000)
    desk.composer.set_context(4_096, "qwen3-8b")
    desk.composer.box.text = "Sum it up."
    desk.text.update()
    assert desk.notice == ""
    desk.composer.add_file(big)
    desk.text.update()
    assert "qwen3-8b is loaded with room for 4,096" in desk.notice
    desk.composer.set_context(32_768, "qwen3-8b")
    desk.text.update()
    assert desk.notice == ""


def test_a_file_that_is_no_text_is_refused_in_one_sentence(desk: Desk, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    desk.composer.add_file(picture)
    desk.text.update()
    assert "cat.png is no text file" in desk.notice
    assert desk.composer.attachments == []


def test_files_of_other_encodings_and_sizes(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("bom\r\nline".encode("utf-8-sig"))
    assert read_attachment(file).text == "bom\nline"
    file.write_bytes("wide".encode("utf-16"))
    assert read_attachment(file).text == "wide"
    file.write_bytes(b"x" * 2_000_001)
    with pytest.raises(FelixError, match=r"larger than 2\.0 MB"):
        read_attachment(file)
    with pytest.raises(FelixError, match="could not be read"):
        read_attachment(tmp_path / "none.txt")
    assert [size_in_words(n) for n in (0, 999, 3_100, 2_000_000)] == ["0 bytes", "999 bytes", "3.1 KB", "2.0 MB"]


def test_only_files_make_a_task_too(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("alone")
    assert with_attachments("", [read_attachment(file)]).startswith("File `a.txt`")
    assert context_warning(10_000, None, "") == ""
    assert "the server does not say how many m takes" in context_warning(10_000, None, "m")
    assert context_warning(1_000, None, "m") == ""
