"""One answer in a conversation as it comes: thinking dim, tool calls in a line each, then the words themselves.

Of an agent alone these are its own words; of a team those of the hub, and until then a line says how far it is.
"""

from __future__ import annotations

import shutil

from felix.cli.chat.margin import Margin, at_words
from felix.cli.output import Output
from felix.cli.wall.lines import fit, fit_end
from felix.events import QuestionClosed, Record, ToolAnswered, told
from felix.ledger.speech import Call, GrowingText, Speech, Thought
from felix.ledger.state import RunState
from felix.ledger.words import duration, lacking, thought_for
from felix.terminal import safe

_DIM, _UNDIM, _CLEAR = "\x1b[2m", "\x1b[22m", "\r\x1b[K"


class Voice:
    """Of one run. Writes only in `frame`, so whoever types can hold it back."""

    def __init__(self, out: Output, *, is_alone: bool, is_fancy: bool) -> None:
        """`is_alone`: one agent's own words are the answer. `is_fancy`: a terminal that can dim, and clear a line."""
        self.state = RunState()
        self._out = out
        self._is_alone = is_alone
        self._is_fancy = is_fancy
        self._shown = {"thinking": 0, "answer": 0}
        self._edition = 0
        self._calls: set[str] = set()
        """Those that were told."""
        self._margin = Margin() if is_fancy else None
        self._asked: tuple[str, ...] = ()
        """The question that stands there."""
        self._decisions: list[str] = []
        """What its user has said to questions, which is still to be written."""
        self._status = ""
        """What stands in the line that is cleared again."""
        self._is_at_start = True
        """Of a line."""

    def apply(self, record: Record) -> None:
        self.state.apply(record)
        match record.event:
            case ToolAnswered() | QuestionClosed(answer="stop" | "go_on"):
                self._decisions.append(told(record.event))
            case _:
                pass

    def frame(self, now: float) -> None:
        """Write what has come since; `now` in Unix seconds."""
        self.state.now = now
        for decision in self._decisions:
            self._clear()
            self._end_line()
            self._note(decision)
        self._decisions.clear()
        speech = self._speech()
        if speech is None:
            self._tell(self._how_far())
            return
        if isinstance(speech, Thought):
            for call in speech.calls:
                self._tell_call(call)
        if self._is_fancy and not speech.answer:
            self._write(speech.thinking, "thinking", speech, before=_DIM, after=_UNDIM)
        if speech.answer and not self._shown["answer"]:
            self._close_thinking(speech)
        self._write(speech.answer, "answer", speech)
        if not self._shown["answer"] and not self._shown["thinking"] and speech.is_live:
            self._tell(_doing(speech, now))

    def end(self) -> None:
        """The run has ended: write what is left, and what there is to know of it."""
        self.frame(self.state.now)
        self._clear()
        self._end_line()
        speech = self._speech()
        for sentence in self._sentences(speech):
            self._note(sentence)
        if speech is not None and speech.status is not None:
            self._note(_figures(speech))

    def hold(self, typed: str) -> None:
        """Show what is being typed, in a line of its own; nothing is written until that is over."""
        self._tell(f"› {fit_end(typed, _room() - 2)}", is_dim=False)

    def ask(self, question: tuple[str, ...]) -> None:
        """Show a question, once; its keys stand in a line that goes again."""
        if question != self._asked:
            self._asked = question
            self._clear()
            self._end_line()
            for line in question[:-1]:
                self._out.write(f"{at_words(safe(line))}\n")
        self._tell(question[-1], is_dim=False)

    def release(self) -> None:
        self._clear()

    @property
    def answer(self) -> str:
        speech = self._speech()
        return str(speech.answer) if speech is not None else ""

    def _speech(self) -> Speech | None:
        if not self._is_alone:
            return self.state.synthesis
        return next((agent.latest for agent in self.state.agents.values()), None)

    def _how_far(self) -> str:
        state = self.state
        if state.status is not None:
            return ""
        if not state.round:
            return "connecting …" if state.plan is None else "starting the tools …"
        spent = duration(state.elapsed_s(state.now))
        who = [agent.agent_id for agent in state.agents.values() if agent.latest is not None and agent.latest.is_live]
        return f"round {state.round} of {len(state.rounds)} · {spent} · {', '.join(who)}"

    def _write(self, text: GrowingText, channel: str, speech: Speech, *, before: str = "", after: str = "") -> None:
        if channel == "answer" and text.edition != self._edition:
            self._edition = text.edition
            if text.kept < self._shown[channel]:
                self._end_line()
                self._note("the text above was thinking, the answer follows")
                self._shown[channel] = 0
        new = text.since(self._shown[channel])
        if speech.is_live and new.endswith("\r"):
            new = new[:-1]  # half of a line break
        if not new:
            return
        self._clear()
        self._shown[channel] += len(new)
        words = safe(new)
        self._put(self._margin.feed(words) if self._margin else words, before, after)

    def _put(self, words: str, before: str = "", after: str = "") -> None:
        if words:
            self._out.write(f"{before}{words}{after}")
            self._is_at_start = words.endswith("\n")

    def _close_thinking(self, speech: Speech) -> None:
        if self._shown["thinking"]:
            self._end_line()
            self._note(thought_for(speech))

    def _tell_call(self, call: Call) -> None:
        if call.status is None or call.call_id in self._calls:
            return
        self._calls.add(call.call_id)
        self._clear()
        self._end_line()
        why = f": {call.error}" if call.error else ""
        self._note(f"» {call.name}({_in_a_line(str(call.arguments))}) {call.status}, {call.duration_s:.1f} s{why}")

    def _sentences(self, speech: Speech | None) -> list[str]:
        state = self.state
        sentences = [] if state.status == "complete" else [state.reason]
        if speech is not None:
            sentences += [*([speech.error] if speech.error else []), *speech.notes]
            cut = speech.cut if isinstance(speech, Thought) else ""
            sentences += [cut] if cut else []
        if not self._is_alone and state.synthesis is not None:
            sentences += [lacking(each) for each in state.synthesis.left_out]
        return [each for each in dict.fromkeys(sentences) if each]

    def _note(self, sentence: str) -> None:
        """Beside the answer: dim below it at a terminal, on stderr in a pipe."""
        if self._is_fancy:
            self._out.write(f"{_DIM}{at_words(safe(sentence))}{_UNDIM}\n")
        else:
            self._out.note(sentence)

    def _tell(self, status: str, *, is_dim: bool = True) -> None:
        """A line that goes again."""
        if not self._is_fancy or status == self._status:
            return
        self._clear()
        if status:
            self._break_line()
            line = fit(_in_a_line(status), _room()).rstrip()
            self._out.write(f"{_DIM}{line}{_UNDIM}" if is_dim else line)
        self._status = status

    def _break_line(self) -> None:
        """For something else to stand there; a word that has not ended goes on behind it."""
        if not self._is_at_start:
            self._out.write("\n")
            self._is_at_start = True
        if self._margin:
            self._margin.begin_line()

    def _clear(self) -> None:
        if self._status:
            self._out.write(_CLEAR)
            self._status = ""

    def _end_line(self) -> None:
        if self._margin:
            self._put(self._margin.end())
        self._break_line()


