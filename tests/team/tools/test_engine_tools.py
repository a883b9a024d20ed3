"""Tools through the engine's door: asked, let, refused, kept in the settings; stopped; killed in mid-call."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from felix.engine import Engine
from felix.events import Leave, Record, RunFinished, RunId, ThoughtComplete, ToolAnswered, ToolCalled, ToolReturned
from felix.settings import SettingsFile
from felix.team.mailbox import Mailbox, Reply
from felix.team.tools.tool import Reach
from felix.team.tools.toolbox import Source
from felix.team.workflow import parse
from tests.servers import mcp_server
from tests.servers.fakes.openai import FakeOpenAI
from tests.servers.fakes.script import Call, End, Say, Script
from tests.team.tools.dying import FLOW, Booking, flow, settings_at
from tests.team.tools.tooled import Having, Scripted

ROOT = Path(__file__).parents[3]
BOOKS = Script(Say("I book."), Call("book", ('{"for": ', "2}")), End("tools"))
DONE = Script(Say("It is done."), End())


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(BOOKS, DONE) as fake:
        yield fake


def until(mailbox: Mailbox, is_it: Callable[[object], bool], seen: list[object] | None = None) -> object:
    end = time.monotonic() + 20
    seen = [] if seen is None else seen
    while time.monotonic() < end:
        for item in mailbox.take():
            seen.append(item)
            if is_it(item):
                return item
        time.sleep(0.005)
    raise AssertionError(f"it did not come: {seen[-3:]}")


def happens(kind: type) -> Callable[[object], bool]:
    return lambda item: isinstance(item, Record) and isinstance(item.event, kind)


@pytest.mark.parametrize("leave", ["always", "no"])
def test_the_users_word_reaches_the_call_and_a_lasting_one_the_settings(
    server: FakeOpenAI, tmp_path: Path, leave: Leave
) -> None:
    settings = settings_at(tmp_path / "settings.json", server.base_url)
    tool = Scripted("book", trust="ask")
    with Engine(settings, tools=[Having([tool])], asks=True) as engine:
        mailbox = engine.subscribe()
        run = engine.start("Book.", flow())
        called = until(mailbox, happens(ToolCalled))
        assert isinstance(called, Record) and isinstance(called.event, ToolCalled) and called.event.asks
        assert called.event.arguments == '{"for": 2}' and tool.asked == []
        engine.answer_tool(run, called.event.call_id, leave)
        until(mailbox, happens(RunFinished))
        assert len(tool.asked) == (1 if leave == "always" else 0)
        end = time.monotonic() + 10
        while leave == "always" and "book" not in settings.current.tool_trust and time.monotonic() < end:
            time.sleep(0.01)
    saved = SettingsFile(tmp_path / "settings.json")
    saved.load()
    assert saved.current.tool_trust == ({"book": "allow"} if leave == "always" else {})


def test_without_anybody_to_ask_it_is_refused_and_the_run_goes_on(server: FakeOpenAI, tmp_path: Path) -> None:
    tool = Scripted("book", trust="ask")
    with Engine(settings_at(tmp_path / "s.json", server.base_url), tools=[Having([tool])]) as engine:
        mailbox = engine.subscribe()
        engine.start("Book.", flow())
        returned = until(mailbox, happens(ToolReturned))
        assert isinstance(returned, Record) and isinstance(returned.event, ToolReturned)
        assert (returned.event.status, tool.asked) == ("refused", [])
        finished = until(mailbox, happens(RunFinished))
        assert isinstance(finished, Record) and isinstance(finished.event, RunFinished)
        assert finished.event.status == "complete"


def test_stop_ends_a_tool_within_a_moment(server: FakeOpenAI, tmp_path: Path) -> None:
    tool = Scripted("book", waits=asyncio.Event())
    with Engine(settings_at(tmp_path / "s.json", server.base_url), tools=[Having([tool])]) as engine:
        mailbox = engine.subscribe()
        run = engine.start("Book.", flow())
        until(mailbox, happens(ToolCalled))
        asked_at = time.monotonic()
        engine.stop(run)
        finished = until(mailbox, happens(RunFinished))
        assert time.monotonic() - asked_at < 5, "an idle machine takes some milliseconds"
        assert isinstance(finished, Record) and isinstance(finished.event, RunFinished)
        assert (finished.event.status, tool.cancelled) == ("stopped", 1)


def test_all_tools_are_listed_with_what_is_in_force(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "s.json", "http://127.0.0.1:1/v1")
    settings.override(tool_trust={"book": "never"})
    broken = Having([], name="desk", fault="The server “desk” did not start – look at its log.")
    with Engine(settings, tools=[Having([Scripted("book")]), broken]) as engine:
        mailbox = engine.subscribe()
        number = engine.ask_tools()
        reply = until(mailbox, lambda item: isinstance(item, Reply) and item.number == number)
        assert isinstance(reply, Reply) and isinstance(reply.value, tuple)
        sources: tuple[Source, ...] = reply.value
    by_name = {source.name: source for source in sources if source.tools and source.tools[0].name == "book"}
    (book,) = by_name[""].tools
    assert (book.own_trust, book.trust, book.description) == ("allow", "never", "The tool book.")
    assert "did not start" in next(source.error for source in sources if source.name == "desk")


@pytest.mark.parametrize("reads", [True, False])
def test_a_run_that_follows_another_has_had_to_do_with_what_that_one_had(tmp_path: Path, *, reads: bool) -> None:
    """The answer of the first stands in the prompts of the second; and nothing is made up that it has not read."""
    files = Scripted("files", reach=Reach(reads_private=reads, reads_untrusted=reads, can_send=False, changes=False))
    post = Scripted("post", reach=Reach(reads_private=False, reads_untrusted=False, can_send=True))
    first, second = (parse(FLOW.replace("book", name), "flow.yaml") for name in ("files", "post"))
    scripts = [Script(Call("files", ("{}",)), End("tools")), DONE, Script(Call("post", ("{}",)), End("tools")), DONE]
    with (
        FakeOpenAI(*scripts) as server,
        Engine(settings_at(tmp_path / "s.json", server.base_url), tools=[Having([files, post])]) as engine,
    ):
        mailbox = engine.subscribe()
        before = engine.start("Read.", first)
        until(mailbox, happens(RunFinished))
        engine.start("Send.", second, follows=before)
        until(mailbox, happens(RunFinished))
    assert (len(files.asked), len(post.asked)) == (1, 0 if reads else 1)


def test_with_a_run_that_is_deleted_for_good_go_the_results_of_its_tools(tmp_path: Path) -> None:
    book = Scripted("book", lambda arguments: "word " * 50_000)
    kept: list[str] = []
    with FakeOpenAI(BOOKS, DONE) as server:
        settings = settings_at(tmp_path / "s.json", server.base_url)
        with Engine(settings, ledger=tmp_path / "ledger.db", tools=[Having([book])]) as engine:
            mailbox = engine.subscribe()
            run = engine.start("Book.", flow())
            returned = until(mailbox, happens(ToolReturned))
            assert isinstance(returned, Record) and isinstance(returned.event, ToolReturned)
            kept.append(returned.event.file)
            until(mailbox, happens(RunFinished))
            number = engine.change_ledger(lambda ledger: ledger.delete(run))
            until(mailbox, lambda item: isinstance(item, Reply) and item.number == number)
    (file,) = map(Path, kept)
    assert file.is_relative_to(tmp_path / "results" / run) and len(file.read_text()) == 250_000
    with Engine(settings, ledger=tmp_path / "ledger.db") as engine:
        assert engine.health.is_kept
    assert not file.parent.exists()


@pytest.mark.slow
def test_killed_while_a_tool_works_the_call_is_asked_about_and_never_repeated_unasked(
    server: FakeOpenAI, tmp_path: Path
) -> None:
    ledger, settings, begun = tmp_path / "ledger.db", tmp_path / "settings.json", tmp_path / "begun"
    command = [sys.executable, "-m", "tests.team.tools.dying", ledger, settings, server.base_url, begun]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        run = RunId(program.stdout.readline().strip())
        end = time.monotonic() + 30
        while not begun.exists() and time.monotonic() < end:
            time.sleep(0.01)
        program.send_signal(signal.SIGKILL)
    assert begun.read_text() == "booked\n"

    server.answered.clear()
    given = Booking(begun, ends=True)
    with Engine(settings_at(settings, server.base_url), ledger=ledger, tools=[given], asks=True) as engine:
        mailbox = engine.subscribe(run)
        seen: list[object] = []
        until(mailbox, happens(RunFinished), seen)
        (told,) = [item for item in seen if happens(ToolCalled)(item)]
        assert isinstance(told, Record) and isinstance(told.event, ToolCalled) and not told.event.asks
        (cut,) = [item.event for item in seen if isinstance(item, Record) and isinstance(item.event, ThoughtComplete)]
        assert (cut.status, cut.content) == ("interrupted", "I book."), "what was written before the call is kept"
        engine.continue_run(run)
        called = until(mailbox, happens(ToolCalled))
        assert isinstance(called, Record) and isinstance(called.event, ToolCalled)
        assert "had begun" in called.event.asks and begun.read_text() == "booked\n"
        engine.answer_tool(run, called.event.call_id, "no")
        finished = until(mailbox, happens(RunFinished))
        assert isinstance(finished, Record) and isinstance(finished.event, RunFinished)
        assert finished.event.status == "complete"
    assert begun.read_text() == "booked\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="process groups of Unix")
def test_stop_in_a_tool_that_does_not_listen_ends_the_run_at_once_and_all_its_processes(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "s.json", "http://127.0.0.1:1/v1")
    program = {"command": sys.executable, "args": ["-u", mcp_server.__file__]}
    with FakeOpenAI(Script(Call("one__freeze", ("{}",)), End("tools")), DONE) as server:
        settings.override(base_url=server.base_url, mcp_servers={"one": program}, tool_trust={"one/freeze": "allow"})
        with Engine(settings, asks=True) as engine:
            mailbox = engine.subscribe()
            run = engine.start("Freeze.", parse(FLOW.replace("book", "one/freeze"), "flow.yaml"))
            called = until(mailbox, happens(ToolCalled))
            assert isinstance(called, Record) and isinstance(called.event, ToolCalled)
            assert "way out" in called.event.asks, "nobody has said what it reaches"
            engine.answer_tool(run, called.event.call_id, "once")
            until(mailbox, happens(ToolAnswered))
            assert called.event.name == "one/freeze"
            family = [
                each for each in psutil.Process().children(recursive=True) if mcp_server.__file__ in each.cmdline()
            ]
            assert family
            engine.stop(run)
            until(mailbox, happens(RunFinished))
        gone, left = psutil.wait_procs(family, timeout=20)
    assert gone and not left
