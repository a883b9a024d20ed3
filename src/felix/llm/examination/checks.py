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
from felix.llm.discovery import find_servers
from felix.llm.examination.findings import Check, Finding, Repair, State
from felix.llm.examination.model import answer_finding, context_finding, halves, model_finding
from felix.llm.examination.network import listening_finding, name_finding, proxy_finding, proxy_for
from felix.llm.models import ModelInfo, ServerReport, check_connection, list_models, make_client
from felix.llm.ollama.address import PORT as OLLAMA_PORT
from felix.llm.packages import ready_to_ask
from felix.llm.questions import Questions

if TYPE_CHECKING:
    from felix.endpoints import ServerKind
    from felix.llm.local.keeper import ModelFiles

_LISTING_S = 5.0
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
    on_finding: Callable[[Finding], object] | None = None,
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
        on_finding: Callable[[Finding], object] | None,
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
        patient = self._patient
        chosen, finding = model_finding(report, patient.model if report.kind != "file" else "")
        self._add(finding)
        if chosen is None:
            raise _CannotGoOn
        self._add(context_finding(report.kind, chosen, needs=patient.needs_context, entered=patient.context_length))
        if finding.repair and finding.repair.load:
            # to ask it would do unasked what the repair offers, and push out what is loaded now
            self._say("answer", "skipped", f"Not asked, as that would load {chosen.name}.", "Load it, then look again.")
            return
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
            self._fail("address", *halves(error))
        # Capitals, a slash at the end, a name for this machine: told where they matter, or not at all.
        is_ollama = self._patient.kind == "ollama" or urlsplit(base_url).port == OLLAMA_PORT  # it is asked under /api
        if not is_file(base_url) and "/v1" in base_url and "/v1" not in given and not is_ollama:
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
        names = " and ".join(
            f"{each.name} at {urlsplit(each.base_url).netloc}{', which wants a key' if each.wants_key else ''}"
            for each in found
        )
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
            self._fail("key", *halves(refusal))
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
        what, advice = halves(error)
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

    async def _answer(self, report: ServerReport, chosen: ModelInfo) -> None:
        patient = self._patient
        limit_s = patient.silence_timeout_s
        if limit_s is None:
            limit_s = default_silence_timeout_s(report.base_url)
        await ready_to_ask(report.kind, report.base_url)
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
            self._fail("answer", *halves(error))
        try:
            check = await check_connection(
                client, report, model=chosen.id, streaming=patient.streaming, silence_timeout_s=limit_s
            )
        finally:
            await asyncio.shield(client.aclose())
        if check.fault == "not_a_model_server":
            # LM Studio's own list of models stands beside /v1, so a path without it is only noticed here.
            await self._wrong_path("answer", report.base_url, *halves(check.sentence))
        self._add(answer_finding(check, chosen))

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
