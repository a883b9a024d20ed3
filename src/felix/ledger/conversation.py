"""What a run that follows another begins with: what was asked and answered before it."""

from __future__ import annotations

from felix.events import Exchange
from felix.ledger.speech import Speech
from felix.ledger.state import RunState

MOST_CHARACTERS = 200_000
"""Of a conversation that a run remembers: more than common contexts hold, and a ledger of long talks stays small."""


UNFINISHED = "[This answer was cut off here.]"
"""Said to a model behind what it did not come to the end of."""


def answer_of(state: RunState) -> str:
    """The last synthesis that has text; of one agent alone, what it has written, though the run was stopped then.

    What is not complete says so at its end.
    """
    made: list[Speech] = [*state.syntheses]
    if len(state.agents) == 1:
        made[:0] = state.standing()[-1:]
    last = next((each for each in reversed(made) if str(each.answer).strip()), None)
    if last is None:
        return ""
    return str(last.answer) if last.status == "complete" else f"{str(last.answer).rstrip()}\n\n{UNFINISHED}"


def conversation(state: RunState) -> tuple[Exchange, ...]:
    """What was asked and answered up to this run, itself included, the oldest first; too long, the newest of it."""
    if state.plan is None:
        return ()
    answer = answer_of(state)
    exchanges = [*state.plan.history, *([Exchange(task=state.plan.task, answer=answer)] if answer else [])]
    length = 0
    for count, each in enumerate(reversed(exchanges)):
        length += len(each.task) + len(each.answer)
        if count and length > MOST_CHARACTERS:
            return tuple(exchanges[len(exchanges) - count :])
    return tuple(exchanges)
