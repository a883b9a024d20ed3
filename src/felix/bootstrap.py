"""From a bare Python to a running Felix: Python, Tk, environment, display.

Standard library only, because it runs before anything is installed. It parses and imports on Python 3.6, so that an old
Python gets a sentence; what it imports on the way may ask for more. Whatever is missing is installed where that is ours
to do; otherwise one sentence on stderr says what is wrong and what to do next: never a traceback, and never a dialog
that somebody has to close.

A warm start only compares two small files before it becomes the window, so every import here waits until it is needed.
"""

import os
import sys
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Sequence

if TYPE_CHECKING:
    from felix.environment import Environment

OLDEST_PYTHON = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Halt(Exception):
    """There is no way on. The message is one sentence that says what is wrong and what to do."""


def open_window(arguments: Sequence[str]) -> int:
    """Set up what is missing and become `felix gui`. Returns an exit status only where that is not possible."""

    def steps() -> int:
        require_python("run_gui.py")
        from felix import desktop, environment, machine

        home = environment.find()
        screen = find_display(os.environ)
        lacking = machine.lacking(home, ["tk", "venv"] if screen else ["tk", "venv", "display"])
        if "venv" in lacking:
            raise Halt(machine.sentence(lacking))
        _prepare(home, windowed=screen is not None and not lacking)
        if lacking:
            raise Halt(machine.sentence(lacking, home.command("felix", "run")))
        screen = screen or _private_display(home.command("felix", "run"))
        desktop.offer_launcher(ROOT)
        return _become(home.windowed_python, ["-P", "-m", "felix", "gui", *arguments], DISPLAY=screen)

    return _guarded(steps)


def run_tests(arguments: Sequence[str], program: str = "pytest") -> int:
    """Set up what is missing, test tools included, and become pytest, or a module like it, on a private display."""

    def steps() -> int:
        require_python("-m tests")
        from felix import environment, machine

        home = environment.find(["test"])
        on_linux = sys.platform == "linux"
        lacking = machine.lacking(home, ["tk", "venv", "display", "openmp"] if on_linux else ["tk", "venv"])
        if lacking:
            sentence = machine.sentence(lacking)
            if "tk" in lacking or "venv" in lacking:
                raise Halt(sentence)
            say(sentence)  # the tests that need it fail; all others run
        _prepare(home)
        if on_linux:
            _offer_browser(home)
        screen = find_display(os.environ)
        if on_linux and "display" not in lacking:
            from felix import display

            screen = display.start_private()
        return _become(home.python, ["-m", program, *arguments], DISPLAY=screen, FELIX_TESTS_NEED_DISPLAY="1")

    return _guarded(steps)


def _offer_browser(home: "Environment") -> None:
    """Install the browser of the tests where that is ours to do. Without one, its tests are left out and say so."""
    from felix import machine

    try:
        lacking = machine.lacking(home, ["browser"])
    except Halt as reason:
        say(str(reason))
    else:
        if lacking:
            say(machine.sentence(lacking))


def print_python(extras: Sequence[str]) -> int:
    """Set up what is missing, with these extras of pyproject.toml, and print the environment's Python."""

    def steps() -> int:
        require_python("")
        from felix import environment, machine

        home = environment.find(extras)
        lacking = machine.lacking(home, ["venv"])
        if lacking:
            raise Halt(machine.sentence(lacking))
        _prepare(home)
        print(home.python)
        return 0

    return _guarded(steps)


def ensure_window() -> None:
    """Make sure that a window can open, for a Felix that was started without the launcher. Raises Halt or OSError."""
    from felix import machine

    if not machine.has("tk"):
        raise Halt(machine.sentence(["tk"], "felix run"))
    if find_display(os.environ) is None:
        if not machine.has("display"):
            raise Halt(machine.sentence(["display"], "felix run"))
        os.environ["DISPLAY"] = _private_display("felix run")


def require_python(arguments: str) -> None:
    """Raises Halt on a Python that is too old, naming a newer one to run with the same `arguments` if there is one."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    newer = [name for name in ("python3.14", "python3.13", "python3.12", "python3.11") if _works(name)]
    step = (
        "start it with `{} {}`" if newer else "install one from https://www.python.org/downloads/ and start with that"
    )
    raise Halt(
        "Felix needs Python 3.11 or newer and this is {}.{}: {}.".format(
            sys.version_info[0], sys.version_info[1], step.format(*newer[:1], arguments)
        )
    )


def find_display(environ: Mapping[str, str]) -> Optional[str]:
    """The display a window would open on, None where there is none. Only Linux has to be asked."""
    name = environ.get("DISPLAY", "")
    if sys.platform != "linux":
        return name
    if not name:
        return None
    from felix import display

    return name if display.answers(name) else None


def data_folder() -> str:
    """Where Felix keeps what a user makes; the same as `felix.places.data()`, which needs a package."""
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "Felix")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/Felix")
    return os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "felix")


def say(sentence: str) -> None:
    """To stderr, which a program without a console does not have."""
    if sys.stderr is not None:
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()


def _guarded(steps: Callable[[], int]) -> int:
    try:
        return steps()
    except Halt as halt:
        sentence = str(halt)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        sentence = "Felix could not be set up ({}): mend that and start it again.".format(error)
    say(sentence)
    if sys.version_info >= OLDEST_PYTHON and not (sys.stderr and sys.stderr.isatty()) and find_display(os.environ):
        _leave_note(sentence)
    return 1


def _leave_note(sentence: str) -> None:
    """After a double click perhaps: a window in a process of its own shows the sentence, and goes by itself."""
    import subprocess

    subprocess.Popen(
        [sys.executable, "-m", "felix.setup_window", sentence],
        env=dict(os.environ, PYTHONPATH=os.path.join(ROOT, "src")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _prepare(home: "Environment", *, windowed: bool = False) -> None:
    if home.is_ready:
        return
    say("Setting Felix up in {}: this happens once and needs the internet.".format(home.folder))
    if windowed:
        from felix import setup_window

        setup_window.show_while(home.prepare)
    else:
        home.prepare(lambda doing: None)


def _private_display(in_terminal: str) -> str:
    from felix import display

    screen = display.start_private()
    say(
        "There is no display here, so Felix opens its window on a private one (Xvfb {}), which nobody sees; to see it"
        ' work, use the terminal: {} "your task"'.format(screen, in_terminal)
    )
    return screen


def _become(python: str, arguments: Sequence[str], **variables: Optional[str]) -> int:
    """Run `python` in the place of this process: with its process id, signals and exit status are its own."""
    environ = dict(os.environ)
    environ.pop("__PYVENV_LAUNCHER__", None)  # makes macOS's Python believe that it is this one
    for name, value in variables.items():
        environ.pop(name, None)
        if value:
            environ[name] = value
    if sys.platform != "win32":
        os.execve(python, [python, *arguments], environ)
    # On Windows exec starts a second process and ends the first, and the shell goes on while Felix runs.
    import subprocess

    return subprocess.call([python, *arguments], env=environ)


def _works(python: str) -> bool:
    """Whether this command is a Python that runs: version managers leave names that only complain."""
    import subprocess

    null = subprocess.DEVNULL
    try:
        return subprocess.call([python, "-c", ""], stdin=null, stdout=null, stderr=null) == 0
    except OSError:
        return False
