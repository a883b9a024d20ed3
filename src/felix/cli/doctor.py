"""`felix doctor`: what stands between Felix and a model, check by check, with what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, get_args

from felix.cli.given import given_workflow, loaded_settings
from felix.cli.output import COMPLETE, FAILED, Output, carry_out, note
from felix.endpoints import Endpoint, ServerKind, at, unnamed
from felix.errors import FelixError
from felix.keys import KeyStore, environment_fault, origin_of
from felix.llm.address import default_silence_timeout_s, repair_base_url
from felix.settings import DEFAULT_BASE_URL, Settings
from felix.team.fit import needs_context
from felix.terminal import safe

if TYPE_CHECKING:
    from felix.llm.examination import Comparison, Course, Finding
    from felix.llm.local.keeper import ModelFiles

KINDS: tuple[str, ...] = ("auto", *get_args(ServerKind))
_INDENT = 25
"""Where the sentences stand: behind the state and the title of the check."""


def run(options: argparse.Namespace) -> int:
    """Carry `felix doctor` out; returns the exit status: 0 no fault, 1 a fault, 2 wrong usage or settings."""
    return carry_out(partial(_examine, options))


def _examine(options: argparse.Namespace, out: Output) -> int:
    if options.kind not in KINDS:
        raise FelixError(f"There is no kind of server called {options.kind} – choose among {', '.join(KINDS)}.")
    # a wrong value elsewhere is no reason to leave the connection unexamined
    settings = loaded_settings(options, is_lenient=True).current
    needs = needs_context("", given_workflow(options.workflow), settings) if options.workflow else 0
    if fault := environment_fault():
        note(fault)
    is_well = asyncio.run(_Visit(options, settings, needs, out).carry_out())
    return COMPLETE if is_well else FAILED


class _Visit:
    """One examination, and the comparison where it is wanted."""

    def __init__(self, options: argparse.Namespace, settings: Settings, needs: int, out: Output) -> None:
        self._options = options
        self._settings = settings
        self._needs = needs
        self._out = out

    async def carry_out(self) -> bool:
        """Whether no fault was found."""
        from felix.llm.examination import examine
        from felix.llm.local.keeper import ModelFiles

        given = self._options.base_url if self._options.base_url is not None else await self._usual()
        endpoint = self._endpoint(given)
        key = await asyncio.to_thread(self._key, endpoint)
        if not self._options.json:
            self._out.write(f"{safe(given)}\n")
        files = ModelFiles()
        try:
            findings = await examine(
                given,
                key,
                kind=endpoint.kind,
                model=endpoint.model,
                needs_context=self._needs,
                streaming=self._settings.enable_streaming,
                silence_timeout_s=self._silence_s(endpoint.base_url),
                context_length=endpoint.context_length,
                slots=endpoint.slots,
                files=files,
                on_finding=self._tell,
            )
            is_well = all(finding.state != "fault" for finding in findings)
            if self._options.compare and findings[-1].state in ("ok", "warning"):
                await self._compare(endpoint, key, files)
        finally:
            await asyncio.shield(files.close())
        return is_well

    async def _usual(self) -> str:
        """The address in the settings; while it is the one Felix comes with, what runs on this machine goes first."""
        from felix.llm.discovery import find_servers

        base_url = self._settings.base_url
        if base_url != DEFAULT_BASE_URL or self._settings.has_connected:
            return base_url
        found = await find_servers()
        return found[0].base_url if found else base_url

    def _endpoint(self, given: str) -> Endpoint:
        """What the settings say of an address, with what the command line says."""
        settings, options = self._settings, self._options
        try:
            base_url = repair_base_url(given)
        except FelixError:
            return unnamed(DEFAULT_BASE_URL)  # the examination will say that it is no address
        endpoint = at(settings.endpoints, base_url) or unnamed(base_url)
        model = options.model or endpoint.model or (settings.model if base_url == settings.base_url else "")
        kind = endpoint.kind if options.kind == "auto" else options.kind
        return endpoint.model_copy(update={"model": model, "kind": kind})

    def _key(self, endpoint: Endpoint) -> str:
        is_in_use = origin_of(endpoint.base_url) == origin_of(self._settings.base_url)
        return KeyStore().key_for(endpoint, is_in_use=is_in_use)

    def _silence_s(self, base_url: str) -> float:
        limit = self._settings.silence_timeout_s
        return default_silence_timeout_s(base_url) if limit is None else limit

    async def _compare(self, endpoint: Endpoint, key: str, files: ModelFiles) -> None:
        from felix.llm.examination import compare_streaming, comparison_request
        from felix.llm.models import list_models, make_client
        from felix.llm.packages import ready_to_ask

        own = {"context_length": endpoint.context_length, "slots": endpoint.slots}
        report = await list_models(endpoint.base_url, key, kind=endpoint.kind, files=files, **own)
        chosen = report.model(endpoint.model) or report.models[0]
        await ready_to_ask(report.kind, report.base_url)
        client = make_client(report.base_url, key, report.kind, files=files, **own)
        try:
            comparison = await compare_streaming(
                client, comparison_request(chosen.id), silence_timeout_s=self._silence_s(endpoint.base_url)
            )
        finally:
            await asyncio.shield(client.aclose())
        self._tell_comparison(comparison)

    # ---------------------------------------------------------------- on the terminal

    def _tell(self, finding: Finding) -> None:
        from felix.llm.examination import TITLES

        if self._options.json:
            self._write_json(asdict(finding))
            return
        lines = [finding.sentence, *([finding.advice] if finding.advice else [])]
        if finding.repair:
            lines.append(f"Settings offers: {finding.repair.what}.")
        head = f"  {finding.state:<9}{TITLES[finding.check]:<14}"
        for number, line in enumerate(lines):
            self._out.write(f"{head if number == 0 else ' ' * _INDENT}{safe(line)}\n")
        self._out.flush()

    def _tell_comparison(self, comparison: Comparison) -> None:
        if self._options.json:
            self._write_json({"comparison": asdict(comparison)})
            return
        self._out.write(f"\n  {'':<11}{'first word':>12}{'total':>12}{'tok/s':>9}{'tokens':>9}\n")
        for name, course in (("streamed", comparison.streamed), ("whole", comparison.whole)):
            self._out.write(f"  {name:<11}{_figures(course)}\n")
        self._out.write(f"{safe(comparison.sentence)}\n")

    def _write_json(self, value: object) -> None:
        # as in `felix run --json`: nothing that a terminal could take for a command
        self._out.write(json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n")
        self._out.flush()


def _figures(course: Course) -> str:
    first = "–" if course.first_s is None else f"{course.first_s:.2f} s"
    speed = "–" if course.tokens_per_s is None else f"{course.tokens_per_s:.1f}"
    tokens = "–" if course.tokens is None else f"{course.tokens:,}"
    return f"{first:>12}{f'{course.total_s:.2f} s':>12}{speed:>9}{tokens:>9}"
