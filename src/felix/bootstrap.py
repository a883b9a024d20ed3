"""From a bare Python to a running Felix: Python, Tk, environment, display.

Standard library only, because it runs before anything is installed. It parses and imports on Python 3.6, so that an old
Python gets a sentence; what it imports on the way may ask for more. Whatever is missing is installed where that is ours
to do; otherwise one sentence on stderr says what is wrong and what to do next: never a traceback, and never a dialog
that somebody has to close.

A warm start only compares two small files before it becomes the window, so every import here waits until it is needed.
"""

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Callable, List, Mapping, Optional, Sequence

if TYPE_CHECKING:
    from felix.environment import Environment

OLDEST_PYTHON = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_NEEDS = {
    "tk": "Python's tkinter",
    "venv": "Python's venv",
    "display": "a display",
    "openmp": "the OpenMP library of its model server",
}

# What each system calls these: the parts of Python that it leaves out at first, a display, a library for the tests.
_REMEDIES = {
    "apt-get": ("sudo apt install", ("python3-tk", "python3-venv", "xvfb", "libgomp1")),
    "dnf": ("sudo dnf install", ("python3-tkinter", "python3-pip", "xorg-x11-server-Xvfb", "libgomp")),
    "pacman": ("sudo pacman -S", ("tk", "python-pip", "xorg-server-xvfb", "gcc-libs")),
    "zypper": ("sudo zypper install", ("python3-tk", "python3-pip", "xorg-x11-server-Xvfb", "libgomp1")),
    "brew": ("brew install", ("python-tk", "python", "", "libomp")),
}


class Halt(Exception):
    """There is no way on. The message is one sentence that says what is wrong and what to do."""


def open_window(arguments: Sequence[str]) -> int:
    """Set up what is missing and become `felix gui`. Returns an exit status only where that is not possible."""

    def steps() -> int:
        require_python("run_gui.py")
        from felix import desktop, environment

        home = environment.find()
        screen = find_display(os.environ)
        lacking = _lacking(home, ["tk", "venv"] if screen else ["tk", "venv", "display"])
        if "venv" in lacking:
            raise Halt(_sentence(lacking))
        _prepare(home, windowed=screen is not None and not lacking)
        in_terminal = "{} -m felix run".format(_quoted(home.python))
        if lacking:
            raise Halt(_sentence(lacking, in_terminal))
        screen = screen or _private_display(in_terminal)
        desktop.offer_launcher(ROOT)
        return _become(home.windowed_python, ["-P", "-m", "felix", "gui", *arguments], DISPLAY=screen)

    return _guarded(steps)


def run_tests(arguments: Sequence[str]) -> int:
    """Set up what is missing, test tools included, and become pytest on a private display."""

    def steps() -> int:
        require_python("-m tests")
        from felix import environment

        home = environment.find(["test"])
        lacking = _lacking(home, ["tk", "venv", "display", "openmp"] if sys.platform == "linux" else ["tk", "venv"])
        if lacking:
            sentence = _sentence(lacking)
            if "tk" in lacking or "venv" in lacking:
                raise Halt(sentence)
            say(sentence)  # the tests that need it fail; all others run
        _prepare(home)
        screen = find_display(os.environ)
        if sys.platform == "linux" and "display" not in lacking:
            from felix import display

            screen = display.start_private()
        return _become(home.python, ["-m", "pytest", *arguments], DISPLAY=screen, FELIX_TESTS_NEED_DISPLAY="1")

    return _guarded(steps)


def print_python(extras: Sequence[str]) -> int:
    """Set up what is missing, with these extras of pyproject.toml, and print the environment's Python."""

    def steps() -> int:
        require_python("")
        from felix import environment

        home = environment.find(extras)
        lacking = _lacking(home, ["venv"])
        if lacking:
            raise Halt(_sentence(lacking))
        _prepare(home)
        print(home.python)
        return 0

    return _guarded(steps)


def ensure_window() -> None:
    """Make sure that a window can open, for a Felix that was started without the launcher. Raises Halt or OSError."""
    if importlib.util.find_spec("_tkinter") is None:
        raise Halt(_sentence(["tk"], "felix run"))
    if find_display(os.environ) is None:
        if not _program("Xvfb"):
            raise Halt(_sentence(["display"], "felix run"))
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


def _lacking(home: "Environment", wanted: Sequence[str]) -> List[str]:
    """Which of `wanted` the system does not have, after installing it where that is ours to do."""

    def has(name: str) -> bool:
        if name == "tk":
            return importlib.util.find_spec("_tkinter") is not None
        if name == "venv":
            return home.is_ready or importlib.util.find_spec("ensurepip") is not None
        if name == "display":
            return _program("Xvfb") is not None
        import ctypes.util

        return ctypes.util.find_library("gomp") is not None

    lacking = [name for name in wanted if not has(name)]
    ours = [name for name in lacking if name in ("display", "openmp") or _is_system_python()]
    if ours and sys.platform == "linux" and os.geteuid() == 0 and _program("apt-get"):
        with home.only_one(lambda doing: None):
            ours = [name for name in ours if not has(name)]  # another start may have been faster
            if ours:
                _apt_install(_packages("apt-get", ours))
                importlib.invalidate_caches()
        lacking = [name for name in wanted if not has(name)]
    return lacking


def _packages(program: str, needs: Sequence[str]) -> List[str]:
    names = dict(zip(_NEEDS, _REMEDIES[program][1]))  # noqa: B905 - 3.6 has no strict, and never runs this
    return [names[need] for need in needs]


def _apt_install(packages: Sequence[str]) -> None:
    import subprocess

    say("Installing {} with apt: this happens once.".format(", ".join(packages)))
    environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    output = ""
    # The package lists are fetched only when it does not go without: they may never have been.
    for command in (install, ["apt-get", "update", "-q"], install):
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode == 0 and command is install:
            return
        output = done.stdout.decode("utf-8", "replace").strip()
    raise Halt(
        "apt could not install {0} ({1}): run `apt update && apt install {0}` when this machine reaches its package"
        " server, and start again.".format(" ".join(packages), (output or "without a word").splitlines()[-1])
    )


def _sentence(lacking: Sequence[str], in_terminal: str = "") -> str:
    if "tk" in lacking and not _is_system_python():
        return (
            "Felix's window needs tkinter, which this Python ({}) was built without: start Felix with a Python that has"
            " it, such as the system's own.".format(sys.executable)
        )
    remedy = "with the system's package manager"
    for program, (command, _) in _REMEDIES.items():
        if _program(program):
            remedy = "with `{} {}`".format(command, " ".join(_packages(program, lacking)))
            break
    sentence = "Felix needs {}, which this machine lacks: install it {} and start again".format(
        " and ".join(_NEEDS[name] for name in lacking), remedy
    )
    return sentence + ('; the terminal works now: {} "your task"'.format(in_terminal) if in_terminal else ".")


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _is_system_python() -> bool:
    """Whether this is the Python that the system's packages are for."""
    return sys.platform != "linux" or sys.base_prefix == "/usr"


def _program(name: str) -> Optional[str]:
    import shutil

    return shutil.which(name)


def _works(python: str) -> bool:
    """Whether this command is a Python that runs: version managers leave names that only complain."""
    import subprocess

    if not _program(python):
        return False
    null = subprocess.DEVNULL
    return subprocess.call([python, "-c", ""], stdin=null, stdout=null, stderr=null) == 0
