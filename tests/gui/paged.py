"""The Settings tab on a window of its own, for tests: with a settings file, a key store, and ears for what it asks."""

from __future__ import annotations

import json
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backends.fail import Keyring as NoStore

from felix.endpoints import at, unnamed
from felix.gui.kit import Kit
from felix.gui.settings_tab import Acts, SettingsTab, StorageActs, ToolActs
from felix.gui.settings_tab.sharing import SharingActs
from felix.keys import KeyState, KeyStore
from felix.llm.models import ModelInfo, ServerReport
from felix.settings import Settings, SettingsFile

LMSTUDIO = ServerReport(
    "lmstudio",
    "LM Studio",
    (
        ModelInfo("qwen3-8b", "Qwen3 8B", True, 16_384, slots=4),
        ModelInfo("gemma-3-12b", "Gemma 3", True, 8_000, slots=2),
        ModelInfo("mistral-7b", "Mistral", False),
    ),
    13.6,
)


class Page:
    """The tab as a user has it, with the key store at hand and everything it asked for written down."""

    def __init__(self, kit: Kit, window: tk.Toplevel, path: Path) -> None:
        self.settings = SettingsFile(path)
        self.settings.load()
        self.keys = KeyStore()
        self.asked: list[tuple[object, ...]] = []
        self.saved: list[str] = []
        self.changed: list[frozenset[str]] = []

        def put(base_url: str, key: str) -> None:
            self.keys.put(base_url, key)
            self.tab.key_report(self._key_state(base_url))

        def remove(base_url: str) -> None:
            self.keys.remove(base_url)
            self.tab.key_report(self._key_state(base_url))

        acts = Acts(
            on_change=self.changed.append,
            on_saved=self.saved.append,
            on_check=lambda base_url: self.asked.append(("check", base_url)),
            on_test=lambda *what: self.asked.append(("test", *what)),
            on_ask_key=lambda base_url: self.tab.key_report(self._key_state(base_url)),
            on_put_key=put,
            on_remove_key=remove,
            on_ask_endpoints=lambda: self.asked.append(("endpoints",)),
            on_find=lambda: self.asked.append(("find",)),
            on_ask_figures=lambda: self.asked.append(("figures",)),
            on_load=lambda *what: self.asked.append(("load", *what)),
            on_unload=lambda *what: self.asked.append(("unload", *what)),
            on_examine=lambda name: self.asked.append(("examine", name)),
            ask_model_file=lambda: path.with_name("Qwen3-8B-Q4_K_M.gguf"),
            on_show_log=lambda: self.asked.append(("log",)),
            storage=StorageActs(
                on_ask=lambda: self.asked.append(("storage",)),
                on_compact=lambda: self.asked.append(("compact",)),
                on_export=lambda form: self.asked.append(("export", form)),
                ask_file=lambda: path.with_name("chosen.db"),
            ),
            tools=ToolActs(
                on_ask=lambda: self.asked.append(("tools",)),
                on_start=lambda key: self.asked.append(("start tools", key)),
                on_stop=lambda key: self.asked.append(("stop tools", key)),
                on_test=lambda key: self.asked.append(("test tools", key)),
                on_log=lambda key: self.asked.append(("tool log", key)),
                on_add=lambda: self.asked.append(("add tools",)),
                on_edit=lambda: self.asked.append(("edit tools",)),
                ask_folder=lambda: path.parent,
            ),
            sharing=SharingActs(
                on_share=lambda is_on: self.asked.append(("share", is_on)),
                on_network=lambda is_on: self.asked.append(("network", is_on)),
                on_address=lambda address: self.asked.append(("address", address)),
                on_agree=lambda: self.asked.append(("agree",)),
                on_link=lambda: self.asked.append(("new link",)),
                on_copy=lambda: self.asked.append(("copy link",)),
                on_open=lambda: self.asked.append(("open link",)),
                on_token=lambda: self.asked.append(("copy token",)),
            ),
        )
        self.app, self.window = kit.app, window
        self.tab = SettingsTab(window, kit, self.settings, acts)
        self.tab.frame.pack(fill="both", expand=True)
        self.app.update()
        self.tab.shown()
        self.app.update()

    def _key_state(self, base_url: str) -> KeyState:
        endpoint = at(self.now.endpoints, base_url) or unnamed(base_url)
        return self.keys.state_of(endpoint, is_in_use=base_url == self.now.base_url)

    @property
    def now(self) -> Settings:
        return self.settings.current

    def on_disk(self) -> Settings:
        return Settings.model_validate(json.loads(self.settings.path.read_text()))

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not is_so():
            assert time.monotonic() < deadline, "it did not come to be"
            self.app.update()

    def type(self, entry: tk.Misc, text: str, *keys: str) -> None:
        """As by hand: the field is entered, emptied, written in, and keys are pressed."""
        entry.focus_force()
        self.app.update()
        assert isinstance(entry, tk.Entry)
        entry.delete(0, "end")
        for sign in text:
            entry.event_generate("<Key>", keysym=_KEYSYMS.get(sign, sign))
        for key in keys:
            entry.event_generate(f"<{key}>")
        self.app.update()

    def press(self, widget: tk.Misc) -> None:
        widget.focus_force()
        self.app.update()
        widget.event_generate("<Key-space>")
        self.app.update()


def invoke(menu: tk.Menu, words: str) -> None:
    """Take the line of a menu that begins with `words`, as the keyboard does."""
    end = menu.index("end")
    assert end is not None
    for line in range(end + 1):
        if menu.type(line) != "separator" and str(menu.entrycget(line, "label")).startswith(words):
            menu.invoke(line)
            return
    raise AssertionError(f"no line begins with {words}")


_KEYSYMS = {
    " ": "space", "/": "slash", ":": "colon", ".": "period", "-": "minus", ",": "comma", "\n": "Return",
}  # fmt: skip


@contextmanager
def opened_page(kit: Kit, window: tk.Toplevel, path: Path) -> Iterator[Page]:
    """On a machine without a key store."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoStore())
    page = Page(kit, window, path)
    yield page
    page.tab.frame.destroy()
    keyring.set_keyring(before)
