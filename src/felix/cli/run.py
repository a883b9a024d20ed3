"""`felix run`: one run in the terminal, as text or as one JSON object per line."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time

from felix import log, places
from felix.cli.fit import Fit
from felix.cli.output import COMPLETE, FAILED, STOPPED, WRONG, Output, give_up_stdout, note
from felix.cli.plain import PlainFace
from felix.engine import Engine
from felix.errors import FelixError
from felix.events import Record, RunFinished, RunId, RunStatus, to_json
from felix.keys import environment_fault
from felix.ledger.health import Health
from felix.llm.address import repair_base_url
from felix.settings import Settings, SettingsFile
from felix.team.workflow import Library, Workflow

_POLL_S = 0.02
"""Between two looks into the mailbox: what the eye takes for at once."""


def run(options: argparse.Namespace) -> int:
    """Carry `felix run` out; returns the exit status: 0 complete, 1 failed, 2 wrong usage or settings, 130 stopped."""
    try:
        settings = _settings(options)
        workflow = _workflow(options.workflow or settings.current.workflow)
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
        with Engine(settings, ledger=ledger) as engine:
            return _watch(engine, task, workflow, settings.current, options)
    finally:
        log.stop()


def _task(given: str) -> str:
    """The task itself; for `-` what is piped in, since a command line holds no long one."""
    return sys.stdin.buffer.read().decode("utf-8", "replace") if given == "-" else given


def _settings(options: argparse.Namespace) -> SettingsFile:
    """The settings in force with what the command line overrides, none of which is saved."""
    defaults = places.default_settings()
    settings = SettingsFile(options.settings or places.settings_file(), defaults=defaults)
    if options.settings and not options.settings.exists():
        note(f"{options.settings} does not exist; Felix uses its defaults.")
    settings.load()
    if settings.faults:
        raise FelixError(" ".join(settings.faults))
    for notice in settings.notices:
        note(notice)
    given = {
        "base_url": repair_base_url(settings.current.base_url if options.base_url is None else options.base_url),
        "model": options.model,
        "streaming_batch_interval": options.batch_interval,
        "enable_streaming": False if options.no_stream else None,
    }
    settings.override(**{key: value for key, value in given.items() if value is not None})
    return settings


def _workflow(wanted: str) -> Workflow:
    entry = Library(places.builtin_workflows(), places.user_workflows()).find(wanted)
    if entry.workflow is None:
        raise entry.fault or FelixError(f"{entry.path} is no workflow.")
    return entry.workflow


def _not_kept(health: Health) -> str:
    """One line for the terminal: the run is not kept, and how it would be."""
    if health.kind == "locked":
        return (
            f"Another Felix writes to {health.path}, so this run is not kept – --ledger FILE keeps it in another file."
        )
    return f"This run is not kept: {health.sentence}"


def _watch(engine: Engine, task: str, workflow: Workflow, settings: Settings, options: argparse.Namespace) -> int:
    mailbox = engine.subscribe()
    run_id = engine.start(task, workflow, demo=options.demo)
    fit = None if options.demo else Fit(engine, task, workflow, settings)
    interrupts = _Interrupts(engine, run_id)
    out = Output()
    face = None if options.json else PlainFace(out.write, out.note)
    end: RunStatus | None = None
    if not engine.health.is_kept:
        note(_not_kept(engine.health))
    said = engine.health
    try:
        while end is None:
            items = mailbox.take()
            for item in items:
                if isinstance(item, Health) and item != said and not item.is_kept:
                    said = item  # a disk has filled up meanwhile
                    out.note(_not_kept(item))
                if fit and (misfit := fit.hear(item)):
                    out.note(misfit)
                if not isinstance(item, Record):
                    continue
                if face:
                    face.apply(item)
                else:
                    out.write(_line(item))
                if isinstance(item.event, RunFinished):
                    end = item.event.status
            out.flush()
            if not items:
                time.sleep(_POLL_S)
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


def _line(record: Record) -> str:
    # ASCII only, and DEL escaped by hand (JSON lets it pass): nothing a terminal could take for a command
    return json.dumps(to_json(record), ensure_ascii=True).replace("\x7f", "\\u007f") + "\n"


class _Interrupts:
    """Ctrl-C, or a polite kill: the first stops the run and keeps what was written, the second quits."""

    def __init__(self, engine: Engine, run_id: RunId) -> None:
        self._engine, self._run_id = engine, run_id
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def _stop(self, number: int, frame: object) -> None:
        self.restore()
        self._engine.stop(self._run_id)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
