"""YAML text as plain values, with the line of each: a reader for files that a stranger may have written.

It goes by the parser's events and builds nothing but dicts, lists, text, numbers, true, false and null (YAML 1.2's
core schema, so `no` and `on` are words). Aliases, tags, duplicate keys, deep nesting and long files are refused when
they are met, so a hostile file costs no more than an honest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import yaml

from felix.errors import WorkflowError

MAX_BYTES = 256 * 1024
"""Of a file. Thirty-two agents with long prompts need a fifth of it."""
_MAX_DEPTH = 50
_MAX_VALUES = 5_000
"""Thirty-two agents with every key there is come to 500."""

Path = tuple[str | int, ...]
"""Of a key: names and places in lists, from the top of the file."""

# libyaml's parser where PyYAML was built with it, as all its wheels are: about fifteen times as fast
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Document:
    """One YAML text, read at once.

    Raises WorkflowError, in one sentence with `source`, line and key, for anything but one plain document.
    """

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.lines: dict[Path, int] = {}
        """1-based line of every key and list item by its path; the whole document is `()`."""
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            self._fail("holds half a character, which cannot be saved; type it again", text[: error.start].count("\n"))
        if size > MAX_BYTES:
            self._fail(f"is longer than {MAX_BYTES // 1024} KB; shorten its prompts")
        try:
            self.value = self._read(yaml.parse(text.removeprefix("\ufeff"), Loader=_LOADER))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            sentence = f"is not YAML here ({error.problem}); check the indentation and quotes around this line"
            self._fail(sentence, mark.line if mark else None)
        except yaml.reader.ReaderError as error:
            before = text[: error.position].count("\n")
            self._fail("holds a control character, which YAML does not allow; remove it", before)

    def fault(self, path: Path, sentence: str) -> WorkflowError:
        """A fault of the key at `path`, at its line or that of the nearest block around it."""
        around = path
        while around and around not in self.lines:
            around = around[:-1]
        key = ".".join(map(str, path))
        return self._error(f"{key} {sentence}".strip(), self.lines.get(around), key or None)

    def _read(self, events: Iterator[yaml.Event]) -> object:
        next(events)  # the stream's start
        if isinstance(next(events), yaml.StreamEndEvent):
            self._fail("is empty; copy one of the workflows that come with Felix to begin with")
        value = self._node(next(events), events, ())
        next(events)  # the document's end
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._fail("begins a second document here; keep one workflow in a file", _line(after))
        return value

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> object:
        line = _line(event)
        self.lines.setdefault(path, line + 1)
        if isinstance(event, yaml.AliasEvent):
            self._fail(f"uses the alias *{event.anchor}; write the text out instead", line)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag not in (None, "!"):
            self._fail(f"uses the tag {event.tag}; remove it, Felix needs none", line)
        if len(path) > _MAX_DEPTH:
            self._fail(f"is nested deeper than {_MAX_DEPTH} levels; no workflow needs that", line)
        if len(self.lines) > _MAX_VALUES:
            self._fail(f"holds more than {_MAX_VALUES} values; no workflow needs that", line)
        if isinstance(event, yaml.ScalarEvent):
            return _plain(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, path)
        return self._mapping(events, path)

    def _list(self, events: Iterator[yaml.Event], path: Path) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                self._fail("has a key that is not a plain word; write key: value", line)
            key = event.value
            at = (*path, key)
            if key in found:
                name, first = ".".join(map(str, at)), self.lines[at]
                raise self._error(f"{name} stands here again, first in line {first}; keep one", line + 1, name)
            self.lines[at] = line + 1
            found[key] = self._node(next(events), events, at)
        return found

    def _fail(self, sentence: str, line: int | None = None) -> NoReturn:
        """Raise a fault of the text itself; `line` is 0-based, as the parser counts."""
        raise self._error(sentence, None if line is None else line + 1, None)

    def _error(self, sentence: str, line: int | None, key: str | None) -> WorkflowError:
        where = self.source if line is None else f"{self.source}, line {line}:"
        end = "" if sentence.endswith("?") else "."
        return WorkflowError(f"{where} {sentence}{end}", line=line, key=key)


def _line(event: yaml.Event) -> int:
    """0-based; every event of a parser has a mark, though its type allows for none."""
    return event.start_mark.line if event.start_mark else 0


def _plain(text: str) -> object:
    """A scalar without quotes: null, a switch, a number or a word."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
