"""A caller's own functions as tools: the schema comes from the type hints, the description from the docstring.

A plain function runs on a thread, so that it may take its time; an async one is awaited on the loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from pydantic_core import to_json

from felix.errors import FelixError, ToolError
from felix.llm.chat import ToolSpec
from felix.mcp_servers import Trust
from felix.team.tools.tool import Reach, Tell, ToolOutput
from felix.worker import Aside

NOWHERE = Reach(reads_private=False, reads_untrusted=False, can_send=False)
"""Of a function nothing else is said of: whoever writes one into their own program has let it be used."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

_log = logging.getLogger(__name__)


class FunctionTool:
    """One function as a `Tool`."""

    def __init__(
        self,
        function: Callable[..., object],
        *,
        name: str = "",
        reach: Reach = NOWHERE,
        trust: Trust = "allow",
        limit_s: float | None = None,
    ) -> None:
        """`name` is the function's own, unless given; `limit_s`: what one call may take, None is a minute.

        Raises FelixError for one whose arguments cannot be described.
        """
        self._function = function
        self._name = name or getattr(function, "__name__", "")
        if not _NAME.fullmatch(self._name):
            raise FelixError(f"“{self._name}” is no name for a tool – use up to 64 letters, digits, - and _.")
        self.reach = reach
        self.trust: Trust = trust
        self.limit_s = limit_s
        self._parameters = tuple(_parameters(function, self._name).values())
        self._model = self._arguments(function)
        self._spec = ToolSpec(self._name, inspect.getdoc(function) or "", _plain(self._model.model_json_schema()))

    @property
    def name(self) -> str:
        return self._name

    @property
    def spec(self) -> ToolSpec:
        return self._spec

    async def call(self, arguments: Mapping[str, object], tell: Tell) -> ToolOutput:
        """See `Tool.call`. A thread cannot be ended: a plain function that is cancelled is no longer waited for."""
        try:
            given = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "its arguments"
            raise ToolError(f"{self._name} cannot be called so: {where}: {first['msg']}.") from None
        values = [getattr(given, _field(place)) for place in range(len(self._parameters))]
        positional, named = [], {}
        for parameter, value in zip(self._parameters, values, strict=True):
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                positional.append(value)
            else:
                named[parameter.name] = value
        try:
            result = await self._result(partial(self._function, *positional, **named))
        except FelixError as error:
            raise ToolError(str(error)) from error
        except Exception as error:  # whatever a function of the caller's raises is told to the model, and logged
            _log.debug("the tool %s failed", self._name, exc_info=error)
            raise ToolError(f"{self._name} failed: {type(error).__name__}: {error}") from error
        return ToolOutput(_text(result))

    async def _result(self, work: Callable[[], object]) -> object:
        if inspect.iscoroutinefunction(self._function):
            result = work()
        else:
            carried = partial(contextvars.copy_context().run, work)
            # not the loop's own pool: the end of the loop would wait for a function that hangs
            result = await asyncio.get_running_loop().run_in_executor(Aside(), carried)
        return await result if inspect.isawaitable(result) else result

    def _arguments(self, function: Callable[..., object]) -> type[BaseModel]:
        """A model of the arguments. Its fields have names of their own: a parameter may be called as pydantic's are."""
        fields: dict[str, Any] = {}  # Any: as create_model takes them
        try:
            hints = get_type_hints(_hinted(function), include_extras=True)
        except NameError as error:
            raise FelixError(f"The type hints of the tool {self._name} cannot be read: {error}.") from None
        for place, parameter in enumerate(self._parameters):
            if parameter.name not in hints:
                raise FelixError(f"The tool {self._name} does not say of what type {parameter.name} is – add a hint.")
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[_field(place)] = (hints[parameter.name], Field(default, alias=parameter.name))
        try:
            return create_model(self._name, __config__=ConfigDict(extra="forbid"), **fields)
        except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation) as error:
            sentence = str(error).splitlines()[0]
            raise FelixError(f"The arguments of the tool {self._name} cannot be described: {sentence}") from None


def _field(place: int) -> str:
    return f"argument_{place}"


def _hinted(function: Callable[..., object]) -> Callable[..., object]:
    """Where the hints stand: a partial has them in its function, an object in its `__call__`."""
    while isinstance(function, partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def _parameters(function: Callable[..., object], name: str) -> dict[str, inspect.Parameter]:
    try:
        parameters = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise FelixError(f"The tool {name} does not tell its arguments – wrap it in a function with hints.") from None
    for parameter in parameters.values():
        if parameter.kind in _VARIABLE:
            raise FelixError(f"The tool {name} takes any number of arguments (*{parameter.name}) – name each of them.")
    return parameters


def _plain(schema: Any) -> Any:  # Any: JSON
    """A schema without the titles that pydantic makes of the names: a model reads every word of it."""
    if isinstance(schema, dict):
        return {
            key: {name: _plain(each) for name, each in value.items()}
            if key in ("properties", "$defs")
            else _plain(value)
            for key, value in schema.items()
            if key != "title"
        }
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema


def _text(result: object) -> str:
    if result is None:
        return "Done."
    return result if isinstance(result, str) else to_json(result, fallback=str).decode()
