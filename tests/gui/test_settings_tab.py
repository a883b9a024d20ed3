"""The Settings tab: real widgets, real events, a real settings file and key store."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Iterator
from pathlib import Path

import pytest

from felix.gui.kit import Kit
from felix.gui.settings_tab.fields import number_between
from felix.gui.settings_tab.streaming import STOPS_MS, pace_words, position
from felix.gui.settings_tab.workflow import duration_words
from felix.keys import VARIABLE
from felix.settings import DEFAULT_BASE_URL, Settings
from tests.gui.paged import Page, invoke, opened_page


@pytest.fixture
def page(kit: Kit, window: tk.Toplevel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.delenv(VARIABLE, raising=False)
    with opened_page(kit, window, tmp_path / "settings.json") as page:
        yield page


# -- values ------------------------------------------------------------------------------------------------------------


def test_a_switch_is_in_force_and_saved_at_once(page: Page) -> None:
    page.press(page.tab.streaming.streaming)
    assert page.now.enable_streaming is False
    assert page.on_disk().enable_streaming is False
    assert page.changed == [frozenset({"enable_streaming"})]
    assert page.saved == [""]
    page.press(page.tab.streaming.streaming)
    assert page.on_disk().enable_streaming is True


def test_every_switch_changes_its_own_setting(page: Page) -> None:
    for switch, key in (
        (page.tab.streaming.typing, "typing_effect"),
        (page.tab.appearance.motion, "reduce_motion"),
        (page.tab.appearance.verbose, "verbose_log"),
    ):
        before = getattr(page.now, key)
        page.press(switch)
        assert getattr(page.on_disk(), key) is not before


def test_a_number_applies_on_enter(page: Page) -> None:
    page.type(page.tab.streaming.interval.entry, "250", "Return")
    assert page.on_disk().streaming_batch_interval == 0.25
    assert page.tab.streaming.slider.value == position(250)


def test_a_number_applies_when_its_field_is_left(page: Page) -> None:
    page.type(page.tab.streaming.characters.entry, "80")
    page.tab.workflow.tokens.entry.focus_force()
    page.app.update()
    assert page.on_disk().streaming_batch_chars == 80


def test_a_number_applies_a_moment_after_the_last_key(page: Page) -> None:
    page.type(page.tab.workflow.tokens.entry, "2048")
    page.until(lambda: page.now.max_tokens != Settings().max_tokens)
    assert page.now.max_tokens == page.on_disk().max_tokens == 2048


def test_a_click_beside_a_field_applies_what_was_typed(page: Page) -> None:
    page.type(page.tab.connection.address.entry, "127.0.0.1:9999")
    ground = page.tab.connection.server.frame
    ground.event_generate("<Button-1>", x=3, y=3)
    page.until(lambda: page.now.base_url != DEFAULT_BASE_URL)
    assert page.on_disk().base_url == "http://127.0.0.1:9999/v1"


def test_a_bad_entry_is_marked_at_its_field_and_not_saved(page: Page) -> None:
    field, row = page.tab.streaming.interval, page.tab.streaming._interval_row
    for text in ("5000", "-1", "fast", "", "1.5"):
        page.type(field.entry, text, "Return")
        assert row.shown == "The interval must be a whole number from 0 to 2,000."
        assert field.entry.instate(["invalid"])
        assert field.entry.get() == text
        assert page.now.streaming_batch_interval == 0.1 and not page.settings.path.exists()
        page.tab.refresh()
        assert field.entry.get() == text and row.fault, "what stands wrong stays until somebody mends it"
        field.restore()
    page.type(field.entry, "5000", "Return")
    page.type(field.entry, "40", "Return")
    assert not row.fault and not field.entry.instate(["invalid"])
    assert page.on_disk().streaming_batch_interval == 0.04


def test_escape_brings_back_the_value_in_force_and_only_then_means_something_else(page: Page) -> None:
    heard: list[str] = []
    page.window.bind("<Escape>", lambda _event: heard.append("window"))
    entry = page.tab.streaming.interval.entry
    page.type(entry, "9999", "Return", "Escape")
    assert entry.get() == "100" and not page.tab.streaming._interval_row.fault and heard == []
    entry.event_generate("<Escape>")
    page.app.update()
    assert heard == ["window"]


def test_what_is_half_typed_is_not_marked(page: Page) -> None:
    entry = page.tab.streaming.interval.entry
    page.type(entry, "99999")
    page.until(lambda: not page.tab.streaming.interval._after)
    assert not page.tab.streaming._interval_row.fault


def test_the_slider_moves_by_keys_and_is_saved_when_it_rests(page: Page) -> None:
    slider = page.tab.streaming.slider
    slider.widget.focus_force()
    page.app.update()
    slider.widget.event_generate("<Key-Right>")
    slider.widget.event_generate("<Key-Right>")
    page.app.update()
    assert page.tab.streaming.interval.entry.get() == "200"
    page.until(lambda: page.now.streaming_batch_interval == 0.2)
    assert page.on_disk().streaming_batch_interval == 0.2
    assert page.saved == [""], "one save for one move of two steps"
    slider.widget.event_generate("<Key-Home>")
    page.until(lambda: page.now.streaming_batch_interval == 0)


def test_releasing_the_slider_applies_it_at_once(page: Page) -> None:
    widget = page.tab.streaming.slider.widget
    widget.event_generate("<Button-1>", x=widget.winfo_width() - 1, y=8)
    widget.event_generate("<ButtonRelease-1>", x=widget.winfo_width() - 1, y=8)
    assert page.now.streaming_batch_interval == 2.0


def test_where_a_file_cannot_be_written_that_is_said_and_the_change_holds(page: Page) -> None:
    page.settings.path = page.settings.path / "no" / "folder.json"
    page.settings.path.parent.parent.write_text("a file where a folder should be")
    page.press(page.tab.streaming.streaming)
    assert page.now.enable_streaming is False
    assert "could not be saved" in page.saved[-1]


def test_a_change_made_elsewhere_shows_after_refresh(page: Page) -> None:
    page.settings.change(
        theme="dark", font_scale=1.3, enable_streaming=False, max_parallel=9, streaming_batch_interval=0.12
    )
    page.tab.refresh()
    assert page.tab.appearance.theme.value == "dark"
    assert page.tab.appearance.size.button.cget("text") == "130 %"
    assert page.tab.workflow.parallel.button.cget("text") == "9"
    assert not page.tab.streaming.streaming.instate(["selected"])
    assert page.tab.streaming.interval.entry.get() == "120"
    assert page.changed == []


# -- menus -------------------------------------------------------------------------------------------------------------


def test_the_menus_change_their_settings(page: Page) -> None:
    invoke(page.tab.workflow.parallel.button.menu, "8")
    invoke(page.tab.appearance.size.button.menu, "125 %")
    invoke(page.tab.workflow.silence.button.menu, "2 min")
    page.app.update()
    settings = page.on_disk()
    assert (settings.max_parallel, settings.font_scale, settings.silence_timeout_s) == (8, 1.25, 120)


def test_text_size_goes_by_steps_and_stops_at_its_ends(page: Page) -> None:
    looks = page.tab.appearance
    page.press(looks.larger)
    assert page.now.font_scale == 1.1
    page.settings.change(font_scale=2.0)
    page.tab.refresh()
    assert looks.larger.instate(["disabled"])
    page.press(looks.smaller)
    assert page.now.font_scale == 1.75


def test_silence_is_automatic_never_or_any_number(page: Page) -> None:
    rows = page.tab.workflow
    assert rows.silence.button.cget("text") == "Automatic, 10 min"
    page.tab.change(base_url="https://example.org/v1")
    assert rows.silence.button.cget("text") == "Automatic, 2 min"
    invoke(rows.silence.button.menu, "Never")
    assert page.on_disk().silence_timeout_s == 0
    invoke(rows.silence.button.menu, "Another number")
    page.type(rows.seconds.entry, "77", "Return")
    assert page.on_disk().silence_timeout_s == 77
    page.type(rows.seconds.entry, "100000", "Return")
    assert page.on_disk().silence_timeout_s == 77
    invoke(rows.silence.button.menu, "Automatic")
    assert page.on_disk().silence_timeout_s is None
    page.app.update()
    assert not rows.seconds.entry.winfo_ismapped()


def test_what_is_automatic_stays_so_when_the_server_changes_and_after_a_reset(page: Page) -> None:
    seconds = page.tab.workflow.seconds
    page.tab.change(base_url="https://example.org/v1", max_parallel=2)
    assert not seconds._after, "what Felix shows is nothing that somebody has typed"
    section = page.tab._sections[2]
    assert section.reset_button
    page.press(section.reset_button)
    page.tab.change(base_url=DEFAULT_BASE_URL)
    assert not seconds._after
    assert page.on_disk() == Settings()


def test_the_theme_is_chosen_by_arrow_keys(page: Page) -> None:
    theme = page.tab.appearance.theme
    theme._buttons["system"].focus_force()
    page.app.update()
    theme._buttons["system"].event_generate("<Key-Right>")
    page.app.update()
    assert page.on_disk().theme == "light"
    assert page.changed == [frozenset({"theme"})]


# -- reset -------------------------------------------------------------------------------------------------------------


def test_reset_touches_its_section_and_can_be_undone(page: Page) -> None:
    page.tab.change(streaming_batch_interval=0.5, typing_effect=False, max_parallel=2)
    section = page.tab._sections[1]
    assert section.reset_button
    page.press(section.reset_button)
    assert page.on_disk() == Settings(max_parallel=2)
    assert section.reset_button.cget("text") == "Undo reset"
    page.press(section.reset_button)
    assert page.on_disk() == Settings(max_parallel=2, streaming_batch_interval=0.5, typing_effect=False)
    assert section.reset_button.cget("text") == "Reset"


def test_a_change_after_a_reset_ends_its_undo(page: Page) -> None:
    page.tab.change(typing_effect=False)
    section = page.tab._sections[1]
    assert section.reset_button
    page.press(section.reset_button)
    page.press(page.tab.streaming.streaming)
    assert section.reset_button.cget("text") == "Reset"
    assert page.now.enable_streaming is False


def test_a_reset_clears_what_stands_wrong_in_its_fields(page: Page) -> None:
    page.tab.change(streaming_batch_interval=0.5)
    page.type(page.tab.streaming.interval.entry, "9999", "Return")
    section = page.tab._sections[1]
    assert section.reset_button
    page.press(section.reset_button)
    assert page.tab.streaming.interval.entry.get() == "100"
    assert not page.tab.streaming._interval_row.fault


def test_there_is_nothing_to_reset_at_the_defaults(page: Page) -> None:
    assert all(s.reset_button.instate(["disabled"]) for s in page.tab._sections if s.reset_button)


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_form_is_at_most_720_wide_and_in_the_middle(page: Page, kit: Kit) -> None:
    section = page.tab._sections[0].frame
    assert section.winfo_width() <= kit.px(720)
    canvas = page.tab._page.canvas
    left = section.winfo_rootx() - canvas.winfo_rootx()
    right = canvas.winfo_rootx() + canvas.winfo_width() - section.winfo_rootx() - section.winfo_width()
    assert abs(left - right) <= 1


def test_a_click_in_the_list_goes_to_the_section_and_scrolling_marks_the_one_in_view(page: Page) -> None:
    tab = page.tab
    tab.navigation._items[2].event_generate("<Button-1>", x=5, y=5)
    page.app.update()
    assert tab.navigation.marked == 2
    top = tab._sections[2].frame.winfo_rooty() - tab._page.canvas.winfo_rooty()
    assert 0 <= top <= 20
    tab._page.to_top()
    page.app.update()
    assert tab.navigation.marked == 0
    tab._page.yview("moveto", "1")
    page.app.update()
    assert tab.navigation.marked == len(tab._sections) - 1


def test_the_list_is_walked_by_arrow_keys(page: Page) -> None:
    first = page.tab.navigation._items[0]
    first.focus_force()
    page.app.update()
    first.event_generate("<Key-Down>")
    page.app.update()
    assert page.tab.navigation.marked == 1


def test_every_control_is_reached_by_tab_and_comes_into_view(page: Page) -> None:
    page.tab.navigation._items[0].focus_force()
    page.app.update()
    reached: set[str] = set()
    for _ in range(80):
        widget = page.app.focus_get()
        assert widget is not None
        if str(widget) in reached:
            break
        reached.add(str(widget))
        widget.event_generate("<Tab>")
        page.app.update()
    for widget in (
        page.tab.connection.address.entry, page.tab.connection.test_button, page.tab.connection.model,
        page.tab.connection.key.menu, page.tab.streaming.streaming, page.tab.streaming.slider.widget,
        page.tab.streaming.interval.entry, page.tab.workflow.silence.button, page.tab.appearance.size.button,
        page.tab.appearance.verbose, page.tab.appearance.file,
    ):  # fmt: skip
        assert str(widget) in reached


def test_the_file_in_force_is_named(page: Page) -> None:
    assert page.tab.appearance.file.get() == str(page.settings.path)


def test_in_large_type_what_needs_the_width_stands_below_its_words(page: Page, kit: Kit) -> None:
    row = page.tab.connection._address_row
    assert row.control.winfo_y() < row._line.winfo_rooty() - row.frame.winfo_rooty()
    kit.scale_fonts(200)
    page.app.update()
    assert row.control.winfo_rooty() >= row._line.winfo_rooty() + row._line.winfo_height()
    field = page.tab.streaming.interval.entry
    assert field.winfo_width() >= kit.font("Base").measure("2000")
    assert field.bbox(0)[3] == kit.font("Base").metrics("linespace"), "its text is laid out in the type it is drawn in"
    widest = max(label.winfo_reqwidth() for label in page.tab.navigation._labels)
    assert page.tab.navigation.frame.winfo_width() > widest


def test_theme_and_text_size_follow_live(page: Page, kit: Kit) -> None:
    before = kit.mode
    for mode in ("dark", "light"):
        kit.set_theme(mode)  # type: ignore[arg-type]
        kit.scale_fonts(150)
        page.app.update()
        assert page.tab.frame.winfo_viewable()
    kit.scale_fonts(100)
    kit.set_theme(before)


def test_the_tab_leaves_no_waiting_callback_behind(page: Page) -> None:
    page.type(page.tab.streaming.interval.entry, "123")
    page.tab.streaming._slid(3)
    page.tab.change(typing_effect=False)
    page.tab._sections[1]._pressed()
    page.app.update_idletasks()
    page.tab.frame.destroy()
    waiting = page.app.tk.splitlist(page.app.tk.call("after", "info"))
    scripts = [str(page.app.tk.call("after", "info", each)) for each in waiting]
    assert not [script for script in scripts if "_settle" in script or "_too_late" in script]


# -- words -------------------------------------------------------------------------------------------------------------


def test_the_slider_has_a_place_for_every_interval() -> None:
    assert [position(ms) for ms in STOPS_MS] == list(range(len(STOPS_MS)))
    assert position(125) == STOPS_MS.index(100) + 0.5
    assert position(9_999) == len(STOPS_MS) - 1


def test_words_for_intervals_and_durations() -> None:
    assert pace_words(0).startswith("Every token at once")
    assert pace_words(100).startswith("10 updates a second")
    assert pace_words(1000).startswith("1 update a second")
    assert pace_words(1500).startswith("1 update every 1.5 s")
    assert [duration_words(s) for s in (30, 60, 90, 120, 1800)] == ["30 s", "60 s", "90 s", "2 min", "30 min"]


def test_numbers_may_be_written_with_commas_and_blanks() -> None:
    assert number_between(" 1,000 ", 0, 2_000, "It") == 1_000
