"""A way to start Felix by double click, kept up to date by each start. Standard library only.

Linux's file managers open a .py file in an editor, so a desktop entry goes into the user's menu; Windows gets a
shortcut in its start menu; macOS has Felix.command in the project's folder. A failure here never keeps Felix from
starting.
"""

from __future__ import annotations

import os
import sys


def offer_launcher(root: str) -> None:
    """Write the launcher for the checkout in `root`, unless it is there as it would be written."""
    try:
        if sys.platform == "linux":
            _write_desktop_entry(root)
        elif sys.platform == "win32":
            _write_shortcut(root)
    except (OSError, KeyError):
        pass  # an unusual home, perhaps one that cannot be written; nobody asked for the launcher


def desktop_entry(root: str) -> str:
    """The text of the entry, by freedesktop.org's Desktop Entry Specification 1.5."""
    icon = os.path.join(root, "assets", "icons", "felix.png")
    command = f"{_argument(_base_python())} {_argument(os.path.join(root, 'run_gui.py'))}"
    lines = [
        "[Desktop Entry]",
        "Type=Application",
        "Name=Felix",
        "Comment=Watch several language models think at once",
        f"Exec={_value(command)}",
        f"Icon={_value(icon) if os.path.exists(icon) else 'applications-science'}",
        "Terminal=false",
        "Categories=Utility;",
        "StartupWMClass=Felix",
    ]
    return "\n".join(lines) + "\n"


def _write_desktop_entry(root: str) -> None:
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    path = os.path.join(data, "applications", "felix.desktop")
    _replace_if_different(path, desktop_entry(root))


def _write_shortcut(root: str) -> None:
    """A .lnk can only be written by Windows itself; what it was written from is kept beside it, to compare."""
    import subprocess

    menu = os.path.join(os.environ["APPDATA"], "Microsoft", "Windows", "Start Menu", "Programs")
    python = os.path.join(root, ".venv", "Scripts", "pythonw.exe")
    script = (
        "$s = (New-Object -ComObject WScript.Shell).CreateShortcut($env:FELIX_LINK); $s.TargetPath = $env:FELIX_PYTHON;"
        " $s.Arguments = '\"' + $env:FELIX_START + '\"'; $s.WorkingDirectory = $env:FELIX_ROOT;"
        " $s.IconLocation = $env:FELIX_ICON; $s.Save()"
    )
    variables = {
        "FELIX_LINK": os.path.join(menu, "Felix.lnk"),
        "FELIX_PYTHON": python,
        "FELIX_START": os.path.join(root, "run_gui.py"),
        "FELIX_ROOT": root,
        "FELIX_ICON": os.path.join(root, "assets", "icons", "felix.ico"),
    }
    if _replace_if_different(os.path.join(root, ".venv", "felix-shortcut.txt"), repr(variables)):
        subprocess.run(
            ["powershell", "-NoProfile", "-Command", script],
            env={**os.environ, **variables},
            timeout=20,
            check=False,
            capture_output=True,
        )


def _replace_if_different(path: str, text: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return False
    except (OSError, ValueError):
        pass  # not there, or not ours: both are replaced
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)
    return True


def _base_python() -> str:
    """The Python that made the environment: it is still there when the environment has to be made anew."""
    return getattr(sys, "_base_executable", "") or sys.executable


def _argument(text: str) -> str:
    """Quoted as the specification asks of an argument in Exec."""
    for character in '\\"`$':
        text = text.replace(character, "\\" + character)
    return '"' + text.replace("%", "%%") + '"'


def _value(text: str) -> str:
    """Escaped as the specification asks of every value of type string."""
    return text.replace("\\", "\\\\").replace("\n", "\\n")
