"""Workflows: what a user writes about a team, as values, as text and as files."""

from felix.team.workflow.document import MAX_BYTES
from felix.team.workflow.library import Entry, Library
from felix.team.workflow.model import (
    MAX_AGENTS,
    AgentSpec,
    HelixSpec,
    Limits,
    Member,
    SynthesisSpec,
    Workflow,
)
from felix.team.workflow.reader import load, parse

__all__ = [
    "MAX_AGENTS",
    "MAX_BYTES",
    "AgentSpec",
    "Entry",
    "HelixSpec",
    "Library",
    "Limits",
    "Member",
    "SynthesisSpec",
    "Workflow",
    "load",
    "parse",
]
