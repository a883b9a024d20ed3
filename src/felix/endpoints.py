"""Where models can be asked: one server, hosted service or model file on disk, as a user names it in the settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ServerKind = Literal["lmstudio", "ollama", "llamacpp", "vllm", "openai", "groq", "anthropic", "file", "other"]
"""Whose dialect is spoken there; `file` is a GGUF file that Felix serves itself, `other` any OpenAI-compatible one."""

HOSTED: frozenset[ServerKind] = frozenset({"openai", "groq", "anthropic"})
"""Services on the internet, where "loaded" means nothing to a user."""

KeySource = Literal["store", "environment", "none"]
"""The key store, by origin; the variable that the makers of this kind of server name; no key."""

Price = Annotated[float, Field(ge=0, le=1_000_000)]


class Endpoint(BaseModel):
    """One place; `base_url` with `kind` says how it is reached, the rest how it is used."""

    # instances too: one that was copied with other values has been checked by nobody yet
    model_config = ConfigDict(frozen=True, extra="allow", strict=True, revalidate_instances="always")

    name: str = Field(min_length=1, max_length=60, pattern=r"^\S[^\n]*$")
    """As workflows call it; no two are alike but for upper and lower case."""
    base_url: str = Field(min_length=1, max_length=2_000)
    """As `repair_base_url` leaves it; a model file is `file:///home/me/model.gguf`."""
    kind: Literal[ServerKind, "auto"] = "auto"
    """`auto`: found out by asking."""
    model: str = Field(default="", max_length=500)
    """For whoever names none; empty: the first that is loaded."""
    key: KeySource = "store"
    slots: int = Field(default=0, ge=0, le=256)
    """Requests at once; 0 is what the server says, else `max_parallel`."""
    pool: str = Field(default="", max_length=60)
    """Endpoints of one pool share the work of whoever names the pool."""
    context_length: int = Field(default=0, ge=0, le=10_000_000)
    """Tokens to load a model with, where Felix decides that: LM Studio, Ollama, a model file; 0 is the server's own."""
    prompt_price: Price | None = None
    """Per million tokens, in whatever money the user thinks in; None is unknown."""
    completion_price: Price | None = None


def named(endpoints: Iterable[Endpoint], name: str) -> Endpoint | None:
    """The endpoint of that name, however it is capitalised."""
    return next((each for each in endpoints if each.name.casefold() == name.casefold()), None)


def at(endpoints: Iterable[Endpoint], base_url: str) -> Endpoint | None:
    """The first endpoint with that address."""
    return next((each for each in endpoints if each.base_url == base_url), None)


def unnamed(base_url: str) -> Endpoint:
    """The place at an address that the settings have no entry for. Nothing is checked: it may be no address at all."""
    return Endpoint.model_construct(name="", base_url=base_url)
