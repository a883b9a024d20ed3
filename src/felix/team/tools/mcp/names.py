"""What a server's tools are called: in workflows and settings `server/tool`, for a model `server__tool`."""

from __future__ import annotations

import re

from felix.mcp_servers import MARK, NOT_IN_WORKFLOWS, mark, server_word

_NOT_FOR_MODELS = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME, _LONGEST_FOR_MODELS = 100, 64


def tool_name(server: str, tool: str) -> str:
    """`server/tool`, of letters that workflows may use; two tools of one server never share it."""
    word = NOT_IN_WORKFLOWS.sub("-", tool) or "tool"
    room = _LONGEST_NAME - len(server_word(server)) - 1
    if word != tool or len(word) > room:
        word = f"{word[: room - MARK - 1]}-{mark(tool)}"
    return f"{server_word(server)}/{word}"


def spec_name(server: str, tool: str) -> str:
    """`server__tool`, of what every model server takes, 64 letters at most; no two tools share it."""
    first, last = _NOT_FOR_MODELS.sub("_", server), _NOT_FOR_MODELS.sub("_", tool)
    name = f"{first}__{last}"
    is_plain = (first, last) == (server, tool) and len(name) <= _LONGEST_FOR_MODELS
    # where the two halves meet must be plain, too: a__b and c are not a and b__c
    if is_plain and first and last and "__" not in first and first[-1] != "_" and last[0] != "_":
        return name
    return f"{name[: _LONGEST_FOR_MODELS - MARK - 1]}_{mark(f'{server}/{tool}')}"
