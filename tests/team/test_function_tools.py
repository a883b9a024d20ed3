"""A caller's own functions as tools."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from felix.errors import FelixError, ToolError
from felix.team.tools.functions import FunctionTool
from felix.team.tools.tool import Tool, ToolOutput


class Place(BaseModel):
    title: str
    visits: int = 0


def look_up(
    town: str,
    kind: Literal["river", "hill"] = "hill",
    *,
    most: Annotated[int, Field(ge=1, description="how many")] = 3,
    near: list[Place] | None = None,
) -> str:
    """Look a place up.

    Rivers have names, too.
    """
    return f"{town} {kind} {most} {near}"


def call(tool: Tool, **arguments: object) -> str:
    return asyncio.run(tool.call(arguments, lambda *_: None)).text


def test_the_schema_comes_from_the_hints_and_the_description_from_the_docstring() -> None:
    spec = FunctionTool(look_up).spec
    assert (spec.name, spec.description) == ("look_up", "Look a place up.\n\nRivers have names, too.")
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "town": {"type": "string"},
            "kind": {"type": "string", "enum": ["river", "hill"], "default": "hill"},
            "most": {"type": "integer", "minimum": 1, "description": "how many", "default": 3},
            "near": {
                "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Place"}}, {"type": "null"}],
                "default": None,
            },
        },
        "required": ["town"],
        "additionalProperties": False,
        "$defs": {
            "Place": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "visits": {"type": "integer", "default": 0}},
                "required": ["title"],
            }
        },
    }


def test_it_is_called_with_what_the_hints_make_of_the_arguments() -> None:
    said = call(FunctionTool(look_up), town="Bath", most="2", near=[{"title": "Avon"}])
    assert said == "Bath hill 2 [Place(title='Avon', visits=0)]"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({}, "town: Field required"),
        ({"town": 1}, "town: "),
        ({"town": "Bath", "most": 0}, "most: "),
        ({"x": 1}, "town"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(arguments: dict[str, object], what: str) -> None:
    with pytest.raises(ToolError, match=f"look_up cannot be called so: {what}"):
        call(FunctionTool(look_up), **arguments)


def test_parameters_may_be_called_what_pydantic_calls_its_own() -> None:
    def odd(json: int, model_config: int, _hidden: int, /, self: int, copy: int) -> list[int]:
        return [json, model_config, _hidden, self, copy]

    assert call(FunctionTool(odd), json=1, model_config=2, _hidden=3, self=4, copy=5) == "[1,2,3,4,5]"


def test_a_plain_function_runs_on_a_thread_and_an_async_one_on_the_loop() -> None:
    def plain() -> str:
        return threading.current_thread().name

    async def later() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert call(FunctionTool(plain)) != threading.current_thread().name
    assert call(FunctionTool(later)) == threading.current_thread().name


def test_a_function_that_hangs_keeps_nobody_waiting() -> None:
    release = threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await FunctionTool(lambda: release.wait(60), name="hang").call({}, lambda *_: None)

    asyncio.run(give_up())
    release.set()


@dataclass
class Town:
    name: str


@pytest.mark.parametrize(
    ("result", "text"),
    [("as it is", "as it is"), (None, "Done."), (Town("Bath"), '{"name":"Bath"}'), ({"a": [1.5]}, '{"a":[1.5]}')],
)
def test_results_are_text_or_json(result: object, text: str) -> None:
    def give() -> Any:
        return result

    assert call(FunctionTool(give)) == text


def test_what_a_function_raises_is_told_to_the_model_and_is_no_error_of_felix() -> None:
    def divide(a: int) -> float:
        return a / 0

    with pytest.raises(ToolError, match="divide failed: ZeroDivisionError: division"):
        call(FunctionTool(divide), a=1)


def test_objects_and_partials_are_functions_too() -> None:
    class Adder:
        def __call__(self, a: int, b: int) -> int:
            return a + b

    assert call(FunctionTool(Adder(), name="add"), a=1, b=2) == "3"
    assert call(FunctionTool(partial(look_up, town="Bath"), name="bath"), most=1) == "Bath hill 1 None"


def anything(*values: int) -> None: ...
def unhinted(value) -> None: ...  # type: ignore[no-untyped-def]
def strange(value: threading.Event) -> None: ...


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (anything, r"anything takes any number of arguments \(\*values\)"),
        (unhinted, "unhinted does not say of what type value is"),
        (strange, "The arguments of the tool strange cannot be described"),
        (lambda: None, "“<lambda>” is no name for a tool"),
    ],
)
def test_a_function_that_cannot_be_described_is_refused_at_once(function: Any, sentence: str) -> None:
    with pytest.raises(FelixError, match=sentence):
        FunctionTool(function)


def test_it_is_a_tool() -> None:
    tool: Tool = FunctionTool(look_up)
    assert (tool.name, tool.trust, tool.reach.can_send) == ("look_up", "allow", False)
    assert ToolOutput("x").is_error is False
