"""From the text of a workflow file to a `Workflow`, or to one sentence that names file, line and key."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from felix.errors import WorkflowError
from felix.team.workflow.document import MAX_BYTES, Document
from felix.team.workflow.model import INCONSISTENT, Workflow


def parse(text: str, source: str) -> Workflow:
    """The workflow that `text` describes; `source` is what faults call it, commonly the file's name.

    Raises WorkflowError. It reads `research.yaml, line 7: agents.0.count must be a whole number from 1 to 16.`, and its
    `line` is where an editor should point.
    """
    document = Document(text, source)
    if not isinstance(document.value, dict):
        raise document.fault((), "must be a block of keys such as name: and agents:")
    try:
        return Workflow.model_validate(document.value)
    except ValidationError as error:
        faults = [_fault(document, each) for each in error.errors(include_url=False)[:50]]
        raise min(faults, key=lambda fault: fault.line or 0) from None


def read_text(path: Path) -> str:
    """The text of a workflow file. Raises WorkflowError when it cannot be read, is too long or is not UTF-8."""
    try:
        # asked before it is opened: opening a pipe of that name would wait for ever
        if not stat.S_ISREG(path.stat().st_mode):
            raise WorkflowError(f"{path.name} is not a file; remove it from the folder of workflows.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise WorkflowError(f"{path.name} cannot be read ({reason}); check the file and its permissions.") from error
    if len(content) > MAX_BYTES:
        raise WorkflowError(f"{path.name} is longer than {MAX_BYTES // 1024} KB; shorten its prompts.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise WorkflowError(f"{path.name}, line {line}: is not UTF-8 text; save it as UTF-8.", line=line) from None


def load(path: Path) -> Workflow:
    """The workflow in a file. Raises WorkflowError."""
    return parse(read_text(path), path.name)


def _fault(document: Document, error: ErrorDetails) -> WorkflowError:
    if error["type"] == INCONSISTENT:
        context = error["ctx"]
        return document.fault((*error["loc"], *context["path"]), context["sentence"])
    path, field, keys = _follow(error["loc"])
    match error["type"]:
        case "missing":
            return document.fault(path, f"is missing; it must be {field.description if field else 'given'}")
        case "extra_forbidden":
            return document.fault(path, f"is not a key Felix knows; {_advice(str(path[-1]), keys)}")
        case _ if path[-1:] == ("[key]",):
            return document.fault(path[:-1], "is not the name of a role; begin it with a letter")
        case _ if error["input"] is None:
            return document.fault(path, "has no value; give it one or remove the line")
        case "string_type" if not isinstance(error["input"], dict | list):
            return document.fault(path, "must be text; put the value in quotes")
        case "model_type" | "model_attributes_type":
            return document.fault(path, "must be a block of keys")
        case _:
            return document.fault(path, f"must be {field.description if field else 'something else'}")


def _follow(location: Sequence[str | int]) -> tuple[tuple[str | int, ...], FieldInfo | None, list[str]]:
    """(path of the key, its field, the keys beside it): pydantic's location less the branches of a union it tried."""
    path: list[str | int] = []
    model: type[BaseModel] | None = Workflow
    field: FieldInfo | None = None
    keys = list(Workflow.model_fields)
    is_name = False  # the next step is a name that the user gave, as that of a role
    for step in location:
        if isinstance(step, int) or is_name:
            path.append(step)
            is_name = False
        elif model is not None:
            path.append(step)
            keys = list(model.model_fields)
            field = model.model_fields.get(step)
            model = _model_in(field.annotation) if field else None
            is_name = field is not None and get_origin(field.annotation) is dict
    return tuple(path), field, keys


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that a field holds, one or a list of them."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _advice(key: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(key[:40], allowed, n=1)
    return f"did you mean {close[0]}?" if close else f"here it knows {', '.join(allowed)}"
