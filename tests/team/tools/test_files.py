"""The tools for files: what they read beneath the folder, and that nothing outside of it is ever read."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest

from felix.errors import ToolError
from felix.settings import Settings
from felix.team.tools.files import MOST_BYTES, FindInFiles, ListFiles, ReadFile, read_text

SECRET = "the secret outside"

needs_links = pytest.mark.skipif(os.name == "nt", reason="links and devices of Unix")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with some files, beside one that nobody may read."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text(SECRET, "utf-8")
    root = tmp_path / "folder"
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "plan.txt").write_text("one\ntwo\nthree\n", "utf-8")
    (root / "über uns.txt").write_text("Grüße", "utf-8")
    (root / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    (root / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    return root


def _settings(folder: Path | str) -> Settings:
    return Settings(tool_folder=str(folder))


def _call(tool: ReadFile | ListFiles | FindInFiles, **arguments: object) -> str:
    return asyncio.run(tool.call(arguments, lambda *_: None)).text


def _read(root: Path, **arguments: object) -> str:
    return _call(ReadFile(lambda: _settings(root)), **arguments)


def test_reads_a_file_whole_or_some_of_its_lines(folder: Path) -> None:
    assert _read(folder, path="notes/plan.txt") == "one\ntwo\nthree\n"
    assert _read(folder, path="./notes//plan.txt", first_line=2) == "two\nthree\n"
    assert _read(folder, path="notes/plan.txt", first_line=2, lines=1) == "two\n"
    with pytest.raises(ToolError, match="has 3 lines"):
        _read(folder, path="notes/plan.txt", first_line=9)


def test_reads_text_of_any_encoding_and_says_what_is_none(folder: Path) -> None:
    assert _read(folder, path="über uns.txt") == "Grüße"
    assert _read(folder, path="latin.txt") == "Gr\ufffd\ufffde"
    with pytest.raises(ToolError, match="is no text"):
        _read(folder, path="image.png")
    (folder / "windows.txt").write_text("Grüße", "utf-16")
    assert _read(folder, path="windows.txt") == "Grüße"


def test_a_large_file_is_refused_with_its_size(folder: Path) -> None:
    with (folder / "large.log").open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(ToolError, match=r"too large to be read \(4,194,305 bytes"):
        _read(folder, path="large.log")


def test_without_a_folder_the_sentence_says_where_to_choose_one(folder: Path) -> None:
    with pytest.raises(ToolError, match="choose one in Settings, Tools"):
        _call(ReadFile(Settings), path="a")
    with pytest.raises(ToolError, match="cannot be opened"):
        _read(folder / "gone", path="a")


def test_lists_a_folder(folder: Path) -> None:
    listing = ListFiles(lambda: _settings(folder))
    assert _call(listing).splitlines() == [
        "image.png  16 bytes",
        "latin.txt  5 bytes",
        "notes/",
        "über uns.txt  7 bytes",
    ]
    assert _call(listing, path="notes") == "plan.txt  14 bytes"
    (folder / "empty").mkdir()
    assert "empty" in _call(listing, path="empty")
    with pytest.raises(ToolError, match="no folder of its own"):
        _call(listing, path="latin.txt")


def test_finds_a_text_whatever_its_case(folder: Path) -> None:
    find = FindInFiles(lambda: _settings(folder))
    assert _call(find, text="TWO") == "notes/plan.txt:2: two"
    assert "none of the files" in _call(find, text="zebra")
    with pytest.raises(ToolError, match="There is no"):
        _call(find, text="two", path="gone")


_HOSTILE = (
    "..", "../outside/secret.txt", "../../outside/secret.txt", "notes/../../outside/secret.txt", "notes/..",
    "./../outside/secret.txt", "notes/./../../outside/secret.txt", "//etc/passwd", "/etc/passwd", "/proc/self/environ",
    "/proc/self/root/etc/passwd", "/dev/zero", "/dev/stdin", "~/.ssh/id_rsa", "~root/.profile", "$HOME/.profile",
    "notes/plan.txt/..", "notes/plan.txt/../../../outside/secret.txt", "file:///etc/passwd",
    "\\..\\outside\\secret.txt",
    "..\\outside\\secret.txt", "C:\\Windows\\win.ini", "C:/Windows/win.ini", "\\\\server\\share\\a", "//server/share/a",
    "\\\\?\\C:\\a", "\\\\.\\PhysicalDrive0", "%2e%2e/outside/secret.txt", "..%2foutside%2fsecret.txt",
    "..;/outside/secret.txt", "..\0/outside/secret.txt", "notes/plan.txt\0.png", "\0", "", ".", "./", "/", "//",
    "notes", "notes/", " ", " ..", ".. ", "... ", "....//outside/secret.txt", "..././outside/secret.txt",
    "\u2025/outside/secret.txt", "\uff0e\uff0e/outside/secret.txt", "..\u2215outside\u2215secret.txt",
    "\u202e../outside/secret.txt", "\ud800", "a" * 300, "a/" * 200 + "b", "x" * 5_000, "CON", "NUL", "plan.txt::$DATA",
    "link", "link/secret.txt", "linked.txt", "absolute.txt", "chain", "loop", "notes/up", "notes/up/outside/secret.txt",
    "hard.txt", "pipe", "socket", "dangling", "device", "tty",
)  # fmt: skip


@needs_links
def test_no_hostile_name_reads_anything_outside(folder: Path) -> None:
    outside = folder.parent / "outside"
    (folder / "link").symlink_to(outside)
    (folder / "linked.txt").symlink_to("../outside/secret.txt")
    (folder / "absolute.txt").symlink_to(outside / "secret.txt")
    (folder / "chain").symlink_to("linked.txt")
    (folder / "loop").symlink_to("loop")
    (folder / "notes" / "up").symlink_to("../..")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "device").symlink_to("/dev/zero")
    (folder / "tty").symlink_to("/dev/tty")
    (folder / "hard.txt").hardlink_to(outside / "secret.txt")
    os.mkfifo(folder / "pipe")
    assert len(_HOSTILE) >= 60
    with socket.socket(socket.AF_UNIX) as listening:
        # the path of a socket is short by law
        here = os.open(folder, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/socket" if Path("/proc/self/fd").exists() else str(folder / "socket"))
        os.close(here)
        for name in _HOSTILE:
            with pytest.raises(ToolError) as refused:
                print(name, read_text(folder, name))
            assert SECRET not in str(refused.value)
            assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
            try:
                seen = _call(ListFiles(lambda: _settings(folder)), path=name)
            except ToolError:
                seen = ""
            assert "secret" not in seen
    assert SECRET not in _call(FindInFiles(lambda: _settings(folder)), text=SECRET)


@needs_links
def test_a_device_in_the_folder_is_not_read(folder: Path) -> None:
    for name in ("null", "zero"):
        with pytest.raises(ToolError, match="no ordinary file"):
            read_text(Path("/dev"), name)


@needs_links
def test_a_name_that_is_exchanged_for_a_link_meanwhile_never_leads_out(folder: Path) -> None:
    """Somebody swaps a folder and a file for links as fast as they can, while both are read."""
    outside, stop = folder.parent / "outside", threading.Event()
    (folder / "real").mkdir()
    (folder / "real" / "secret.txt").write_text("inside", "utf-8")
    (folder / "way").symlink_to(outside)
    (folder / "file.txt").write_text("inside", "utf-8")
    (folder / "file-link").symlink_to(outside / "secret.txt")

    def swap() -> None:
        while not stop.is_set():
            for real, link in (("real", "way"), ("file.txt", "file-link")):
                (folder / real).rename(folder / "aside")
                (folder / link).rename(folder / real)
                (folder / real).rename(folder / link)
                (folder / "aside").rename(folder / real)

    swapper = threading.Thread(target=swap)
    swapper.start()
    read: set[str] = set()
    refused = 0
    try:
        for _ in range(400):
            for name in ("real/secret.txt", "way/secret.txt", "file.txt", "file-link"):
                try:
                    read.add(read_text(folder, name))
                except ToolError:
                    refused += 1
    finally:
        stop.set()
        swapper.join()
    assert read == {"inside"}
    assert refused


def test_a_file_is_left_as_it_was_opened(folder: Path) -> None:
    before = _open_files()
    for name in ("notes/plan.txt", "nowhere/at/all", "notes", "image.png"):
        try:
            read_text(folder, name)
        except ToolError:
            pass
    assert _open_files() == before


def _open_files() -> int:
    """None, where the system does not tell."""
    own = Path("/proc/self/fd")
    return len(list(own.iterdir())) if own.exists() else 0
