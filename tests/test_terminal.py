from __future__ import annotations

import pytest

from felix.terminal import safe


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]52;c;evil\x07", "\ufffd]52;c;evil\ufffd"),
        ("a\x9b31mb", "a\ufffd31mb"),
        ("tab\tline\n", "tab\tline\n"),
        ("carriage\rreturn\x7f\x00", "carriage\ufffdreturn\ufffd\ufffd"),
        ("both\r\n", "both\n"),
        ("left\u202eright", "left\ufffdright"),
        ("half \ud83d", "half \ufffd"),
        ("😀 ä 中", "😀 ä 中"),
    ],
)
def test_nothing_a_terminal_obeys_passes(raw: str, shown: str) -> None:
    assert safe(raw) == shown
