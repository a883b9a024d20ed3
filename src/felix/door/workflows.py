"""A workflow as a caller may name it: by name or path, as a value, or as what would stand in its file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from felix import places
from felix.errors import WorkflowError
from felix.team.workflow import Library, Workflow, load, parse

WorkflowLike = str | os.PathLike[str] | Workflow | Mapping[str, Any]  # Any: what YAML may hold


def workflow_of(given: WorkflowLike | None, chosen: str = "") -> Workflow:
    """The workflow that is meant; None is the one `chosen` in the settings. Raises WorkflowError."""
    if isinstance(given, Workflow):
        return given
    if isinstance(given, Mapping):
        return _parsed(given)
    if given is None or isinstance(given, str):
        entry = Library(places.builtin_workflows(), places.user_workflows()).find(given or chosen)
        if entry.workflow is None:
            raise entry.fault or WorkflowError(f"{entry.path} is no workflow – choose another one.")
        return entry.workflow
    return load(Path(given).expanduser())


def _parsed(given: Mapping[str, Any]) -> Workflow:  # Any: as in WorkflowLike
    name = "the workflow"
    try:
        text = json.dumps(dict(given), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise WorkflowError(f"The workflow is not as in a file ({error}) – use texts, numbers, lists, dicts.") from None
    try:
        return parse(text, name)
    except WorkflowError as fault:
        # by the same rules as a file, so that the sentences are the same; but there is no line to look at
        sentence = str(fault).replace(f"{name}, line 1:", f"{name}:", 1)
        raise WorkflowError(sentence[:1].upper() + sentence[1:], key=fault.key) from None
