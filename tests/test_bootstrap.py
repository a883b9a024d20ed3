"""Starting from nothing: a small checkout of the launcher alone, with one tiny package to install from a file.

The processes, environments, pips, locks and displays are real; only Felix itself is stood in for, by a `__main__` that
says what it was started with.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from felix import bootstrap, display, environment

ROOT = Path(__file__).parent.parent
LAUNCHER = (
    "__init__.py",
    "bootstrap.py",
    "desktop.py",
    "display.py",
    "environment.py",
    "machine.py",
    "setup_window.py",
)
CLOSED_PORT = "http://127.0.0.1:9/"
PATIENCE_S = 90.0

MAIN = """
import json, os, signal, sys, tiny
print(json.dumps({"pid": os.getpid(), "arguments": sys.argv[1:], "display": os.environ.get("DISPLAY"),
                  "prefix": sys.prefix, "felix": __file__, "path": sys.path}), flush=True)
if "--wait" in sys.argv:
    signal.pause()
sys.exit(7 if "--fail" in sys.argv else 0)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with one module in it."""
    wheel = tmp_path_factory.mktemp("wheels") / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return wheel


class Checkout:
    """A folder with the launcher in it, and what is needed to start it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def environment(self) -> Path:
        return self.root / ".venv"

    def require(self, *packages: str) -> None:
        (self.root / "pyproject.toml").write_text(f"[project]\nname = 'felix'\ndependencies = {list(packages)}\n")

    def command(self, *arguments: str) -> list[str]:
        return [getattr(sys, "_base_executable", sys.executable), str(self.root / "run_gui.py"), *arguments]

    def start(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.variables(**variables),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    @contextlib.contextmanager
    def running(self, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.variables(**variables),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @staticmethod
    def variables(**variables: str) -> dict[str, str]:
        # Nothing is fetched: what is not in a file is not found. No window is left to say so.
        own = {
            "PIP_INDEX_URL": CLOSED_PORT,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
            "PYTHONPATH": "",
        }
        return {name: value for name, value in {**os.environ, **own, **variables}.items() if value or name == "DISPLAY"}


def write_checkout(root: Path, package: Path) -> Checkout:
    (root / "src" / "felix").mkdir(parents=True)
    shutil.copy(ROOT / "run_gui.py", root)
    for name in LAUNCHER:
        shutil.copy(ROOT / "src" / "felix" / name, root / "src" / "felix")
    (root / "src" / "felix" / "__main__.py").write_text(MAIN)
    checkout = Checkout(root)
    checkout.require(f"tiny @ {package.as_uri()}")
    return checkout


@pytest.fixture
def bare(tmp_path: Path, package: Path) -> Checkout:
    """A checkout that was never started, in a folder with a blank and an umlaut."""
    return write_checkout(tmp_path / "Félix copy", package)


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory, package: Path, display: str) -> tuple[Checkout, str]:
    checkout = write_checkout(tmp_path_factory.mktemp("made") / "Félix copy", package)
    done = checkout.start("--task", "a b", "--demo")
    assert done.returncode == 0, done.stderr
    return checkout, done.stdout


@pytest.fixture
def made(first_start: tuple[Checkout, str], tmp_path: Path) -> Checkout:
    """A checkout that was set up in another place and then moved here, environment and all."""
    return Checkout(shutil.copytree(first_start[0].root, tmp_path / "moved here", symlinks=True))


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


@pytest.mark.slow
class TestAStart:
    def test_sets_everything_up_and_hands_its_arguments_on(self, first_start: tuple[Checkout, str]) -> None:
        checkout, output = first_start
        seen = json.loads(output)
        assert seen["arguments"] == ["gui", "--task", "a b", "--demo"]
        assert seen["prefix"] == str(checkout.environment)
        assert Path(seen["felix"]).is_relative_to(checkout.root)
        assert "" not in seen["path"], "the folder it is started in must not be searched for modules"

    def test_is_quiet_and_of_the_same_process_once_all_is_there(self, first_start: tuple[Checkout, str]) -> None:
        with first_start[0].running("--fail") as process:
            output, errors = process.communicate(timeout=PATIENCE_S)
        assert json.loads(output)["pid"] == process.pid
        assert errors == ""
        assert process.returncode == 7

    def test_makes_a_desktop_entry(self, first_start: tuple[Checkout, str], home: Path) -> None:
        first_start[0].start()
        entry = (home / "data" / "applications" / "felix.desktop").read_text()
        assert str(first_start[0].root / "run_gui.py") in entry

    def test_notices_that_its_folder_was_moved_and_needs_no_internet_for_it(self, made: Checkout) -> None:
        done = made.start()
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["prefix"] == str(made.environment)
        assert Path(json.loads(done.stdout)["felix"]).is_relative_to(made.root)
        assert made.start().stderr == ""

    def test_says_in_one_sentence_that_there_is_no_internet_and_goes_on_when_there_is(
        self, made: Checkout, package: Path
    ) -> None:
        made.require("a-package-that-is-only-on-the-server")
        done = made.start(DISPLAY="")
        assert done.returncode == 1
        assert "connect to the internet and start again." in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        made.require(f"tiny @ {package.as_uri()}")
        assert made.start().returncode == 0

    def test_begins_anew_after_one_that_was_killed_half_way(
        self, bare: Checkout, made: Checkout, package: Path
    ) -> None:
        made.require(f"tiny @ {package.as_uri()}", "another")  # so that pip is at work, and stays so for its retries
        with made.running() as process:
            until((made.environment / "felix-half-done").exists)
            until(lambda: bool(psutil.Process(process.pid).children()))
            pip = psutil.Process(process.pid).children()
            process.kill()
            process.wait()
            gone, alive = psutil.wait_procs(pip, timeout=PATIENCE_S)
        assert gone
        assert not alive, "what it had started must not go on writing"
        (made.environment / "left over").touch()
        made.require(f"tiny @ {package.as_uri()}")
        done = made.start()
        assert done.returncode == 0, done.stderr
        assert not (made.environment / "left over").exists()

    def test_waits_for_another_that_is_setting_up(self, bare: Checkout) -> None:
        with bare.running() as one, bare.running() as other:
            outcomes = [process.communicate(timeout=PATIENCE_S) for process in (one, other)]
        assert one.returncode == other.returncode == 0
        assert all(output for output, _ in outcomes)
        assert sum("Another start is setting Felix up" in errors for _, errors in outcomes) == 1
        assert (bare.environment / "felix-setup.log").read_text().count("Successfully installed") == 1

    def test_makes_a_private_display_where_there_is_none_and_takes_it_along(
        self, first_start: tuple[Checkout, str]
    ) -> None:
        with first_start[0].running("--wait", DISPLAY="") as process:
            assert process.stdout
            seen = json.loads(process.stdout.readline())
            assert display.answers(seen["display"])
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert process.stderr
            assert seen["display"] in process.stderr.read()
        until(lambda: not display.answers(seen["display"]))

    def test_keeps_its_packages_elsewhere_when_it_may_not_write(self, bare: Checkout, home: Path) -> None:
        # Root may write everywhere, so the question is answered for it.
        code = (
            "import os, sys; sys.path.insert(0, sys.argv.pop(1)); os.access = lambda *_: False;"
            "from felix import bootstrap; sys.exit(bootstrap.open_window(sys.argv[1:]))"
        )
        command = [bare.command()[0], "-c", code, str(bare.root / "src")]
        done = subprocess.run(command, env=bare.variables(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert Path(json.loads(done.stdout)["prefix"]).is_relative_to(home / "data" / "felix")
        assert Path(json.loads(done.stdout)["felix"]).is_relative_to(bare.root)
        assert not bare.environment.exists()


class TestAnOldPython:
    def test_is_told_the_newer_one_that_works(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, status in (("python3.13", 127), ("python3.12", 0)):
            (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
        monkeypatch.setattr(sys, "version_info", (3, 8, 18))
        with pytest.raises(bootstrap.Halt, match=r"this is 3\.8: start it with `python3.12 run_gui.py`\.$"):
            bootstrap.require_python("run_gui.py")

    def test_is_told_where_to_get_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "version_info", (3, 8, 18))
        with pytest.raises(bootstrap.Halt, match=r"install one from https://www\.python\.org/downloads/"):
            bootstrap.require_python("run_gui.py")


class TestAMachineThatLacksSomething:
    @pytest.fixture
    def lacking(
        self, bare: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> Callable[..., str]:
        """Start, as an ordinary user, on a machine without these modules and with only these programs; what is said."""

        def start(*modules: str, programs: tuple[str, ...] = (), prefix: str = "/usr") -> str:
            folder = tmp_path / "bin"
            folder.mkdir()
            for name in programs:
                (folder / name).symlink_to("/bin/true")
            found = importlib.util.find_spec
            monkeypatch.setattr(
                "importlib.util.find_spec", lambda name, *rest: None if name in modules else found(name, *rest)
            )
            monkeypatch.setattr(os, "geteuid", lambda: 1000)
            monkeypatch.setattr(sys, "base_prefix", prefix)
            monkeypatch.setattr(environment, "ROOT", str(bare.root))
            monkeypatch.setattr(environment.Environment, "prepare", lambda home, report: None)
            monkeypatch.setenv("PATH", str(folder))
            monkeypatch.delenv("DISPLAY", raising=False)
            assert bootstrap.open_window([]) == 1
            said = capfd.readouterr()
            assert said.out == ""
            return said.err.splitlines()[-1]

        return start

    def test_names_every_package_in_one_line(self, lacking: Callable[..., str]) -> None:
        said = lacking("_tkinter", "ensurepip", programs=("apt-get",))
        assert "install it with `sudo apt install python3-tk python3-venv xvfb` and start again." in said

    def test_names_them_as_the_system_does(self, lacking: Callable[..., str]) -> None:
        assert "`sudo dnf install python3-tkinter python3-pip`" in lacking(
            "_tkinter", "ensurepip", programs=("dnf", "Xvfb")
        )

    def test_names_the_terminal_when_only_the_display_is_missing(self, lacking: Callable[..., str]) -> None:
        said = lacking(programs=("apt-get",))
        assert "needs a display" in said
        assert "`sudo apt install xvfb`" in said
        assert said.endswith('-m felix run "your task"')

    def test_says_so_of_a_python_that_no_package_belongs_to(self, lacking: Callable[..., str]) -> None:
        said = lacking("_tkinter", programs=("apt-get", "Xvfb"), prefix="/opt/python")
        assert "start Felix with a Python that has it" in said


class TestTheLock:
    def test_is_freed_by_a_kill(self, tmp_path: Path) -> None:
        home = environment.Environment(str(tmp_path / ".venv"))
        code = (
            "import sys; from felix.environment import Environment\n"
            "with Environment(sys.argv[1]).only_one(print): print('mine', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", code, home.folder]
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == b"mine\n"
            holder.kill()
        told: list[str] = []
        with home.only_one(told.append):
            assert told == []


class TestWhyPackagesCouldNotBeInstalled:
    @pytest.mark.parametrize(
        ("output", "words"),
        [
            (
                "WARNING: Retrying ... [Errno -3] Temporary failure in name resolution\nERROR: No matching",
                "the internet",
            ),
            ("WARNING: ... ProxyError('Cannot connect to proxy.')\nERROR: No matching distribution", "the internet"),
            ("ERROR: Could not install packages: [Errno 28] No space left on device\n", "no room left"),
            ("ERROR: No matching distribution found for openai<4\n\n[notice] A new pip\n", "found for openai<4"),
        ],
    )
    def test_is_one_sentence_about_the_cause(self, output: str, words: str) -> None:
        sentence = environment._explain_pip(output, "/somewhere/felix-setup.log")
        assert words in sentence
        assert "\n" not in sentence
        assert "start" in sentence


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting openai<4,>=3.52 (from felix)", "Getting openai"),
        ("Collecting tiny@ file:///a/b.whl", "Getting tiny"),
        ("Installing collected packages: a, b", "Putting everything in its place"),
        ("  Downloading openai-3.52.0-py3-none-any.whl (1.5 MB)", ""),
    ],
)
def test_what_pip_does_is_told_in_words(line: str, words: str) -> None:
    assert environment._step_in(line) == words
