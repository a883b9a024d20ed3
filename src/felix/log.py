"""A log that a user can read: one line for each thing that happened, in a rotating file and, if asked for, on stderr.

The lines of a run are made from its records, so the log can say nothing that the window does not know. Never a key, and
never a model's text.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import assert_never
from urllib.parse import quote

from felix.events import (
    HUB,
    SYNTHESIS,
    AgentAdded,
    AgentSpawned,
    AgentState,
    NoteAdded,
    PartialSynthesis,
    PartialThought,
    PartialToolCall,
    PauseChanged,
    QuestionClosed,
    QuestionRaised,
    Record,
    RoundStarted,
    RunFinished,
    RunReopened,
    RunStarted,
    StoodStill,
    SynthesisComplete,
    SynthesisStarted,
    ThoughtAsked,
    ThoughtComplete,
    ThoughtId,
    ToolAnswered,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    WrapUpAsked,
    told,
)
from felix.terminal import safe

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_MAX_BYTES = 1_000_000
_FILES = 4
_log = logging.getLogger("felix.run")
_handlers: list[logging.Handler] = []
_SHORTEST_SECRET = 4
"""Characters; a shorter one would take ordinary words out of every line."""
_secrets: set[str] = set()


def hide(secret: str) -> None:
    """From now on this text never reaches a log line, in whatever message or traceback it stands.

    Nor does it as an address, JSON or a Python value would spell it. Any thread may call it, as often as it likes.
    """
    if len(secret) >= _SHORTEST_SECRET:
        in_addresses = quote(secret), quote(secret, safe="")
        _secrets.update((secret, *in_addresses, json.dumps(secret)[1:-1], repr(secret)[1:-1]))


def redacted(text: str) -> str:
    """`text` without any of what is to be hidden, for what is shown or kept elsewhere. Any thread may call it."""
    # The longest first: one key may begin another. Sorting copies, so another thread may hide one meanwhile.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "[key]")
    return text


def start(path: Path, *, verbosity: int = 0, detailed: bool = False) -> str:
    """Log to `path`, and to stderr with `verbosity` 1; 2, or `detailed`, adds a line per chunk.

    Warnings of the libraries below go the same way, so that no key reaches stderr past the filter either. Replaces an
    earlier start.

    Returns a sentence when the file cannot be written, and then logs without it; else an empty text.
    """
    own = logging.getLogger("felix")
    stop()
    own.setLevel(logging.DEBUG if verbosity > 1 or detailed else logging.INFO)
    own.propagate = False
    trouble = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _add(logging.handlers.RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_FILES, encoding="utf-8"))
    except OSError as error:
        trouble = f"No log is written: {path} cannot be opened ({error.strerror})."
    if verbosity and sys.stderr is not None:  # there is none under pythonw
        _add(logging.StreamHandler())
    return trouble


def stop() -> None:
    """Close what `start` opened."""
    while _handlers:
        handler = _handlers.pop()
        for logger in _loggers():
            logger.removeHandler(handler)
        handler.close()


def _add(handler: logging.Handler) -> None:
    handler.setFormatter(_Redacting(_FORMAT))
    _handlers.append(handler)
    for logger in _loggers():
        logger.addHandler(handler)


def _loggers() -> tuple[logging.Logger, logging.Logger]:
    """Felix's own, and the one that hears the libraries' warnings."""
    return logging.getLogger("felix"), logging.getLogger()


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return safe(redacted(super().format(record)))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        # One line each, whatever a server called its model; a traceback below it keeps its lines.
        return " ".join(super().formatMessage(record).splitlines())


class RunLog:
    """A streaming callback that writes the lines of one run."""

    def __init__(self) -> None:
        self._begun: set[ThoughtId] = set()
        """What has had its first token."""
        self._depths: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        event = record.event
        match event:
            case RunStarted():
                mode = (
                    f"streaming on, every {event.batch_interval_s * 1000:.0f} ms"
                    if event.streaming
                    else "streaming off"
                )
                where = f"{event.server_name or 'server'} {event.server}"
                # a run whose server did not answer has no model when none was chosen
                model = f"model {event.model}" if event.model else "the first model loaded"
                _log.info("run %s starts: %s on %s, %s, %s", record.run, event.workflow, where, model, mode)
            case RoundStarted():
                _log.info("round %d of %d at %.2f: %s", event.number, event.total, event.t, ", ".join(event.agents))
            case AgentSpawned():
                _log.info("%s enters at depth %.2f", event.agent_id, event.depth)
            case AgentState():
                self._state(event)
            case PartialThought():
                self._partial(event.thought_id, event)
            case PartialSynthesis():
                self._partial(SYNTHESIS, event)
            case PartialToolCall() | ToolProgressed():
                pass
            case ToolCalled():  # without its arguments, which may hold anything of the user's
                _log.info("%s calls %s%s", event.thought_id, event.name, _because(event.asks))
            case ToolReturned():
                _log.info(
                    "%s: %s ends %s after %.1f s%s",
                    event.thought_id,
                    event.name,
                    event.status,
                    event.duration_s,
                    _because(event.error),
                )
            case ThoughtComplete():
                sure = "–" if event.confidence is None else f"{event.confidence:.2f}"
                _log.info("%s ends %s, confidence %s%s", event.thought_id, _figures(event), sure, _because(event.error))
            case SynthesisStarted():
                _log.info("synthesis of %d thoughts: %s", len(event.sources), event.reason)
            case SynthesisComplete():
                _log.info("synthesis ends %s%s", _figures(event), _because(event.error))
            case (
                AgentAdded()
                | ThoughtAsked()
                | NoteAdded()
                | WrapUpAsked()
                | PauseChanged()
                | QuestionRaised()
                | QuestionClosed()
                | ToolAnswered()
                | RunReopened()
                | StoodStill()
            ):
                _log.info("run %s: %s", record.run, told(event))
            case RunFinished():
                _log.info(
                    "run %s ends %s after %.1f s%s", record.run, event.status, event.duration_s, _because(event.reason)
                )
            case _:
                assert_never(event)

    def _state(self, event: AgentState) -> None:
        match event.state:
            case "connecting":
                if event.agent_id != HUB and self._depths.get(event.agent_id) != event.checkpoint:
                    self._depths[event.agent_id] = event.checkpoint
                    _log.info("%s crosses checkpoint %.2f", event.agent_id, event.checkpoint)
                _log.info("%s asks %s, having read %d", event.thought_id, event.model, len(event.read))
            case "retrying":
                _log.warning("%s: %s", event.thought_id, event.detail)
            case state:
                _log.debug("%s is %s", event.thought_id, state)

    def _partial(self, speech: ThoughtId, event: PartialThought | PartialSynthesis) -> None:
        if speech not in self._begun:
            self._begun.add(speech)
            _log.info("%s has its first token", speech)
        _log.debug("%s %s +%d characters, %d tokens", speech, event.channel, len(event.partial), event.tokens_so_far)


def _figures(event: ThoughtComplete | SynthesisComplete) -> str:
    tokens = f"{event.usage.completion} tokens" if event.usage else "tokens not counted"
    rate = f", {'' if event.usage else '~'}{event.tokens_per_s:.1f} tok/s" if event.tokens_per_s else ""
    return f"{event.status}: {tokens}{rate}, {event.duration_s:.1f} s"


def _because(reason: str | None) -> str:
    return f" – {reason}" if reason else ""
