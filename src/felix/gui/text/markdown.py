"""A model's Markdown as a flat stream of pieces: text with the names of its styles, citations, tables, rules.

Pure and lazy: the reader takes pieces until its time is up, and goes on later. `None` among them is a moment at which
nothing is half done. What no parser should be asked to read in a frame (5 MB, a paragraph of 20,000 brackets) is handed
on as plain text, so there is no document that crashes or freezes the window.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from felix.events import AgentId
from felix.gui.text import highlighting
from felix.gui.text.citations import Citation, split
from felix.gui.text.markdown_blocks import Block, is_plain, unfenced
from felix.gui.text.markdown_blocks import blocks as find_blocks

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_MARKS = 600
"""Marks (`*`, `[`, …) of one paragraph. Some inputs cost the square of them."""
DEEPEST = 8
"""Levels of lists and quotes that are still indented further."""
DEEPEST_PARSED = 60
"""Levels that markdown-it reads; a list counts as two. What is nested deeper stays plain."""
MOST_CELLS = 600
"""Of one table; a larger one stays as it was written, in the type of code."""

SLICE = 8_000
"""Characters of plain text handed on at a time."""

Align = Literal["left", "center", "right"]

_BARE_URL = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^]+[^\s<>\"'`\[\]{}|\\^.,;:!?)]")
_MARKS = re.compile(r"[*_~`\[\]!<&\\]")
_OPENABLE = ("https://", "http://")

# No text may hold these 66 code points. They carry what parsers drop, strip or take for a line break, there and back.
_NONE = [*range(0xFDD0, 0xFDF0), *(plane << 16 | end for plane in range(17) for end in (0xFFFE, 0xFFFF))]
_LOST = [code for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
_CARRY = {**dict.fromkeys(_NONE, "\ufffd"), **{code: chr(none) for code, none in zip(_LOST, _NONE, strict=False)}}
_UNLOAD = {none: chr(code) for code, none in zip(_LOST, _NONE, strict=False)}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Span:
    """Text in the named styles. Lines end with a newline of their own; the last one does not."""

    text: str
    styles: tuple[str, ...]
    url: str = ""
    """Where a click leads; empty: nowhere."""


@dataclass(frozen=True, slots=True)
class Cite:
    """A citation in the line."""

    citation: Citation
    styles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anchor:
    """What follows stood at this line of the source, counted from 0."""

    line: int


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    citations: tuple[Citation, ...] = ()
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length, the first one the header."""

    rows: tuple[tuple[Cell, ...], ...]
    aligns: tuple[Align, ...]
    source: str
    """As it was written, for copying."""
    styles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What comes next is being loaded on another thread: ask again in a moment."""


Piece = Span | Cite | Anchor | Table | Rule | Wait


@cache
def prepare() -> Thread:
    """Load what reading needs, on a thread of its own: the imports take a quarter of a second, a frame 16 ms.

    Called when a run begins, so that all is there when its answer is complete.
    """

    def load() -> None:
        list(pieces("# Felix\n\n*ready*"))
        highlighting.load("python")

    thread = Thread(target=load, name="felix-markdown", daemon=True)
    thread.start()
    return thread


def pieces(source: str, agents: Collection[AgentId] = ()) -> Iterator[Piece | None]:
    """The document in order; citations of `agents` are set apart. HTML is text, pictures are their descriptions.

    Control characters come through to the letter.
    """
    # what is not taken apart keeps its control characters anyway, and may be far too long to look for them
    if is_plain(source) or not _CONTROL.search(source):
        yield from _pieces(source, agents)
        return
    for piece in _pieces(source.translate(_CARRY), agents):
        match piece:
            case Span(text):
                yield replace(piece, text=text.translate(_UNLOAD))
            case Table(rows, source=written):
                cells = tuple(tuple(replace(cell, text=cell.text.translate(_UNLOAD)) for cell in row) for row in rows)
                yield replace(piece, rows=cells, source=written.translate(_UNLOAD))
            case _:
                yield piece


def _pieces(source: str, agents: Collection[AgentId]) -> Iterator[Piece | None]:
    if is_plain(source):
        yield from _sliced(source, ())
        return
    from markdown_it import MarkdownIt  # here, because importing it takes as long as ten frames

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST_PARSED}).enable(["table", "strikethrough"])
    parser.core.ruler.disable(["inline", "text_join"])  # inline parsing is done here, a paragraph at a time
    environment: dict[str, Any] = {}  # markdown-it's: the link definitions
    blocks: list[Block] = []
    for block in find_blocks(source):
        if block is not None:
            # all structure before any text: a link may be defined at the very end
            tokens = parser.parse(block.text, environment) if block.kind == "markdown" else []
            # markdown-it drops what is nested deeper than it may read
            is_whole = max((token.level for token in tokens), default=0) < DEEPEST_PARSED - 2
            blocks.append(replace(block, tokens=tokens) if is_whole else replace(block, kind="plain"))
        yield None
    yield from _Writer(parser, environment, agents).document(blocks)


class _Writer:
    """Tokens to pieces. Keeps what is open: levels, a list marker that waits for its text, the last line's newline."""

    def __init__(self, parser: MarkdownIt, environment: dict[str, Any], agents: Collection[AgentId]) -> None:
        self._parser, self._environment, self._agents = parser, environment, agents
        self._levels: list[str] = []
        """`quote`, `bullet`, or the number of the item: one per level."""
        self._marker = ""
        self._newline: tuple[str, ...] | None = None

    def document(self, blocks: Sequence[Block]) -> Iterator[Piece | None]:
        for block in blocks:
            match block.kind:
                case "markdown":
                    yield from self._blocks(block.first, block.text, block.tokens)
                case "fence":
                    yield from self._code(*unfenced(block.text), block.first)
                case "plain":
                    yield from self._open(("p",))
                    yield Anchor(block.first)
                    yield from _sliced(block.text.strip("\n"), ("p",))
            yield None

    def _blocks(self, first: int, text: str, tokens: Sequence[Token]) -> Iterator[Piece | None]:
        lists: list[int | None] = []
        heading = ""
        tight = False
        position = 0
        while position < len(tokens):
            token = tokens[position]
            position += 1
            line = first + (token.map[0] if token.map else 0)
            match token.type:
                case "bullet_list_open":
                    lists.append(None)
                case "ordered_list_open":
                    lists.append(int(token.attrGet("start") or 1))
                case "bullet_list_close" | "ordered_list_close":
                    lists.pop()
                case "list_item_open":
                    number = lists[-1]
                    self._levels.append("item")
                    self._marker = "•" if number is None else f"{number}."
                    lists[-1] = None if number is None else number + 1
                case "blockquote_open":
                    self._levels.append("quote")
                case "list_item_close" | "blockquote_close":
                    self._levels.pop()
                    self._marker = ""
                case "heading_open":
                    heading = f"h{min(3, int(token.tag[1:]))}"
                case "heading_close":
                    heading = ""
                case "paragraph_open":
                    tight = token.hidden
                case "inline":
                    yield from self._paragraph(token.content, heading or ("tight" if tight else "p"), line)
                    yield None
                case "fence" | "code_block":
                    yield from self._code(token.content, token.info, line)
                case "hr":
                    yield from self._open(("p",))
                    yield Rule()
                case "table_open":
                    end = next(i for i in range(position, len(tokens)) if tokens[i].type == "table_close")
                    lines = text.split("\n")[slice(*(token.map or (0, 0)))]
                    yield from self._table(tokens[position:end], "\n".join(lines).strip("\n"), line)
                    position = end + 1

    # -- lines and margins ---------------------------------------------------------------------------------------------

    @property
    def _depth(self) -> int:
        return min(DEEPEST, len(self._levels))

    def _open(self, styles: tuple[str, ...], *, takes_marker: bool = False) -> Iterator[Span]:
        """End the line before, and leave a list marker on a line of its own unless the block stands beside it."""
        if self._newline is not None:
            yield Span("\n", self._newline)
        if self._marker and not takes_marker:
            yield Span(self._marker + "\n", (f"item{self._depth}", "tight"))
            self._marker = ""
        self._newline = (*self._margin(), *styles)

    def _margin(self) -> tuple[str, ...]:
        quote = ("quote",) if "quote" in self._levels else ()
        return (*quote, f"in{self._depth}") if self._depth else quote

    def _paragraph(self, content: str, kind: str, line: int) -> Iterator[Piece]:
        yield from self._open((kind,), takes_marker=True)
        yield Anchor(line)
        margin = self._margin()
        first: tuple[str, ...] = (*margin, kind)
        if self._marker:
            first = (*margin, f"item{self._depth}", kind)
            yield Span(f"{self._marker}\t", first)
            self._marker = ""
            content = _ticked(content)
        self._newline = first
        if len(_MARKS.findall(content)) > MOST_MARKS:
            yield Span(content.replace("\n", " "), first)
            return
        for piece in self._inline(self._parse(content), first, (*margin, kind)):
            yield piece
            if isinstance(piece, Span) and piece.text == "\n":
                self._newline = (*margin, kind)

    def _parse(self, content: str) -> list[Token]:
        tokens: list[Token] = []
        self._parser.inline.parse(content, self._parser, self._environment, tokens)
        return tokens

    # -- in the line ---------------------------------------------------------------------------------------------------

    def _inline(self, tokens: Sequence[Token], block: tuple[str, ...], later: tuple[str, ...]) -> Iterator[Span | Cite]:
        """`block` are the styles up to the first forced line break, `later` those of the lines after it."""
        marks = {"strong": 0, "em": 0, "s": 0}
        url, label, words = "", "", ""

        def styles(*more: str) -> tuple[str, ...]:
            face = ("bold",) if marks["strong"] else ("italic",) if marks["em"] else ()
            return (*block, *face, *(("strike",) if marks["s"] else ()), *(("link",) if url else ()), *more)

        def flush() -> Iterator[Span | Cite]:
            nonlocal words
            yield from _cited(words, self._agents, styles(), _openable(url), is_link=bool(url))
            words = ""

        for token in tokens:
            if token.type in ("text", "text_special"):
                words += token.content
                label += token.content
                continue
            if token.type == "softbreak":
                words += " "
                continue
            yield from flush()
            match token.type:
                case "code_inline":
                    label += token.content
                    yield Span(token.content, styles("code"), _openable(url))
                case "hardbreak":
                    yield Span("\n", styles())
                    block = later
                case "strong_open" | "em_open" | "s_open":
                    marks[token.tag] += 1
                case "strong_close" | "em_close" | "s_close":
                    marks[token.tag] -= 1
                case "link_open":
                    url, label = str(token.attrGet("href") or ""), ""
                case "link_close":
                    if url and label.rstrip("/") not in (url.rstrip("/"), url.removeprefix("mailto:")):
                        yield Span(f" ({url})", styles("address"), _openable(url))
                    url = ""
                case "image":
                    address = str(token.attrGet("src") or "")
                    yield Span(f"Image: {token.content or 'without a description'}", styles("dim"))
                    yield Span(f" ({address})", (*styles(), "link", "address"), _openable(address))
                case _:
                    words += token.content
        yield from flush()

    # -- code and tables -----------------------------------------------------------------------------------------------

    def _code(self, content: str, language: str, line: int) -> Iterator[Piece | None]:
        base = ("fence", f"code{self._depth}")
        yield from self._open(base)
        yield Anchor(line)
        self._newline = base
        text = content.rstrip("\n")
        while not highlighting.is_ready(language):
            yield Wait()
        yield Span("\n", (*base, "edge"))
        for number, (kind, part) in enumerate(highlighting.tokens(text, language)):
            yield from _sliced(part, (*base, kind) if kind else base)
            if number % 200 == 199:
                yield None
        yield Span("\n", base)
        yield Span("\n", (*base, "edge"))
        yield Span("\n", ("gap",))
        self._newline = None  # the tint of its last line ends with a newline of its own

    def _table(self, tokens: Sequence[Token], source: str, line: int) -> Iterator[Piece | None]:
        rows: list[list[Cell]] = []
        aligns: list[Align] = []
        contents = [token.content for token in tokens if token.type == "inline"]
        if len(contents) > MOST_CELLS:
            yield from self._code(source, "", line)
            return
        for token in tokens:
            match token.type:
                case "tr_open":
                    rows.append([])
                case "th_open":
                    aligns.append(_align(token))
                case "inline":
                    rows[-1].append(self._cell(token.content))
        yield from self._open(("p",))
        yield Anchor(line)
        yield Table(tuple(map(tuple, rows)), _numbers_right(rows, aligns), source, (*self._margin(), "table"))

    def _cell(self, content: str) -> Cell:
        if len(_MARKS.findall(content)) > MOST_MARKS:
            return Cell(content)
        text, citations, faces = "", [], set()
        for piece in self._inline(self._parse(content), (), ()):
            if isinstance(piece, Cite):
                citations.append(piece.citation)
            else:
                text += piece.text
                if piece.text.strip():
                    faces.add("bold" in piece.styles)
        return Cell(" ".join(text.split()), tuple(citations), faces == {True})


