"""All thoughts of one agent as one text that scrolls: each under a thin line, with its thinking in a block that folds.

The document remembers how far it has come in the state's texts and only ever goes on from there. So a card that was
hidden catches up where it left off, with the reader's place and selection as they were. What is folded is not on screen
at all: Tk lays out hidden text too, and the state keeps the thinking anyway.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial

from felix.events import ThoughtId
from felix.gui.kit import Kit
from felix.gui.text.pacing import Pacer
from felix.gui.text.stream_text import StreamText
from felix.gui.wall.call_blocks import CallBlocks
from felix.gui.wall.card_section import Section, edition_of
from felix.gui.wall.card_tags import look_of_cards
from felix.gui.wall.card_words import badge_of, heading, heading_end, note_line, read_line, thinking_line, trouble_of
from felix.ledger.speech import Call, Note, Thought

MOST_AT_ONCE = 64_000
"""Characters put on screen in one frame: about 15 ms of Tk's time."""
MOST_TAKEN_BACK = 500
"""Characters at the end of an answer that are mended one by one when they turn out to be none of it."""
SEEN_AGAIN = 240
"""Characters of what it thinks between two parts of an answer that are seen meanwhile; the block above has all."""
CUT_OFF = "  ✕ cut off here"
REPLACED = " · replaced by a later try"


