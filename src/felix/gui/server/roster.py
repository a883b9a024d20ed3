"""The list of endpoints as the window shows and changes it. Pure: settings in, changes for `SettingsFile.change` out.

The server in use stands in the list whether it has an entry or not; it gets one as soon as something is said of it
that is more than its address and model, or when another is used in its place, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from felix.endpoints import Endpoint, ServerKind, at, named, unnamed
from felix.errors import SettingsError
from felix.keys import origin_of
from felix.settings import Settings

Changes = dict[str, Any]
"""Keys of `Settings` with their new values; each has a type of its own."""


class Preset(NamedTuple):
    """A place that many people have, ready to be added."""

    title: str
    kind: ServerKind
    base_url: str


PRESETS = (
    Preset("LM Studio", "lmstudio", "http://127.0.0.1:1234/v1"),
    Preset("Ollama", "ollama", "http://127.0.0.1:11434/v1"),
    Preset("llama.cpp", "llamacpp", "http://127.0.0.1:9931/v1"),
    Preset("OpenAI", "openai", "https://api.openai.com/v1"),
    Preset("Groq", "groq", "https://api.groq.com/openai/v1"),
    Preset("Anthropic", "anthropic", "https://api.anthropic.com/v1"),
)


def listed(settings: Settings) -> tuple[Endpoint, ...]:
    """Every endpoint in the order of the settings; in front the server in use, with no name, if it has no entry."""
    here = () if at(settings.endpoints, settings.base_url) else (unnamed(settings.base_url),)
    return (*here, *settings.endpoints)


def found(settings: Settings, name: str) -> Endpoint:
    """The endpoint of that name; the one in use for no name, and for one that is gone."""
    in_use = at(settings.endpoints, settings.base_url) or unnamed(settings.base_url)
    return (named(settings.endpoints, name) if name else None) or in_use


def is_in_use(settings: Settings, endpoint: Endpoint) -> bool:
    """Whether whoever names no endpoint goes there."""
    in_use = at(settings.endpoints, settings.base_url)
    return in_use.name == endpoint.name if in_use else endpoint.base_url == settings.base_url


def added(settings: Settings, endpoint: Endpoint) -> Changes:
    """A new endpoint at the end, its name made distinct. Raises SettingsError for an address that is there already."""
    kept = _with_the_one_in_use(settings)
    if there := at(kept, endpoint.base_url):
        raise SettingsError(f"“{there.name}” is at this address already; choose it in the list.")
    name = free_name(kept, endpoint.name)
    return {"endpoints": (*kept, endpoint.model_copy(update={"name": name}))}


def changed(settings: Settings, name: str, /, **values: Any) -> Changes:  # Any: as in `Changes`
    """Other values for an endpoint; an address goes through `moved`. Raises SettingsError for a name that is taken."""
    endpoint = found(settings, name)
    wanted = str(values.get("name", endpoint.name)).strip()
    if "name" in values:
        values["name"] = wanted
        if not wanted:
            raise SettingsError("A name is needed: workflows call the endpoint by it.")
        if any(each.name.casefold() == wanted.casefold() for each in _others(settings, endpoint)):
            raise SettingsError(f"Another endpoint is called “{wanted}” already.")
    if set(values) == {"model"} and not endpoint.name:
        return {"model": values["model"]}
    changes: Changes = {"endpoints": _replaced(settings, endpoint, values)}
    if "model" in values and is_in_use(settings, endpoint):
        changes["model"] = values["model"]
    return changes


def moved(settings: Settings, name: str, base_url: str) -> Changes:
    """Another address for an endpoint. Raises SettingsError for one that is there already.

    A key belongs to an origin: a stored one stays with the old address, and what is read from the environment is not
    sent to the new one until its user says so again.
    """
    endpoint = found(settings, name)
    there = at(_others(settings, endpoint), base_url)
    if there and endpoint.name:
        raise SettingsError(f"“{there.name}” is at this address already; choose it in the list.")
    changes: Changes = {}
    if endpoint.name:
        values: dict[str, Any] = {"base_url": base_url}
        if loses_key(endpoint, base_url):
            values["key"] = "none"
        changes["endpoints"] = _replaced(settings, endpoint, values)
    if is_in_use(settings, endpoint):
        changes["base_url"] = base_url
    return changes


def loses_key(endpoint: Endpoint, base_url: str) -> bool:
    """Whether a move to this address takes the key of the environment away from an endpoint."""
    return endpoint.key == "environment" and origin_of(endpoint.base_url) != origin_of(base_url)


def removed(settings: Settings, name: str) -> Changes:
    """The list without an endpoint. Of the one in use the address stays in use, until another is."""
    endpoint = found(settings, name)
    return {"endpoints": _others(settings, endpoint)}


def is_key_shared(settings: Settings, endpoint: Endpoint) -> bool:
    """Whether another one uses the key that the key store holds for an endpoint; one of its own address and name is
    none other."""
    origin = origin_of(endpoint.base_url)
    others = (each for each in listed(settings) if each.name != endpoint.name)
    return any(each.key == "store" and origin_of(each.base_url) == origin for each in others)


def used(settings: Settings, name: str) -> Changes:
    """An endpoint in use, with the model it was last used with. The one before keeps its model, and gets an entry."""
    endpoint = found(settings, name)
    kept = _with_the_one_in_use(settings)
    before = at(kept, settings.base_url)
    if before and before.model != settings.model:
        kept = tuple(each.model_copy(update={"model": settings.model}) if each is before else each for each in kept)
    return {"base_url": endpoint.base_url, "model": endpoint.model, "endpoints": kept}


def free_name(endpoints: Iterable[Endpoint], wanted: str) -> str:
    """`wanted`, or `wanted 2` and so on."""
    wanted = " ".join(wanted.split())[:50] or "Server"
    taken = {each.name.casefold() for each in endpoints}
    names = (wanted if number == 1 else f"{wanted} {number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name.casefold() not in taken)


def preset(which: Preset) -> Endpoint:
    """A place that many people have."""
    return Endpoint(name=which.title, base_url=which.base_url, kind=which.kind)


def model_file(path: Path) -> Endpoint:
    """A GGUF file on this machine, named after it."""
    name = re.sub(r"(-\d{5}-of-\d{5})?\.gguf$", "", path.name, flags=re.IGNORECASE)
    return Endpoint(name=name.strip()[:50] or "Model file", base_url=path.absolute().as_uri(), kind="file", key="none")


def address_words(endpoint: Endpoint) -> str:
    """Host and port as people write them, or the name of a file."""
    try:
        parts = urlsplit(endpoint.base_url)
    except ValueError:
        return endpoint.base_url
    if parts.scheme == "file":
        return unquote(parts.path).rpartition("/")[2]
    return parts.netloc if parts.scheme in ("http", "https") and parts.netloc else endpoint.base_url


def usual_name(base_url: str) -> str:
    """What a server at an address is most likely called."""
    known = next((each.title for each in PRESETS if each.base_url == base_url), "")
    return known or address_words(unnamed(base_url))


def _with_the_one_in_use(settings: Settings) -> tuple[Endpoint, ...]:
    """The entries, with one for the server in use if it has none."""
    if at(settings.endpoints, settings.base_url):
        return settings.endpoints
    name = free_name(settings.endpoints, usual_name(settings.base_url))
    return (Endpoint(name=name, base_url=settings.base_url, model=settings.model), *settings.endpoints)


def _others(settings: Settings, endpoint: Endpoint) -> tuple[Endpoint, ...]:
    return tuple(each for each in settings.endpoints if each.name != endpoint.name)


def _replaced(settings: Settings, endpoint: Endpoint, values: dict[str, Any]) -> tuple[Endpoint, ...]:
    kept = settings.endpoints if endpoint.name else _with_the_one_in_use(settings)
    target = endpoint.name or free_name(settings.endpoints, usual_name(settings.base_url))
    return tuple(each.model_copy(update=values) if each.name == target else each for each in kept)
