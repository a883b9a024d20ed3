"""The connection doctor: what was tried, what came of it, and what to do, on one card of the first screen."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from felix.endpoints import Endpoint
from felix.gui.kit import Kit
from felix.gui.server.server_watch import ServerWatch
from felix.llm.address import is_loopback
from felix.llm.condition import Grade, Said, condition, tells_loaded
from felix.llm.models import ServerReport

STEPS = (
    "Open LM Studio and load a model",
    "Developer tab → switch “Status” to Running",
    "Come back: Felix looks again every 3 seconds and says here when it is there",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One fact and its glyph."""

    icon: str
    state: str
    fact: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Whom the chosen workflow asks."""

    asks_in_use: bool = True
    """Somebody names no endpoint, and gets the server in use."""
    named: tuple[tuple[Endpoint, Said], ...] = ()
    """The endpoints that it names, with what they said when they were last asked."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All the card says."""

    verdict: str
    checks: tuple[Check, ...] = ()
    steps: tuple[str, ...] = ()
    can_use: bool = False
    offers_demo: bool = False


_SIGNS: dict[Grade, tuple[str, str]] = {
    "well": ("check-circle-fill", "done"),
    "wanting": ("exclamation-triangle-fill", "stop"),
    "down": ("x-circle-fill", "fail"),
    "unknown": ("dash-circle", "queue"),
}


def diagnose(watch: ServerWatch, places: Places = Places()) -> Diagnosis:
    """What is known, in words."""
    states = [(each, condition(said, is_file=each.kind == "file")) for each, said in places.named]
    checks = tuple(Check(*_SIGNS[state.grade], each.name, state.words) for each, state in states)
    if places.asks_in_use or not checks:
        in_use = _diagnose_in_use(watch)
        return replace(in_use, checks=(*in_use.checks, *checks))
    grades = {state.grade for _, state in states}
    if "unknown" in grades:
        verdict = "Looking for the servers of this workflow…"
    elif grades == {"well"}:
        verdict = f"The server{'s' * (len(checks) > 1)} of this workflow answer{'s' * (len(checks) == 1)}"
    else:
        verdict = "Not every server of this workflow answers"
    return Diagnosis(verdict, checks, offers_demo=not watch.uses_demo and "well" not in grades)


def _diagnose_in_use(watch: ServerWatch) -> Diagnosis:
    is_usual = watch.is_usual
    name = "LM Studio" if is_usual else watch.address
    if (found := watch.offer or watch.server) is not None:
        model = found.model
        where = Check("check-circle-fill", "done", f"{watch.name_of(found)} answers", urlsplit(found.base_url).netloc)
        also = tuple(_answers_too(each) for each in watch.also)
        can_use = watch.offer is not None
        if model is not None:
            state = "loaded" if tells_loaded(found.report.kind) else "there"
            room = f"{model.context_length:,} tokens of context" if model.context_length else ""
            return Diagnosis(
                f"{watch.name_of(found)} found – {model.name} is {state}",
                (where, Check("check-circle-fill", "done", f"{model.name} is {state}", room), *also),
                can_use=can_use,
            )
        count = len(found.report.models)
        detail = f"{count} to choose from; the server loads one when it is asked" if count else "Load a model there"
        return Diagnosis(
            f"{watch.name_of(found)} found – no model is loaded",
            (where, Check("dash-circle", "queue", "No model is loaded", detail), *also),
            can_use=can_use and count > 0,
        )
    if not watch.is_known:
        return Diagnosis(f"Looking for {name}…")
    demo = not watch.uses_demo
    if not watch.is_silent:
        sentence = str(watch.error) if watch.error else "It did not answer as a model server does."
        return Diagnosis(
            f"{watch.address} cannot be used",
            (Check("x-circle-fill", "fail", sentence),),
            offers_demo=demo,
        )
    if not is_loopback(watch.base_url):
        return Diagnosis(
            f"{watch.address} does not answer",
            (Check("x-circle-fill", "fail", str(watch.error)),),
            offers_demo=demo,
        )
    port = urlsplit(watch.base_url).port or 80
    detail = (
        "LM Studio's server is off, or uses another port" if is_usual else "Its server is off, or uses another port"
    )
    checks = [Check("x-circle-fill", "fail", f"Nothing listens on port {port}", detail)]
    for each in watch.locked:
        fact = f"{each.name} at {urlsplit(each.base_url).netloc} wants a key"
        checks.append(Check("exclamation-triangle-fill", "stop", fact, "Add it in Settings"))
    if watch.tried and not watch.locked:
        checks.append(Check("dash-circle", "queue", "No other server either", f"tried {', '.join(watch.tried)}"))
    return Diagnosis(
        f"{name} was not found",
        tuple(checks),
        STEPS if is_usual else (),
        offers_demo=demo,
    )


