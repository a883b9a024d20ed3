"""`felix batch`: a file of tasks, carried out by workflows, and a file of their answers that grows line by line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from felix import log, places
from felix.batch.batch import Batch, Before
from felix.batch.begun import Begun
from felix.batch.crew import Crew, LocalCrew
from felix.batch.results import Results
from felix.batch.tasks import Task, read_tasks
from felix.cli.given import given_settings, usable_workflow
from felix.cli.interrupts import Interrupts
from felix.cli.output import COMPLETE, FAILED, STOPPED, WRONG, not_kept, note
from felix.cli.progress import ProgressBar
from felix.endpoints import at, unnamed
from felix.engine import Engine
from felix.errors import FelixError, LedgerError
from felix.events import RunId
from felix.keys import KeyStore, environment_fault, origin_of
from felix.ledger.reader import Reader
from felix.ledger.state import RunState
from felix.settings import Settings, SettingsFile
from felix.team.asking import all_asked, endpoints_called, not_in_settings, unknown_endpoints
from felix.team.workflow import Workflow

MOST_AT_ONCE = 256
_MOST_NAMED = 10
"""Bad lines that are told one by one."""


def run(options: argparse.Namespace) -> int:
    """Carry `felix batch` out; the exit status: 0 all complete, 1 not all, 2 wrong usage or files, 130 stopped."""
    try:
        if options.engine == "ray":
            from felix.batch.ray_crew import check_ray

            check_ray()
        settings = given_settings(options)
        tasks = _tasks(options, settings.current)
        at_once = _at_once(options.at_once, tasks, settings.current)
        results = Results.open(options.output)
    except FelixError as error:
        note(str(error))
        return WRONG
    if not options.demo and (fault := environment_fault()):
        note(fault)
    if trouble := log.start(places.log_file(), verbosity=options.verbose, detailed=settings.current.verbose_log):
        note(trouble)
    try:
        with results:
            return _carry_out(options, settings, tasks, results, at_once)
    except FelixError as error:
        note(str(error))
        return FAILED
    finally:
        log.stop()


def _tasks(options: argparse.Namespace, settings: Settings) -> list[Task]:
    own = options.workflow or settings.workflow

    @cache
    def find(name: str) -> Workflow:
        workflow = usable_workflow(name or own, settings)
        if not options.demo and (unknown := unknown_endpoints(workflow, settings)):
            raise FelixError(not_in_settings(unknown, settings))
        return workflow

    find("")  # a wrong name in the command is no fault of the tasks
    path: Path = options.tasks
    try:
        if options.output.exists() and options.output.samefile(path):
            raise FelixError(f"{path} holds the tasks – name another file for the results with -o.")
        tasks = read_tasks(path, find)
    except OSError as error:
        raise FelixError(
            f"{path} cannot be read ({error.strerror or type(error).__name__}) – name another file."
        ) from None
    if not tasks:
        raise FelixError(f'{path} holds no tasks – write one to a line, as {{"task": "…"}} or "…".')
    return tasks


def _at_once(wanted: int, tasks: Sequence[Task], settings: Settings) -> int:
    """As many runs as the user says, else as the largest pool that a workflow asks has endpoints."""
    if wanted:
        if 1 <= wanted <= MOST_AT_ONCE:
            return wanted
        raise FelixError(f"--at-once must be a whole number from 1 to {MOST_AT_ONCE}, not {wanted}.")
    names = {asked.endpoint for task in tasks if task.workflow for asked in all_asked(task.workflow)}
    return max((len(endpoints_called(name, settings)) for name in names), default=1) or 1


def _carry_out(
    options: argparse.Namespace, settings: SettingsFile, tasks: Sequence[Task], results: Results, at_once: int
) -> int:
    ledger = places.ledger_file(options.ledger or settings.current.ledger_path)
    _tell_files(tasks, results)
    bar = ProgressBar()
    with (
        Engine(settings, ledger=ledger) as engine,
        _crew(options, engine, settings.current, tasks) as (crew, machines),
    ):
        if not engine.health.is_kept:
            note(not_kept(engine.health, "these runs are"))
        before = _before(ledger) if engine.health.is_kept else _nothing
        at_once = at_once if options.at_once else max(at_once, machines)
        batch = Batch(tasks, results, Begun(results.path), crew, at_once=at_once, demo=options.demo)
        interrupts = Interrupts(batch.stop)
        try:
            batch.carry_out(before, bar.tell)
        finally:
            interrupts.restore()
            bar.close()
    return _end(batch, results)


def _end(batch: Batch, results: Results) -> int:
    """What is to be said at the end, and the exit status."""
    standing = batch.standing()
    if batch.refused:
        calls = "1 tool call was" if batch.refused == 1 else f"{batch.refused:,} tool calls were"
        note(f"{calls} refused, as nobody could be asked – “note” in {results.path} says which, and what allows them.")
    left = standing.total - standing.done
    if left:
        if batch.fault:
            note(batch.fault)
        tasks = "1 task is" if left == 1 else f"{left:,} tasks are"
        note(f"{tasks} not done – the same command goes on with them.")
        return STOPPED if batch.is_stopping else FAILED
    if standing.failed:
        note(
            f"{standing.failed:,} of {standing.total:,} did not end complete – {results.path} says why;"
            " remove their lines there to have them done again."
        )
        return FAILED
    return COMPLETE


def _tell_files(tasks: Sequence[Task], results: Results) -> None:
    """What is wrong with the tasks, and what an earlier start has left."""
    faults = [task.fault for task in tasks if task.fault]
    for fault in faults[:_MOST_NAMED]:
        note(fault)
    if len(faults) > _MOST_NAMED:
        note(f"{len(faults) - _MOST_NAMED:,} more lines cannot be used; the results say why.")
    there = {task.key: task for task in tasks}
    done = results.done
    if kept := sum(key in there for key in done):
        note(f"{kept:,} of {len(tasks):,} {'is' if kept == 1 else 'are'} done already.")
    if changed := sum(key in there and there[key].text != each.text for key, each in done.items()):
        which = "1 task was" if changed == 1 else f"{changed:,} tasks were"
        note(f"{which} changed since being done: the results stay – give a changed task another id to have it done.")
    if lost := sum(key not in there for key in done):
        lines = "1 line" if lost == 1 else f"{lost:,} lines"
        note(f"The tasks were changed: {lines} of {results.path} belong to none of them any more.")


@contextmanager
def _crew(
    options: argparse.Namespace, engine: Engine, settings: Settings, tasks: Sequence[Task]
) -> Iterator[tuple[Crew, int]]:
    """Who carries the runs out, and on how many machines."""
    if options.engine == "local":
        yield LocalCrew(engine, demo=options.demo), 1
        return
    from felix.batch.ray_crew import RayCrew, needed

    settings = needed(settings, [task.workflow for task in tasks if task.workflow])
    keys = {} if options.demo else _keys(settings, tasks)
    with RayCrew(engine, settings, keys, address=options.ray_address, demo=options.demo) as crew:
        yield crew, crew.nodes


def _keys(settings: Settings, tasks: Sequence[Task]) -> dict[str, str]:
    """By base URL the keys of the endpoints that the tasks may ask, and of no others."""
    in_use = at(settings.endpoints, settings.base_url) or unnamed(settings.base_url)
    endpoints = {in_use.base_url: in_use}
    for workflow in {id(task.workflow): task.workflow for task in tasks if task.workflow}.values():
        called = [each for asked in all_asked(workflow) for each in endpoints_called(asked.endpoint, settings)]
        endpoints |= {each.base_url: each for each in (settings.endpoints if workflow.failover else called)}
    store = KeyStore()
    origin = origin_of(settings.base_url)
    keys = {
        base_url: store.key_for(endpoint, is_in_use=origin_of(base_url) == origin)
        for base_url, endpoint in endpoints.items()
    }
    return {base_url: key for base_url, key in keys.items() if key}


def _before(ledger: Path) -> Before:
    def look(run: RunId) -> RunState | None:
        try:
            with Reader(ledger) as reader:
                return reader.state(run)
        except LedgerError:
            return None

    return look


def _nothing(run: RunId) -> RunState | None:
    return None
