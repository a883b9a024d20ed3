"""Runs against a model file: the engine keeps it loaded, survives its crash, and takes it along when it ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from felix.engine import Engine
from felix.errors import ServerError
from felix.llm.address import file_address
from felix.llm.models import ServerReport
from felix.settings import SettingsFile
from felix.team.mailbox import Item, Mailbox, Reply
from tests.servers.children import file_servers
from tests.team.scripted import workflow
from tests.test_engine import folded, follow, is_event


@pytest.fixture
def settings(tmp_path: Path, llama_model: str) -> SettingsFile:
    settings = SettingsFile(tmp_path / "settings.json")
    settings.load()
    settings.override(base_url=file_address(Path(llama_model)), model="of another server", max_tokens=12)
    return settings


def answered(engine: Engine, mailbox: Mailbox, number: int) -> object:
    """What came of a question."""

    def is_it(item: Item) -> bool:
        return isinstance(item, Reply) and item.number == number

    reply = follow(mailbox, is_it)[-1]
    assert isinstance(reply, Reply)
    return reply.error or reply.value


@pytest.mark.slow
def test_a_crash_fails_one_round_and_the_next_run_works(settings: SettingsFile) -> None:
    settings.override(max_tokens=6_000)  # the answers last for seconds
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        run = engine.start("Why?", workflow(checkpoints="[0]"))
        items = follow(mailbox, is_event("partial_thought"))
        (crashed,) = file_servers()
        os.kill(crashed.pid, signal.SIGKILL)
        state = folded(items + follow(mailbox, is_event("run_finished")), run)
        errors = [thought.error for thought in state.thoughts.values() if thought.error]
        assert any("crashed (signal 9) – ask again" in error for error in errors)

        settings.override(max_tokens=12)
        run = engine.start("Why?", workflow(checkpoints="[0]"))
        state = folded(follow(mailbox, is_event("run_finished")), run)
        assert state.plan is not None
        assert (state.plan.server_name, state.plan.model, state.plan.context_length) == (
            "Model file",
            "tiny-babble",
            8192,
        )
        (left,) = file_servers()
        assert left.pid != crashed.pid
    until = time.monotonic() + 10
    while file_servers() and time.monotonic() < until:
        time.sleep(0.01)
    assert file_servers() == []


def test_a_file_is_loaded_shown_and_let_go_by_hand(settings: SettingsFile) -> None:
    base_url = settings.current.base_url
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        loaded = answered(engine, mailbox, engine.load_model(base_url, "tiny-babble", 1_024))
        assert isinstance(loaded, ServerReport)
        assert (loaded.models[0].loaded, loaded.models[0].context_length) == (True, 1_024)
        (child,) = file_servers()
        asked = answered(engine, mailbox, engine.ask_server(base_url))
        assert isinstance(asked, ServerReport) and asked.models[0].loaded
        let_go = answered(engine, mailbox, engine.unload_model(base_url, "tiny-babble"))
        assert isinstance(let_go, ServerReport) and not let_go.models[0].loaded
        assert child not in file_servers()


def test_a_file_that_is_gone_is_a_failed_run_with_one_sentence(settings: SettingsFile, tmp_path: Path) -> None:
    settings.override(base_url=file_address(tmp_path / "gone.gguf"))
    with Engine(settings) as engine:
        mailbox = engine.subscribe()
        error = answered(engine, mailbox, engine.ask_server(settings.current.base_url))
        assert isinstance(error, ServerError) and "There is no file" in str(error)
        run = engine.start("Why?", workflow(checkpoints="[0]"))
        state = folded(follow(mailbox, is_event("run_finished")), run)
        assert state.status == "failed" and "There is no file" in state.reason
