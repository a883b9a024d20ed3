"""What holds for every test: nothing leaves this machine or touches the user's files, and no fault goes unseen.

A warning, a logged error, a thread left behind or a connection to anywhere but this machine fails the test it is in.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.parallel import DISPLAYS

pytest_plugins = ["tests.servers.fixtures", "tests.ledger.folding"]

# Two shared cores: a slow example is no failure. The same examples every time, and no database in the checkout.
hypothesis.settings.register_profile("felix", deadline=None, derandomize=True, database=None, max_examples=70)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("felix"), max_examples=40)

THREAD_END_S = 10.0
"""How long a thread may take to end after its test."""

_HOMES = {
    "HOME": "",
    "USERPROFILE": "",
    "APPDATA": "config",
    "LOCALAPPDATA": "data",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "runtime",
    "XDG_STATE_HOME": "state",
}
_LEAKS = ("OPENAI_", "ANTHROPIC_", "FELIX_API_KEY")


def pytest_configure(config: pytest.Config) -> None:
    """Fixtures that live longer than a test are kept from the user's files too."""
    hypothesis.settings.load_profile("quick" if config.option.markexpr == "not slow" else "felix")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's `&` hands this down, and so would pytest: programs that tests interrupt would go on for ever.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="felix-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name, folder in _HOMES.items():
        (home / folder).mkdir(mode=0o700, exist_ok=True)
        os.environ[name] = str(home / folder)
    for name in list(os.environ):
        if name.startswith(_LEAKS) or name.lower().endswith("_proxy"):
            del os.environ[name]
    if (worker := getattr(config, "workerinput", None)) and (displays := os.environ.get(DISPLAYS)):
        os.environ["DISPLAY"] = displays.split()[int(worker["workerid"].removeprefix("gw"))]
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"  # never the user's own keys


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """What is left of a module's windows is collected here, on Tk's thread, once pytest has let go of it.

    Tk objects that are collected on a thread of a later test hang it, or end the process.
    """
    result = yield
    if "gui" in item.path.parts and (nextitem is None or nextitem.path != item.path):
        gc.collect()
    return result


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for each test; config, data, state, cache and runtime folders are in it."""
    folder = tmp_path_factory.mktemp("home")
    for name, inside in _HOMES.items():
        (folder / inside).mkdir(mode=0o700, exist_ok=True)
        monkeypatch.setenv(name, str(folder / inside))
    return folder


@pytest.fixture(autouse=True)
def logged_errors() -> Iterator[list[logging.LogRecord]]:
    """Errors logged while the test runs. One left in the list fails it: a test that means one takes it out."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: records.append(record) if record not in records else None  # type: ignore[method-assign]
    # Felix's own logger hands nothing on to the root once its log has been started.
    loggers = [logging.getLogger(), logging.getLogger("felix")]
    for logger in loggers:
        logger.addHandler(handler)
    yield records
    for logger in loggers:
        logger.removeHandler(handler)
    assert not records, "logged: " + "; ".join(logging.Formatter().format(record) for record in records)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + THREAD_END_S
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(max(0.0, until - time.monotonic()))
    assert not [thread for thread in left if thread.is_alive()], "the test left threads behind"


@pytest.fixture(scope="session", autouse=True)
def _refused_connections() -> Iterator[list[str]]:
    """Where somebody tried to connect to; everything but this machine is refused."""
    refused: list[str] = []
    patch = pytest.MonkeyPatch()

    def guard(name: str) -> None:
        original = getattr(socket.socket, name)

        def connect(self: socket.socket, address: object) -> object:
            if isinstance(address, tuple) and not _is_here(str(address[0])):
                refused.append(str(address))
                raise OSError(f"a test may not connect to {address}")
            return original(self, address)

        patch.setattr(socket.socket, name, connect)

    original_getaddrinfo = socket.getaddrinfo

    def getaddrinfo(host: str | bytes | None, *rest: object, **named: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_here(name):
            if not name.endswith(".invalid"):  # a name that never is: for tests of servers that are not found
                refused.append(name)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return original_getaddrinfo(host, *rest, **named)  # type: ignore[arg-type]

    guard("connect")
    guard("connect_ex")
    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield refused
    patch.undo()


@pytest.fixture(autouse=True)
def _only_this_machine(_refused_connections: list[str]) -> Iterator[None]:
    _refused_connections.clear()
    yield
    assert not _refused_connections, f"the test reached for {_refused_connections}"


@pytest.fixture(scope="session")
def display() -> str:
    """The X display to draw on. `python3 -m tests` must have one; a bare pytest does without these tests."""
    name = os.environ.get("DISPLAY", "")
    if not name and os.name == "posix" and os.uname().sysname == "Linux":
        sentence = "There is no display for this test: install one with `sudo apt install xvfb` and run it again."
        if os.environ.get("FELIX_TESTS_NEED_DISPLAY"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return name


def _is_here(host: str) -> bool:
    return host in ("", "localhost", "::1", "0.0.0.0", "::") or host.startswith("127.")
