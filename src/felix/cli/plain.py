"""A run as plain lines of text, for people and for pipes.

Agents speak at the same time, a terminal has one end. So one agent has the floor: its words appear as they are written;
what the others say meanwhile waits and follows, whole, when they get it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from felix.errors import WorkflowError
from felix.events import (
    HUB,
    Again,
    AgentAdded,
    AgentId,
    AgentSpawned,
    AgentState,
    NoteAdded,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    PauseChanged,
    QuestionClosed,
    QuestionRaised,
    Record,
    RoundStarted,
    RunFinished,
    RunReopened,
    RunStarted,
    StoodStill,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    WrapUpAsked,
    told,
)
from felix.ledger.speech import GrowingText, Speech, Thought
from felix.ledger.state import RunState
from felix.ledger.words import called, lacking, place_of
from felix.team.schedule import describe
from felix.team.workflow import from_json
from felix.terminal import safe

MOST_SHOWN = 200
"""Characters of the arguments of a tool call: a whole file may be among them."""


class PlainFace:
    """Writes a run as it goes. `write` is given text that is safe, `note` lines beside it (stderr)."""

    def __init__(self, write: Callable[[str], None], note: Callable[[str], None]) -> None:
        self.state = RunState()
        self._put = write
        self._tell = note
        self._held: list[str] = []
        """Lines for beside, until the line of text that is being written has its end."""
        self._floor: ThoughtId | None = None
        self._waiting: list[ThoughtId] = []
        """Those who have begun to write and do not have the floor, in that order."""
        self._shown = 0
        """Characters shown of the one who has the floor, or of the synthesis."""
        self._edition = 0
        """Of the text they stand in."""
        self._is_at_line_start = True
        self._retries: dict[AgentId, tuple[ThoughtId, int, str]] = {}
        """The last one that was told, by agent."""
        self._is_adopted = False
        """The synthesis is what the only agent has said."""

    def apply(self, record: Record) -> None:
        self.state.apply(record)
        event = record.event
        match event:
            case RunStarted():
                agents = "1 agent" if len(event.agents) == 1 else f"{len(event.agents)} agents"
                self._note(f"{event.workflow}: {agents}, {describe(event.rounds)}")
                if event.server_name:
                    self._note(f"{event.server_name} at {event.server}, model {event.model}")
                if event.demo:
                    self._note("Demo model – scripted text")
            case RoundStarted():
                self._note(f"round {event.number} of {event.total}: {', '.join(event.agents)}")
            case AgentState():
                self._note_state(event)
            case AgentSpawned() | QuestionClosed(answer="none"):
                pass
            case PartialThought(channel="answer"):
                self._heard(event.thought_id)
            case PartialThought() | PartialSynthesis(channel="thinking") | PartialToolCall() | ToolProgressed():
                pass
            case ToolCalled() | ToolReturned():
                self._note_tool(event)
            case ThoughtComplete():
                self._heard(event.thought_id)
            case SynthesisStarted():
                self._begin_synthesis(event)
            case PartialSynthesis():
                self._show_synthesis()
            case SynthesisComplete():
                self._end_synthesis()
            case (
                AgentAdded()
                | ThoughtAsked()
                | NoteAdded()
                | WrapUpAsked()
                | PauseChanged()
                | QuestionRaised()
                | QuestionClosed()
                | ToolAnswered()
                | RunReopened()
                | StoodStill()
            ):
                self._note(_without_question(told(event)) if isinstance(event, QuestionRaised) else told(event))
            case RunFinished():
                self.end_line()
                if event.status != "complete":
                    self._note(f"{event.status}: {event.reason}")
            case _:
                assert_never(event)

    def end_line(self) -> None:
        """For something else to stand there."""
        if not self._is_at_line_start:
            self._write("\n")

    def _note_state(self, event: AgentState) -> None:
        if event.state == "retrying":
            self._note_retry(event)
        elif event.state == "connecting" and event.cut and event.agent_id != HUB:  # its end says so, too
            self._note_of(event.agent_id, event.cut)

    def _note_tool(self, event: ToolCalled | ToolReturned) -> None:
        if isinstance(event, ToolCalled):
            asks = f" – {event.asks}" if event.asks else ""
            self._note_of(event.agent_id, f"{event.name} {_shortened(event.arguments)}{asks}")
            return
        calls = self.state.thoughts[event.thought_id].calls if event.thought_id in self.state.thoughts else []
        for call in calls:
            if call.call_id == event.call_id:
                cut = f", cut for the model: all of it is in {call.file}" if call.file else ""
                self._note_of(event.agent_id, f"{called(call)}{cut}")

    def _note_retry(self, event: AgentState) -> None:
        """Once, and not for every second that is counted down."""
        again = event.again or Again()
        which = (event.thought_id, again.number, again.at)
        if self._retries.get(event.agent_id) != which:
            self._note_of(event.agent_id, event.detail)
        self._retries[event.agent_id] = which

    def _heard(self, thought_id: ThoughtId) -> None:
        """Something new of a thought: show it if it has the floor or can take it."""
        if self._floor is None:
            self._take_floor(thought_id)
        if thought_id != self._floor:
            if thought_id not in self._waiting:
                self._waiting.append(thought_id)
            return
        self._show_floor()
        while self._floor and not self.state.thoughts[self._floor].is_live:
            self._leave_floor(self.state.thoughts[self._floor])
            if self._waiting:
                self._take_floor(self._waiting.pop(0))
                self._show_floor()

    def _take_floor(self, thought_id: ThoughtId) -> None:
        thought = self.state.thoughts[thought_id]
        self._floor, self._shown, self._edition = thought_id, 0, thought.answer.edition
        place = place_of(self.state, thought)
        at = f" · {place}" if place else ""
        self._heading(f"{thought.agent_id} · round {thought.round} · depth {thought.checkpoint:.2f}{at}")

    def _leave_floor(self, thought: Thought) -> None:
        self._floor = None
        self.end_line()
        self._note_end(thought.agent_id, thought)

    def _note_end(self, who: str, speech: Speech | None) -> None:
        """How an answer ended, in figures; "~" before what the server has not counted."""
        if speech is None:
            return
        about = "" if speech.usage else "~"
        words = [f"{about}{speech.usage.completion if speech.usage else speech.tokens} tokens"]
        if speech.tokens_per_s:
            words.append(f"{about}{speech.tokens_per_s:.0f} tok/s")
        if isinstance(speech, Thought):
            words.append("confidence " + ("–" if speech.confidence is None else f"{speech.confidence:.2f}"))
        why = f" – {speech.error}" if speech.error else ""
        self._note(f"{who} {speech.status}: {', '.join(words)}{why}")
        for note in speech.notes:
            self._note(f"{who}: {note}")

    def _show_floor(self) -> None:
        if self._floor:
            thought = self.state.thoughts[self._floor]
            self._show(thought.agent_id, thought.answer)

    def _begin_synthesis(self, event: SynthesisStarted) -> None:
        self._shown = self._edition = 0
        self._is_adopted = self._adopts()
        if not self._is_adopted:
            self._heading("synthesis")
        for missing in event.left_out:
            self._note(lacking(missing))

    def _end_synthesis(self) -> None:
        if not self._is_adopted:  # else it stands above already, as its agent wrote it
            self._show_synthesis()
            self.end_line()
            self._note_end("synthesis", self.state.synthesis)

    def _adopts(self) -> bool:
        """Whether the workflow has no synthesis of the hub's own."""
        try:
            return self.state.plan is not None and from_json(self.state.plan.definition).synthesis.skip
        except WorkflowError:  # of a later Felix
            return False

    def _show_synthesis(self) -> None:
        if self.state.synthesis:
            self._show("synthesis", self.state.synthesis.answer)

    def _show(self, who: str, text: GrowingText) -> None:
        if text.edition != self._edition:
            self._edition = text.edition
            if text.kept < self._shown:
                self.end_line()
                self._note(f"{who}: the text above was thinking, the answer follows")
                self._shown = 0
        new = safe(text.since(self._shown))
        if new:
            self._write(new)
            self._shown = len(text)

    def _heading(self, text: str) -> None:
        self.end_line()
        self._write(f"\n── {safe(text)} ──\n")  # names of agents come from files

    def _write(self, text: str) -> None:
        whole, end, begun = text.rpartition("\n")
        if end:
            self._put(whole + end)
            self._is_at_line_start = True
            held, self._held = self._held, []
            for line in held:
                self._tell(line)
        if begun:
            self._put(begun)
            self._is_at_line_start = False

    def _note(self, line: str) -> None:
        """Beside the text, and never into the middle of a line of it."""
        if self._is_at_line_start:
            self._tell(line)
        else:
            self._held.append(line)

    def _note_of(self, agent_id: AgentId, what: str) -> None:
        """Of whoever has the floor it stands where they were with their words."""
        if self._floor and self.state.thoughts[self._floor].agent_id == agent_id:
            self.end_line()
        self._note(f"{agent_id}: {what}")


def _shortened(arguments: str) -> str:
    line = " ".join(arguments.split())
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}… ({len(arguments):,} characters)"


def _without_question(text: str) -> str:
    """What a guard has seen: a terminal cannot be asked, and without an answer the run goes on."""
    return f"{text.partition(' – ')[0]}."
