"""What is being written, gathered between two savings of it, so that a crash costs a quarter of a second of text.

Only what a recovery needs is kept: when a speaker began to do something else, and text, with the pieces that follow one
another joined into one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from felix.events import (
    HUB,
    SYNTHESIS,
    Activity,
    AgentState,
    Channel,
    Event,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    Record,
    RunId,
    SynthesisComplete,
    ThoughtComplete,
    ThoughtId,
)

Whose = tuple[RunId, ThoughtId]


@dataclass(slots=True)
class _Piece:
    first: Record
    parts: list[str]
    end: int
    """The offset at which the next part is to begin."""
    tokens: int

    def record(self) -> Record:
        event = self.first.event
        if isinstance(event, PartialThought | PartialSynthesis):
            event = replace(event, partial="".join(self.parts), tokens_so_far=self.tokens)
        return replace(self.first, event=event)


@dataclass(slots=True)
class _Draft:
    """Of one thought."""

    activity: Activity | None = None
    pieces: list[_Piece] = field(default_factory=list)
    """Not yet taken."""
    growing: dict[Channel, _Piece] = field(default_factory=dict)


class Drafts:
    """Passing records on their way to the table of drafts."""

    def __init__(self) -> None:
        self._drafts: dict[Whose, _Draft] = {}

    def add(self, record: Record) -> None:
        event = record.event
        draft = self._drafts.setdefault((record.run, whose(event)), _Draft())
        match event:
            case AgentState():
                # its places in a queue and its percentages are of no use afterwards
                if event.state != draft.activity or event.read:
                    draft.activity = event.state
                    draft.pieces.append(_Piece(record, [], 0, 0))
            case PartialThought() | PartialSynthesis():
                piece = draft.growing.get(event.channel)
                if piece is None or piece.end != event.offset:
                    piece = draft.growing[event.channel] = _Piece(record, [], event.offset, 0)
                    draft.pieces.append(piece)
                piece.parts.append(event.partial)
                piece.end += len(event.partial)
                piece.tokens = event.tokens_so_far
            case PartialToolCall():
                pass  # half a call is of no use to anybody
            case _:
                raise TypeError(f"{event.type} does not pass")

    def forget(self, run: RunId, thought: ThoughtId | None = None) -> None:
        """What has ended needs no draft; None: the whole run."""
        for key in [key for key in self._drafts if key[0] == run and thought in {None, key[1]}]:
            del self._drafts[key]

    def waiting(self) -> list[Record]:
        """All that came since the last `saved`, in order for each thought."""
        return [piece.record() for draft in self._drafts.values() for piece in draft.pieces]

    def saved(self) -> None:
        """What was waiting is in the file."""
        for draft in self._drafts.values():
            draft.pieces, draft.growing = [], {}

    def __bool__(self) -> bool:
        return any(draft.pieces for draft in self._drafts.values())


def whose(event: Event) -> ThoughtId:
    """The thought that a passing or an ending event belongs to. A run makes one synthesis at a time."""
    match event:
        case AgentState(agent_id=agent_id) if agent_id == HUB:
            return SYNTHESIS
        case AgentState() | PartialThought() | PartialToolCall() | ThoughtComplete():
            return event.thought_id
        case PartialSynthesis() | SynthesisComplete():
            return SYNTHESIS
        case _:
            raise TypeError(f"{event.type} is of no thought")
