"""A model's Markdown as HTML that can only be read: no raw HTML, no pictures, no scripts, links on a click alone.

Everything a model wrote is escaped here and nowhere else; the tags are all Felix's own.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from felix.ledger.words import harmless

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST_SOURCE = 300_000
"""Characters; more stands as it was written. A long answer of a local model has 80,000."""
LONGEST_LINE = 20_000
"""Of one line: beyond it a text is no Markdown that anybody wrote."""
MOST_MARKS = 600
"""Marks (`*`, `[`, …) of one paragraph. Some inputs cost the square of them."""
OPENABLE = ("http://", "https://")

_MARKS = re.compile(r"[*_~`\[\]!<&\\]")
_CITED = re.compile(r"\[([\w.-]{1,80})(#\d{1,4})?\]")
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def prose(text: str, agents: Mapping[str, str]) -> str:
    """`text` as HTML blocks. `agents` are the ids that may be cited, each with the id of the element it leads to."""
    text = harmless(text)
    if len(text) > LONGEST_SOURCE or any(len(line) > LONGEST_LINE for line in text.split("\n")):
        return plain(text)
    parser = _parser()
    environment: dict[str, Any] = {"agents": agents}  # Any: markdown-it's own, the link definitions are added to it
    tokens = parser.parse(text, environment)
    for token in tokens:
        if token.type == "inline":
            token.children = _inline(parser, token.content, environment)
    return str(parser.renderer.render(tokens, parser.options, environment))


def plain(text: str) -> str:
    """`text` as it was written, in one block."""
    return f'<div class="plain">{escaped(harmless(text))}</div>'


def escaped(text: str) -> str:
    """Text as it may stand between tags and in a quoted attribute."""
    return html.escape(text, quote=True)


def _inline(parser: MarkdownIt, content: str, environment: dict[str, Any]) -> list[Token]:
    from markdown_it.token import Token

    if len(_MARKS.findall(content)) > MOST_MARKS:
        return [Token("text", "", 0, content=content)]
    children: list[Token] = []
    parser.inline.parse(content, parser, environment, children)
    return children


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # here, because importing it takes a tenth of a second

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 60}).enable(["table", "strikethrough"])
    parser.disable("image")  # it stands as a link with a "!" before it: nothing is fetched by showing it
    parser.core.ruler.disable(["inline", "text_join"])  # `_inline` does the first, a paragraph at a time
    parser.validateLink = lambda url: url.lower().startswith(OPENABLE)  # type: ignore[method-assign]
    for kind, rule in {
        "text": _text,
        "text_special": _text,
        "code_inline": _code,
        "code_block": _block_of_code,
        "fence": _block_of_code,
        "link_open": _link,
        "heading_open": _heading,
        "heading_close": _heading,
        "th_open": _cell,
        "td_open": _cell,
    }.items():
        parser.add_render_rule(kind, rule)
    return parser


# markdown-it's signature of a rule; Any: its options and environment are untyped


def _text(_renderer: object, tokens: Sequence[Token], at: int, _options: Any, environment: Any) -> str:
    result, start, content = [], 0, tokens[at].content
    agents: Mapping[str, str] = environment["agents"]
    for cited in _CITED.finditer(content):
        target = agents.get(cited[1])
        if target is not None:
            link = f'<a class="cite" href="#{escaped(target)}">{escaped(cited[1])}</a>'
            result += [escaped(content[start : cited.start()]), link]
            start = cited.end()
    return "".join([*result, escaped(content[start:])])


def _code(_renderer: object, tokens: Sequence[Token], at: int, _options: Any, environment: Any) -> str:
    return f"<code>{_shown_code(tokens[at].content)}</code>"


def _block_of_code(_renderer: object, tokens: Sequence[Token], at: int, _options: Any, environment: Any) -> str:
    return f'<pre><code dir="ltr">{_shown_code(tokens[at].content)}</code></pre>\n'


def _shown_code(text: str) -> str:
    """What turns the direction of code shows itself: such code does not do what it seems to."""
    return _DIRECTION.sub(lambda sign: f'<b class="turns">U+{ord(sign[0]):04X}</b>', escaped(text))


def _link(_renderer: object, tokens: Sequence[Token], at: int, _options: Any, environment: Any) -> str:
    return f'<a href="{escaped(str(tokens[at].attrGet("href") or ""))}" rel="noopener noreferrer" target="_blank">'


def _heading(_renderer: object, tokens: Sequence[Token], at: int, _options: Any, environment: Any) -> str:
    """Two levels down, below the headings of the page."""
    level = min(6, int(tokens[at].tag[1:]) + 3)
    return f"<h{level}>" if tokens[at].nesting == 1 else f"</h{level}>\n"


def _cell(_renderer: object, tokens: Sequence[Token], at: int, _options: Any, environment: Any) -> str:
    style = str(tokens[at].attrGet("style") or "")
    align = "right" if "right" in style else "center" if "center" in style else "left"
    return f'<{tokens[at].tag} class="{align}">'