def _answers_too(report: ServerReport) -> Check:
    where = urlsplit(report.base_url).netloc
    if report.wants_key:
        return Check("exclamation-triangle-fill", "stop", f"{report.name} at {where} wants a key", "Set it in Settings")
    return Check("check-circle-fill", "done", f"{report.name} answers, too", f"{where}; its models are in the list")


class DoctorCard:
    """Shows a `Diagnosis`; drawn anew only when it says something else."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        watch: ServerWatch,
        *,
        on_settings: Callable[[], None],
        on_look: Callable[[], None],
        places: Callable[[], Places] = Places,
    ) -> None:
        """`on_look` asks all of them again."""
        self._kit, self._watch, self._places = kit, watch, places
        self._shown: Diagnosis | None = None
        self.frame = kit.frame(parent, "card", padding=(14, 12, 14, 14), box="card")
        head = kit.frame(self.frame, "card")
        head.pack(fill="x", pady=(0, kit.px(8)))
        self._verdict = kit.label(head, font="H3", on="card")
        self._verdict.pack(side="left")
        # made from left to right, as the Tab key goes, and packed from the right
        self._demo = kit.button(
            head, "Use the demo model", on="card", font="Small", padding=(8, 4), command=watch.use_demo
        )
        self._other = kit.button(head, "Other server…", on="card", font="Small", padding=(8, 4), command=on_settings)
        self._check = kit.button(
            head, "Check again", "arrow-clockwise", "outline", "card", "Small", padding=(9, 4), command=on_look
        )
        self._use = kit.button(head, "Use it", kind="primary", on="card", padding=(12, 4, 12, 5), command=self._take)
        self._check.pack(side="right")
        self._other.pack(side="right", padx=(0, kit.px(4)))
        self._body = kit.frame(self.frame, "card")
        self._body.pack(fill="x")
        self.refresh()

    def refresh(self) -> None:
        """Say what is known now."""
        diagnosis = diagnose(self._watch, self._places())
        if diagnosis == self._shown:
            return
        self._shown = diagnosis
        kit = self._kit
        self._verdict.configure(text=diagnosis.verdict)
        for button, is_wanted in ((self._use, diagnosis.can_use), (self._demo, diagnosis.offers_demo)):
            if is_wanted:
                button.pack(side="right", padx=(0, kit.px(4)))
            else:
                button.pack_forget()
        if diagnosis.can_use:
            self._use.pack(side="right", before=self._check, padx=(kit.px(8), 0))
        for child in self._body.winfo_children():
            child.destroy()
        for check in diagnosis.checks:
            row = kit.frame(self._body, "card")
            row.pack(fill="x", pady=kit.px(2))
            kit.label(row, on="card", icon=check.icon, icon_size=13, icon_color=f"state:{check.state}").pack(
                side="left"
            )
            kit.label(row, check.fact, on="card", padding=(8, 0, 8, 0), wraplength=kit.px(640)).pack(side="left")
            kit.label(row, check.detail, "Small", "text2", "card").pack(side="left")
        if not diagnosis.steps:
            return
        kit.rule(self._body).pack(fill="x", pady=(kit.px(9), kit.px(8)))
        for number, step in enumerate(diagnosis.steps, start=1):
            row = kit.frame(self._body, "card")
            row.pack(fill="x", pady=kit.px(2))
            kit.label(row, image=kit.avatar(str(number), "queue", "card", 18), on="card").pack(side="left")
            kit.label(row, step, on="card", padding=(8, 0, 0, 0)).pack(side="left")

    def _take(self) -> None:
        if (found := self._watch.offer) is not None:
            self._watch.use(found)