def _cited(
    words: str, agents: Collection[AgentId], styles: tuple[str, ...], url: str, *, is_link: bool
) -> Iterator[Span | Cite]:
    """Words of a paragraph with their citations and bare addresses set apart; a link has neither."""
    if is_link:
        if words:
            yield Span(words, styles, url)
        return
    for part in split(words, agents):
        if isinstance(part, Citation):
            yield Cite(part, styles)
            continue
        start = 0
        for address in _BARE_URL.finditer(part):
            if address.start() > start:
                yield Span(part[start : address.start()], styles)
            yield Span(address[0], (*styles, "link"), address[0])
            start = address.end()
        if start < len(part):
            yield Span(part[start:], styles)


def _sliced(text: str, styles: tuple[str, ...]) -> Iterator[Span | None]:
    """A long text in parts, with a moment to pause after each full one."""
    for start in range(0, len(text), SLICE):
        part = text[start : start + SLICE]
        yield Span(part, styles)
        if len(part) == SLICE:
            yield None


def _openable(url: str) -> str:
    """`url` if a click may ever lead there, else nothing: no file, no script, no program of the user's."""
    return url if url.lower().startswith(_OPENABLE) else ""


def _ticked(content: str) -> str:
    """A task list's boxes."""
    for mark, box in (("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")):
        if content.startswith(mark):
            return box + content.removeprefix(mark)
    return content


def _align(token: Token) -> Align:
    style = str(token.attrGet("style") or "")
    return "right" if "right" in style else "center" if "center" in style else "left"


_NUMBER = re.compile(r"[~≈<>≤≥+−–-]?\s*[€$£¥]?\s*[+−–-]?\d[\d.,   ']*\s*(?:[%‰€$£¥]|[a-zA-Z/²³°]{1,6})?")


def _numbers_right(rows: list[list[Cell]], aligns: list[Align]) -> tuple[Align, ...]:
    """The aligns as written, and right for a column of nothing but numbers that has none."""
    result = list(aligns)
    for column, align in enumerate(aligns):
        texts = [
            row[column].text for row in rows[1:] if column < len(row) and row[column].text not in ("", "-", "–", "—")
        ]
        if align == "left" and texts and all(_NUMBER.fullmatch(text) for text in texts):
            result[column] = "right"
    return tuple(result)
