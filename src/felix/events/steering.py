"""What the user and the guards do to a run while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from felix.events.words import AgentId, Doubt, Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    """A word of the user to the agents; it stands in their prompts from the next one on."""

    text: str
    agent_id: AgentId | None
    """To this one alone; None: to all."""
    type: Literal["note_added"] = "note_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpAsked:
    """The user wants the synthesis now, from what has been said so far."""

    type: Literal["wrap_up_asked"] = "wrap_up_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseChanged:
    state: Pause
    type: Literal["pause_changed"] = "pause_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRaised:
    """A guard asks the user whether to stop something; it goes on until they say so."""

    question_id: str
    doubt: Doubt
    agent_id: AgentId | None
    """`HUB` for the synthesis; None when the run as a whole is meant."""
    text: str
    """One sentence."""
    type: Literal["question_raised"] = "question_raised"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionClosed:
    question_id: str
    answer: Literal["stop", "go_on", "none"]
    """`none`: what it was about has ended by itself."""
    type: Literal["question_closed"] = "question_closed"