class CardDocument:
    """Writes thoughts into a StreamText. Tk's thread only."""

    def __init__(
        self,
        stream: StreamText,
        kit: Kit,
        *,
        on_copy: Callable[[Thought], object],
        on_unfold: Callable[[str], object],
        calls: CallBlocks,
    ) -> None:
        """`on_copy` is called with the thought whose copy mark was pressed; `on_unfold` asks to be drawn anew, since
        what stands at this mark has been opened or folded."""
        self._stream, self._kit, self._on_copy, self._on_unfold = stream, kit, on_copy, on_unfold
        self._calls = calls
        self._sections: list[Section] = []
        self._unfolded: set[ThoughtId] = set()
        """Thoughts that were replaced, and that the reader has opened again."""
        self._is_stale = False
        self.reason = ""
        """Why the agent came, where a rule has added it; stands before its first thought."""
        self.notes: Sequence[Note] = ()
        """Of the user to this agent, or to all, in the order of time."""
        self.now = 0.0
        """Unix seconds on the run's own clock, as the card knows them."""
        self.keep_folded = False
        """True where there is no room for thinking: it stays folded until it is opened by hand."""
        self._make_tags()

    def clear(self) -> None:
        """Begin anew with an empty text."""
        self._sections.clear()
        self._is_stale = False
        self._calls.clear()
        self._stream.clear()

    def forget(self) -> None:
        """Begin anew with another agent."""
        self._unfolded.clear()
        self._calls.forget()
        self.reason, self.notes = "", ()
        self.clear()

    @property
    def backlog(self) -> int:
        """Characters that came and are not on screen yet, of the thoughts begun."""
        return sum(section.backlog for section in self._sections[-1:])

    def awaits(self, thoughts: list[Thought]) -> bool:
        """Whether the newest thought has no text yet and everything before it is on screen."""
        return len(self._sections) < len(thoughts) and self.backlog == 0

    def is_behind(self, thoughts: list[Thought]) -> bool:
        """Whether the state has text that is not on screen yet."""
        if self.backlog:
            return True
        number = len(self._sections)
        return number < len(thoughts) and _has_begun(thoughts[number])

    def has_changed(self, thoughts: list[Thought]) -> bool:
        """Whether text that is on screen is no longer what the state says; the document must then be cleared.

        An answer that only lost its last characters is mended in place.
        """
        if self._is_stale or len(thoughts) < len(self._sections):
            return True
        replaced = _replaced(thoughts)
        if any(section.is_replaced != (section.thought.thought_id in replaced) for section in self._sections):
            return True
        for section, thought in zip(self._sections[-1:], thoughts[len(self._sections) - 1 :], strict=False):
            if section.thought is not thought or not self._mend(section):
                return True
            if not section.is_replaced and self._calls.has_changed(section.calls, thought.calls):
                return True
        return False

    def _mend(self, section: Section) -> bool:
        """Take back what the newest edition of the answer lacks; False when that is not all that changed."""
        thinking, answer = edition_of(section.thought)
        if (thinking, answer) == section.edition:
            return True
        kept = section.thought.answer.kept
        excess = section.answer - kept
        if (
            thinking != section.edition[0]
            or answer != section.edition[1] + 1
            or section.has_ended
            or excess > MOST_TAKEN_BACK
            or section.ends_in_call
            or any(block.position >= kept for block in section.calls)
        ):
            return False
        section.edition = (thinking, answer)
        if excess > 0:
            self._stream.take_back(excess)
            section.answer = kept
        return True

    def catch_up(self, thoughts: list[Thought], pacer: Pacer, now: float, dt: float) -> bool:
        """Show what is due of what the state has; True while more waits. Times as `Pacer` wants them."""
        room = MOST_AT_ONCE
        while room > 0:
            if not self._sections or self._sections[-1].has_ended:
                number = len(self._sections)
                if number >= len(thoughts) or not _has_begun(thoughts[number]):
                    return False
                is_replaced = thoughts[number].thought_id in _replaced(thoughts)
                if is_replaced and thoughts[number].thought_id not in self._unfolded:
                    self._fold_away(thoughts[number], number)
                    continue
                self._open(thoughts[number], number, is_replaced=is_replaced)
            section = self._sections[-1]
            for block in section.calls:
                self._calls.refresh(block, self.now)
            room -= self._reveal(section, pacer, now, dt, room)
            if section.backlog:
                return True
            if section.thought.is_live:
                return False
            self._end(section)
        return True

    def refresh(self, now: float) -> None:
        """Seconds and tokens in the headings that still change. `now` in Unix seconds."""
        for section in self._sections[-1:]:
            self._head_thinking(section, now)
        for section in self._sections:
            self._fold_if_answering(section)
            for block in section.calls:
                self._calls.refresh(block, now)

    @property
    def thinks_on(self) -> bool:
        """Whether the newest thought thinks again after a part of its answer, be it a tool call."""
        section = self._sections[-1] if self._sections else None
        return bool(
            section and section.has_body and not section.has_ended and section.thinking > section.thought_before
        )

    @property
    def open_thinking(self) -> str:
        """The heading of the thinking that streams, when it is open and has been scrolled out of view; else empty."""
        section = self._sections[-1] if self._sections else None
        if section is None or not section.has_thinking or not section.is_open or section.has_body or section.has_ended:
            return ""
        return "" if self._stream.text.dlineinfo(f"words{section.number}") else section.words

    def toggle(self, number: int | None = None) -> None:
        """Open or fold a thought's thinking by hand; without a number the newest that has any."""
        sections = [s for s in self._sections if s.has_thinking and number in (None, s.number)]
        if sections:
            section = sections[-1]
            section.chosen = not section.is_open
            self._set_open(section, is_open=section.chosen)

    def lead_to(self, thought_id: ThoughtId) -> None:
        """Bring the heading of a thought to the top of the view, and stay there, if it stands here by now."""
        for section in self._sections:
            if section.thought.thought_id == thought_id:
                if first := self._stream.text.tag_ranges(f"n{section.number}")[:1]:
                    self._stream.scroll(*first)
                return

    # -- one thought ---------------------------------------------------------------------------------------------------

    def _begin(self, thought: Thought, number: int) -> bool:
        """Come to the place where a thought starts: end the one before, tell what the user had to say meanwhile.

        True when nothing of that stands there, so that the thought's own line is set apart from what is above.
        """
        stream = self._stream
        stream.set_tail("")
        stream.set_caret(shown=False)
        if number:
            stream.end_line("aside")  # the line may be a note
            before = self._sections[-1]
            if before.thought.act != "ask" and thought.act != "ask" and not before.is_replaced:
                self._tell_trouble(before.thought)
        elif self.reason:
            stream.append(f"{self.reason}\n", "aside")
        read_until = max((_asked_at(section.thought) for section in self._sections), default=0.0)
        is_first = number > 0
        for note in self.notes:
            if read_until < note.at <= _asked_at(thought):
                stream.append(f"{note_line(note)}\n", "note", *(("later",) if is_first else ()))
                is_first = False
        return is_first

    def _fold_away(self, thought: Thought, number: int) -> None:
        """One line for a thought that a later one stands for."""
        is_apart = self._begin(thought, number)
        section = Section(
            thought, number, len(thought.thinking), len(thought.answer), edition_of(thought), has_ended=True,
            is_replaced=True,
        )  # fmt: skip
        self._sections.append(section)
        self._head(section, is_apart=is_apart)
        self._stream.append("\n", "heading")

    def _head(self, section: Section, *, is_apart: bool) -> None:
        """Write the line above a thought; that of a replaced one opens and folds it."""
        stream, number, thought = self._stream, section.number, section.thought
        tags = ("heading", f"n{number}", *(("later",) if is_apart else ()))
        if section.is_replaced:
            icon = "chevron-down" if thought.thought_id in self._unfolded else "chevron-right"
            tags += ("press", "unfold")
            stream.text.image_create("tip", image=self._kit.icon(icon, 10, "text2"), padx=self._kit.px(2))
            for tag in tags:
                stream.text.tag_add(tag, "tip - 1 c")
        stream.append(heading(thought) + (REPLACED if section.is_replaced else ""), *tags)
        stream.place(f"end{number}")

    def _open(self, thought: Thought, number: int, *, is_replaced: bool) -> None:
        is_apart = self._begin(thought, number)
        stream, name = self._stream, f"n{number}"
        section = Section(
            thought, number, edition=edition_of(thought), is_open=not self.keep_folded, is_replaced=is_replaced
        )
        self._sections.append(section)
        self._head(section, is_apart=is_apart)
        text = stream.text
        text.image_create("tip", image=self._kit.icon("copy", 10, "text2"), padx=self._kit.px(8), align="center")
        for tag in ("heading", "press", "copy", name):
            text.tag_add(tag, "tip - 1 c")
        stream.append("\n", "heading")
        for line, tag in ((read_line(thought.read), "aside"), (thought.cut, "warning")):
            if line:
                stream.append(f"{line}\n", tag)

    def _reveal(self, section: Section, pacer: Pacer, now: float, dt: float, room: int) -> int:
        thought = section.thought
        is_answering = len(thought.answer) > 0
        waiting = len(thought.answer) - section.answer if is_answering else len(thought.thinking) - section.thinking
        pacer.waiting = waiting
        due = pacer.due(now, dt) if thought.is_live else pacer.flush()
        shown = 0
        if len(thought.thinking) > section.thinking:
            shown = self._reveal_thinking(
                section, min(room, MOST_AT_ONCE if is_answering or not thought.is_live else due)
            )
        if section.thinking == len(thought.thinking):
            shown += self._reveal_body(section, min(due, room - shown))
        return max(1, shown)

    def _reveal_body(self, section: Section, room: int) -> int:
        """The answer as far as there is room, each tool call at its place in it."""
        thought, shown = section.thought, 0
        while True:
            call = section.next_call
            if call is not None and (call.position <= section.answer or section.answer == len(thought.answer)):
                self._reveal_call(section, call)
                continue
            until = room - shown if call is None else min(room - shown, call.position - section.answer)
            part = thought.answer.since(section.answer)[: max(0, until)]
            if not part:
                return shown
            self._reveal_answer(section, part)
            shown += len(part)

    def _reveal_call(self, section: Section, call: Call) -> None:
        self._begin_body(section)
        section.calls.append(self._calls.begin(section.thought, call, section.number, self.now))
        section.ends_in_call = True
        if len(section.calls) == 1:
            self._head_thinking(section, self.now)
            self._fold_if_answering(section)

    def _reveal_thinking(self, section: Section, most: int) -> int:
        part = section.thought.thinking.since(section.thinking)[:most]
        if not part:
            return 0
        stream, number = self._stream, section.number
        if not section.has_thinking:
            section.has_thinking = True
            section.is_open &= not section.thought.answer and not section.calls
            stream.text.image_create("tip", image=self._chevron(section), padx=self._kit.px(2), align="center")
            stream.text.tag_add("thought", "tip - 1 c")
            stream.place(f"words{number}")
            stream.append("\n", "thought", "press", "fold", f"n{number}")
            stream.place(f"think{number}")
            self._head_thinking(section, self.now)
        section.thinking += len(part)
        if section.is_open:
            if section.has_body:
                stream.insert(f"answer{number} - 1 c", part, "think")
            else:
                stream.append(part, "think")
                stream.set_ground("think")
        if self.thinks_on:
            start = max(section.thought_before, section.thinking - SEEN_AGAIN)
            words = " ".join(section.thought.thinking.since(start)[: section.thinking - start].split())
            stream.set_tail(f"\nThinking: {'…' if start > section.thought_before else ''}{words}", "thought")
        return len(part)

    def _reveal_answer(self, section: Section, part: str) -> None:
        is_first = not section.answer
        self._begin_body(section)
        section.answer += len(part)
        if section.ends_in_call:
            if not (part := part.lstrip("\n")):
                return
            section.ends_in_call = False
            part = f"\n{part}"  # an empty line sets it apart from the call, whatever the model wrote
        self._stream.append(part, marks=section.marks)
        if is_first:
            self._head_thinking(section, self.now)
            self._fold_if_answering(section)

    def _begin_body(self, section: Section) -> None:
        """The thinking is above: what comes now is the answer, or a tool call in its place."""
        self._stream.set_tail("")
        section.thought_before = section.thinking
        if not section.has_body:
            self._stream.end_line("think")
            self._stream.set_ground("")
            self._stream.place(f"answer{section.number}")

    def _end(self, section: Section) -> None:
        stream, thought, number = self._stream, section.thought, section.number
        stream.set_tail("")
        stream.set_caret(shown=False)
        if section.ends_in_call:
            stream.set_ground("")
        elif section.answer:
            # an answer that ends in empty lines would stand high above the footer
            end = thought.answer.since(max(0, section.answer - MOST_TAKEN_BACK))
            stream.take_back(len(end) - len(end.rstrip("\n")))
            stream.close_line(section.marks)
        else:
            stream.end_line("think")
            stream.set_ground("")
            stream.place(f"answer{number}")
        trouble = trouble_of(thought)
        if trouble and section.has_body:
            stream.text.tag_add("dim", f"answer{number}", "tip")
            if thought.status in ("failed", "stopped", "interrupted", "truncated"):
                stream.append(CUT_OFF, "quiet")
        for note in thought.notes:
            stream.end_line("aside")
            stream.append(note, "aside")
        if trouble and thought.act == "ask":
            stream.end_line("aside")
            self._tell_trouble(thought)  # the card's own block is about its turn
        self._head_thinking(section, self.now)
        stream.insert(f"end{number}", heading_end(thought), "heading", f"n{number}")
        section.has_ended = True

    def _tell_trouble(self, thought: Thought) -> None:
        """Why an earlier thought ended badly; of the newest one the card says it above the text."""
        if trouble := trouble_of(thought):
            state, title, sentence = trouble
            self._stream.append(f"{badge_of(thought).word}: {sentence or title}\n", state)

    # -- thinking ------------------------------------------------------------------------------------------------------

    def _head_thinking(self, section: Section, now: float) -> None:
        words = thinking_line(section.thought, now)
        if not section.has_thinking or words == section.words:
            return
        section.words = words
        mark, text = f"words{section.number}", self._stream.text
        text.delete(mark, f"{mark} lineend")
        text.insert(mark, words, ("thought", "press", "fold", f"n{section.number}"))

    def _fold_if_answering(self, section: Section) -> None:
        """Fold when the answer has begun, unless the reader decided otherwise; while they read, it waits for them."""
        if (
            section.has_thinking
            and section.is_open
            and section.chosen is None
            and section.has_body
            and not self._stream.is_latched
        ):
            self._set_open(section, is_open=False)

    def _set_open(self, section: Section, *, is_open: bool) -> None:
        if is_open == section.is_open:
            return
        section.is_open = is_open
        stream, start, end = self._stream, f"think{section.number}", f"answer{section.number}"
        is_last = not section.has_body and not section.has_ended
        if is_last:
            if is_open:
                stream.append(section.thought.thinking.since(0)[: section.thinking], "think")
                stream.set_ground("think")
            else:
                stream.set_ground("")
                stream.truncate(start)
        elif is_open:
            shown = section.thought.thinking.since(0)[: section.thinking]
            # the marks may stand at one place: the end goes behind what is put there, and so does a call there
            behind = [end, *(block.name for block in section.calls[:1] if not block.position)]
            for mark in behind:
                stream.text.mark_gravity(mark, "right")
            stream.insert(start, shown if shown.endswith("\n") else f"{shown}\n", "think")
            for mark in behind:
                stream.text.mark_gravity(mark, "left")
        else:
            stream.delete(start, end)
        stream.text.image_configure(f"words{section.number} - 1 c", image=self._chevron(section))

    def _chevron(self, section: Section) -> str:
        return self._kit.icon("chevron-down" if section.is_open else "chevron-right", 10, "ink:think")

    # -- tags ----------------------------------------------------------------------------------------------------------

    def _make_tags(self) -> None:
        text = self._stream.text
        look_of_cards(self._stream, self._kit)
        text.tag_bind("press", "<Enter>", lambda _event: text.configure(cursor="hand2"))
        text.tag_bind("press", "<Leave>", lambda _event: text.configure(cursor="xterm"))
        for tag, act in (
            ("fold", lambda section: self.toggle(section.number)),
            ("copy", lambda section: self._on_copy(section.thought)),
            ("unfold", self._unfold),
        ):
            text.tag_bind(tag, "<ButtonRelease-1>", partial(self._press, act))

    def _unfold(self, section: Section) -> None:
        """Open a thought that was replaced, or fold it again."""
        self._unfolded ^= {section.thought.thought_id}
        self._is_stale = True
        self._on_unfold(f"end{section.number}")

    def _press(self, act: Callable[[Section], object], event: tk.Event[tk.Text]) -> None:
        text = self._stream.text
        if text.tag_ranges("sel"):
            return
        names = text.tag_names(f"@{event.x},{event.y}")
        number = next((int(name[1:]) for name in names if name[0] == "n" and name[1:].isdigit()), None)
        if number is None or number >= len(self._sections):
            return
        act(self._sections[number])

    def thought_at(self, index: str) -> ThoughtId | None:
        """The thought that stands at a place in the text."""
        text = self._stream.text
        passed = [s for s in self._sections if text.compare(f"end{s.number} linestart", "<=", index)]
        return passed[-1].thought.thought_id if passed else None


def _has_begun(thought: Thought) -> bool:
    return bool(thought.thinking) or bool(thought.answer) or bool(thought.calls) or not thought.is_live


def _asked_at(thought: Thought) -> float:
    """When its prompt was made: what the user said until then stands in it."""
    return thought.asked_at or thought.opened_at


def _replaced(thoughts: Sequence[Thought]) -> set[ThoughtId]:
    return {thought.replaces for thought in thoughts if thought.replaces is not None}
