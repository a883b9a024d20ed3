"""Connection: which server, what it says of itself, which of its models, and the key it may want."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.endpoints import ServerKind
from felix.errors import FelixError, ServerError, ServerFault
from felix.gui.composer.model_menu import chosen_words, fill_model_menu
from felix.gui.kit import Kit
from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.fields import Field
from felix.gui.settings_tab.key_row import KeyRow
from felix.gui.settings_tab.rows import Row, Section
from felix.keys import KeyState
from felix.llm.address import repair_base_url
from felix.llm.models import ConnectionCheck, ServerReport
from felix.settings import Settings

KEYS = ("base_url", "model")
_ADDRESS = "Where your model server listens"
_MODEL = "Loaded first; others load when a run starts"
_BADGES: dict[ServerFault, str] = {
    "unreachable": "Not reachable",
    "not_a_model_server": "No model server",
    "redirected": "Points elsewhere",
    "no_model": "No model loaded",
    "unknown_model": "Unknown model",
    "key": "Key needed",
    "silent": "Silent",
}


_HOSTED: frozenset[ServerKind] = frozenset({"openai", "groq"})
"""Where "loaded" means nothing to a user."""


LOOK_AGAIN_MS = 3_000
"""While the page shows that the server cannot be used, it may be started at any moment."""


class ConnectionRows:
    """The rows of the section. `change` puts values in force."""

    def __init__(
        self, section: Section, kit: Kit, acts: Acts, read: Callable[[], Settings], change: Callable[..., None]
    ) -> None:
        self._kit, self._acts, self._read, self._change = kit, acts, read, change
        self._report: ServerReport | None = None
        self._asked = ""
        self._tested: tuple[str, str] | None = None
        self._verdict: tuple[str, str] | None = None
        """The address and model that the result of a test shown here is about; None while none is shown."""
        self._key_is_new = False
        self._after = ""
        self._address_row = section.row("Server address", _ADDRESS, lines=2)
        self.test_button = kit.button(
            self._address_row.control, "Test", kind="outline", on="card", padding=(10, 5), command=self.test,
            tooltip="Ask the model for one token, by the same way as a run",
        )  # fmt: skip
        self.address = Field(
            self._address_row, kit, read=lambda: read().base_url, commit=self._set_address, width=30, settles=False,
            justify="left",
        )  # fmt: skip
        self.address.entry.pack(side="left")
        self.test_button.pack(side="left", padx=(kit.px(6), 0))
        self.server = section.row("Server", "", lines=2)
        self.badge = kit.badge(self.server.control, "", "queue")
        self.badge.pack()
        self._model_row = section.row("Model", _MODEL)
        self._add_model(self._model_row)
        self.key = KeyRow(
            section.row("API key"), kit,
            on_put=self._put_key, on_remove=self._remove_key,
        )  # fmt: skip
        self.fields = (self.address,)
        section.frame.bind("<Destroy>", lambda _event: self._stop_waiting(), add="+")
        self._show_asking()

    def _add_model(self, row: Row) -> None:
        self._variable = tk.StringVar(row.frame)
        self.model = self._kit.menu_button(
            row.control, "Automatic", "cpu", "outline", "card", icon_size=12, tooltip="The model every agent uses",
        )  # fmt: skip
        self.model.menu.configure(postcommand=self._fill_models)
        self.model.bind("<Down>", lambda _event: self.model.event_generate("<<Invoke>>"))
        self.model.pack(side="left")
        self.look_button = self._kit.button(
            row.control, icon="arrow-clockwise", on="card", padding=(6, 6), command=self.look,
            tooltip="Ask the server for its models again",
        )  # fmt: skip
        self.look_button.pack(side="left", padx=(self._kit.px(4), 0))

    # -- the user ------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask the server in force what it is, and where its key is kept."""
        self._asked = self._read().base_url
        if not self._verdict_holds():
            self._verdict = None
            self._show_asking()
        self._acts.on_check(self._asked)
        self._acts.on_ask_key(self._asked)

    def test(self) -> None:
        """Try the server and model in force by the way a run would go."""
        self.address.apply()
        if self._address_row.fault:
            self.address.entry.focus_set()
            return
        settings = self._read()
        self._tested, self._verdict = (settings.base_url, settings.model), None
        self.test_button.state(["disabled"])
        self._kit.set_badge(self.badge, "Testing…", "prep", "plug")
        self._acts.on_test(*self._tested)

    def _set_address(self, text: str) -> None:
        base_url = repair_base_url(text)
        is_repaired = base_url != text
        if base_url != self._read().base_url:
            self._change(base_url=base_url)
        self._address_row.set_hint(f"Read as {base_url}" if is_repaired else _ADDRESS)

    def _fill_models(self) -> None:
        fill_model_menu(self.model.menu, self._variable, self._report, self._read().model, self._set_model)

    def _set_model(self, model: str) -> None:
        if model != self._read().model:
            self._change(model=model)

    def _put_key(self, key: str) -> None:
        self._key_is_new = True
        self._acts.on_put_key(self._read().base_url, key)

    def _remove_key(self) -> None:
        self._key_is_new = True
        self._acts.on_remove_key(self._read().base_url)

    # -- what comes back -----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is in force. A server that has changed is asked."""
        self.address.refresh()
        self._kit.set_button(self.model, text=chosen_words(self._report, self._read().model))
        if self._asked and self._asked != self._read().base_url:
            self._report = None
            self.key.show(None)
            self.look()
        elif self._verdict and not self._verdict_holds():
            self.look()

    def server_report(self, base_url: str, report: ServerReport | None, error: FelixError | None) -> None:
        """What the server at `base_url` said, or why it said nothing; of one that is not in force: nothing."""
        if base_url != self._read().base_url:
            return
        self._report = report
        self._kit.set_button(self.model, text=chosen_words(report, self._read().model))
        if self._tested or (report and self._verdict_holds()):
            return  # a test went further than this look: that a server lists its models does not make it work
        if report:
            self.server.set_name(report.name or "Model server")
            self.server.set_fault("")
            self.server.set_hint(_summary(report))
            self._kit.set_badge(self.badge, f"Connected, {max(1, round(report.latency_ms))} ms", "done", "check-lg")
        elif error:
            self._verdict = None
            self._show_unusable(error)

    def test_result(self, check: ConnectionCheck | None, error: FelixError | None) -> None:
        """How the test went; one of another server or model than those in force is no news."""
        asked, self._tested = self._tested, None
        self.test_button.state(["!disabled"])
        settings = self._read()
        if asked != (settings.base_url, settings.model):
            self.look()
        elif check:
            self._verdict = asked
            if check.ok:
                self.server.set_fault("")
                self.server.set_hint(check.sentence)
                self._kit.set_badge(self.badge, "Works", "done", "check-lg")
            else:
                self._show_fault(check.sentence, check.fault)
        elif error:
            self._show_unusable(error)

    def key_report(self, state: KeyState) -> None:
        """Where the key of a server is kept; of another than the one in force: nothing."""
        if state.base_url == self._read().base_url:
            self.key.show(state)
            if self._key_is_new:
                self._key_is_new, self._verdict = False, None
                self._show_asking()
                self._acts.on_check(state.base_url)

    def _verdict_holds(self) -> bool:
        """Until the address, the model or the key is another one, or the next test."""
        settings = self._read()
        return self._verdict == (settings.base_url, settings.model)

    def _look_again(self) -> None:
        """Quietly: what is shown stays until there is news. A page that is not on screen asks when it comes back."""
        self._after = ""
        if self.badge.winfo_viewable() and not self._tested:
            self._acts.on_check(self._read().base_url)

    def _stop_waiting(self) -> None:
        if self._after:
            self.badge.after_cancel(self._after)
            self._after = ""

    def _show_asking(self) -> None:
        self.server.set_fault("")
        self.server.set_name("Server")
        self.server.set_hint("Asking what it is and which models it has")
        self._kit.set_badge(self.badge, "Asking…", "prep", "plug")

    def _show_unusable(self, error: FelixError) -> None:
        """What keeps even a look from succeeding; the next one may."""
        self._show_fault(str(error), error.fault if isinstance(error, ServerError) else None)
        self._stop_waiting()
        self._after = self.badge.after(LOOK_AGAIN_MS, self._look_again)

    def _show_fault(self, sentence: str, fault: ServerFault | None) -> None:
        self.server.set_name("Server")
        self.server.set_fault(sentence)
        self._kit.set_badge(
            self.badge, _BADGES.get(fault, "Not usable") if fault else "Not usable", "fail", "x-octagon-fill"
        )


def _summary(report: ServerReport) -> str:
    """`2 models loaded · 4 slots`."""
    loaded = [model for model in report.models if model.loaded]
    if report.kind in _HOSTED:
        return f"{len(report.models)} models"
    if not loaded:
        return f"No model loaded; one of {len(report.models)} loads when a run starts"
    words = f"{len(loaded)} model{'' if len(loaded) == 1 else 's'} loaded"
    slots = max((model.slots or 0 for model in loaded), default=0)
    return f"{words}  ·  {slots} slot{'' if slots == 1 else 's'}" if slots else words
