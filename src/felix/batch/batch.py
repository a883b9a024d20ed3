"""A batch under way: the next task whenever a run ends, and a line in the results for each that came to its end.

A run that was stopped, or that could ask nobody, gives no line: the same command takes its task up again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from felix.batch.begun import Begun
from felix.batch.crew import Crew
from felix.batch.results import Results, refusals
from felix.batch.tasks import Task
from felix.errors import WorkflowError
from felix.events import RunFinished, RunId
from felix.ledger.state import RunState
from felix.team.outcome import can_continue
from felix.team.workflow import as_json, from_json

POLL_S = 0.05
"""Between two looks at what has happened: nothing against the time of an answer."""

BROKEN_OFF = ("interrupted", "stopped")

Before = Callable[[RunId], RunState | None]
"""What the ledger knows of a run; None when it knows none of that id."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is."""

    total: int
    done: int
    """Tasks that have a line, those of earlier starts too."""
    failed: int
    """Of those that are done."""
    running: int
    elapsed_s: float
    """Of this start."""
    left_s: float | None
    """Estimated from the mean of the runs of this start; None until one has ended."""


class _Going(NamedTuple):
    task: Task
    state: RunState
    began_at: float
    """On the monotonic clock."""
    is_new: bool
    """It was begun in this start, and not taken up."""


class Batch:
    """Used on one thread; only `stop` may be called from a signal handler."""

    def __init__(
        self, tasks: Sequence[Task], results: Results, begun: Begun, crew: Crew, *, at_once: int, demo: bool = False
    ) -> None:
        """`begun` are the runs of an earlier start: one of them that is in the ledger goes on."""
        self.fault = ""
        """Why it ended before its time, in one sentence; empty: it did not, or was stopped."""
        self.is_stopping = False
        self.refused = 0
        """Tool calls that nobody could be asked about, in what was done in this start."""
        self._left = deque(task for task in tasks if task.key not in results.done)
        self._total, self._done = len(tasks), len(tasks) - len(self._left)
        self._failed = sum(task.key in results.done and results.done[task.key].status != "complete" for task in tasks)
        self._results, self._begun, self._crew = results, begun, crew
        self._at_once, self._demo = at_once, demo
        self._going: dict[RunId, _Going] = {}
        self._again: set[str] = set()
        """Keys of tasks whose run broke off, and that are tried once more."""
        self._began_at = time.monotonic()
        self._ended, self._spent_s = 0, 0.0
        """Runs that came to their end since then, and how long they took together."""

    def stop(self) -> None:
        """End the runs that go on; what is done stays."""
        self.is_stopping = True

    def carry_out(self, before: Before, tell: Callable[[Standing], None]) -> None:
        """Return when every task has its line, or when it cannot or shall not go on and all runs have ended.

        `tell` is called whenever something may have changed. Raises FelixError when the results cannot be written.
        """
        are_stopped: set[RunId] = set()
        while True:
            while self._left and len(self._going) < self._at_once and not (self.is_stopping or self.fault):
                self._begin(self._left.popleft(), before)
            if self.is_stopping:
                for run in self._going.keys() - are_stopped:
                    self._crew.stop(run)
                    are_stopped.add(run)
            tell(self.standing())
            if not self._going and (not self._left or self.is_stopping or self.fault):
                break
            records = self._crew.take()
            for record in records:
                if record.run in self._going:
                    self._going[record.run].state.apply(record)
                    if isinstance(record.event, RunFinished):
                        self._end(self._going.pop(record.run))
            if not records:
                time.sleep(POLL_S)
        if self._done == self._total:
            self._begun.remove()

    def standing(self) -> Standing:
        left_s = None
        if self._ended:
            # what goes on is half done, about
            runs = len(self._left) + len(self._going) / 2
            left_s = self._spent_s / self._ended * runs / self._at_once
        return Standing(
            total=self._total,
            done=self._done,
            failed=self._failed,
            running=len(self._going),
            elapsed_s=time.monotonic() - self._began_at,
            left_s=left_s,
        )

    def _begin(self, task: Task, before: Before) -> None:
        if task.workflow is None:
            self._add(task, None)
            return
        run, state = self._taken_up(task, before)
        if run is not None and state.status not in BROKEN_OFF:
            self._add(task, state)  # it had ended, only its line was missing
            return
        is_new = run is None
        if run is None:
            run = self._crew.start(task.text, task.workflow)
            self._begun.add(task, run)
        else:
            self._crew.go_on(run)
        self._going[run] = _Going(task, state, time.monotonic(), is_new)

    def _taken_up(self, task: Task, before: Before) -> tuple[RunId | None, RunState]:
        """The run of an earlier start that is this task's, if it can go on or has come to its end."""
        run = self._begun.runs.get(task.key)
        state = before(run) if run else None
        if run is None or state is None or not self._is_of(state, task):
            return None, RunState()
        is_of_use = can_continue(state) if state.status in BROKEN_OFF else _has_asked(state)
        return (run, state) if is_of_use else (None, RunState())

    def _is_of(self, state: RunState, task: Task) -> bool:
        """Whether a run of an earlier start is this task as it would be carried out now."""
        plan = state.plan
        if plan is None or state.status is None or task.workflow is None:
            return False
        if (plan.task, plan.demo, plan.definition) != (task.text, self._demo, as_json(task.workflow)):
            return False
        try:
            from_json(plan.definition)
        except WorkflowError:  # of a later Felix
            return False
        return True

    def _end(self, going: _Going) -> None:
        state = going.state
        if state.status == "stopped" and self.is_stopping:
            return
        if state.status == "interrupted" and going.is_new and going.task.key not in self._again:
            self._again.add(going.task.key)
            self._begun.runs.pop(going.task.key, None)
            self._left.appendleft(going.task)
            return
        if state.status == "interrupted" or (state.status == "failed" and not _has_asked(state)):
            self.fault = self.fault or state.reason
            return
        self._ended += 1
        self._spent_s += time.monotonic() - going.began_at
        self._add(going.task, state)

    def _add(self, task: Task, state: RunState | None) -> None:
        self._results.add(task, state)
        self._done += 1
        self.refused += refusals(state)[0] if state else 0
        self._failed += state is None or state.status != "complete"


def _has_asked(state: RunState) -> bool:
    """Whether any model was asked anything."""
    return any(thought.asked_at is not None for thought in state.thoughts.values())
