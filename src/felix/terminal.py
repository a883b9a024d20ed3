"""Text that a terminal only shows: what a model or a server wrote must never be a command to it."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line break, DEL, C1: what starts an escape sequence
    "\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c"  # what turns the direction of the text around it
    "\ud800-\udfff]"  # half characters no terminal can be sent
)


def safe(text: str) -> str:
    """`text` with U+FFFD for every control character but tab and line break; CR LF is a line break."""
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n"))
