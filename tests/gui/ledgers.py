"""Ledgers in files for windows to open, made by the ledger's own writer from runs made of records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from felix.events import AgentId, PartialThought, Record, RunId, RunStarted, ThoughtId
from felix.ledger.file import Ledger
from tests.gui.recorded import ScriptedRun


def finished(run: str, task: str, *, at: float, answer: str = "Patients first [research-1].") -> list[Record]:
    """A run that was completed, begun at that moment."""
    scripted = ScriptedRun()
    scripted.round(1)
    for agent in ("research-1", "research-2"):
        scripted.speak(agent, 1)
        scripted.end(agent, 1, content=f"{agent} on {task}")
    scripted.synthesise()
    scripted.write(answer)
    scripted.conclude()
    return _as(run, task, at, scripted.records)


def cut_off(run: str, task: str, *, at: float) -> list[Record]:
    """A run whose program died: one thought had ended, of another 1,240 characters had been saved."""
    scripted = ScriptedRun()
    scripted.round(1)
    scripted.speak("research-1", 1)
    scripted.end("research-1", 1)
    scripted.speak("research-2", 1)
    scripted.say(
        PartialThought(
            agent_id=AgentId("research-2"),
            thought_id=ThoughtId("research-2#1"),
            role="research",
            checkpoint=0.0,
            progress=0.0,
            channel="answer",
            partial="word " * 248,
            offset=0,
            tokens_so_far=248,
        )
    )
    return _as(run, task, at, scripted.records)


def keep(path: Path, *runs: list[Record]) -> Path:
    """Put the runs into the ledger at `path`, as the window of an earlier day had."""
    ledger = Ledger.open(path)
    assert ledger.health.is_kept
    for records in runs:
        for record in records:
            if isinstance(record.event, PartialThought):
                ledger.draft(record)
            elif record.event.type not in ("agent_state", "partial_synthesis"):
                ledger.append(record)
        ledger.commit()
        ledger.save_drafts()
    ledger.close()
    return path


def _as(run: str, task: str, at: float, records: list[Record]) -> list[Record]:
    first = records[0].at
    return [
        replace(
            record,
            run=RunId(run),
            at=at + record.at - first,
            event=replace(record.event, task=task) if isinstance(record.event, RunStarted) else record.event,
        )
        for record in records
    ]
