"""The built-in calculator: an expression is parsed by `ast` and worked out node by node; nothing is ever evaluated.

What could keep the machine busy, such as a power with thousands of digits, is refused before it is begun.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from felix.errors import ToolError
from felix.llm.chat import ToolSpec
from felix.mcp_servers import Trust
from felix.team.tools.tool import Reach, Tell, ToolOutput

_LONGEST = 1_000
"""Characters of an expression."""
_MOST_BITS = 10_000
"""Of a whole number on the way: some 3,000 digits, which Python still turns into text at once."""
_MOST_FACTORIAL = 1_000
"""1000! has 8,530 bits; what is counted in combinations is bounded alike."""

Number = int | float

_MOST_PLACES = 400
"""No number that is taken has more digits; ten to the power of them is worked out before anything is rounded."""

_TYPED = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})
"""What people and models write for the operators."""

_CONSTANTS: Mapping[str, float] = {"pi": math.pi, "π": math.pi, "e": math.e, "tau": math.tau}


def _root(value: Number, degree: Number = 2) -> Number:
    return math.sqrt(value) if degree == 2 else float(value) ** (1 / degree)


def _round(value: Number, places: Number = 0) -> Number:
    if not isinstance(places, int):
        raise ToolError("round takes a whole number of places.")
    if abs(places) > _MOST_PLACES:
        raise ToolError(f"round takes at most {_MOST_PLACES} places.")
    return round(value, places) if places else round(value)


def _small(function: Callable[..., int]) -> Callable[..., int]:
    """A function of whole numbers whose result grows too fast to be left without a bound."""

    def bounded(*values: Number) -> int:
        if any(abs(value) > _MOST_FACTORIAL for value in values):
            raise ToolError(f"{function.__name__} takes whole numbers up to {_MOST_FACTORIAL:,}.")
        return function(*values)

    return bounded


_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "sum": lambda *values: sum(values),
    "sqrt": math.sqrt,
    "cbrt": math.cbrt,
    "root": _root,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "hypot": math.hypot,
    "degrees": math.degrees,
    "radians": math.radians,
    "gcd": math.gcd,
    "lcm": _small(math.lcm),
    "factorial": _small(math.factorial),
    "comb": _small(math.comb),
    "perm": _small(math.perm),
}

_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}

_NOT_UNDERSTOOD = "write numbers, + - * / // % **, parentheses, and functions such as sqrt(2)"


class Calculator:
    """A tool that touches nothing."""

    name = "calculator"
    reach = Reach(reads_private=False, reads_untrusted=False, can_send=False, changes=False)
    trust: Trust = "allow"
    limit_s: float | None = None
    spec = ToolSpec(
        name,
        "Work out an arithmetic expression exactly. Operators: + - * / // % ** and parentheses. Functions: "
        + ", ".join(_FUNCTIONS)
        + ". Constants: pi, e, tau. Angles are in radians.",
        {
            "type": "object",
            "properties": {
                "expression": {"type": "string", "description": "For example: (3 + 4) * sqrt(2) / 7 ** 2"},
            },
            "required": ["expression"],
            "additionalProperties": False,
        },
    )

    async def call(self, arguments: Mapping[str, object], _tell: Tell) -> ToolOutput:
        """Its value as text."""
        return ToolOutput(_text(calculate(str(arguments.get("expression", "")))))


def calculate(expression: str) -> Number:
    """The value of an expression. Raises ToolError, in one sentence, for whatever has none."""
    if len(expression) > _LONGEST:
        raise ToolError(f"The expression is longer than {_LONGEST:,} characters – work it out in parts.")
    try:
        tree = ast.parse(expression.strip().translate(_TYPED), mode="eval")
        value = _value(tree.body)
    except (SyntaxError, ValueError, TypeError) as error:
        raise ToolError(_why(expression, error)) from None
    except ZeroDivisionError:
        raise ToolError("The expression divides by zero.") from None
    except OverflowError:
        raise ToolError("A number on the way is too large to work with.") from None
    except (RecursionError, MemoryError):
        raise ToolError("The expression is nested too deeply – work it out in parts.") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise ToolError("The expression has no real number as its value.")
    return value


def _why(expression: str, error: Exception) -> str:
    if isinstance(error, ValueError) and "domain" in str(error):
        return "The expression has no real number as its value."
    if isinstance(error, SyntaxError) or not str(error):
        return f"“{expression[:60]}” is no expression that can be worked out – {_NOT_UNDERSTOOD}."
    return f"The expression cannot be worked out ({str(error)[:100]}) – {_NOT_UNDERSTOOD}."


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(operand))
        case ast.BinOp(left=left, op=ast.BitXor(), right=right):
            raise ToolError("^ is no power here – write ** for it.")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _operate(op, _value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*(_value(argument) for argument in arguments)))
        case ast.Call(func=ast.Name(id=name)) | ast.Name(id=name):
            raise ToolError(f"“{name[:60]}” is not known here – {_NOT_UNDERSTOOD}.")
        case ast.Tuple():
            raise ToolError("A comma separates nothing here – write numbers without it, 1000 for a thousand.")
        case _:
            pass
    raise ToolError(f"“{ast.unparse(node)[:60]}” cannot be worked out – {_NOT_UNDERSTOOD}.")


def _operate(op: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        # what follows would be worked out before anybody could see how large it is
        bits = abs(left).bit_length() * abs(right)
        if abs(left) > 1 and bits > _MOST_BITS:
            raise ToolError("The power is too large to work out exactly – use a decimal number, such as 2.0 ** 500.")
    return _bounded(_OPERATORS[type(op)](left, right))


def _bounded(value: Number) -> Number:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ToolError("A number on the way is too large to work with.")
    return value


def _text(value: Number) -> str:
    """Without what only the binary form of a decimal brings: 0.1 + 0.2 is 0.3."""
    return str(value) if isinstance(value, int) else f"{value:.15g}"
