"""Two runs side by side in the whole window."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from felix.events import RunId
from felix.gui.answer.compare import LEFT, RIGHT, ComparePanel
from tests.gui.ledgers import finished, keep
from tests.gui.opened import Opened, write_settings

MINE = "# Boats\n\nBuy the red boat now.\n\nIt floats [research-1].\n"
YOURS = "# Boats\n\nBuy the blue boat.\n\nIt floats [research-1].\n\nAnd it is new.\n"


@pytest.fixture(scope="module")
def window(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Run a is on screen; b, c and d are in the list."""
    tmp_path = tmp_path_factory.mktemp("window")
    now = time.time()
    long = "\n\n".join(f"Paragraph {number} of what was said about boats." for number in range(80))
    ledger = keep(
        tmp_path / "ledger.db",
        finished("h", "Bold?", at=now - 800, answer="# Boats\n\nBuy **this** one.\n\nIt is *new*.\n"),
        finished("g", "Bold?", at=now - 700, answer="# Boats\n\nBuy **this** one.\n\nIt is **new**.\n"),
        finished("f", "Which longer boat?", at=now - 600, answer=f"{long}\n\n{long}"),
        finished("e", "Which long boat?", at=now - 500, answer=long),
        finished("d", "The same?", at=now - 400, answer=MINE),
        finished("c", "Silent", at=now - 300, answer=""),
        finished("b", "Which boat, said another", at=now - 200, answer=YOURS),
        finished("a", "Which boat?", at=now - 100, answer=MINE),
    )
    felix = Opened(write_settings(tmp_path / "settings.json"), demo=True, ledger=ledger)
    felix.until(lambda: len(felix.window.keeping.shelf.list.rows) == 8)
    felix.window.keeping.shelf.open(RunId("a"))
    felix.until(lambda: felix.window.bridge.state.run == "a")
    yield felix
    felix.close()
    vars(felix).clear()  # pytest keeps the rest until later, and then any thread may be the one that collects it
    gc.collect()


@pytest.fixture
def felix(window: Opened) -> Iterator[Opened]:
    yield window
    window.window.overlays.close()
    window.window.kit.set_theme("light")
    window.app.geometry("1400x900+0+0")
    window.settle()


def compared(felix: Opened, run: str) -> ComparePanel:
    """As its user does it: the line of the run's menu in the list."""
    shelf = felix.window.keeping.shelf.list
    command = next(each for each in shelf.commands if each.label.startswith("Compare"))
    command.act(next(row for row in shelf.rows if row.run == run))
    felix.until(lambda: felix.window.overlays.is_open)
    panel = felix.window.compare.panel
    assert panel is not None
    felix.settle()
    return panel


def marked(panel: ComparePanel, side: int, tag: str) -> list[str]:
    text = panel.texts[side].text
    ranges = [str(each) for each in text.tag_ranges(tag)]
    return [text.get(*pair) for pair in zip(ranges[::2], ranges[1::2], strict=True)]


def test_what_only_one_side_says_is_marked_there(felix: Opened) -> None:
    panel = compared(felix, "b")
    assert marked(panel, 0, LEFT) == ["red", " now"]
    assert marked(panel, 1, RIGHT)[0] == "blue" and "And it is new." in "".join(marked(panel, 1, RIGHT))
    assert marked(panel, 0, RIGHT) == marked(panel, 1, LEFT) == []
    for side, answer in enumerate((MINE, YOURS)):
        assert panel.texts[side].text.get("1.0", "end-1c") == answer
    left, right = (panel.texts[side].text for side in (0, 1))
    assert left.tag_cget(LEFT, "overstrike") and right.tag_cget(RIGHT, "underline"), "not by colour alone"