def _doing(speech: Speech, now: float) -> str:
    """Why there is no text yet."""
    since = duration(max(0.0, now - (speech.asked_at or speech.opened_at)))
    percent = f" {speech.fraction:.0%}".replace("%", " %") if speech.fraction is not None else ""
    words = {
        "waiting": "waiting for the first token",
        "reading": "reading the prompt",
        "loading": "loading the model",
        "running": "using a tool",
        "calling": "calling a tool",
        "asking": "asks you",
    }
    return f"{words.get(speech.activity, speech.activity)}{percent}, {since}"


def _figures(speech: Speech) -> str:
    about = "" if speech.usage else "~"
    words = [speech.model, f"{about}{speech.usage.completion if speech.usage else speech.tokens:,} tokens"]
    if speech.duration_s is not None:
        words.append(duration(speech.duration_s))
    if speech.tokens_per_s:
        words.append(f"{about}{speech.tokens_per_s:.0f} tok/s")
    if speech.status != "complete" and speech.status is not None:
        words.append(speech.status)
    return " · ".join(word for word in words if word)


def _room() -> int:
    """Columns, without the last one: behind that the cursor is in a line of its own in some terminals."""
    return max(3, shutil.get_terminal_size().columns - 1)


def _in_a_line(text: str) -> str:
    return safe(" ".join(text.split()))
