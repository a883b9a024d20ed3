"""settings.json as one validated model, and the file it lives in.

A `Settings` is a frozen value: whoever needs the current one asks the `SettingsFile` for it, so a change made in the
window is in force from the next call on, in the middle of a run too.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from felix.endpoints import Endpoint, named
from felix.errors import SettingsError
from felix.mcp_servers import MOST_SERVERS, McpServer, SaidReach, Trust, called, fault_sentence, marks_of, server_of

Theme = Literal["light", "dark", "system"]

DEFAULT_BASE_URL = "http://127.0.0.1:1234/v1"
"""LM Studio's. Not `localhost`: on Windows that costs about two seconds a request."""

MOST_ENDPOINTS = 100

_WHOLE = "sentence"
"""The type of a fault that is told in whole sentences by whoever found it."""


class Settings(BaseModel):
    """Everything a user can set. Keys that this version does not know are kept as they stand."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    base_url: str = Field(default=DEFAULT_BASE_URL, min_length=1, max_length=2_000)
    model: str = Field(default="", max_length=500)
    """Empty: the first model that is loaded."""
    endpoints: tuple[Endpoint, ...] = Field(default=(), max_length=MOST_ENDPOINTS, strict=False)
    """Every place that has a name. The one in use is at `base_url`; workflows name others."""
    enable_streaming: bool = True
    streaming_batch_interval: float = Field(default=0.1, ge=0, le=2)
    """Seconds between two chunks; 0 passes every delta on."""
    streaming_batch_chars: int = Field(default=0, ge=0, le=100_000)
    """A chunk also leaves when this many characters wait; 0 is off."""
    typing_effect: bool = True
    workflow: str = Field(default="", max_length=500)
    """File name of the workflow last chosen; empty: the default one."""
    max_parallel: int = Field(default=4, ge=1, le=32)
    max_tokens: int = Field(default=0, ge=0, le=1_000_000)
    """Of one answer; 0 is the server's own limit."""
    silence_timeout_s: int | None = Field(default=None, ge=0, le=86_400)
    """Without any content; 0 is never, None is 600 on loopback and 120 elsewhere."""
    theme: Theme = "system"
    font_scale: float = Field(default=1.0, ge=0.7, le=2.0)
    reduce_motion: bool = False
    verbose_log: bool = False
    notify_when_done: bool = True
    """A desktop notification when a run ends and the window is not in front."""
    ledger_path: str = Field(default="", max_length=2_000)
    """The file of the ledger; empty: `ledger.db` in the user's data folder."""
    keep_days: int = Field(default=0, ge=0, le=36_500)
    """Runs older than this are removed at the next start; 0 keeps all. A pinned run stays."""
    mcp_servers: dict[str, McpServer] = Field(default={}, max_length=MOST_SERVERS)
    """By name: servers of tools, started when a workflow first names one."""
    tool_folder: str = Field(default="", max_length=2_000)
    """What the built-in tools may read; empty: nothing."""
    tool_trust: dict[str, Trust] = {}
    """By name, `server/tool` or a built-in one's: where the user has said otherwise than the tool's own default."""
    tool_reach: dict[str, SaidReach] = {}
    """By name, `server/tool`: what the user says a server's tool cannot do, which nobody else is believed about."""
    tool_servers: dict[str, str] = {}
    """By name, `server`: a mark of the program or address that both were said of. Felix writes it itself."""
    has_connected: bool = False
    """True once a model of a real server has answered, in a run or a test, or its user took a server that was found:
    from then on the demo model is not used unasked."""

    @field_validator("streaming_batch_interval", "font_scale", mode="before")
    @classmethod
    def _whole_numbers_are_numbers(cls, value: object) -> object:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        # the bound keeps integers that no float can hold away from float(); the limits refuse them anyway
        return float(value) if is_whole and abs(value) < 1_000_000 else value  # type: ignore[arg-type]

    @field_validator("endpoints")
    @classmethod
    def _names_differ(cls, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        for number, each in enumerate(endpoints):
            if named(endpoints[:number], each.name):
                raise _same_name(each.name)
        return endpoints

    @field_validator("tool_reach")
    @classmethod
    def _tools_are_of_servers(cls, reach: dict[str, SaidReach]) -> dict[str, SaidReach]:
        for name in reach:
            if not server_of(name):
                raise PydanticCustomError(
                    _WHOLE, "tool_reach must name each tool as “server/tool”; “{name}” is none.", {"name": name[:60]}
                )
        return reach


class SettingsFile:
    """The one file in force. Reading happens in `load`, writing in `change`; on any thread, one after the other."""

    def __init__(self, path: Path, *, defaults: Path | None = None) -> None:
        self.path = path
        self.current = Settings()
        """Frozen, replaced as a whole: other threads may read it at any time."""
        self.notices: tuple[str, ...] = ()
        """What the last `load` or `change` had to say, one sentence each."""
        self.faults: tuple[str, ...] = ()
        """Those of the notices that name a key whose value is not allowed. An endpoint that was left out is none: all
        else holds, and who names it is told."""
        self._defaults = defaults
        self._one_at_a_time = threading.RLock()
        """What a user says to a tool is put in force from another thread than the window's."""
        self._keep_first = False
        """True while the file holds something the next change would lose: it is then kept as .bad first."""

    def load(self) -> Settings:
        """Read the file; without one, the packaged defaults. Never raises: `notices` says what was wrong.

        A file that is no JSON object is kept as `settings.json.bad`; a key with a value that is not allowed takes its
        default, and the file stays as it is until the next change.
        """
        self.notices, self._keep_first = (), False
        source = self.path if self.path.exists() or self._defaults is None else self._defaults
        raw: dict[str, Any] = {}
        try:
            raw = _read(source)
        except FileNotFoundError:
            pass  # the defaults of the model
        except OSError as error:
            self._keep_first = source == self.path
            self.notices = (f"{source} could not be read ({_reason(error)}); Felix uses its defaults.",)
        except (ValueError, RecursionError):
            self.notices = (self._set_aside(source),)
        if "mcpServers" in raw:  # as other programs call it
            raw.setdefault("mcp_servers", raw.pop("mcpServers"))
        self.current, faults, left_out = _validated(raw)
        if faults or left_out:
            self._keep_first = source == self.path
        self.faults = tuple(f"{source.name}: {fault}" for fault in faults)
        self.current, others = _without_words_on_others(self.current)
        left_out += _words_on_servers(self.current)
        self.notices += (*self.faults, *(f"{source.name}: {sentence}" for sentence in left_out))
        self.notices += tuple(f"{_forgotten(each)}, or take it out of tool_servers in {source}." for each in others)
        return self.current

    def change(self, **changes: Any) -> Settings:  # Any: each key has a type of its own, checked by the model
        """Put values in force and save them. Raises SettingsError, with nothing changed, when one is not allowed.

        A file that cannot be written is a notice, not an error: the values are in force for this session.
        """
        with self._one_at_a_time:
            changed, others = self._put(changes)
            self.notices = tuple(f"{_forgotten(each)}." for each in others)
            try:
                if self._keep_first:
                    self._keep_as_bad()
                text = json.dumps(changed.model_dump(mode="json"), indent=2, ensure_ascii=False)
                # what servers are started or reached with may be secret, wherever in an entry it stands
                write_atomically(self.path, text + "\n", is_private=bool(changed.mcp_servers))
            except OSError as error:
                hold = "they hold until Felix is closed"
                trouble = f"The settings could not be saved to {self.path} ({_reason(error)}); {hold}."
                self.notices = (trouble, *self.notices)
            return changed

    def override(self, **changes: Any) -> Settings:  # Any: as in change
        """Put values in force without saving them. Raises SettingsError as `change` does."""
        with self._one_at_a_time:
            return self._put(changes)[0]

    def reset(self, keys: Iterable[str]) -> Settings:
        """Put the defaults of some keys in force and save."""
        return self.change(**{key: Settings.model_fields[key].default for key in keys})

    def _put(self, changes: Mapping[str, Any]) -> tuple[Settings, list[str]]:  # Any: as in change
        try:
            changed = Settings.model_validate({**self.current.model_dump(), **changes})
        except ValidationError as error:
            raise SettingsError(_sentence(error.errors()[0])) from None
        self.current, others = _without_words_on_others(changed)
        return self.current, others

    def _set_aside(self, source: Path) -> str:
        """Rename a file that is no JSON object, and say so. One that cannot be renamed is kept at the next change."""
        wrong = f"{source} is no valid JSON"
        if source != self.path:
            return f"{wrong}; Felix uses its defaults."
        try:
            self.path.replace(self._bad)
        except OSError:
            self._keep_first = True
            return f"{wrong}; Felix uses its defaults."
        return f"{wrong}; it is kept as {self._bad.name} and Felix uses its defaults."

    def _keep_as_bad(self) -> None:
        try:
            shutil.copy(self.path, self._bad)  # with its rights
        except OSError:
            self.path.replace(self._bad)
        self._keep_first = False

    @property
    def _bad(self) -> Path:
        return self.path.with_name(self.path.name + ".bad")


def write_atomically(path: Path, text: str, *, is_private: bool = False) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then `os.replace`.

    `is_private`: nobody else on this machine may read it. A link is followed, so that it stays one. Raises OSError;
    then the old file stands and no temporary one is left.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if not is_private:  # as mkstemp makes it; another one keeps the rights it had, or gets those of any new file
            Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _read(source: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises OSError, and ValueError or RecursionError for what could not be saved again."""
    raw = json.loads(source.read_text(encoding="utf-8-sig"))
    if not isinstance(raw, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  for the caller, one with what json itself raises
    json.dumps(raw, indent=2, ensure_ascii=False).encode()  # half characters, deep nesting: read by json, not written
    return raw


def _validated(raw: dict[str, Any]) -> tuple[Settings, list[str], list[str]]:
    """The settings, with the default for every key whose value is not allowed, a sentence for each of those, and one
    for each endpoint that was left out."""
    try:
        return Settings.model_validate(raw), [], []
    except ValidationError as error:
        faults = error.errors()
    kept: dict[str, Any] = dict(raw)
    sentences = [_sentence(fault) for fault in faults if fault["loc"][:1] not in (("endpoints",), ("mcp_servers",))]
    for key in {str(fault["loc"][0]) for fault in faults if fault["loc"]}:
        kept.pop(key, None)
    left_out: list[str] = []
    if "endpoints" in raw and "endpoints" not in kept:
        kept["endpoints"], left_out = _valid_endpoints(raw["endpoints"])
    if "mcp_servers" in raw and "mcp_servers" not in kept:
        kept["mcp_servers"], more = _valid_servers(raw["mcp_servers"])
        left_out += more
    return Settings.model_validate(kept), sentences, left_out


def _without_words_on_others(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings without what was allowed of servers whose names are another program's or address's by now, or
    nobody's; and those names. What is forbidden stays so."""
    marks = marks_of(settings.mcp_servers)
    others = {server for server, was in settings.tool_servers.items() if marks.get(server) != was}
    trust = {t: word for t, word in settings.tool_trust.items() if word == "never" or server_of(t) not in others}
    reach = {tool: word for tool, word in settings.tool_reach.items() if server_of(tool) not in others}
    lost = {server_of(tool) for tool in {*settings.tool_trust, *settings.tool_reach} - {*trust, *reach}}
    said_of = {server_of(tool) for tool in (*trust, *reach)}
    words = {server: mark for server, mark in marks.items() if server in said_of}
    kept = settings.model_copy(update={"tool_trust": trust, "tool_reach": reach, "tool_servers": words})
    return kept, sorted(lost)


def _words_on_servers(settings: Settings) -> list[str]:
    """A sentence for each word that was meant for all tools of a server, and holds for none."""
    return [
        f"tool_trust.{server} holds for no tool of that server – name each of them there, as “{server}/tool”."
        for server in called(settings.mcp_servers).values()
        if server in settings.tool_trust
    ]


def _forgotten(server: str) -> str:
    how = "is another one now, or gone: what was allowed of its tools is forgotten"
    return f"The server “{server}” {how} – allow it again in Settings, Tools"


def _valid_endpoints(given: object) -> tuple[list[Endpoint], list[str]]:
    """Those that can be used, and a sentence for each that is left out: one bad entry must not cost the others."""
    if not isinstance(given, list):
        return [], [f"endpoints must be a list, not {_quoted(given)}."]
    kept: list[Endpoint] = []
    sentences: list[str] = []
    for number, entry in enumerate(given):
        where = f"endpoints.{number}"
        if len(kept) == MOST_ENDPOINTS:
            sentences.append(f"endpoints has more than {MOST_ENDPOINTS} entries; those from {where} on are left out.")
            break
        try:
            endpoint = Endpoint.model_validate(entry)
        except ValidationError as error:
            sentences.append(f"{_within(where, error.errors()[0])} It is left out.")
            continue
        if named(kept, endpoint.name):
            sentences.append(f"{where}.name: {_same_name(endpoint.name)} This one is left out.")
        else:
            kept.append(endpoint)
    return kept, sentences


def _valid_servers(given: object) -> tuple[dict[str, McpServer], list[str]]:
    """The same of the servers of tools."""
    if not isinstance(given, dict):
        return {}, [f"mcp_servers must be an object, not {_quoted(given)}."]
    kept: dict[str, McpServer] = {}
    sentences: list[str] = []
    for name, entry in given.items():
        try:
            server = McpServer.model_validate(entry)
        except ValidationError as error:
            sentences.append(f"{fault_sentence(f'mcp_servers.{name}', error.errors())} It is left out.")
            continue
        if len(kept) < MOST_SERVERS:
            kept[name] = server
        else:
            sentences.append(f"mcp_servers has more than {MOST_SERVERS} entries; {name} is left out.")
    return kept, sentences


def _same_name(name: str) -> PydanticCustomError:
    return PydanticCustomError(_WHOLE, "Another endpoint is called “{name}” already.", {"name": name})


_ALLOWED: dict[str, Callable[[dict[str, Any]], str]] = {
    "literal_error": lambda context: f"must be {context['expected']}",
    "bool_type": lambda context: "must be true or false",
    "int_type": lambda context: "must be a whole number",
    "float_type": lambda context: "must be a number",
    "string_type": lambda context: "must be text",
    "string_pattern_mismatch": lambda context: "must be one line that begins with a letter or sign",
    "string_too_short": lambda context: "must not be empty",
    "string_too_long": lambda context: f"must have at most {context['max_length']:,} characters",
}


def _sentence(fault: ErrorDetails) -> str:
    """Which key, what is allowed, what was given."""
    key, *inside = fault["loc"] or ("settings",)
    if fault["type"] == _WHOLE:
        return fault["msg"]
    if key == "endpoints" and inside:
        return _within(f"endpoints.{inside[0]}", {**fault, "loc": tuple(inside[1:])})
    return f"{key} {_allowed(Settings, str(key), fault)}, not {_quoted(fault['input'])}."


def _within(where: str, fault: ErrorDetails) -> str:
    """The same for a fault of an endpoint; the place may go deeper than its keys, as into one of two types."""
    if not fault["loc"]:
        return f"{where} must be an object with a name and a base_url, not {_quoted(fault['input'])}."
    key = str(fault["loc"][0])
    if fault["type"] == "missing":
        return f"{where}.{key} is missing."
    if key == "key":  # an API key may have been written here: it is not repeated
        return f"{where}.{key} {_allowed(Endpoint, key, fault)}; the key itself belongs in no file."
    return f"{where}.{key} {_allowed(Endpoint, key, fault)}, not {_quoted(fault['input'])}."


def _allowed(model: type[BaseModel], key: str, fault: ErrorDetails) -> str:
    say = _ALLOWED.get(fault["type"])
    in_words = say(fault.get("ctx", {})) if say else fault["msg"][:1].lower() + fault["msg"][1:]
    return _range_of(model, key) or in_words


def _quoted(given: object) -> str:
    text = json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"


def _range_of(model: type[BaseModel], key: str) -> str:
    """`must be a number from 0 to 2` for a key with two limits, else nothing."""
    bounds = _bounds(model, key)
    if bounds is None:
        return ""
    kind = "whole number" if model.model_fields[key].annotation in (int, int | None) else "number"
    return f"must be a {kind} from {bounds[0]:,} to {bounds[1]:,}"


def limits(key: str) -> tuple[float, float] | None:
    """The least and the greatest value of a number; None for a key without two limits."""
    return _bounds(Settings, key)


def _bounds(model: type[BaseModel], key: str) -> tuple[float, float] | None:
    field = model.model_fields.get(key)
    if field is None:
        return None
    metadata = list(field.metadata)
    for choice in get_args(field.annotation):  # the limits of a `Price | None` stand with the price
        metadata += [limit for own in getattr(choice, "__metadata__", ()) for limit in own.metadata]
    low = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in metadata if hasattr(m, "le")), None)
    return None if low is None or high is None else (low, high)
