"""How the parts of a card's text look that are no answer: headings, thinking, notes, what went wrong."""

from __future__ import annotations

from felix.gui.kit import Kit, line_spacing
from felix.gui.text.stream_text import StreamText


def look_of_cards(stream: StreamText, kit: Kit) -> None:
    """Give a card's text its tags; from now on they follow theme and type size."""
    kit.paint(stream.text, lambda: _colour(stream, kit))
    kit.on_font_change(lambda: _measure(stream, kit), owner=stream.text)
    _measure(stream, kit)


def _colour(stream: StreamText, kit: Kit) -> None:
    text = stream.text
    ground = kit["think_bg"]
    # the margins get the block's ground too, so it reads as one box
    text.tag_configure(
        "think",
        background=ground,
        lmargincolor=ground,
        rmargincolor=ground,
        foreground=kit.mix("text2", "text", 0.25),
    )
    text.tag_configure("thought", foreground=kit["ink:think"])
    for tag in ("heading", "aside"):
        text.tag_configure(tag, foreground=kit["text2"])
    for tag, state in (("warning", "stop"), ("stop", "stop"), ("fail", "fail"), ("note", "write")):
        text.tag_configure(tag, foreground=kit[f"ink:{state}"])
    text.tag_configure("waiting", foreground=kit["text2"])
    for tag in ("caret", "found", "found_here", "sel"):  # whatever they lie on
        if tag in text.tag_names():
            text.tag_raise(tag)


def _measure(stream: StreamText, kit: Kit) -> None:
    """Small lines are as high as the others, so that whole lines fit whatever stands in the card."""
    text, line = stream.text, stream.line_height
    gap = max(1, line - kit.font("Small").metrics("linespace"))
    for tag in ("think", "thought", "heading", "aside", "warning", "stop", "fail", "note"):
        text.tag_configure(tag, font="Small", **line_spacing(gap))
    margin = kit.px(8)
    text.tag_configure("think", lmargin1=margin, lmargin2=margin, rmargin=margin)
    text.tag_configure("later", **line_spacing(gap, above=line))
