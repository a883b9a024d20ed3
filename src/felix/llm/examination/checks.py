"""The course of an examination: each check builds on those before; one that cannot be made is told as skipped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, get_args
from urllib.parse import urlsplit

from felix.errors import FelixError, ServerError, SettingsError
from felix.llm.address import default_silence_timeout_s, is_file, is_loopback, origin, repair_base_url
from felix.llm.answer import same_model
from felix.llm.discovery import find_servers
from felix.llm.examination.findings import Check, Finding, Repair, State
from felix.llm.examination.network import listening_finding, name_finding, proxy_finding, proxy_for
from felix.llm.models import ConnectionCheck, ModelInfo, ServerReport, check_connection, list_models, make_client
from felix.llm.questions import Questions

if TYPE_CHECKING:
    from felix.endpoints import ServerKind
    from felix.llm.local.keeper import ModelFiles

SLOW_TTFT_S = 0.5
"""To the first token of a short prompt, with the model loaded: what takes longer is felt in every round."""
_LISTING_S = 5.0
_LOADS = frozenset({"lmstudio", "ollama"})
"""Kinds of servers that load a model when they are told to."""
_TOLD_EACH_TIME = frozenset({"ollama", "file"})
"""Kinds that are told with every request, or when they are first asked, how long the context shall be."""
_CONTEXT_STEP = 1_024

Find = Callable[[], Awaitable[tuple[ServerReport, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined."""

    base_url: str
    """As the user wrote it."""
    api_key: str = ""
    kind: ServerKind | Literal["auto"] = "auto"
    model: str = ""
    """Empty: the first that is loaded."""
    needs_context: int = 0
    """Tokens of the longest prompt with its answer; 0 if nobody knows."""
    streaming: bool = True
    silence_timeout_s: float | None = None
    """None: the usual limit."""
    context_length: int = 0
    slots: int = 0
    files: ModelFiles | None = None
    """These three as in `make_client`."""


async def examine(
    base_url: str,
    api_key: str = "",
    *,
    kind: ServerKind | Literal["auto"] = "auto",
    model: str = "",
    needs_context: int = 0,
    streaming: bool = True,
    silence_timeout_s: float | None = None,
    context_length: int = 0,
    slots: int = 0,
    files: ModelFiles | None = None,
    environment: Mapping[str, str] | None = None,
    find: Find = find_servers,
    on_finding: Callable[[Finding], None] | None = None,
) -> tuple[Finding, ...]:
    """Look at everything that can be wrong between Felix and a model: one finding for each `Check`, in their order.

    The first arguments as in `Patient`. `environment` is where proxies are looked up, None the process's own; `find`
    tells what else runs when nothing listens; `on_finding` is called with each finding as it comes. Raises nothing that
    a server could cause.
    """
    patient = Patient(
        base_url=base_url,
        api_key=api_key,
        kind=kind,
        model=model,
        needs_context=needs_context,
        streaming=streaming,
        silence_timeout_s=silence_timeout_s,
        context_length=context_length,
        slots=slots,
        files=files,
    )
    examination = _Examination(patient, os.environ if environment is None else environment, find, on_finding)
    try:
        await examination.carry_out()
    except _CannotGoOn:
        examination.skip_the_rest()
    return tuple(examination.findings)


class _CannotGoOn(Exception):
    """A fault after which nothing is left to check."""