def test_markdown_is_shown_as_what_it_means_but_for_marks_that_differ(felix: Opened) -> None:
    felix.window.compare.open(RunId("g"), RunId("h"))
    felix.until(lambda: felix.window.overlays.is_open)
    panel = felix.window.compare.panel
    assert panel is not None
    felix.settle()
    left = panel.texts[0].text
    assert left.get("1.0", "1.end") == "# Boats" and "h2" in left.tag_names("1.3")
    assert left.bbox("1.0")[2] == 0, "the mark of a heading takes no room"
    assert "b" in left.tag_names("3.6") and left.bbox("3.4")[2] == 0
    assert marked(panel, 0, LEFT) == ["*"] * 2 and marked(panel, 1, RIGHT) == []
    for index in left.tag_ranges(LEFT)[::2]:
        assert left.bbox(str(index))[2] > 0, "what differs is seen"


def test_both_sides_scroll_together_and_come_to_their_ends_together(felix: Opened) -> None:
    felix.window.compare.open(RunId("e"), RunId("f"))
    felix.until(lambda: felix.window.overlays.is_open)
    panel = felix.window.compare.panel
    assert panel is not None
    felix.settle()
    left, right = (stream.text for stream in panel.texts)

    def share(first: float, last: float) -> float:
        return first / (1 - last + first)

    for mine, other, to in ((left, right, 0.4), (right, left, 0.7), (left, right, 1.0), (right, left, 0.0)):
        mine.yview_moveto(to)
        felix.until(lambda a=mine, b=other: abs(share(*a.yview()) - share(*b.yview())) < 0.02, timeout_s=5)  # type: ignore[misc]
        assert (mine.yview()[0] > 0) == (to > 0), "it has stayed where it was put"
    assert left.yview()[0] == right.yview()[0] == 0.0


@pytest.mark.parametrize("size", ["1400x900", "1000x700"])
def test_it_is_drawn_in_both_themes(felix: Opened, size: str) -> None:
    felix.app.geometry(f"{size}+0+0")
    felix.settle()
    panel = compared(felix, "b")
    for mode in ("light", "dark"):
        felix.window.kit.set_theme(mode)  # type: ignore[arg-type]
        felix.screenshot(f"compare-{mode}-{size}")
        left = panel.texts[0].text
        assert left.tag_cget(LEFT, "background") == felix.window.kit["tint:fail"]
    for side in (0, 1):
        assert panel.texts[side].text.winfo_width() > 400


def test_buttons_and_keys_lead_from_difference_to_difference(felix: Opened) -> None:
    panel = compared(felix, "b")
    assert panel.count.cget("text") == "3 differences"
    felix.click(panel.down)
    assert panel.count.cget("text") == "Difference 1 of 3"
    felix.press("<Key-n>", panel.texts[0].text)
    felix.press("<Key-n>", panel.texts[1].text)
    felix.press("<Key-n>", panel.texts[1].text)
    assert panel.count.cget("text") == "Difference 1 of 3"
    felix.press("<Key-p>", panel.texts[0].text)
    assert panel.count.cget("text") == "Difference 3 of 3"


def test_figures_and_settings_stand_side_by_side(felix: Opened) -> None:
    panel = compared(felix, "b")
    panel.views.choose("facts")
    felix.settle()
    words = felix.words(panel.overlay.body)
    assert "Which boat, said another" in words and "qwen3-8b" in words and "≠" in words


def test_escape_closes_it_and_it_opens_again(felix: Opened) -> None:
    panel = compared(felix, "b")
    felix.press("<Escape>")
    assert not panel.overlay.is_open and not felix.window.overlays.is_open
    assert compared(felix, "d").count.cget("text") == "The syntheses are the same"


def test_a_run_without_a_synthesis_says_so(felix: Opened) -> None:
    panel = compared(felix, "c")
    assert "There is no synthesis." in panel.texts[1].text.get("1.0", "end")


def test_a_run_is_not_compared_with_itself_or_with_one_that_is_gone(felix: Opened) -> None:
    window = felix.window
    row = next(row for row in window.keeping.shelf.list.rows if row.run == "a")
    window.compare.with_shown(row)
    felix.until(lambda: "Open one run, then choose this at another" in felix.words(window.status.frame))
    window.compare.open(RunId("a"), RunId("gone"))
    felix.until(lambda: "The run gone is not in the ledger any more" in felix.words(window.status.frame))
    assert not window.overlays.is_open
