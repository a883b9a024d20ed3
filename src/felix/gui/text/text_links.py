"""What in a text leads somewhere: citations and addresses, by mouse and by keyboard.

Such a place carries a tag `agent:…` or `url:…` without bindings of its own; the widget is bound once, and looks which
tag is meant. So a thousand links leave nothing behind in Tcl.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.events import AgentId
from felix.gui.kit import Kit
from felix.gui.pointer_tip import PointerTip
from felix.gui.text.shown_text import printable

LONGEST_QUERY = 200
"""Characters after "?" of an address that opens unasked; a longer one may carry away what the text was about."""
HERE = "here"


class TextLinks:
    """Watches one Text."""

    def __init__(
        self,
        text: tk.Text,
        kit: Kit,
        *,
        on_citation: Callable[[AgentId], None],
        hint: Callable[[AgentId], str],
        confirm: Callable[[str], bool] | None,
        open_url: Callable[[str], object],
        on_point: Callable[[AgentId | None], object] = lambda _agent: None,
    ) -> None:
        """`hint` is what a citation says when pointed at. `confirm` is asked about an address before it is opened.

        `on_point` hears whose citation the pointer, or the keyboard, is at, and None when it has left.
        """
        self._text, self._kit, self._hint = text, kit, hint
        self._on_citation, self._open_url = on_citation, open_url
        self._confirm = confirm or self._ask
        self._urls: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._pressed = (-1, -1)
        self._on_point = on_point
        self._pointed: AgentId | None = None
        self.tip = PointerTip(text, kit)
        for sequence, handler in (
            ("<Motion>", self._point),
            ("<Leave>", lambda _event: self._left()),
            ("<Button-1>", self._press),
            ("<ButtonRelease-1>", self._release),
            ("<Tab>", lambda _event: self._step_to(1)),
            ("<<PrevWindow>>", lambda _event: self._step_to(-1)),
            ("<Return>", lambda _event: self._follow_stop()),
            ("<FocusOut>", lambda _event: self._leave_stop()),
        ):
            text.bind(sequence, handler, add="+")
        kit.paint(text, self._paint)

    def tag(self, url: str) -> str:
        """The tag of text that leads to `url`."""
        if url not in self._tags:
            self._tags[url] = tag = f"url:{len(self._tags)}"
            self._urls[tag] = url
        return self._tags[url]

    def clear(self) -> None:
        """The text is empty: its links are forgotten."""
        if self._urls:
            self._text.tag_delete(*self._urls)
        self._urls.clear()
        self._tags.clear()
        self._left()

    def _paint(self) -> None:
        self._text.tag_configure(HERE, background=self._kit["primary_fill"], foreground=self._kit["on_primary"])
        self._text.tag_raise(HERE)
        self._text.tag_raise("sel")

    # -- the pointer ---------------------------------------------------------------------------------------------------

    def _under(self, event: tk.Event[tk.Misc]) -> str:
        """The tag under the pointer that leads somewhere: `agent:…` or `url:…`; else nothing."""
        index = f"@{event.x},{event.y}"
        box = self._text.bbox(index)
        if box is None or not (box[0] <= event.x <= box[0] + box[2] and box[1] <= event.y <= box[1] + box[3]):
            return ""
        return next((tag for tag in self._text.tag_names(index) if tag.startswith(("agent:", "url:"))), "")

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        tag = self._under(event)
        self._text.configure(cursor="hand2" if tag else "xterm")
        self._tell_pointed(tag)
        if tag.startswith("agent:"):
            self.tip.show(self._hint(AgentId(tag.removeprefix("agent:"))), event.x_root, event.y_root)
        else:
            self.tip.show(self._urls.get(tag, ""), event.x_root, event.y_root)

    def _left(self) -> None:
        self.tip.hide()
        self._tell_pointed("")

    def _tell_pointed(self, tag: str) -> None:
        agent = AgentId(tag.removeprefix("agent:")) if tag.startswith("agent:") else None
        if agent != self._pointed:
            self._pointed = agent
            self._on_point(agent)

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self.tip.hide()
        self._pressed = event.x, event.y

    def _release(self, event: tk.Event[tk.Misc]) -> None:
        x, y = self._pressed
        if abs(event.x - x) + abs(event.y - y) > self._kit.px(4):
            return  # a drag selects and does not press
        tag = self._under(event)
        self._lead(tag)

    def _lead(self, tag: str) -> None:
        if tag.startswith("agent:"):
            self._on_citation(AgentId(tag.removeprefix("agent:")))
        elif tag in self._urls:
            self.open(self._urls[tag])

    # -- the keyboard --------------------------------------------------------------------------------------------------

    def stops(self) -> list[tuple[str, str, str]]:
        """Start, end and tag of every citation and link, in the order of the text: where Tab goes."""
        text = self._text
        found = []
        for tag in text.tag_names():
            if tag.startswith(("agent:", "url:")):
                ranges = [str(index) for index in text.tag_ranges(tag)]
                found += [(start, end, tag) for start, end in zip(ranges[::2], ranges[1::2], strict=True)]
        return sorted(found, key=lambda stop: tuple(map(int, stop[0].split("."))))

    def _step_to(self, by: int) -> str | None:
        """Go to the next citation or link; beyond the last one the focus goes on as Tk has it."""
        stops = self.stops()
        now = [str(index) for index in self._text.tag_ranges(HERE)][:1]
        places = [start for start, _, _ in stops]
        at = places.index(now[0]) + by if now and now[0] in places else (0 if by > 0 else -1)
        self._leave_stop()
        if not 0 <= at < len(stops):
            return None
        start, end, tag = stops[at]
        self._text.tag_add(HERE, start, end)
        self._tell_pointed(tag)
        self._text.see(start)
        return "break"

    def _follow_stop(self) -> str:
        now = [str(index) for index in self._text.tag_ranges(HERE)][:1]
        self._lead(next((tag for start, _, tag in self.stops() if [start] == now), ""))
        return "break"

    def _leave_stop(self) -> None:
        self._text.tag_remove(HERE, "1.0", "end")
        self._tell_pointed("")

    def open(self, url: str) -> None:
        """Open an address in the user's browser; asks first unless it is https and short on parameters."""
        _, _, query = url.partition("?")
        if (url.lower().startswith("https://") and len(query) <= LONGEST_QUERY) or self._confirm(url):
            self._open_url(url)

    def _ask(self, url: str) -> bool:
        from ttkbootstrap.dialogs import Messagebox

        question = f"Open this address?\n\n{printable(url)}"
        buttons = ["Cancel", "Open:primary"]
        answer = Messagebox.show_question(question, "Felix", buttons=buttons, parent=self._text, localize=False)
        return answer == "Open"
