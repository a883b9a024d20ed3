"""Which key reaches which part of the window, and the keyboard's way from one region to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from felix.gui import shortcuts
from felix.gui.header import WORKFLOWS
from felix.gui.regions import Region, focus_first, walk

if TYPE_CHECKING:
    from felix.gui.window import Window


class Keyboard:
    """Made when all parts of the window are there."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def bind(self) -> None:
        """Have every key of the list do what the list says."""
        window = self._window
        for shortcut, action in (
            (shortcuts.ESCAPE, lambda _event: self._escape()),
            (shortcuts.HELP, lambda _event: window.overlays.show_shortcuts()),
            (shortcuts.FIND, lambda _event: self._find()),
            (shortcuts.SETTINGS, lambda _event: window.show_settings()),
            (shortcuts.NEXT_TAB, lambda _event: window.header.turn(1)),
            (shortcuts.PREVIOUS_TAB, lambda _event: window.header.turn(-1)),
            (shortcuts.LARGER, lambda _event: window.look.zoom(+0.1)),
            (shortcuts.SMALLER, lambda _event: window.look.zoom(-0.1)),
            (shortcuts.NORMAL_SIZE, lambda _event: window.look.zoom(0.0)),
            (shortcuts.SEARCH_RUNS, lambda _event: window.search_runs()),
            (shortcuts.NEW_RUN, lambda _event: window.begin_new()),
            (shortcuts.RUNS, lambda _event: window.toggle_runs()),
            (shortcuts.RIGHT_PANEL, lambda _event: window.wing.toggle()),
            (shortcuts.NEXT_REGION, lambda _event: self._walk(1)),
            (shortcuts.PREVIOUS_REGION, lambda _event: self._walk(-1)),
            (shortcuts.FOCUS_CARD, lambda event: self._focus_card(int(event.keysym))),
            (shortcuts.RUN, lambda _event: self._run()),
            (shortcuts.NOTE, lambda _event: window.acts.note()),
            (shortcuts.PAUSE, lambda _event: window.acts.pause()),
            (shortcuts.WRAP_UP, lambda _event: window.control.wrap_up()),
        ):
            shortcuts.bind(window.app, shortcut, action)
        for widget in (
            window.synthesis.rendered.widget, window.helix.canvas, window.workflow.button, window.model.button,
        ):  # fmt: skip
            shortcuts.leave_run(widget)

    def _escape(self) -> None:
        """Close what is open; when nothing is, stop the run that is on screen."""
        window = self._window
        if window.overlays.close() or window.keeping.wing.close_over() or window.acts.close():
            return
        if window.synthesis.close_find() or window.wall.escape():
            return
        if window.control.is_live and window.control.is_shown:
            window.control.stop()

    def _run(self) -> None:
        window = self._window
        if window.header.page == WORKFLOWS:  # from the settings it would run unseen
            window.overlays.close()
            window.composer.run()

    def _find(self) -> None:
        """Open the find bar of the card with the keyboard, else of the synthesis, else of the first card."""
        window = self._window
        if window.header.page != WORKFLOWS or window.overlays.is_open:
            return
        is_walled = bool(window.wall.frame.winfo_viewable())
        if not (is_walled and window.wall.find()):
            if window.synthesis.frame.winfo_viewable():
                window.synthesis.find()
            elif is_walled:
                window.wall.find(anywhere=True)
        window.bridge.wake()

    def _focus_card(self, number: int) -> None:
        """Where the cards are not in view, they come into it."""
        window = self._window
        window.header.turn_to(WORKFLOWS)
        if not window.wall.frame.winfo_viewable() and number <= len(window.wall.cards):
            window.column.pin("agents")
            window.app.update_idletasks()
        window.wall.focus_card(number)

    def _walk(self, by: int) -> None:
        window = self._window
        walk(
            (
                Region(window.keeping.wing.frame, window.keeping.shelf.list.focus_rows),
                Region(window.composer.frame, window.composer.box.widget.focus_set),
                Region(window.welcome.doctor.frame, lambda: focus_first(window.welcome.doctor.frame)),
                Region(window.wall.frame, lambda: window.wall.focus_card(1)),
                Region(window.chips.frame, lambda: focus_first(window.chips.frame)),
                Region(window.synthesis.frame, lambda: focus_first(window.synthesis.frame)),
                Region(window.strip.frame, lambda: focus_first(window.strip.frame)),
                Region(window.replay.frame, window.replay.focus),
                Region(window.failure.frame, window.failure.again.focus_set),
                Region(window.header.settings, lambda: focus_first(window.header.settings)),
                Region(window.wing.frame, lambda: focus_first(window.wing.frame)),
            ),
            window.app,
            by,
        )
