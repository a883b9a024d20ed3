"""A model file, asked as any server is: a real child process, real llama.cpp, a tiny model."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import gguf
import psutil
import pytest

from felix.errors import ServerError
from felix.llm.address import file_address
from felix.llm.batching import complete_streaming
from felix.llm.chat import Answer, ChatClient, ChatRequest, Message, Progress, StreamingChunk
from felix.llm.local import child, keeper
from felix.llm.local.client import FileClient
from felix.llm.local.keeper import ModelFiles
from felix.llm.local.server import LocalServer
from felix.llm.local.sizing import Sizing
from felix.llm.models import check_connection, list_models, make_client
from felix.llm.openai_client import OpenAIClient
from tests.llm import asking
from tests.llm.asking import Heard, question
from tests.servers.children import file_servers

SHORT = question(max_tokens=20)


@pytest.fixture
def model(llama_model: str, tmp_path: Path) -> Path:
    """The tiny model under a name that is easy to get wrong."""
    path = tmp_path / "ein Größeres Modell 100%.gguf"
    shutil.copy(llama_model, path)
    return path


async def ask(client: ChatClient, request: ChatRequest, *, heard: Heard | None = None) -> Answer:
    """With the patience that a load needs on a machine with other things to do."""
    return await asking.ask(client, request, heard=heard, silence_timeout_s=100)


@asynccontextmanager
async def asked(path: Path, files: ModelFiles, *, context_length: int = 0) -> AsyncIterator[FileClient]:
    client = make_client(file_address(path), "", "file", context_length=context_length, files=files)
    assert isinstance(client, FileClient)
    try:
        yield client
    finally:
        await client.aclose()


def with_files(work: Callable[[ModelFiles], Coroutine[None, None, None]], *, idle_s: float = 600) -> None:
    async def run() -> None:
        files = ModelFiles(idle_s=idle_s)
        try:
            await work(files)
        finally:
            await files.close()

    asyncio.run(run())


async def gone(pid: int) -> None:
    try:
        async with asyncio.timeout(30):
            while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110  another process sets no event
                await asyncio.sleep(0.01)
    except psutil.NoSuchProcess:
        pass


def test_a_file_is_loaded_when_first_asked_and_stays_for_the_next_client(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        first, second = Heard(), Heard()
        before = await list_models(file_address(model), files=files)
        async with asked(model, files) as client:
            answer = await ask(client, SHORT, heard=first)
        assert files.loaded is not None
        pid = files.loaded.pid
        async with asked(model, files) as client:
            await ask(client, SHORT, heard=second)
        assert files.loaded.pid == pid
        assert answer.reasoning and answer.usage and answer.usage.completion_tokens == 20
        phases = [progress.phase for progress in first.progress]
        assert phases[:2] == ["connecting", "loading"] and "reading" in phases
        assert first.progress[1].detail == model.name
        assert "loading" not in [progress.phase for progress in second.progress]
        after = await list_models(file_address(model), files=files)
        assert [report.models[0].loaded for report in (before, after)] == [False, True]

    with_files(work)


def test_a_file_is_listed_by_its_header_and_checked_like_any_server(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        report = await list_models(file_address(model), "a key of another server", files=files, context_length=1024)
        (info,) = report.models
        assert (report.kind, report.name, report.base_url) == ("file", "Model file", file_address(model))
        assert (info.id, info.name, info.quantization) == ("ein Größeres Modell 100%", "Tiny Babble", "F16")
        assert (info.context_length, info.max_context_length, info.slots) == (1024, 32_768, 4)
        assert (info.thinks, info.has_tools) == (True, True)
        async with asked(model, files, context_length=1024) as client:
            check = await check_connection(client, report, silence_timeout_s=100)
            assert check.ok and check.model == info.id
            assert (await client.complete(SHORT)).usage is not None
        assert files.loaded is not None and files.loaded.sizing.context_length == 1024

    with_files(work)


def test_a_crash_is_a_sentence_for_this_answer_and_the_next_one_has_a_new_process(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        killed: list[int] = []

        def kill_at_the_first_token(chunk: StreamingChunk) -> None:
            if not killed and files.loaded:
                killed.append(files.loaded.pid)
                os.kill(files.loaded.pid, signal.SIGKILL)

        async with asked(model, files) as client:
            lost = await complete_streaming(
                client, question(max_tokens=5_000), batch_interval=0, callback=kill_at_the_first_token
            )
            assert lost.status in ("failed", "unconfirmed") and lost.fault == "cut"
            assert lost.reasoning + lost.text
            assert lost.error is not None and "crashed (signal 9) – ask again" in lost.error
            assert (await ask(client, SHORT)).usage is not None
            assert files.loaded is not None and files.loaded.pid != killed[0]

    with_files(work)


@pytest.mark.slow
def test_a_crash_before_anything_came_is_mended_by_asking_again(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        async with asked(model, files) as client:
            await ask(client, SHORT)
            assert files.loaded is not None
            os.kill(files.loaded.pid, signal.SIGKILL)
            answer = await ask(client, SHORT)  # the dead process may not even be known to be dead yet
            assert answer.usage is not None

    with_files(work)


@pytest.mark.slow
def test_an_idle_model_is_unloaded_and_loaded_again_when_asked(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        async with asked(model, files) as client:
            await ask(client, SHORT)
            assert files.loaded is not None
            await gone(files.loaded.pid)
            assert files.loaded is None
            assert (await ask(client, SHORT)).usage is not None

    with_files(work, idle_s=0.05)


@pytest.mark.slow
def test_another_file_waits_for_the_answers_of_the_first_and_takes_its_place(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    shutil.copy(model, other)

    async def work(files: ModelFiles) -> None:
        order: list[str] = []
        heard = Heard()

        async def one(path: Path, request: ChatRequest, heard: Heard | None = None) -> None:
            async with asked(path, files) as client:
                await ask(client, request, heard=heard)
            order.append(path.name)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(one(model, question(max_tokens=300)))
            tasks.create_task(one(model, question(max_tokens=300)))
            while files.loaded is None:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.01)
            pid = files.loaded.pid
            tasks.create_task(one(other, SHORT, heard))
        assert order == [model.name, model.name, other.name]
        assert Progress("waiting", detail=f"{model.name} is answering others first") in heard.progress
        assert files.loaded is not None and (files.loaded.path, files.loaded.pid != pid) == (other, True)
        await gone(pid)

    with_files(work)


@pytest.mark.slow
def test_whoever_has_waited_long_for_another_file_is_next_though_the_first_is_asked_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE_S", 0.0)
    other = tmp_path / "other.gguf"
    shutil.copy(model, other)

    async def work(files: ModelFiles) -> None:
        order: list[str] = []

        async def one(path: Path, heard: Heard) -> None:
            async with asked(path, files) as client:
                await ask(client, SHORT, heard=heard)
            order.append(path.name)

        async with asyncio.TaskGroup() as tasks, files.use(model):
            for path, heard in ((other, Heard()), (model, Heard())):
                tasks.create_task(one(path, heard))
                while all(step.phase == "connecting" for step in heard.progress):  # noqa: ASYNC110  nobody tells
                    await asyncio.sleep(0.01)
        assert order == [other.name, model.name]

    with_files(work)


def test_stop_closes_the_socket_and_the_model_stops_writing(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        async with asked(model, files) as client:
            stream = client.stream(ChatRequest((Message("user", "Go on."),), "m", max_tokens=20_000))
            async for delta in stream:
                if not isinstance(delta, Progress):
                    break
            await stream.aclose()
            assert files.loaded is not None and files.loaded.users == 0
            process = psutil.Process(files.loaded.pid)
            async with asyncio.timeout(20):  # until it computes no more
                used = -1.0
                while used != (now := sum(process.cpu_times()[:2])):
                    used = now
                    await asyncio.sleep(0.3)

    with_files(work)


def test_stop_while_it_loads_stops_the_loading(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        async with asked(model, files) as client:
            stream = client.stream(SHORT)
            async for delta in stream:
                if delta == Progress("loading", None, model.name):
                    break
            (process,) = file_servers()
            await stream.aclose()
            await gone(process.pid)
            assert files.loaded is None

    with_files(work)


def test_a_process_that_was_being_started_when_felix_closed_ends_too(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, start = len(file_servers()), LocalServer.start

    async def run() -> None:
        files = ModelFiles()

        async def start_late(path: Path, alias: str, sizing: Sizing) -> LocalServer:
            await files.close()
            return await start(path, alias, sizing)

        monkeypatch.setattr(LocalServer, "start", start_late)
        with pytest.raises(ServerError, match="closing"):
            await files.load(model)
        assert len(file_servers()) == before

    asyncio.run(run())


@pytest.mark.slow
def test_without_a_keeper_the_process_ends_with_its_client(model: Path) -> None:
    async def work() -> None:
        client = FileClient(file_address(model))
        await ask(client, SHORT)
        (process,) = file_servers()
        await client.aclose()
        await gone(process.pid)
        assert process not in file_servers()

    asyncio.run(work())


def test_a_file_that_llama_cpp_refuses_is_a_sentence_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    writer = gguf.GGUFWriter(path, "no-such-architecture")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    async def work(files: ModelFiles) -> None:
        async with asked(path, files) as client:
            answer = await ask(client, SHORT)
        assert (answer.status, answer.fault) == ("failed", "no_model")
        assert answer.error is not None
        assert answer.error.startswith("odd.gguf could not be loaded (unknown model architecture")

    with_files(work)


def test_without_the_package_there_is_one_sentence(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper.importlib.util, "find_spec", lambda name: None)

    async def work(files: ModelFiles) -> None:
        with pytest.raises(ServerError, match=r"-m pip install xllamacpp`"):
            await list_models(file_address(model), files=files)
        async with asked(model, files) as client:
            answer = await ask(client, SHORT)
        assert answer.error is not None and "felix[local]" in answer.error

    with_files(work)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the child with its parent on Linux only")
def test_the_process_ends_with_felix_even_when_felix_is_killed_and_it_cannot_act(model: Path) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio
        from pathlib import Path
        from felix.llm.local.keeper import ModelFiles
        async def main():
            async with ModelFiles().use(Path({str(model)!r})) as server:
                async for _ in server.loading():
                    pass
                print(server.pid, flush=True)
                await asyncio.sleep(60)
        asyncio.run(main())
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, signal.SIGSTOP)  # as while it loads, when none of its own code runs
        parent.kill()
    try:
        asyncio.run(gone(pid))
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


def test_the_process_ends_when_its_input_does(model: Path) -> None:
    wanted = {"path": str(model), "alias": "m", "key": "k", "context_length": 512, "slots": 1, "threads": 1}
    with subprocess.Popen(
        [sys.executable, "-P", child.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({**wanted, "parent": os.getpid()}).encode() + b"\n")
        process.stdin.flush()
        assert any(b'"address"' in line for line in process.stdout)
        process.stdin.close()
        process.wait(30)


def test_the_key_stands_neither_in_the_arguments_nor_in_the_environment(model: Path) -> None:
    async def work(files: ModelFiles) -> None:
        async with asked(model, files) as client:
            await ask(client, SHORT)
        assert files.loaded is not None
        process = psutil.Process(files.loaded.pid)
        assert len(files.loaded.api_key) >= 32
        assert files.loaded.api_key not in " ".join([*process.cmdline(), *process.environ().values()])
        stranger = OpenAIClient(files.loaded.base_url, "guessed")
        refused = await ask(stranger, SHORT)
        await stranger.aclose()
        assert refused.fault == "key"

    with_files(work)
