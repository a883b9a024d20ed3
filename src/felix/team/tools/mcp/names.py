"""What a server's tools are called: in workflows and settings `server/tool`, for a model `server__tool`."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

_NOT_IN_WORKFLOWS = re.compile(r"[^\w.-]+")
_NOT_FOR_MODELS = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_SERVER, _LONGEST_NAME, _LONGEST_FOR_MODELS = 40, 100, 64
_MARK = 6
"""Hexadecimal digits that keep two names apart when letters had to be left out."""


def server_word(name: str) -> str:
    """A server's name as workflows write it."""
    return _NOT_IN_WORKFLOWS.sub("-", name).strip("-")[:_LONGEST_SERVER] or "server"


def called(keys: Iterable[str]) -> dict[str, str]:
    """What each of several servers is called in workflows: no two alike, or a word on one would hold for the other."""
    words = {key: server_word(key) for key in keys}
    counted = Counter(words.values())
    return {
        key: word if word == key or counted[word] == 1 else f"{word[: _LONGEST_SERVER - _MARK - 1]}-{_mark(key)}"
        for key, word in words.items()
    }


def tool_name(server: str, tool: str) -> str:
    """`server/tool`, of letters that workflows may use; two tools of one server never share it."""
    word = _NOT_IN_WORKFLOWS.sub("-", tool) or "tool"
    room = _LONGEST_NAME - len(server_word(server)) - 1
    if word != tool or len(word) > room:
        word = f"{word[: room - _MARK - 1]}-{_mark(tool)}"
    return f"{server_word(server)}/{word}"


def spec_name(server: str, tool: str) -> str:
    """`server__tool`, of what every model server takes, 64 letters at most; no two tools share it."""
    first, last = _NOT_FOR_MODELS.sub("_", server), _NOT_FOR_MODELS.sub("_", tool)
    name = f"{first}__{last}"
    is_plain = (first, last) == (server, tool) and len(name) <= _LONGEST_FOR_MODELS
    # where the two halves meet must be plain, too: a__b and c are not a and b__c
    if is_plain and first and last and "__" not in first and first[-1] != "_" and last[0] != "_":
        return name
    return f"{name[: _LONGEST_FOR_MODELS - _MARK - 1]}_{_mark(f'{server}/{tool}')}"


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
