"""From a bare Python to a running Felix: Python, Tk, environment, display, in that order.

Standard library only, because it runs before anything is installed. It parses and imports on Python 3.6, so that an old
Python gets a sentence. Whatever is missing is installed where that is ours to do; otherwise one sentence on stderr says
what is missing and what to do next. There is never a traceback, and never a dialog that somebody has to close.

A warm start reads two small files and replaces this process; every import beyond `os` and `sys` is paid for by a cold one.
"""

import contextlib
import importlib.util
import os
import sys
from typing import Callable, Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence

OLDEST_PYTHON = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

Report = Callable[[str], None]
"""Told in a few words what the set-up is doing."""

# What each package manager calls the things that Python's own installers leave out.
_PACKAGES = {
    "apt-get": ("sudo apt install", {"tk": "python3-tk", "venv": "python3-venv", "xvfb": "xvfb"}),
    "dnf": ("sudo dnf install", {"tk": "python3-tkinter", "venv": "python3-pip", "xvfb": "xorg-x11-server-Xvfb"}),
    "pacman": ("sudo pacman -S", {"tk": "tk", "venv": "python-pip", "xvfb": "xorg-server-xvfb"}),
    "zypper": ("sudo zypper install", {"tk": "python3-tk", "venv": "python3-pip", "xvfb": "xorg-x11-server-Xvfb"}),
    "brew": ("brew install", {"tk": "python-tk", "venv": "python", "xvfb": ""}),
}  # type: Dict[str, tuple[str, Dict[str, str]]]
_WORDS = {"tk": "Python's tkinter", "venv": "Python's venv", "xvfb": "a display"}


class Halt(Exception):
    """The way on is closed. The message is one sentence that says what is wrong and what to do."""


class Environment(NamedTuple):
    """A virtual environment of Felix's own."""

    folder: str
    python: str

    def stamp(self, extra: str) -> str:
        """Written last, so that it is there only when everything before it is."""
        return os.path.join(self.folder, "felix-%s.stamp" % (extra or "base"))

    @property
    def half_done(self) -> str:
        """There while packages are being written: found at a start, it tells of a set-up that was killed."""
        return os.path.join(self.folder, "felix-half-done")

    @property
    def log(self) -> str:
        return os.path.join(self.folder, "felix-setup.log")


def open_window(arguments: Sequence[str]) -> int:
    """Set up what is missing and become `felix gui`. Returns an exit status where that was not possible."""

    def steps() -> int:
        require_python()
        environment = find_environment(())
        environ = dict(os.environ)
        lacking = _lacking(environment, (), tk=True, display=True)
        if "venv" in lacking:
            raise Halt(_sentence(lacking))
        prepare(environment, (), window=_screen(environ) is not None)
        if lacking:
            raise Halt(_sentence(lacking, terminal=environment))
        if sys.platform == "linux" and _screen(environ) is None:
            from felix import display

            environ["DISPLAY"] = display.start_private()
            say(
                "There is no display here, so Felix opens its window on a private one (Xvfb %s) that nobody sees;"
                " for the terminal there is: %s" % (environ["DISPLAY"], _terminal_command(environment))
            )
        from felix import desktop

        desktop.offer_launcher(ROOT)
        return become(environment, ["-P", "-m", "felix", "gui"] + list(arguments), environ)

    return _guarded(steps)


def run_tests(arguments: Sequence[str]) -> int:
    """Set up what is missing, test tools included, and become pytest on a private display."""

    def steps() -> int:
        require_python()
        environment = find_environment(("test",))
        environ = dict(os.environ, FELIX_TESTS_NEED_DISPLAY="1")
        lacking = _lacking(environment, ("test",), tk=True, display=False)
        if sys.platform == "linux" and not _program("Xvfb") and _may_install():
            apt_install(["xvfb"])
        if lacking:
            raise Halt(_sentence(lacking))
        prepare(environment, ("test",))
        if sys.platform == "linux" and _program("Xvfb"):
            from felix import display

            environ["DISPLAY"] = display.start_private()
        elif _screen(environ) is None:
            environ.pop("DISPLAY", None)
        return become(environment, ["-m", "pytest"] + list(arguments), environ)

    return _guarded(steps)


