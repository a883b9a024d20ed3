"""`felix run` and `felix continue`: one run in the terminal, as text or as one JSON object per line."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from felix import log, places
from felix.cli.asking import Asking, can_ask
from felix.cli.faces import Face, face_for
from felix.cli.fit import Fit
from felix.cli.given import given_settings, usable_workflow
from felix.cli.interrupts import Interrupts
from felix.cli.kept import find
from felix.cli.output import COMPLETE, FAILED, STOPPED, WRONG, Output, give_up_stdout, lost, not_kept, note
from felix.engine import Engine
from felix.errors import FelixError, LedgerError
from felix.events import Record, RunFinished, RunId, RunStatus
from felix.keys import environment_fault
from felix.ledger.export.files import folded
from felix.ledger.health import Health
from felix.ledger.reader import Reader
from felix.settings import Settings, SettingsFile
from felix.team.cost import cost_of
from felix.team.mailbox import Mailbox
from felix.team.outcome import can_continue
from felix.team.workflow import from_json

STOPPING = "Stopping – what was written is kept; Ctrl-C again quits at once."
STOPPED_KEPT = "Stopped – what was written is kept."
STOPPING_UNKEPT, STOPPED_UNKEPT = "Stopping – Ctrl-C again quits at once.", "Stopped."


def run(options: argparse.Namespace) -> int:
    """Carry `felix run` out; returns the exit status: 0 complete, 1 failed, 2 wrong usage or settings, 130 stopped."""
    try:
        settings = given_settings(options)
        workflow = usable_workflow(options.workflow or settings.current.workflow, settings.current)
    except FelixError as error:
        note(str(error))
        return WRONG
    task = _task(options.task)
    if not task.strip():
        note("The task is empty – say in quotes what the agents shall work on, or pipe it to `felix run -`.")
        return WRONG
    if not options.demo and (fault := environment_fault()):
        note(fault)

    def begin(engine: Engine) -> _Begun:
        run = engine.start(task, workflow, demo=options.demo)
        return _Begun(run, None if options.demo else Fit(engine, task, workflow, settings.current))

    return _show(options, settings, begin)


def go_on(options: argparse.Namespace) -> int:
    """Carry `felix continue` out: what is missing of a run that ended before its time; the exit status as of `run`."""
    try:
        settings = given_settings(options)
        with Reader(ledger := _ledger(options, settings)) as reader:
            run = find(reader, options.run).run
    except FelixError as error:
        note(str(error))
        return WRONG

    def begin(engine: Engine) -> _Begun:
        health = engine.health
        if not health.is_kept:
            reason = f"Another Felix writes to {ledger} – continue the run there, or end that one."
            raise LedgerError(reason if health.kind == "locked" else health.sentence)
        with Reader(ledger) as reader:  # what a crash left open has its end by now
            records = reader.records(run)
        state = folded(records)
        if state.plan is None or not can_continue(state):
            raise LedgerError(f"Nothing is missing of {run} – `felix chat --continue {run}` asks more about it.")
        from_json(state.plan.definition)  # of a later Felix, perhaps
        if not state.plan.demo and (fault := environment_fault()):
            note(fault)
        engine.continue_run(run)
        return _Begun(run, before=records)

    return _show(options, settings, begin)


class _Begun(NamedTuple):
    run: RunId
    fit: Fit | None = None
    before: Sequence[Record] = ()
    """What had happened in it, which is not shown again where lines are written."""


def _ledger(options: argparse.Namespace, settings: SettingsFile) -> Path:
    return places.ledger_file(options.ledger or settings.current.ledger_path)


def _task(given: str) -> str:
    """The task itself; for `-` what is piped in, since a command line holds no long one."""
    return sys.stdin.buffer.read().decode("utf-8", "replace") if given == "-" else given


def _show(options: argparse.Namespace, settings: SettingsFile, begin: Callable[[Engine], _Begun]) -> int:
    """Begin a run and show it to its end; what `begin` raises is wrong usage."""
    detailed = settings.current.verbose_log
    if trouble := log.start(places.log_file(), verbosity=options.verbose, detailed=detailed):
        note(trouble)
    try:
        out = Output()
        asks = can_ask(out) and not options.json
        with Engine(settings, ledger=_ledger(options, settings), asks=asks) as engine:
            was_kept = engine.health.is_kept
            status = _watch(engine, begin, settings.current, options, out, asks=asks)
        if was_kept and not engine.health.is_kept:  # leaving the engine was the last try
            note(lost(engine.health))
        return status
    except FelixError as error:
        note(str(error))
        return WRONG
    finally:
        log.stop()


def _watch(
    engine: Engine,
    begin: Callable[[Engine], _Begun],
    settings: Settings,
    options: argparse.Namespace,
    out: Output,
    *,
    asks: bool,
) -> int:
    mailbox = engine.subscribe()
    begun = begin(engine)
    run = begun.run
    interrupts = Interrupts(lambda: engine.stop(run))
    # the log would write across the wall
    is_plain = options.plain or bool(options.verbose and sys.stderr and sys.stderr.isatty())
    asking = Asking(
        lambda call, leave: engine.answer_tool(run, call, leave),
        lambda question, stop: engine.answer(run, question, stop=stop),
    )
    is_kept = engine.health.is_kept
    face = face_for(
        out,
        asking=asking if asks else None,
        is_json=options.json,
        is_plain=is_plain,
        is_kept=lambda: engine.health.is_kept,
    )
    for record in begun.before:
        face.state.apply(record)
    if not is_kept:
        note(not_kept(engine.health))
    try:
        with face:
            end = _follow(engine, mailbox, face, begun.fit, interrupts)
            if cost := cost_of(face.state, settings.endpoints):
                face.note(cost.sentence)
        if engine.health.is_kept and can_continue(face.state):
            note(f"felix continue {run} goes on with what is missing.")
    except BrokenPipeError:
        # Whoever read along has gone: leaving the engine stops the run and frees the server.
        give_up_stdout()
        return STOPPED
    except OSError as error:
        note(f"The output could not be written ({error.strerror}) – make room for it, then run again.")
        give_up_stdout()
        return FAILED
    finally:
        interrupts.restore()
    return {"complete": COMPLETE, "stopped": STOPPED}.get(end, FAILED)


def _follow(engine: Engine, mailbox: Mailbox, face: Face, fit: Fit | None, interrupts: Interrupts) -> RunStatus:
    """Show a run until it has ended."""
    end: RunStatus | None = None
    said, is_stopping = engine.health, False
    while end is None:
        items = mailbox.take()
        for item in items:
            if isinstance(item, Health) and item != said and not item.is_kept:
                said = item  # a disk has filled up meanwhile
                face.note(not_kept(item))
            if fit and (misfit := fit.hear(item)):
                face.note(misfit)
            if isinstance(item, Record):
                face.apply(item)
                if isinstance(item.event, RunFinished):
                    end = item.event.status
        if interrupts.has_stopped and not is_stopping:
            is_stopping = True
            stopping, stopped = (STOPPING, STOPPED_KEPT) if said.is_kept else (STOPPING_UNKEPT, STOPPED_UNKEPT)
            face.note(stopped if end else stopping)
        face.frame(time.time())
        if end is None:
            time.sleep(face.pause_s)
    return end
