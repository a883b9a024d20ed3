"""Code as a few kinds of words: what Pygments tells apart, reduced to what a calm page colours differently."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_log = logging.getLogger(__name__)

LONGEST = 50_000
"""Characters; longer code stays in one colour."""

KINDS = {
    "keyword": "ink:think",
    "string": "ink:done",
    "number": "ink:prep",
    "name": "ink:write",
    "comment": "text2",
    "error": "ink:fail",
}
"""Kind of word -> the colour token it is shown in."""


_lexers: dict[str, Lexer | None] = {}
"""By language; None is one that Pygments does not know."""
_loading: set[str] = set()


def load(language: str) -> None:
    """Get what `language` needs: up to a tenth of a second of imports, for any thread but Tk's."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    name = _name(language)
    try:
        lexer: Lexer | None = get_lexer_by_name(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        lexer = None
    except Exception:  # noqa: BLE001 – a lexer is somebody else's code, and without it a listing is merely uncoloured
        _log.exception("No colours for %s", name)
        lexer = None
    _lexers[name] = lexer


def is_ready(language: str) -> bool:
    """Whether `tokens` can begin at once; if not, loading has begun, and it will be soon."""
    name = _name(language)
    if not name or name in _lexers:
        return True
    if name not in _loading:
        _loading.add(name)
        Thread(target=load, args=(name,), name=f"felix-lexer-{name}", daemon=True).start()
    return False


def tokens(code: str, language: str) -> Iterator[tuple[str, str]]:
    """(kind, text) in order; an empty kind is ordinary text. What is not loaded or not known is all ordinary.

    Lazy: a long listing is read as fast as it is taken.
    """
    lexer = _lexers.get(_name(language))
    if lexer is None or len(code) > LONGEST:
        yield "", code
        return
    kind, text = "", ""
    for token, part in lexer.get_tokens(code):
        this = _kind(token)
        if this != kind and text:
            yield kind, text
            text = ""
        kind = this
        text += part
    if text:
        yield kind, text


def _name(language: str) -> str:
    """`python` of "Python {numbered}"."""
    words = language.replace("{", " ").split(maxsplit=1)
    return words[0].lower()[:40] if words else ""


@cache
def _kind(token: _TokenType) -> str:
    from pygments.token import Comment, Generic, Keyword, Name, Number, String, is_token_subtype

    families = (
        ("number", (Number, Keyword.Constant)),
        ("comment", (Comment, Generic.Output)),
        ("keyword", (Keyword, Generic.Heading, Generic.Subheading, Name.Tag)),
        ("string", (String, Generic.Inserted)),
        ("name", (Name.Function, Name.Class, Name.Decorator, Name.Builtin, Name.Attribute)),
        ("error", (Generic.Deleted, Generic.Error)),
    )
    return next((kind for kind, types in families if any(is_token_subtype(token, each) for each in types)), "")