def require_python() -> None:
    if sys.version_info >= OLDEST_PYTHON:
        return
    newer = next((name for minor in (14, 13, 12, 11) for name in ["python3.%d" % minor] if _program(name)), "")
    raise Halt(
        "Felix needs Python 3.11 or newer and this is %d.%d: %s."
        % (
            sys.version_info[0],
            sys.version_info[1],
            "start it with %s %s" % (newer, sys.argv[0])
            if newer
            else "install one from https://www.python.org/downloads/ and start Felix with that",
        )
    )


def find_environment(extras: Sequence[str]) -> Environment:
    """The project's own `.venv`; in a folder that cannot be written, one under the user's data folder."""
    own = _environment_in(os.path.join(ROOT, ".venv"))
    if is_ready(own, extras) or os.access(ROOT, os.W_OK):
        return own
    return _environment_in(os.path.join(data_folder(), "environments", _digest(os.fsencode(ROOT))[:12]))


def is_ready(environment: Environment, extras: Sequence[str]) -> bool:
    if not os.path.exists(environment.python) or os.path.exists(environment.half_done):
        return False
    wanted = _wanted_stamp()
    return all(_read(environment.stamp(extra)) == wanted for extra in ("",) + tuple(extras))


def prepare(environment: Environment, extras: Sequence[str], window: bool = False) -> None:
    """Make or mend the environment unless it is ready. Two starts at once do it once."""
    if is_ready(environment, extras):
        return

    def work(report: Report) -> None:
        os.makedirs(os.path.dirname(environment.folder), exist_ok=True)
        with _only_one(environment.folder + ".lock", report):
            if not is_ready(environment, extras):
                _install(environment, extras, report)

    say("Setting Felix up in %s; this happens once and needs the internet." % environment.folder)
    if window:
        from felix import setup_window

        setup_window.show_while(work)
    else:
        work(lambda doing: None)


