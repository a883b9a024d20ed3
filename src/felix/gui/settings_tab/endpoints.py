"""The section Connection as a whole: the list of endpoints, and below it everything about the one that is chosen."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence

from felix.endpoints import Endpoint
from felix.errors import FelixError, SettingsError
from felix.gui.kit import Kit
from felix.gui.server import roster
from felix.gui.server.endpoint_words import name_of, place_words, state_words
from felix.gui.settings_tab.acts import Acts
from felix.gui.settings_tab.connection import ConnectionRows
from felix.gui.settings_tab.endpoint_list import EndpointList, Line
from felix.gui.settings_tab.figure_rows import FigureRows
from felix.gui.settings_tab.model_rows import ModelRows
from felix.gui.settings_tab.more_rows import MoreRows
from felix.gui.settings_tab.rows import UNDO_MS, Section
from felix.keys import KeyState
from felix.llm.condition import Said
from felix.llm.models import ServerReport
from felix.settings import Settings

_OTHER = "http://127.0.0.1:8000/v1"
"""For a server of another kind, until its address is written in its place: vLLM's usual one."""


class Endpoints:
    """`change` puts values of the settings in force."""

    def __init__(
        self, section: Section, kit: Kit, acts: Acts, read: Callable[[], Settings], change: Callable[..., None]
    ) -> None:
        self._kit, self._acts, self._read, self._change = kit, acts, read, change
        self._chosen = ""
        """Name of the endpoint that is shown; empty is the one in use."""
        self._said: dict[str, Said] = {}
        """By base URL, the latest of each."""
        self._found: Sequence[ServerReport] = ()
        self._removed: tuple[int, Endpoint] | None = None
        """Its key stays in the key store as long as it can come back."""
        self._after = ""
        self.list = EndpointList(
            section.card.frame, kit, on_choose=self._choose_line, on_remove=self.remove, on_use=self.use
        )
        self.list.frame.pack(fill="x")
        self._add_foot(section.card.frame)
        self._detail = section.another_card()
        self._add_head(self._detail.head)
        self.connection = ConnectionRows(self._detail, kit, acts, read, change, endpoint=self.endpoint)
        self.more = MoreRows(self._detail, kit, endpoint=self.endpoint, change=self._set)
        models = section.another_card()
        self.models = ModelRows(models, kit, acts, endpoint=self.endpoint, after=self._detail)
        self.figures = FigureRows(
            section.another_card(), kit, endpoint=self.endpoint,
            after=lambda: models if self.models.is_shown else self._detail,
        )  # fmt: skip
        self.fields = (*self.connection.fields, *self.more.fields)
        section.frame.bind("<Destroy>", lambda _event: self._forget_undo(), add="+")

    def _add_foot(self, parent: tk.Misc) -> None:
        kit = self._kit
        kit.rule(parent).pack(fill="x", padx=kit.px(11), pady=(kit.px(2), 0))
        foot = kit.frame(parent, "card", padding=(8, 6, 10, 7))
        foot.pack(fill="x")
        self.add_button = kit.menu_button(
            foot, "Add", "plus-lg", "outline", "card", icon_size=11, tooltip="Another server, service or model file"
        )
        self.add_button.menu.configure(postcommand=self._fill_add)
        self.add_button.bind("<Down>", lambda _event: self.add_button.event_generate("<<Invoke>>"))
        self.add_button.pack(side="left")
        self.look_button = kit.button(
            foot, "Look again", "arrow-clockwise", on="card", padding=(8, 5), command=self.look,
            tooltip="Ask all of them how they are",
        )  # fmt: skip
        self.look_button.pack(side="right")
        self.undo_button = kit.button(
            foot, "Undo", "arrow-counterclockwise", on="card", padding=(8, 5), command=self.undo
        )
        self.notice = kit.label(foot, font="Small", color="text2", on="card", padding=(12, 0, 8, 0))
        self.notice.pack(side="left")

    def _add_head(self, head: tk.Misc) -> None:
        kit = self._kit
        self.title = kit.label(head, font="Strong", padding=(0, 0, 0, 6))
        self.title.pack(side="left")
        # made from left to right, as the Tab key goes, and packed from the right
        self.use_button = kit.button(
            head, "Use", font="Small", padding=(6, 1, 6, 2), command=self.use,
            tooltip="Have agents that name no endpoint ask this one",
        )  # fmt: skip
        self.examine_button = kit.button(
            head, "Examine…", font="Small", padding=(6, 1, 6, 2), command=self._examine,
            tooltip="Look for everything that can be wrong with this connection",
        )  # fmt: skip
        self.remove_button = kit.button(head, "Remove", font="Small", padding=(6, 1, 6, 2), command=self.remove)
        kit.tooltip(self.remove_button, self._remove_tip)
        for button in (self.remove_button, self.examine_button, self.use_button):
            button.pack(side="right", pady=(0, kit.px(4)))

    def endpoint(self) -> Endpoint:
        """The one that is chosen, as the settings have it."""
        return roster.found(self._read(), self._chosen)

    # -- the user ------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Ask all of them how they are, and look for others on this machine."""
        self._acts.on_ask_endpoints()
        self._acts.on_find()
        self._acts.on_ask_figures()
        self.connection.look()

    def choose(self, name: str) -> bool:
        """Show another endpoint. What is being written is put in force first; False when that cannot be."""
        for field in self.fields:
            if field.is_touched:
                field.apply()
            if field.is_touched:
                field.entry.focus_set()
                return False
        if name != self.endpoint().name:
            self._show(name)
        return True

    def use(self) -> None:
        """Have whoever names no endpoint ask the one that is chosen."""
        if not roster.is_in_use(self._read(), self.endpoint()):
            self._change(**roster.used(self._read(), self.endpoint().name))

    def remove(self) -> None:
        """Take the one that is chosen off the list, unless it is in use; for a while that can be taken back."""
        endpoint, settings = self.endpoint(), self._read()
        if roster.is_in_use(settings, endpoint) or not endpoint.name:
            return
        place = [each.name for each in settings.endpoints].index(endpoint.name)
        self._change(**roster.removed(settings, endpoint.name))
        beside = roster.listed(self._read())
        self._show(beside[min(place, len(beside) - 1)].name)
        self._offer_undo(place, endpoint)

    def undo(self) -> None:
        """Bring back the endpoint that was removed."""
        if self._removed is None:
            return
        (place, endpoint), self._removed = self._removed, None
        self._forget_undo()
        now = self._read().endpoints
        try:
            self._change(endpoints=(*now[:place], endpoint, *now[place:]))
        except SettingsError as error:
            self._forget_key(endpoint)
            self.notice.configure(text=str(error))
            return
        self._show(endpoint.name)
        self.focus_line()

    def add(self, endpoint: Endpoint) -> bool:
        """Put another one on the list and show it. False when it cannot be, which is said."""
        self._forget_undo()
        try:
            changes = roster.added(self._read(), endpoint)
            self._change(**changes)
        except SettingsError as error:
            self.notice.configure(text=str(error))
            return False
        self._show(self._read().endpoints[-1].name)
        self._acts.on_ask_endpoints()
        return True

    def focus_line(self) -> None:
        """Give the line of the one that is chosen the keyboard."""
        self.list.focus(self._number())

    def _choose_line(self, number: int) -> bool:
        return self.choose(roster.listed(self._read())[number].name)

    def _set(self, **values: object) -> None:
        """Values of the endpoint that is chosen."""
        endpoint = self.endpoint()
        changes = roster.changed(self._read(), endpoint.name, **values)
        if "name" in values:
            self._chosen = str(values["name"])
        try:
            self._change(**changes)
        except SettingsError:
            self._chosen = endpoint.name
            raise
        if "kind" in values:
            self.connection.look()

    def _examine(self) -> None:
        self._acts.on_examine(self.endpoint().name)

    def _fill_add(self) -> None:
        menu = self.add_button.menu
        menu.delete(0, "end")
        there = {each.base_url for each in roster.listed(self._read())}
        others = [report for report in self._found if report.base_url not in there]
        for report in others:
            endpoint = Endpoint(name=report.name, base_url=report.base_url, kind=report.kind)
            words = f"{report.name} at {roster.address_words(endpoint)} – found{', wants a key' * report.wants_key}"
            menu.add_command(label=words, command=lambda each=endpoint: self.add(each))  # type: ignore[misc]
        if others:
            menu.add_separator()
        for preset in roster.PRESETS:
            if preset.base_url not in there and preset.base_url not in {each.base_url for each in others}:
                menu.add_command(
                    label=preset.title,
                    command=lambda each=preset: self.add(roster.preset(each)),  # type: ignore[misc]
                )
        menu.add_separator()
        menu.add_command(label="Other server…", command=self._add_other)
        menu.add_command(label="Model file…", command=self._add_file)

    def _add_other(self) -> None:
        port = 8000
        there = {each.base_url for each in roster.listed(self._read())}
        while (base_url := _OTHER.replace("8000", str(port))) in there:
            port += 1
        if self.add(Endpoint(name="Server", base_url=base_url)):
            entry = self.connection.address.entry
            entry.focus_set()
            entry.selection_range(0, "end")

    def _add_file(self) -> None:
        if (path := self._acts.ask_model_file()) is not None:
            self.add(roster.model_file(path))

    def _offer_undo(self, place: int, endpoint: Endpoint) -> None:
        self._forget_undo()
        self._removed = (place, endpoint)
        self.notice.configure(text=f"“{endpoint.name}” removed")
        self.undo_button.pack(side="left")
        self._after = self.notice.after(UNDO_MS, self._forget_undo)

    def close(self) -> None:
        """What was removed stays so."""
        self._forget_undo()

    def _forget_undo(self) -> None:
        if self._after:
            self.notice.after_cancel(self._after)
            self._after = ""
        removed, self._removed = self._removed, None
        if removed:
            self._forget_key(removed[1])
        if self.notice.winfo_exists():
            self.notice.configure(text="")
            self.undo_button.pack_forget()

    def _forget_key(self, endpoint: Endpoint) -> None:
        """The key of an endpoint that is gone, unless another one needs it."""
        if endpoint.key == "store" and endpoint.kind != "file" and not roster.is_key_shared(self._read(), endpoint):
            self._acts.on_remove_key(endpoint.base_url)

    def _remove_tip(self) -> str:
        settings, endpoint = self._read(), self.endpoint()
        if not endpoint.name or roster.is_in_use(settings, endpoint):
            return "It is in use: use another one first"
        if endpoint.key != "store" or endpoint.kind == "file":
            return "Take it off the list"
        if roster.is_key_shared(settings, endpoint):
            return "Take it off the list; its key stays, which another one uses, too"
        return "Take it off the list, and its key out of the key store"

    # -- what comes back -----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is in force, also when something else has changed it."""
        self._chosen = self.endpoint().name
        self.connection.refresh()
        self.more.refresh()
        self.models.refresh()
        self.figures.refresh()
        self._show_lines()

    def key_report(self, state: KeyState) -> None:
        """Where the key of one of them is kept, or that the key of a removed one could not be taken away."""
        self.connection.key_report(state)
        if state.fault and state.base_url not in {each.base_url for each in roster.listed(self._read())}:
            self.notice.configure(text=state.fault)

    def server_report(self, base_url: str, report: ServerReport | None, error: FelixError | None) -> None:
        """What one of them said, or why it said nothing."""
        self._hear(base_url, report or error)
        self.connection.server_report(base_url, report, error)

    def endpoints_report(self, said: Mapping[str, ServerReport | FelixError]) -> None:
        """What all of them said. The one that is shown is asked by itself, with more patience."""
        for base_url, each in said.items():
            is_shown = base_url == self.endpoint().base_url
            if not is_shown or not isinstance(self._said.get(base_url), ServerReport):
                self._hear(base_url, each)

    def servers_found(self, reports: Sequence[ServerReport]) -> None:
        """What runs on this machine."""
        self._found = reports

    def _hear(self, base_url: str, said: Said) -> None:
        self._said[base_url] = said
        self._show_lines()
        if base_url == self.endpoint().base_url:
            self.models.show(said if isinstance(said, ServerReport) else None)

    def _show(self, name: str) -> None:
        self._chosen = name
        base_url = self.endpoint().base_url
        said = self._said.get(base_url)
        self.connection.show_another()
        for field in self.more.fields:
            field.restore()
        self.more.refresh()
        self.models.show_another(said if isinstance(said, ServerReport) else None)
        self.figures.refresh()
        if isinstance(said, ServerReport):
            self.connection.server_report(base_url, said, None)
        elif said:
            self.connection.server_report(base_url, None, said)
        self._show_lines()

    def _show_lines(self) -> None:
        settings = self._read()
        lines = []
        for each in roster.listed(settings):
            said = self._said.get(each.base_url)
            in_use = roster.is_in_use(settings, each)
            state = state_words(said, is_file=each.kind == "file")
            lines.append(Line(name_of(each, said), place_words(each, said), state, in_use))
        number = self._number()
        self.list.show(lines, number)
        self.title.configure(text=lines[number].name)
        in_use = lines[number].is_in_use
        self.use_button.state(["disabled" if in_use else "!disabled"])
        self.remove_button.state(["disabled" if in_use else "!disabled"])

    def _number(self) -> int:
        names = [each.name for each in roster.listed(self._read())]
        return names.index(self.endpoint().name)
