"""Guards that ask: whether to stop a model that repeats itself or is silent, or a run that has reached its limits.

They look at what the hub has folded, a few times a second, and never act by themselves: no answer means go on. A
question closes by itself when what it is about has ended. They also notice when Felix has stood still, and say so.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from felix.clock import Halt, Pulse
from felix.events import HUB, AgentId, Doubt, QuestionClosed, QuestionRaised, StoodStill
from felix.ledger.speech import Speech, Thought
from felix.team.hub import CentralPost
from felix.team.workflow import Limits

LOOK_EVERY_S = 0.25

_MOST_PERIOD = 400
"""Characters of what is repeated."""
_LEAST_REPEATS, _LEAST_CHARS = 8, 200
_LEAST_REPEATS_DRAWN, _LEAST_CHARS_DRAWN = 24, 300
"""Of borders of tables and indents of code: these are drawn by repeating them."""
_DRAWN = re.compile(r"[\s|:+*_.#~=-]*")
_TAIL = _MOST_PERIOD * _LEAST_REPEATS
_LOOK_AGAIN_CHARS = 200
"""A text that has grown by less is not searched again."""
_PROBE = 8
"""Characters by which the repeated piece is found."""


def repeats(text: str) -> bool:
    """Whether a text ends with one piece over and over: of at most 400 characters, 8 times or more, 200 in all."""
    if len(text) < _LEAST_CHARS:
        return False
    tail = text[-_TAIL:]
    probe, end = tail[-_PROBE:], len(tail) - 1
    # The last characters stand one period earlier, too; every place where they do is looked at, nearest first.
    while (found := tail.rfind(probe, 0, end)) >= 0:
        period = len(tail) - len(probe) - found
        if period > _MOST_PERIOD:
            return False
        if _DRAWN.fullmatch(tail[-period:]):
            length = max(period * _LEAST_REPEATS_DRAWN, _LEAST_CHARS_DRAWN)
        else:
            length = max(period * _LEAST_REPEATS, _LEAST_CHARS)
        if length <= len(tail) and tail[-length + period :] == tail[-length:-period]:
            return True
        end = found + len(probe) - 1
    return False


@dataclass(slots=True)
class _Watched:
    """What a guard knows of one answer."""

    heard_at: float
    """When it last grew or did something else, or Felix went on that had stood still; on the monotonic clock."""
    sign: tuple[object, ...] = ()
    searched: int = 0
    """Characters of both channels when they were last searched."""
    silence: str = ""
    """The question that is open, or was answered, about the silence that is on."""
    repetition: str = ""
    """The question about its repeating itself; one is enough."""


class Guards:
    """Of one run. `watch` is a task of the run's; it is cancelled at the run's end."""

    def __init__(
        self,
        hub: CentralPost,
        limits: Limits,
        *,
        silence_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        pulse: Pulse | None = None,
    ) -> None:
        self._hub = hub
        self._limits = limits
        self._silence_s = silence_timeout_s / 3
        self._clock = clock
        self._pulse = pulse or Pulse()
        self._waited_s = 0.0
        """Time in which everybody waited for the user's word to a tool call."""
        self._looked_at = hub.now()
        self._watched: dict[str, _Watched] = {}
        self._asked: set[Doubt] = set()
        """Of the run as a whole: once each."""
        self._has_closed = False

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Ask what is to be asked now, and close what has ended."""
        if self._has_closed:
            return
        if halt := self._pulse.feel():
            self._go_on_after(halt)
        speaking = dict(self._speaking())
        now, before = self._hub.now(), self._looked_at
        self._looked_at = now
        if speaking and all(speech.activity == "asking" for _, speech in speaking.values()):
            self._waited_s += now - before
        for name, (agent_id, speech) in speaking.items():
            watched = self._watched.get(name)
            if watched is None:
                watched = self._watched[name] = _Watched(self._clock())
            self._listen(agent_id, speech, watched)
        for name in [name for name in self._watched if name not in speaking]:
            self._forget(self._watched.pop(name))
        self._weigh()

    def _go_on_after(self, halt: Halt) -> None:
        """Time in which nothing could happen is nobody's silence, and no time of the run."""
        for watched in self._watched.values():
            watched.heard_at = self._clock()
        self._hub.emit(StoodStill(seconds=halt.seconds, was_asleep=halt.was_asleep))

    def close(self) -> None:
        """The run has ended: nothing is left to ask about."""
        self._has_closed = True
        for question_id in list(self._hub.state.questions):
            self._close(question_id)

    def _speaking(self) -> Iterator[tuple[str, tuple[AgentId, Speech]]]:
        state = self._hub.state
        for thought in state.thoughts.values():
            if thought.is_live:
                yield thought.thought_id, (thought.agent_id, thought)
        if state.synthesis and state.synthesis.is_live:
            yield f"{HUB}.{state.synthesis.number}", (HUB, state.synthesis)

    def _listen(self, agent_id: AgentId, speech: Speech, watched: _Watched) -> None:
        name = "The hub" if agent_id == HUB else agent_id
        sign = (len(speech.answer), len(speech.thinking), speech.activity, speech.fraction)
        now = self._clock()
        is_excused = speech.activity == "queued" or (isinstance(speech, Thought) and speech.has_open_call)
        if sign != watched.sign or is_excused:  # a tool has a limit of its own, the user has none
            watched.sign, watched.heard_at = sign, now
            self._close(watched.silence)
            watched.silence = ""
        elif self._silence_s and not watched.silence and now - watched.heard_at >= self._silence_s:
            at = time.strftime("%H:%M:%S", time.localtime(time.time() - (now - watched.heard_at)))
            silent = f"{name} has been silent since {at} – stop it, or wait?"
            watched.silence = self._ask("silent", agent_id, silent)
        length = len(speech.answer) + len(speech.thinking)
        if not watched.repetition and length - watched.searched >= _LOOK_AGAIN_CHARS:
            watched.searched = length
            grown = speech.answer if speech.activity == "writing" else speech.thinking
            if repeats(grown.since(max(0, len(grown) - _TAIL))):
                again = f"{name} is repeating itself – stop it, or let it go on?"
                watched.repetition = self._ask("repeats", agent_id, again)

    def _forget(self, watched: _Watched) -> None:
        self._close(watched.silence)
        self._close(watched.repetition)

    def _weigh(self) -> None:
        """The workflow's limits; at the synthesis it is too late to ask."""
        state, limits = self._hub.state, self._limits
        if state.is_wrapping_up or state.synthesis is not None:
            for question_id in [q.question_id for q in state.questions.values() if q.agent_id is None]:
                self._close(question_id)
            return
        used = sum(t.usage.completion if t.usage else t.tokens for t in state.thoughts.values())
        if limits.tokens and used >= limits.tokens and "tokens" not in self._asked:
            self._asked.add("tokens")
            text = f"The workflow's limit of {limits.tokens:,} tokens was reached – wrap up, or go on?"
            self._ask("tokens", None, text)
        spent_s = state.elapsed_s(self._hub.now()) - self._waited_s
        if limits.minutes and spent_s >= limits.minutes * 60 and "minutes" not in self._asked:
            self._asked.add("minutes")
            text = f"The workflow's limit of {limits.minutes:g} minutes was reached – wrap up, or go on?"
            self._ask("minutes", None, text)

    def _ask(self, doubt: Doubt, agent_id: AgentId | None, text: str) -> str:
        # the number of the next record: no two questions of a run share it, however often it is opened again
        question_id = f"question-{self._hub.state.seq + 1}"
        self._hub.emit(QuestionRaised(question_id=question_id, doubt=doubt, agent_id=agent_id, text=text))
        return question_id

    def _close(self, question_id: str) -> None:
        if question_id in self._hub.state.questions:
            self._hub.emit(QuestionClosed(question_id=question_id, answer="none"))