class _Examination:
    def __init__(
        self,
        patient: Patient,
        environment: Mapping[str, str],
        find: Find,
        on_finding: Callable[[Finding], None] | None,
    ) -> None:
        self._patient = patient
        self._environment = environment
        self._find = find
        self._on_finding = on_finding
        self._proxied_by = ""
        """The variable of the proxy through which the server is asked."""
        self.findings: list[Finding] = []

    async def carry_out(self) -> None:
        base_url = self._address()
        if is_file(base_url):
            for check in ("name", "proxy", "listening"):
                self._say(check, "skipped", "A model file needs no server.")
        else:
            await self._network(base_url)
        report = await self._server(base_url)
        chosen = self._model(report)
        self._context(report, chosen)
        await self._answer(report, chosen)

    def skip_the_rest(self) -> None:
        done = {finding.check for finding in self.findings}
        for check in get_args(Check):
            if check not in done:
                self._say(check, "skipped", "Not checked, as the fault above comes first.")

    # ---------------------------------------------------------------- before HTTP

    def _address(self) -> str:
        given = self._patient.base_url.strip()
        try:
            base_url = repair_base_url(given)
        except SettingsError as error:
            self._fail("address", *_halves(error))
        # Capitals, a slash at the end, a name for this machine: told where they matter, or not at all.
        if not is_file(base_url) and "/v1" in base_url and "/v1" not in given:
            self._say(
                "address",
                "warning",
                f"{given} lacks /v1, under which model servers answer; Felix adds it.",
                "Write it out for other programs.",
                Repair(f"Use {base_url}", base_url=base_url),
            )
        else:
            self._say(
                "address", "ok", f"{base_url} is an address of a {'model file' if is_file(base_url) else 'server'}."
            )
        return base_url

    async def _network(self, base_url: str) -> None:
        # As entered: the repaired address has no localhost any more.
        given = self._patient.base_url.strip()
        entered = given if "://" in given else f"http://{given}"
        host = urlsplit(entered).hostname or ""
        if not is_loopback(base_url):
            self._proxied_by, _ = proxy_for(base_url, self._environment)
        if self._proxied_by:
            self._say("name", "skipped", f"The proxy of {self._proxied_by} looks the name up.")
        else:
            self._add(await name_finding(entered if host == "localhost" else base_url))
        self._add(proxy_finding(base_url, self._environment))
        if self._proxied_by:
            self._say("listening", "skipped", f"The proxy of {self._proxied_by} is asked, not the server itself.")
            return
        listening = await listening_finding(base_url)
        if listening.state == "fault" and listening.repair is None:
            listening = await self._with_others(listening)
        self._add(listening)

    async def _with_others(self, finding: Finding) -> Finding:
        """What else runs on this machine, as the way out."""
        found = await self._find()
        if not found:
            return finding
        first = found[0]
        names = " and ".join(f"{each.name} at {urlsplit(each.base_url).netloc}" for each in found)
        return Finding(
            finding.check,
            finding.state,
            f"{finding.sentence} Found running: {names}.",
            finding.advice,
            Repair(f"Use {first.name} at {urlsplit(first.base_url).netloc}", base_url=first.base_url, kind=first.kind),
        )

    # ---------------------------------------------------------------- the server

    async def _server(self, base_url: str) -> ServerReport:
        try:
            report = await self._list(base_url, self._patient.kind)
        except ServerError as error:
            await self._no_report(base_url, error)
        what = "a model file" if report.kind == "file" else f"{report.name} answers within {report.latency_ms:.0f} ms"
        self._say("server", "ok", f"This is {what}." if report.kind == "file" else f"{what}.")
        if report.kind == "file":
            self._say("key", "skipped", "A model file needs no key.")
        elif report.kind == "llamacpp" and (refusal := await self._llamacpp_refuses(base_url)):
            self._fail("key", *_halves(refusal))
        elif self._patient.api_key:
            self._say("key", "ok", "The key is taken, or none is wanted.")
        else:
            self._say("key", "ok", "No key is wanted for the list of models.")
        return report

    async def _list(self, base_url: str, kind: ServerKind | Literal["auto"]) -> ServerReport:
        patient = self._patient
        return await list_models(
            base_url,
            patient.api_key,
            kind=kind,
            timeout_s=_LISTING_S,
            context_length=patient.context_length,
            slots=patient.slots,
            files=patient.files,
        )

    async def _no_report(self, base_url: str, error: ServerError) -> NoReturn:
        what, advice = _halves(error)
        match error.fault:
            case "key":
                self._say("server", "ok", "A server answers.")
                given = "refused the key it got" if self._patient.api_key else "wants a key"
                self._fail("key", f"The server {given}.", "Enter the key that this server gave you, in Settings.")
            case "no_model" if not is_file(base_url):
                self._say("server", "ok", "A model server answers.")
                self._say("key", "ok", "No key stood in the way.")
                self._fail("model", what, advice)
            case "unreachable" if self._proxied_by:
                host = urlsplit(base_url).hostname
                self._fail(
                    "server",
                    f"{host} could not be reached through the proxy of {self._proxied_by}.",
                    f"Add {host} to NO_PROXY if it is in your own network, else correct the proxy; start Felix again.",
                )
            case "not_a_model_server":
                await self._wrong_path("server", base_url, what, advice)
            case _:
                self._fail("server", what, advice)

    async def _wrong_path(self, check: Check, base_url: str, what: str, advice: str) -> NoReturn:
        """There is no model server under this path; perhaps there is under another."""
        if repair := await self._better_path(base_url):
            what = (
                f"The model server answers under {urlsplit(repair.base_url).path}, not under {urlsplit(base_url).path}."
            )
            advice = f"Use {repair.base_url}."
        self._fail(check, what, advice, repair)

    async def _better_path(self, base_url: str) -> Repair | None:
        """A path of the same server under which there are models: it is asked, not guessed."""
        for path in dict.fromkeys(("/v1", f"{urlsplit(base_url).path}/v1", "/openai/v1")):
            other = f"{origin(base_url)}{path}"
            if other == base_url:
                continue
            try:
                report = await self._list(other, "auto")
            except FelixError:
                continue
            return Repair(f"Use {other}", base_url=other, kind=report.kind)
        return None

    async def _llamacpp_refuses(self, base_url: str) -> ServerError | None:
        """llama.cpp shows its models to everybody; whether it takes the key is told elsewhere."""
        async with Questions(base_url, self._patient.api_key, timeout_s=_LISTING_S) as server:
            try:
                response = await server.get(f"{server.root}/props")
            except ServerError:
                return None
            return server.refusal(response) if response.status_code in (401, 403) else None

    # ---------------------------------------------------------------- the model

    def _model(self, report: ServerReport) -> ModelInfo:
        wanted = self._patient.model if report.kind != "file" else ""
        chosen, first = report.model(wanted), report.models[0]
        if chosen is None:
            self._fail(
                "model",
                f"{report.name} has no model “{wanted}”.",
                "Choose one from its list.",
                Repair(f"Use {first.name}", model=first.id),
            )
        if chosen.loaded or report.kind == "file":
            state = "is loaded" if chosen.loaded else "is loaded when it is first asked"
            self._say("model", "ok", f"{chosen.name} {state}.")
            return chosen
        nothing = not any(model.loaded for model in report.models)
        self._say(
            "model",
            "warning",
            "No model is loaded." if nothing and not wanted else f"{chosen.name} is not loaded.",
            "The first answer waits until it is; load it beforehand, there or here.",
            Repair(f"Load {chosen.name}", model=chosen.id, load=True) if report.kind in _LOADS else None,
        )
        return chosen

    def _context(self, report: ServerReport, chosen: ModelInfo) -> None:
        has, needs = chosen.context_length, self._patient.needs_context
        if report.kind == "ollama" or not has:
            # Ollama is told with every request; others may not say, and then the user's word counts.
            has = self._patient.context_length or has
        if not has:
            self._say("context", "skipped", "The server does not say how much context the model has now.")
        elif not needs:
            self._say("context", "ok", f"Each request may have {has:,} tokens.")
        elif needs <= has:
            self._say("context", "ok", f"The workflow needs about {needs:,} tokens, each request may have {has:,}.")
        else:
            sentence = f"The workflow needs about {needs:,} tokens, each request may have only {has:,}."
            length = -(-needs // _CONTEXT_STEP) * _CONTEXT_STEP
            if chosen.max_context_length and length > chosen.max_context_length:
                most = f"{chosen.name} can have {chosen.max_context_length:,} at most"
                self._say("context", "fault", sentence, f"{most}: take another model or a shorter task.")
                return
            advice = f"Load the model with {length:,} tokens of context, or take a workflow with fewer rounds."
            self._say("context", "fault", sentence, advice, _longer(report.kind, chosen, length))

    async def _answer(self, report: ServerReport, chosen: ModelInfo) -> None:
        patient = self._patient
        limit_s = patient.silence_timeout_s
        if limit_s is None:
            limit_s = default_silence_timeout_s(report.base_url)
        try:
            client = make_client(
                report.base_url,
                patient.api_key,
                report.kind,
                context_length=patient.context_length,
                slots=patient.slots,
                files=patient.files,
            )
        except ServerError as error:  # such as a package that is missing
            self._fail("answer", *_halves(error))
        try:
            check = await check_connection(
                client, report, model=chosen.id, streaming=patient.streaming, silence_timeout_s=limit_s
            )
        finally:
            await asyncio.shield(client.aclose())
        if check.fault == "not_a_model_server":
            # LM Studio's own list of models stands beside /v1, so a path without it is only noticed here.
            await self._wrong_path("answer", report.base_url, *_halves(check.sentence))
        self._weigh(check, chosen)

    def _weigh(self, check: ConnectionCheck, chosen: ModelInfo) -> None:
        if not check.ok:
            self._fail("answer", *_halves(check.sentence))
        if check.model and not same_model(chosen.id, check.model):
            self._fail(
                "answer",
                f"{chosen.name} was asked, and {check.model} answered.",
                f"Load {chosen.name} in the server, or choose the one that answers.",
                Repair(f"Use {check.model}", model=check.model),
            )
        ttft_s = check.ttft_s
        if ttft_s is None:
            self._say("answer", "ok", f"{chosen.name} answers.")
        elif ttft_s > SLOW_TTFT_S and chosen.loaded:
            self._say(
                "answer",
                "warning",
                f"{chosen.name} answers, but its first token takes {ttft_s:.1f} s although it is loaded.",
                "See whether it fits into the graphics memory, and whether others are using the server now.",
            )
        else:
            self._say("answer", "ok", f"{chosen.name} answers, its first token after {ttft_s * 1000:.0f} ms.")

    # ----------------------------------------------------------------

    def _say(self, check: Check, state: State, sentence: str, advice: str = "", repair: Repair | None = None) -> None:
        self._add(Finding(check, state, sentence, advice, repair))

    def _fail(self, check: Check, sentence: str, advice: str = "", repair: Repair | None = None) -> NoReturn:
        self._add(Finding(check, "fault", sentence, advice, repair))
        raise _CannotGoOn

    def _add(self, finding: Finding) -> None:
        """Take it down; a fault of what lies before the server ends the examination."""
        self.findings.append(finding)
        if self._on_finding:
            self._on_finding(finding)
        if finding.state == "fault" and finding.check in ("name", "listening"):
            raise _CannotGoOn


def _halves(error: Exception | str) -> tuple[str, str]:
    """An error's sentence as what was found and what to do."""
    what, _, advice = str(error).partition(" – ")
    return f"{what.rstrip('.')}.", f"{advice[:1].upper()}{advice[1:]}"


def _longer(kind: ServerKind, model: ModelInfo, length: int) -> Repair | None:
    """How Felix can give a model more context; None where only the server's user can."""
    if kind == "lmstudio":
        return Repair(f"Load with {length:,}", model=model.id, load=True, context_length=length)
    if kind in _TOLD_EACH_TIME:
        return Repair(f"Give it {length:,}", context_length=length)
    return None