def become(environment: Environment, arguments: Sequence[str], environ: Dict[str, str]) -> int:
    """Run the environment's Python instead of this process: same process id, so signals and exit status are its own."""
    environ = {name: value for name, value in environ.items() if name != "__PYVENV_LAUNCHER__"}
    command = [environment.python] + list(arguments)
    if sys.platform != "win32":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(command[0], command, environ)
    # On Windows exec starts a second process and ends the first, which lets the shell go on while Felix runs.
    import subprocess

    return subprocess.call(command, env=environ)


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages as root."""
    import subprocess

    say("Installing %s with apt; this happens once." % ", ".join(packages))
    environ = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"] + list(packages)
    # The second try is for a machine whose package lists were never fetched.
    for commands in ([install], [["apt-get", "update", "-q"], install]):
        results = [
            subprocess.run(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for command in commands
        ]
        if results[-1].returncode == 0:
            importlib.invalidate_caches()
            return
    raise Halt(
        "%s could not be installed (%s): run `apt-get update && apt-get install %s` once this machine can reach its"
        " package server, and start again." % (", ".join(packages), _last_line(results[-1].stdout), " ".join(packages))
    )


def data_folder() -> str:
    """Where Felix keeps what a user makes; the same as `felix.places.data()`, which needs a package."""
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "Felix")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/Felix")
    return os.path.join(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "felix")


def say(sentence: str) -> None:
    if sys.stderr is not None:  # as under pythonw
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
        sentence = "Felix could not be set up (%s): mend that and start it again." % error
    say(sentence)
    if sys.version_info >= OLDEST_PYTHON and not (sys.stderr and sys.stderr.isatty()) and _screen(os.environ):
        # Started by a double click, perhaps: a window of its own process shows the sentence and goes by itself.
        from felix import setup_window

        setup_window.leave_note(sentence)
    return 1


def _lacking(environment: Environment, extras: Sequence[str], tk: bool, display: bool) -> List[str]:
    """What Felix needs from the system and did not find, after installing it where that is ours to do."""

    def look() -> List[str]:
        found = {
            "tk": not tk or importlib.util.find_spec("_tkinter") is not None,
            "venv": is_ready(environment, extras) or importlib.util.find_spec("ensurepip") is not None,
            "xvfb": not display or _screen(os.environ) is not None or bool(_program("Xvfb")),
        }
        return [name for name in found if not found[name]]

    lacking = look()
    if lacking and _may_install():
        apt_install([_PACKAGES["apt-get"][1][name] for name in lacking if name == "xvfb" or _is_system_python()])
        lacking = look()
    return lacking


def _sentence(lacking: Sequence[str], terminal: Optional[Environment] = None) -> str:
    if "tk" in lacking and not _is_system_python():
        return (
            "Felix's window needs tkinter, which this Python (%s) was built without: start Felix with a Python that has"
            " it, such as the system's own." % sys.executable
        )
    words = " and ".join(_WORDS[name] for name in lacking)
    for program, (command, names) in _PACKAGES.items():
        if _program(program):
            remedy = "`%s %s`" % (command, " ".join(names[name] for name in lacking))
            break
    else:
        remedy = "the system's package manager"
    sentence = "Felix's window needs %s, which this machine lacks: install it with %s and start again" % (words, remedy)
    if terminal:
        sentence += "; in the terminal Felix works now: %s" % _terminal_command(terminal)
    return sentence + "."


def _terminal_command(environment: Environment) -> str:
    import shlex

    return '%s -m felix run "your task"' % shlex.quote(environment.python)


def _screen(environ: "os._Environ[str] | Dict[str, str]") -> Optional[str]:
    """The display a window would open on, None where there is none. Only X11 has to be asked for one."""
    if sys.platform != "linux":
        return "the desktop"
    name = environ.get("DISPLAY", "")
    if not name:
        return None
    from felix import display

    return name if display.answers(name) else None


def _may_install() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and _program("apt-get") is not None


def _is_system_python() -> bool:
    return sys.platform != "linux" or sys.base_prefix == "/usr"


def _program(name: str) -> Optional[str]:
    import shutil

    return shutil.which(name)


def _environment_in(folder: str) -> Environment:
    windows = sys.platform == "win32"
    return Environment(
        folder, os.path.join(folder, "Scripts" if windows else "bin", "python.exe" if windows else "python")
    )


def _wanted_stamp() -> str:
    """One line each: what is to be installed, the folder, and the Python and the machine it is installed for."""
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        lines = [_digest(file.read()), ascii(ROOT)]
    machine = os.uname().machine if sys.platform != "win32" else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    return "\n".join(
        [*lines, "%s %s" % (sys.implementation.cache_tag, ascii(sys.base_prefix)), sys.platform + " " + machine]
    )


def _is_sound(environment: Environment) -> bool:
    """Whether packages may be added to what is there: made for this Python and machine, and no installation was killed."""
    if not os.path.exists(environment.python) or os.path.exists(environment.half_done):
        return False
    return _read(environment.stamp("")).splitlines()[2:] == _wanted_stamp().splitlines()[2:]


def _install(environment: Environment, extras: Sequence[str], report: Report) -> None:
    report("Making a place for Felix's packages")
    # A folder that was moved keeps its packages, so that it also starts offline; only the paths are written anew.
    how = ["--without-pip"] if _is_sound(environment) else ["--clear"]
    output = _run([sys.executable, "-m", "venv"] + how + [environment.folder], environment)
    if output is not None:
        raise Halt("Python could not make an environment in %s: %s" % (environment.folder, _last_line(output)))
    with open(environment.half_done, "w"):
        pass
    _link_source(environment)
    packages = _packages(extras)
    flags = ["--disable-pip-version-check", "--no-input", "--retries", "2", "--progress-bar", "off"]
    output = _run([environment.python, "-m", "pip", "install"] + flags + packages, environment, report)
    if output is not None:
        # pip has taken back what it began, so the next start may go on from here.
        os.remove(environment.half_done)
        raise Halt(_explain(output, environment))
    os.remove(environment.half_done)
    for extra in ("",) + tuple(extras):
        with open(environment.stamp(extra), "w") as file:
            file.write(_wanted_stamp())


def _packages(extras: Sequence[str]) -> List[str]:
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        project = tomllib.load(file)["project"]
    packages = list(project["dependencies"])
    for extra in extras:
        packages += project["optional-dependencies"][extra]
    return packages


def _link_source(environment: Environment) -> None:
    """Let the environment find src, by a relative path, so that the whole folder may be moved."""
    import glob

    inside = "Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"
    source = os.path.join(ROOT, "src")
    for folder in glob.glob(os.path.join(glob.escape(environment.folder), inside)):
        own = environment.folder.startswith(ROOT + os.sep)
        # Elsewhere an import line in ASCII: what encoding a .pth file is read in differs between Pythons.
        line = os.path.relpath(source, folder) if own else "import sys; sys.path.append(%s)" % ascii(source)
        with open(os.path.join(folder, "felix.pth"), "w") as file:
            file.write(line + "\n")


def _run(command: Sequence[str], environment: Environment, report: Optional[Report] = None) -> Optional[str]:
    """Run one step of the set-up, all it prints going to the log; its output when it failed, else None."""
    import subprocess

    from felix import display

    environ = dict(os.environ, PIP_USER="0", PYTHONIOENCODING="utf-8")
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        encoding="utf-8",
        errors="replace",
        preexec_fn=display.end_with_parent if sys.platform == "linux" else None,
    )
    lines = []
    assert process.stdout
    try:
        for line in process.stdout:
            lines.append(line)
            if report and line.startswith(("Collecting ", "Installing ")):
                report(line.split(" (")[0].split(":")[0].replace("Collecting", "Getting").strip())
    finally:
        if process.poll() is None:
            process.terminate()
        status = process.wait()
        process.stdout.close()
        if os.path.isdir(environment.folder):
            with open(environment.log, "a", encoding="utf-8") as file:
                file.writelines(lines)
    return "".join(lines) if status else None


def _explain(output: str, environment: Environment) -> str:
    """What pip's failure means to a user."""
    unreachable = (
        "NewConnectionError",
        "ConnectTimeoutError",
        "Failed to establish",
        "Name or service",
        "name resolution",
    )
    if any(
        sign in output for sign in unreachable + ("Read timed out", "ProxyError", "Connection refused", "getaddrinfo")
    ):
        return (
            "Felix's packages could not be fetched because their server (PyPI) was not reached: connect to the internet"
            " and start again."
        )
    if "No space left" in output or "Errno 28" in output:
        return "There is no room left on the disk for Felix's packages (about 150 MB): make some and start again."
    return "Felix's packages could not be installed (%s): the whole story is in %s; start again to try anew." % (
        _last_line(output),
        environment.log,
    )


@contextlib.contextmanager
def _only_one(path: str, report: Report) -> Iterator[None]:
    """Hold the lock at `path`; whoever else holds it is waited for. The system frees it with its process."""
    with open(path, "a+b") as file:
        waiting = "Another start is setting Felix up; waiting for it"
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # tries for ten seconds
                    break
                except OSError:
                    report(waiting)
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(waiting + ".")
                report(waiting)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                pass  # a file system without locks: two starts at once are less likely than no start at all
        yield


def _digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _last_line(output: "bytes | str") -> str:
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("[notice]")]
    return lines[-1].rstrip(".") if lines else "no word why"


def main(extras: Sequence[str]) -> NoReturn:
    """`python3 -m felix.bootstrap [EXTRA ...]`: make the environment with these extras and print its Python."""

    def steps() -> int:
        require_python()
        environment = find_environment(extras)
        lacking = _lacking(environment, extras, tk=False, display=False)
        if lacking:
            raise Halt(_sentence(lacking))
        prepare(environment, extras)
        print(environment.python)
        return 0

    sys.exit(_guarded(steps))


if __name__ == "__main__":
    main(sys.argv[1:])
