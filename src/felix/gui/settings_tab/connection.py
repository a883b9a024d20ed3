"""One endpoint: its address, what the server there says of itself, which of its models, and the key it may want."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.endpoints import HOSTED, Endpoint, KeySource
from felix.errors import FelixError, ServerError, ServerFault
from felix.gui.composer.model_menu import chosen_words, fill_model_menu
from felix.gui.kit import Kit
from felix.gui.server import roster
from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.fields import Field
from felix.gui.settings_tab.key_row import KeyRow
from felix.gui.settings_tab.rows import Card, Row
from felix.keys import VARIABLES, KeyState
from felix.llm.address import is_file, repair_base_url
from felix.llm.models import ConnectionCheck, ServerReport
from felix.settings import Settings

KEYS = ("base_url", "model")
_ADDRESS = ("Server address", "Where your model server listens")
_FILE = ("Model file", "A GGUF file on this machine, which Felix serves itself")
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

LOOK_AGAIN_MS = 3_000
"""While the page shows that the server cannot be used, it may be started at any moment."""


class ConnectionRows:
    """The rows of the endpoint that is chosen. `change` puts values of the settings in force."""

    def __init__(
        self,
        card: Card,
        kit: Kit,
        acts: Acts,
        read: Callable[[], Settings],
        change: Callable[..., None],
        *,
        endpoint: Callable[[], Endpoint],
    ) -> None:
        self._kit, self._acts, self._read, self._change, self._endpoint = kit, acts, read, change, endpoint
        self._report: ServerReport | None = None
        self._asked = ""
        self._tested: tuple[str, str] | None = None
        self._verdict: tuple[str, str] | None = None
        """The address and model that the result of a test shown here is about; None while none is shown."""
        self._key_is_new = False
        self._key_source: KeySource = "store"
        """Where the key shown comes from."""
        self._after = ""
        self._address_row = card.row(*_about(endpoint().base_url), lines=2)
        self.test_button = kit.button(
            self._address_row.control, "Test", kind="outline", on="card", padding=(10, 5), command=self.test,
            tooltip="Ask the model for one token, by the same way as a run",
        )  # fmt: skip
        self.address = Field(
            self._address_row, kit, read=lambda: endpoint().base_url, commit=self._set_address, width=30, settles=False,
            justify="left",
        )  # fmt: skip
        self.address.entry.pack(side="left")
        self.test_button.pack(side="left", padx=(kit.px(6), 0))
        self.server = card.row("Server", "", lines=2)
        self.badge = kit.badge(self.server.control, "", "queue")
        self.badge.pack()
        self._model_row = card.row("Model", _MODEL)
        self._add_model(self._model_row)
        self.key = KeyRow(
            card.row("API key"), kit,
            endpoint=endpoint, on_put=self._put_key, on_remove=self._remove_key, on_source=self._set_source,
        )  # fmt: skip
        self.fields = (self.address,)
        card.frame.bind("<Destroy>", lambda _event: self._stop_waiting(), add="+")
        self._show_asking()

    def _add_model(self, row: Row) -> None:
        self._variable = tk.StringVar(row.frame)
        self.model = self._kit.menu_button(
            row.control, "Automatic", "cpu", "outline", "card", icon_size=12,
            tooltip="The model of every agent that names none",
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
        """Ask the server what it is, and where its key is kept."""
        self._asked = self._endpoint().base_url
        if not self._verdict_holds():
            self._verdict = None
            self._show_asking()
        self._key_source = self._endpoint().key
        self._acts.on_check(self._asked)
        self._acts.on_ask_key(self._asked)

    def test(self) -> None:
        """Try the server and its model by the way a run would go."""
        self.address.apply()
        if self._address_row.fault:
            self.address.entry.focus_set()
            return
        self._tested, self._verdict = self._target(), None
        self.test_button.state(["disabled"])
        self._kit.set_badge(self.badge, "Testing…", "prep", "plug")
        self._acts.on_test(*self._tested)

    def _set_address(self, text: str) -> None:
        base_url = repair_base_url(text)
        endpoint = self._endpoint()
        hint = f"Read as {base_url}" if base_url != text else _about(base_url)[1]
        if base_url != endpoint.base_url:
            if roster.loses_key(endpoint, base_url):
                variable = VARIABLES.get(endpoint.kind, "What the environment holds")
                hint = f"{variable} is not sent to a new address; choose it at API key if it is meant to be"
            self._change(**roster.moved(self._read(), endpoint.name, base_url))
        self._address_row.set_name(_about(base_url)[0])
        self._address_row.set_hint(hint)

    def _fill_models(self) -> None:
        fill_model_menu(self.model.menu, self._variable, self._report, self._model(), self._set_model)

    def _set_model(self, model: str) -> None:
        if model != self._model():
            self._change(**roster.changed(self._read(), self._endpoint().name, model=model))

    def _put_key(self, key: str) -> None:
        self._key_is_new = True
        self._set_source("store")
        self._acts.on_put_key(self._endpoint().base_url, key)

    def _remove_key(self) -> None:
        self._key_is_new = True
        self._acts.on_remove_key(self._endpoint().base_url)

    def _set_source(self, source: KeySource) -> None:
        endpoint = self._endpoint()
        if source != endpoint.key:
            self._key_is_new = True
            self._change(**roster.changed(self._read(), endpoint.name, key=source))

    def show_another(self) -> None:
        """Another endpoint has been chosen: nothing that was said of the one before stands any more."""
        name, hint = _about(self._endpoint().base_url)
        self._address_row.set_name(name)
        self._address_row.set_hint(hint)
        self.address.restore()
        if self.key.is_editing:
            self.key.leave()
        self.key.show(None)
        self._report, self._verdict, self._key_is_new = None, None, False
        self._stop_waiting()
        self.refresh()
        self.look()

    # -- what comes back -----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is in force. A server that has changed is asked."""
        self.address.refresh()
        self._kit.set_button(self.model, text=chosen_words(self._report, self._model()))
        if self._key_source != self._endpoint().key:
            self._key_source = self._endpoint().key
            self.key.show(None)
            if self._asked:
                self._acts.on_ask_key(self._endpoint().base_url)
        if self._asked and self._asked != self._endpoint().base_url:
            self._report = None
            self.key.show(None)
            self.look()
        elif self._verdict and not self._verdict_holds():
            self.look()

    def server_report(self, base_url: str, report: ServerReport | None, error: FelixError | None) -> None:
        """What the server at `base_url` said, or why it said nothing; of another than the one shown: nothing."""
        if base_url != self._endpoint().base_url:
            return
        self._report = report
        self._kit.set_button(self.model, text=chosen_words(report, self._model()))
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
        """How the test went; one of another server or model than those shown is no news."""
        asked, self._tested = self._tested, None
        self.test_button.state(["!disabled"])
        if asked != self._target():
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
        """Where the key of a server is kept; of another than the one shown: nothing."""
        if state.base_url == self._endpoint().base_url:
            self.key.show(state)
            if self._key_is_new:
                self._key_is_new, self._verdict = False, None
                self._show_asking()
                self._acts.on_check(state.base_url)

    def _verdict_holds(self) -> bool:
        """Until the address, the model or the key is another one, or the next test."""
        return self._verdict == self._target()

    def _target(self) -> tuple[str, str]:
        return self._endpoint().base_url, self._model()

    def _model(self) -> str:
        """The one whoever names none gets there; empty is the first that is loaded."""
        settings, endpoint = self._read(), self._endpoint()
        return settings.model if roster.is_in_use(settings, endpoint) else endpoint.model

    def _look_again(self) -> None:
        """Quietly: what is shown stays until there is news. A page that is not on screen asks when it comes back."""
        self._after = ""
        if self.badge.winfo_viewable() and not self._tested:
            self._acts.on_check(self._endpoint().base_url)

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


def _about(base_url: str) -> tuple[str, str]:
    """What stands beside an address: its name, and what it is for."""
    return _FILE if is_file(base_url) else _ADDRESS


def _summary(report: ServerReport) -> str:
    """`2 models loaded · 4 slots`."""
    loaded = [model for model in report.models if model.loaded]
    if report.kind in HOSTED:
        return f"{len(report.models):,} model{'' if len(report.models) == 1 else 's'}"
    if not loaded:
        return f"No model loaded; one of {len(report.models)} loads when a run starts"
    words = f"{len(loaded)} model{'' if len(loaded) == 1 else 's'} loaded"
    slots = max((model.slots or 0 for model in loaded), default=0)
    return f"{words}  ·  {slots} slot{'' if slots == 1 else 's'}" if slots else words
