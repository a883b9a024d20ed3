"""What lies between Felix and a server before a word of HTTP: the host's name, a proxy, the port."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from felix.llm.address import is_loopback
from felix.llm.examination.findings import Finding, Repair

CONNECT_S = 3.0
"""As long as Felix gives a server on this machine; one in the same network answers in milliseconds."""
SLOW_S = 0.2
"""A name that takes longer to look up, or to connect by, is felt at every request."""

_LOOPBACKS = ("127.0.0.1", "::1")


class Attempt(NamedTuple):
    """One try to connect to one address."""

    address: str
    seconds: float
    error: str = ""
    """Empty when somebody took the connection."""
    is_refused: bool = False
    """The machine is there, and nothing listens."""


async def attempt(host: str, port: int) -> Attempt:
    """Connect and hang up."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Attempt(host, time.monotonic() - started, f"no answer within {CONNECT_S:.0f} s")
    except OSError as error:
        is_refused = isinstance(error, ConnectionRefusedError)
        return Attempt(host, time.monotonic() - started, error.strerror or str(error), is_refused)
    writer.close()
    return Attempt(host, time.monotonic() - started)


async def name_finding(base_url: str) -> Finding:
    """How the host of `base_url`, as it was entered, is looked up; a name may cost seconds at every request."""
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if _is_number(host):
        return Finding("name", "ok", f"{host} is a number: there is nothing to look up.")
    started = time.monotonic()
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        if host != "localhost":
            return Finding(
                "name", "fault", f"No host is called {host}.", "Correct the name, or enter the number of the machine."
            )
        found = []
    looked_up_s = time.monotonic() - started
    if host == "localhost":
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found)) or list(_LOOPBACKS)
        return _localhost([await attempt(address, port) for address in addresses], looked_up_s, base_url)
    if looked_up_s > SLOW_S:
        number = str(found[0][4][0])
        return Finding(
            "name",
            "warning",
            f"Looking up {host} takes {looked_up_s * 1000:.0f} ms, at every new connection.",
            f"Enter its number instead of its name: {number}.",
            Repair(f"Use {number}", base_url=with_host(base_url, number)),
        )
    return Finding("name", "ok", f"{host} is found within {looked_up_s * 1000:.0f} ms.")


def _localhost(attempts: list[Attempt], looked_up_s: float, base_url: str) -> Finding:
    before = []
    for each in attempts:
        if not each.error:
            break
        before.append(each)
    cost_s = looked_up_s + sum(each.seconds for each in before)
    good = next((each for each in attempts if not each.error), None)
    repair = Repair("Use 127.0.0.1", base_url=with_host(base_url, "127.0.0.1"))
    if good is not None and good.address == "127.0.0.1" and (before or cost_s > SLOW_S):
        why = f", as {before[0].address} comes first and does not answer" if before else ""
        return Finding(
            "name",
            "warning",
            f"localhost costs {cost_s * 1000:.0f} ms at every new connection{why}.",
            "Enter 127.0.0.1 instead: on some systems the name costs two seconds.",
            repair,
        )
    return Finding("name", "ok", f"localhost is found within {looked_up_s * 1000:.0f} ms.")


def proxy_finding(base_url: str, environment: Mapping[str, str]) -> Finding:
    """Whether a proxy catches what is meant for this server. Felix itself asks its own machine without one."""
    host = urlsplit(base_url).hostname or ""
    variable, proxy = proxy_for(base_url, environment)
    if not proxy:
        return Finding("proxy", "ok", "No proxy stands in between.")
    shown = f"{variable} ({urlsplit(proxy).netloc.rpartition('@')[2] or 'a proxy'})"
    if is_loopback(base_url):
        return Finding(
            "proxy",
            "ok",
            f"{shown} catches requests to this machine too; Felix goes around it.",
            "For other programs set NO_PROXY=127.0.0.1,localhost.",
        )
    if _is_near(host):
        return Finding(
            "proxy",
            "warning",
            f"{shown} stands between Felix and {host}, which is in your own network.",
            f"Add {host} to NO_PROXY, and start Felix again.",
        )
    return Finding("proxy", "ok", f"{host} is asked through {shown}.")


def proxy_for(base_url: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """(where it is set, the proxy's address) for whoever heeds proxies; empty when none is for this server."""
    parts = urlsplit(base_url)
    host, names = parts.hostname or "", (f"{parts.scheme}_proxy", "all_proxy")
    set_here = {name.lower(): (name, value) for name, value in sorted(environment.items()) if value}
    skipped = set_here.get("no_proxy", ("", ""))[1]
    if _is_spared(host, skipped):
        return "", ""
    for name in names:
        if name in set_here:
            return set_here[name]
    if sys.platform in ("win32", "darwin") and not urllib.request.proxy_bypass(host):
        proxy = urllib.request.getproxies().get(parts.scheme, "")
        return ("the system's proxy", proxy) if proxy else ("", "")
    return "", ""


def _is_spared(host: str, skipped: str) -> bool:
    """Whether NO_PROXY covers a host: by itself, by the domain it is in, or as all do with a star."""
    for entry in skipped.lower().split(","):
        name = entry.strip().lstrip(".")
        if name == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


async def listening_finding(base_url: str) -> Finding:
    """Whether anybody takes connections there; on this machine also whether it is the other loopback."""
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    tried = await attempt(host, port)
    where = f"{host}, port {port}"
    if not tried.error:
        return Finding("listening", "ok", f"Somebody listens on {where}.")
    if host in _LOOPBACKS:
        other = next(each for each in _LOOPBACKS if each != host)
        if not (await attempt(other, port)).error:
            return Finding(
                "listening",
                "fault",
                f"Nothing listens on {where}, but something does on {other} with this port.",
                f"Use {other} in the address.",
                Repair(f"Use {other}", base_url=with_host(base_url, other)),
            )
    if tried.is_refused:
        advice = (
            "Start the server (in LM Studio: Developer tab, Status “Running”), or correct the port."
            if is_loopback(base_url)
            else "Start the server there and let it serve on the network; or correct the port."
        )
        return Finding("listening", "fault", f"Nothing listens on {where}.", advice)
    return Finding(
        "listening",
        "fault",
        f"{where} cannot be reached: {tried.error}.",
        "Check the address, whether that machine is on, and its firewall.",
    )


def with_host(base_url: str, host: str) -> str:
    """The address with another host."""
    parts = urlsplit(base_url)
    where = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=where if parts.port is None else f"{where}:{parts.port}"))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_near(host: str) -> bool:
    """Whether it is in the user's own network: by a number for private use, or a name that no public host has."""
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box"))
