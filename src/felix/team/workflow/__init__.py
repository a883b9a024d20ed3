"""Workflows: what a user writes about a team, as values, as text and as files."""

from felix.team.workflow.document import MAX_BYTES
from felix.team.workflow.library import Entry, Library
from felix.team.workflow.model import (
    MAX_AGENTS,
    AgentSpec,
    HelixSpec,
    Limits,
    Member,
    RoleSpec,
    Rule,
    SynthesisSpec,
    Workflow,
)
from felix.team.workflow.reader import load, parse
from felix.team.workflow.stored import as_json, from_json

__all__ = [
    "MAX_AGENTS",
    "MAX_BYTES",
    "AgentSpec",
    "Entry",
    "HelixSpec",
    "Library",
    "Limits",
    "Member",
    "RoleSpec",
    "Rule",
    "SynthesisSpec",
    "Workflow",
    "as_json",
    "from_json",
    "load",
    "parse",
]
