"""What in a YAML text is keys, values, comments: a scanner that never fails, as typing goes through faults.

It goes line by line, so an editor can colour the lines in view alone; the one thing that reaches across lines, a block
of text after `|` or `>`, is told apart by its indentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

Kind = Literal["key", "text", "number", "word", "comment", "mark"]
"""`text` is quoted or stands in a block, `word` is true, false or null, `mark` is punctuation."""
KINDS: tuple[Kind, ...] = ("key", "text", "number", "word", "comment", "mark")


class Span(NamedTuple):
    """Half-open range of characters in a line."""

    kind: Kind
    start: int
    end: int


_KEY = re.compile(r"""(?P<dash>\s*(?:-\s+)*)(?P<key>[^\s#:'"\[{,\-][^#:\n]*?|"[^"]*"|'[^']*')\s*(?P<colon>:)(?=\s|$)""")
_DASH = re.compile(r"\s*(?:-(?:\s+|$))+")
_BLOCK = re.compile(r"(?:^|[:\-]\s+)[|>][+\-0-9]*\s*(?:\s#.*)?$")
_VALUE = re.compile(
    r"""(?P<comment>(?:(?<=\s)|^)\#.*)
    |(?P<text>"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)
    |(?P<mark>[\[\]{},]|[|>][+\-0-9]*(?=\s*(?:\#|$)))
    |(?P<number>(?<![^\s\[,:])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?=\s*(?:[\],}\#]|$)))
    |(?P<word>(?<![^\s\[,:])(?:true|false|null|~)(?=\s*(?:[\],}\#]|$)))
    |(?P<plain>[^\s\[\]{},"'][^\[\]{},]*?(?=\s\#|[\[\]{},]|$)|\s+)""",
    re.VERBOSE,
)


def block_lines(lines: Sequence[str]) -> list[bool]:
    """For each line whether it lies inside a block of text, whose signs mean nothing."""
    inside: list[bool] = []
    above: int | None = None  # indentation of the line that began the block
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        is_blank = not line.strip()
        if above is not None and (is_blank or indent > above):
            inside.append(True)
            continue
        above = None
        inside.append(False)
        if not line.lstrip().startswith("#") and _BLOCK.search(line):
            above = indent
    return inside


def spans(line: str, *, in_block: bool) -> Iterator[Span]:
    """The coloured parts of one line, from left to right; plain values and blanks are in none."""
    if in_block:
        if line.strip():
            yield Span("text", len(line) - len(line.lstrip()), len(line))
        return
    at = 0
    if key := _KEY.match(line):
        yield Span("key", key.start("key"), key.end("key"))
        yield Span("mark", key.start("colon"), key.end("colon"))
        at = key.end()
    elif dash := _DASH.match(line):
        at = dash.end()
    for found in _VALUE.finditer(line, at):
        match found.lastgroup:
            case "comment" | "text" | "mark" | "number" | "word" as kind:
                yield Span(kind, found.start(), found.end())
            case _:
                pass
