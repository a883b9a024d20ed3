"""The arguments of a call, from the JSON that a model wrote to what a tool may be given – or why not, in one sentence.

Strict where `json` is not: no NaN, no infinity, no key twice, no half characters. The sentences are for the model,
which is to write the call again.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from felix.errors import ToolError
from felix.llm.chat import ToolSpec

Keyword = Callable[..., Any]  # Any: the checker's own

_LIMIT_S = 1.0
_BY_PATTERN = ("pattern", "patternProperties", "unevaluatedProperties")
"""Keywords that search with a regular expression, or ask one that does."""
_MOST_CHARS = 300
"""Of what a checker says: it repeats the value, which may be a whole file."""


def parsed(text: str) -> dict[str, object]:
    """A JSON object; nothing, and null, is an empty one. Raises ToolError."""
    if not text.strip():
        return {}
    try:
        value = json.loads(
            text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_each_once, strict=False
        )
        json.dumps(value, ensure_ascii=False).encode()  # half characters are read by json, and no tool can take them
    except RecursionError:
        raise ToolError("The arguments are nested too deeply – write them flatter.") from None
    except ValueError as error:
        raise ToolError(f"The arguments are no valid JSON ({_short(str(error))}) – write the call again.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ToolError("The arguments must be one JSON object, such as {} – write the call again.")
    return value


def check(arguments: dict[str, object], spec: ToolSpec) -> None:
    """Raises ToolError for arguments that the tool's schema does not allow. Not for a loop: it may take a second.

    Regular expressions are left to the tool: some that a stranger can write never come to an end.
    """
    try:
        wrong = _wrong(arguments, spec.parameters)
    except RecursionError:
        raise ToolError("The arguments are nested too deeply – write them flatter.") from None
    except TimeoutError:
        raise ToolError("The schema of this tool takes too long to check – use another tool.") from None
    if wrong:
        raise ToolError(f"The arguments do not fit: {wrong} – write the call again.")


def canonical(arguments: Mapping[str, object]) -> str:
    """The same text for the same arguments, whatever order they were written in."""
    return json.dumps(arguments, sort_keys=True, ensure_ascii=False)


def _wrong(arguments: dict[str, Any], schema: Mapping[str, Any]) -> str:  # Any: as the checker has JSON
    """What does not fit, empty when all does. Raises ToolError for a schema that is none."""
    # Imported when the first call is made: it takes longer than the window has to come up.
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.exceptions import best_match
    from jsonschema.validators import extend, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(dict(schema))
        kind = extend(kind, _bounded(kind.VALIDATORS, time.monotonic() + _LIMIT_S))  # type: ignore[no-untyped-call]
        # with a registry of its own: else an address in the schema would be fetched
        error = best_match(kind(schema, registry=Registry()).iter_errors(arguments))
    except (SchemaError, Unresolvable) as fault:
        raise ToolError(f"The tool describes its arguments wrongly ({_short(str(fault))}) – use another one.") from None
    except (RecursionError, TimeoutError):
        raise  # told by whoever asked
    except Exception as fault:  # noqa: BLE001  a stranger's schema: the checker stumbles over some in ways of its own
        raise ToolError(f"The arguments could not be checked ({_short(str(fault))}) – use another tool.") from None
    if error is None:
        return ""
    where = ".".join(str(step) for step in error.absolute_path)
    return f"{where}: {_short(error.message)}" if where else _short(error.message)


def _bounded(keywords: Mapping[str, Keyword], until: float) -> dict[str, Keyword]:
    """Those of a schema's keywords without regular expressions, each of which looks at the clock: references that
    fork again and again are as good as endless, too."""

    def bounded(keyword: Keyword) -> Keyword:
        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:  # Any: as the checker has them
            if time.monotonic() > until:
                raise TimeoutError
            by_pattern = keyword is keywords.get("additionalProperties") and "patternProperties" in schema
            return () if by_pattern else keyword(validator, value, instance, schema)

        return check

    return {name: _nothing if name in _BY_PATTERN else bounded(each) for name, each in keywords.items()}


def _nothing(*_: object) -> tuple[()]:
    return ()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_short(text)} is too large a number")
    return number


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: as json has it
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARS else line[: _MOST_CHARS - 1] + "…"
