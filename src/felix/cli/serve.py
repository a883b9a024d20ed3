"""`felix serve`: the runs of this machine for a browser, in a terminal without a window."""

from __future__ import annotations

import argparse
import sys
import threading

from felix import log, places
from felix.cli.given import given_settings, usable_workflow
from felix.cli.interrupts import Interrupts
from felix.cli.output import COMPLETE, FAILED, WRONG, Output, give_up_stdout, not_kept, note
from felix.engine import Engine
from felix.errors import FelixError
from felix.keys import environment_fault
from felix.sharing import Serve, Serving, Sharing


def run(options: argparse.Namespace, serve: Serve) -> int:
    """Serve until Ctrl+C; the first line on stdout is the link. `serve` starts the server."""
    try:
        settings = given_settings(options)
        chosen = options.workflow or settings.current.workflow
        usable_workflow(chosen, settings.current)  # a name that is wrong is told now, and not to the first who asks
    except FelixError as error:
        note(str(error))
        return WRONG
    if not options.demo and (fault := environment_fault()):
        note(fault)
    if trouble := log.start(places.log_file(), verbosity=options.verbose, detailed=settings.current.verbose_log):
        note(trouble)
    sharing = Sharing(
        port=options.port,
        lan=options.lan,
        allow_control=options.allow_control,
        workflow=chosen,
        demo=options.demo,
    )
    ledger = places.ledger_file(options.ledger or settings.current.ledger_path)
    try:
        with Engine(settings, ledger=ledger) as engine:
            if not engine.health.is_kept:
                note(not_kept(engine.health, "what is asked for here is"))
            return _serve(engine, sharing, serve)
    finally:
        log.stop()


def _serve(engine: Engine, sharing: Sharing, serve: Serve) -> int:
    stopped = threading.Event()
    try:
        serving = serve(engine, sharing)
    except FelixError as error:
        note(str(error))
        return WRONG
    interrupts = Interrupts(stopped.set)
    try:
        _tell(serving, sharing)
        if sys.stdin is not None and sys.stdin.isatty():
            threading.Thread(target=_give_links, args=(serving,), name="felix-links", daemon=True).start()
        while not stopped.wait(1):
            if not serving.is_running:
                note("The server broke off – the log has the details; start it again.")
                return FAILED
    except OSError as error:
        note(f"The link could not be written ({error.strerror}) – start it where it can be read.")
        give_up_stdout()
        return FAILED
    finally:
        interrupts.restore()
        serving.close()
    return COMPLETE


def _tell(serving: Serving, sharing: Sharing) -> None:
    out = Output()
    out.write(f"{serving.link()}\n")
    out.flush()
    note("Open this address in a browser within a minute; it lets one browser in. Enter gives another, Ctrl+C ends it.")
    note(f"Programs send, until then: Authorization: Bearer {serving.token}")
    if sharing.lan:
        note("Anybody in this network who sees the address can use it, and what is sent is not encrypted.")
    if sharing.allow_control:
        note("Whoever is let in may also start runs and stop answers.")


def _give_links(serving: Serving) -> None:
    out = Output()
    try:
        for _ in sys.stdin:
            out.write(f"{serving.link()}\n")
            out.flush()
    except OSError:
        note("Another link could not be written – those who watch go on watching.")
