"""`felix run`: one run in the terminal, as text or as one JSON object per line."""

from __future__ import annotations

import argparse
import sys
import time

from felix import log, places
from felix.cli.asking import Asking, can_ask
from felix.cli.faces import Face, face_for
from felix.cli.fit import Fit
from felix.cli.given import given_settings, given_workflow
from felix.cli.interrupts import Interrupts
from felix.cli.output import COMPLETE, FAILED, STOPPED, WRONG, Output, give_up_stdout, lost, not_kept, note
from felix.engine import Engine
from felix.errors import FelixError
from felix.events import Record, RunFinished, RunStatus
from felix.keys import environment_fault
from felix.ledger.health import Health
from felix.settings import Settings
from felix.team.cost import cost_of
from felix.team.mailbox import Mailbox
from felix.team.workflow import Workflow

STOPPING = "Stopping – what was written is kept; Ctrl-C again quits at once."
STOPPED_KEPT = "Stopped – what was written is kept."
STOPPING_UNKEPT, STOPPED_UNKEPT = "Stopping – Ctrl-C again quits at once.", "Stopped."


def run(options: argparse.Namespace) -> int:
    """Carry `felix run` out; returns the exit status: 0 complete, 1 failed, 2 wrong usage or settings, 130 stopped."""
    try:
        settings = given_settings(options)
        workflow = given_workflow(options.workflow or settings.current.workflow)
    except FelixError as error:
        note(str(error))
        return WRONG
    task = _task(options.task)
    if not task.strip():
        note("The task is empty – say in quotes what the agents shall work on, or pipe it to `felix run -`.")
        return WRONG
    detailed = settings.current.verbose_log
    if not options.demo and (fault := environment_fault()):
        note(fault)
    if trouble := log.start(places.log_file(), verbosity=options.verbose, detailed=detailed):
        note(trouble)
    try:
        ledger = places.ledger_file(options.ledger or settings.current.ledger_path)
        out = Output()
        asks = can_ask(out) and not options.json
        with Engine(settings, ledger=ledger, asks=asks) as engine:
            was_kept = engine.health.is_kept
            status = _watch(engine, task, workflow, settings.current, options, out, asks=asks)
        if was_kept and not engine.health.is_kept:  # leaving the engine was the last try
            note(lost(engine.health))
        return status
    finally:
        log.stop()


def _task(given: str) -> str:
    """The task itself; for `-` what is piped in, since a command line holds no long one."""
    return sys.stdin.buffer.read().decode("utf-8", "replace") if given == "-" else given


def _watch(
    engine: Engine,
    task: str,
    workflow: Workflow,
    settings: Settings,
    options: argparse.Namespace,
    out: Output,
    *,
    asks: bool,
) -> int:
    mailbox = engine.subscribe()
    run_id = engine.start(task, workflow, demo=options.demo)
    fit = None if options.demo else Fit(engine, task, workflow, settings)
    interrupts = Interrupts(lambda: engine.stop(run_id))
    # the log would write across the wall
    is_plain = options.plain or bool(options.verbose and sys.stderr and sys.stderr.isatty())
    asking = Asking(
        lambda call, leave: engine.answer_tool(run_id, call, leave),
        lambda question, stop: engine.answer(run_id, question, stop=stop),
    )
    is_kept = engine.health.is_kept
    face = face_for(
        out,
        asking=asking if asks else None,
        is_json=options.json,
        is_plain=is_plain,
        is_kept=lambda: engine.health.is_kept,
    )
    if not is_kept:
        note(not_kept(engine.health))
    try:
        with face:
            end = _follow(engine, mailbox, face, fit, interrupts)
            if cost := cost_of(face.state, settings.endpoints):
                face.note(cost.sentence)
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
