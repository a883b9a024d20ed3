"""An agent's confidence, as it states it itself in its last line – or not at all.

The line is no part of the thought: while text streams, a last line that may still become it is held back. All other
text passes unchanged, byte for byte.
"""

from __future__ import annotations

import re

ASKED_FOR = (
    "End with one line of its own that says how sure you are, from 0.00 to 1.00, in this form:\nConfidence: 0.72"
)

_MARKS = r"[\s>#*_`\-]*"
_LINE = re.compile(
    rf"{_MARKS}confidence[*_`]*\s*[:=]\s*[*_`]*\s*(?P<number>\d{{1,3}}(?:[.,]\d{{1,6}})?)\s*(?P<unit>%|/\s*100?)?[\s*_`.]*",
    re.IGNORECASE,
)
_AFTER_WORD = re.compile(r"[*_`]*\s*(?:[:=]\s*[*_`]*\s*(?:\d{1,3}(?:[.,]\d{0,6})?\s*(?:%|/\s*1?0{0,2})?[\s*_`.]*)?)?")
_LONGEST = 80
"""Characters; a longer line is prose, whatever it begins with."""


def confidence_in(line: str) -> float | None:
    """0 to 1 of a whole line `Confidence: 0.72` (or `72 %`, `72/100`, `7/10`), None of any other line."""
    match = _LINE.fullmatch(line) if len(line) <= _LONGEST else None
    if match is None:
        return None
    value = float(match["number"].replace(",", "."))
    match (match["unit"] or "").replace(" ", ""):
        case "%" | "/100":
            value /= 100
        case "/10":
            value /= 10
    return value if value <= 1 else None


class ConfidenceFilter:
    """Holds back the end of a growing text while it may be the confidence line."""

    def __init__(self) -> None:
        self._held = ""
        self._is_at_line_start = True
        """Of what is held: whether the text that has passed ended with a line break, or none has."""

    def feed(self, text: str) -> str:
        """The text that may pass, now that `text` has come."""
        self._held += text
        keep = self._candidate_start()
        passed, self._held = self._held[:keep], self._held[keep:]
        if passed:
            self._is_at_line_start = passed.endswith("\n")
        return passed

    def end(self, *, is_whole: bool = True) -> tuple[str, float | None]:
        """What was held and is text after all, and the confidence. To be called once, at the end of the text.

        Of a text that is not whole, a last line without a line break may lack digits: it is no text, and no figure.
        """
        held, self._held = self._held, ""
        confidence = confidence_in(held) if self._is_at_line_start else None
        if confidence is None:
            return held, None
        return "", confidence if is_whole or held.endswith("\n") else None

    def _candidate_start(self) -> int:
        """Where the last line with anything in it begins, if it may become a confidence line; else the very end."""
        body = self._held.rstrip()
        start = body.rfind("\n") + 1
        if start == 0 and not self._is_at_line_start:
            return len(self._held)
        return start if _may_become(self._held[start:]) else len(self._held)


def _may_become(line: str) -> bool:
    if len(line) > _LONGEST:
        return False
    words = re.sub(rf"^{_MARKS}", "", line).lower()
    if not words:
        return bool(line.strip())  # only marks so far, as in "**"
    if len(words) <= len("confidence"):
        return "confidence".startswith(words)
    return words.startswith("confidence") and _AFTER_WORD.fullmatch(words, len("confidence")) is not None
