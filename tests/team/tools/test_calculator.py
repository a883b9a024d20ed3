"""The calculator: what it works out, and what it refuses in one sentence, at once."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from felix.errors import FelixError, ToolError
from felix.team.tools.calculator import Calculator, calculate


def _asked(expression: str) -> str:
    async def ask() -> str:
        return (await Calculator().call({"expression": expression}, lambda *_: None)).text

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 // 2", "3"),
        ("-7 % 3", "2"),
        ("2 ** 10", "1024"),
        ("2 ** -1", "0.5"),
        ("0.1 + 0.2", "0.3"),
        ("10 / 4", "2.5"),
        ("10 / 5", "2"),
        ("1e3", "1000"),
        ("6 × 7 − 2", "40"),
        ("sqrt(2) ** 2", "2"),
        ("round(pi, 4)", "3.1416"),
        ("round(2.6)", "3"),
        ("max(1, 5, 3) + min(2, 4)", "7"),
        ("factorial(20)", "2432902008176640000"),
        ("comb(5, 2)", "10"),
        ("log(8, 2)", "3"),
        ("+4 - -4", "8"),
        ("sin(0) + cos(0)", "1"),
        ("  2+2  ", "4"),
    ],
)
def test_works_an_expression_out(expression: str, text: str) -> None:
    assert _asked(expression) == text


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "two",
        "1 +",
        "1,000 + 1",
        "2 ^ 3",
        "__import__('os').system('id')",
        "().__class__.__bases__[0]",
        "open('/etc/passwd').read()",
        "(lambda: 1)()",
        "[1 for _ in range(9)]",
        "'a' * 5",
        "True + 1",
        "1 if 1 else 2",
        "x := 1",
        "sqrt",
        "pi(2)",
        "sqrt(x=2)",
        "sqrt()",
        "sqrt(*[2])",
        "f'{1}'",
        "1j",
        "1 / 0",
        "1 // 0.0",
        "5 % 0",
        "sqrt(-1)",
        "(-8) ** 0.5",
        "log(0)",
        "9 ** 9 ** 9",
        "-9 ** 9 ** 9",
        "9999999999 ** 99999999",
        "1e308 * 10",
        "1e400",
        "exp(1000)",
        "factorial(100000)",
        "factorial(2.5)",
        "comb(10 ** 9, 5 * 10 ** 8)",
        "(" * 900 + "1" + ")" * 90,
        "-" * 999 + "1",
        "1" * 999 + "**2",
        "1+" * 2000 + "1",
        "1 << 10 ** 9",
        "~5",
        "1 == 1",
        "2 @ 2",
        "round(5, 0.5)",
        "round(1, -1000000000)",
        "hypot('a')",
        "1\x002",
        "\ud800",
    ],
)
def test_refuses_in_one_sentence_and_at_once(expression: str) -> None:
    began = time.monotonic()
    with pytest.raises(ToolError) as refused:
        print(calculate(expression))
    assert str(refused.value).endswith(".") and len(str(refused.value)) < 400
    assert time.monotonic() - began < 5


@given(st.text(alphabet="0123456789.+-*/%() episqrtlog,^", max_size=60))
def test_whatever_is_written_ends_in_a_number_or_a_sentence(expression: str) -> None:
    try:
        value: float | str = calculate(expression)
    except FelixError as error:
        value = str(error)
    assert value.endswith(".") if isinstance(value, str) else math.isfinite(value)


def test_touches_nothing_and_needs_no_leave() -> None:
    tool = Calculator()
    assert tool.trust == "allow"
    assert not (tool.reach.reads_private or tool.reach.reads_untrusted or tool.reach.can_send)
