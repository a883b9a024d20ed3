"""A workflow as a run keeps it: JSON that becomes an equal workflow again, whatever has happened to its file."""

from __future__ import annotations

from pydantic import ValidationError

from felix.errors import WorkflowError
from felix.team.workflow.model import Workflow


def as_json(workflow: Workflow) -> str:
    return workflow.model_dump_json()


def from_json(definition: str) -> Workflow:
    """Raises WorkflowError for what an older or newer Felix has written and this one does not take."""
    try:
        return Workflow.model_validate_json(definition)
    except ValidationError:
        raise WorkflowError("The run's workflow cannot be read by this version of Felix – start a new run.") from None
