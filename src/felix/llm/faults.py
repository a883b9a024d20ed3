"""What went wrong with a server, as one `ServerError` with one sentence.

Every sentence reads "what happened – what to do"; `brief` is its first half, for a line about a retry. The server's own
words are quoted where it has some. Nothing here ever sees a key.
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

from felix.errors import ServerError, ServerFault
from felix.llm.surrogates import one_line

_CONTEXT = re.compile(
    r"context[ _]length|context[ _]size|n_ctx|n_keep|exceed_context|maximum context|too many tokens|context window",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"no models? (is |are )?(currently )?loaded", re.IGNORECASE)
_UNKNOWN_MODEL = re.compile(
    r"model\b.{0,200}\b(not found|not exist|does not exist|not available)"
    r"|(unknown|invalid|no such) model|model_not_found",
    re.IGNORECASE | re.DOTALL,
)
_LOADING = re.compile(r"\bloading (the )?model\b|\bmodel\b.{0,100}\b(still|currently|being) load", re.IGNORECASE)
_NO_PATH = re.compile(
    r"^(404 |file |page )*not found\.?$|cannot (post|get)|no (such )?(route|endpoint)|unexpected endpoint|not allowed"
    r"|unsupported method",
    re.IGNORECASE,
)
_KEY = re.compile(r"invalid[_ ]api[_ ]key|api (key|token) is required|authentication_error", re.IGNORECASE)
_WAIT = re.compile(r"try again in (?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)(ms|s)\b)?", re.IGNORECASE)
_BUSY = frozenset({502, 503, 504, 529})
_AGAIN = frozenset({408, 429, 500, 502, 503, 504, 529})
_STATUS = {"overloaded_error": 529, "overloaded": 529, "rate_limit_exceeded": 429, "rate_limit_error": 429}
"""What an error in a stream would have been as a status."""
LONGEST_WAIT_S = 60.0
"""A server that asks for a longer wait is not asked again by itself."""


def is_error(chunk: Mapping[str, object], name: str, *, has_choices: bool) -> bool:
    """Whether a chunk of a stream is an error: servers have at least five ways of saying so."""
    if chunk.get("error"):
        return True
    groq = chunk.get("x_groq")
    if isinstance(groq, dict) and groq.get("error"):
        return True
    if has_choices:
        return False
    return (
        name == "error"
        or chunk.get("object") == "error"
        or chunk.get("type") == "error"
        or (isinstance(chunk.get("message"), str) and "usage" not in chunk)
    )


def from_stream(chunk: object) -> ServerError:
    """The error that came as an event of a stream which had begun well."""
    text = error_text(chunk) or "no reason given"
    inner = chunk.get("error") if isinstance(chunk, dict) else None
    status = _code(inner) or _code(chunk)
    code = error_code(chunk)
    if not status and code in _STATUS:
        status = _STATUS[code]
    return from_status(status, text, address="The server", code=code, retry_after_s=wait_in_words(text))


def from_status(
    status: int,
    text: str,
    *,
    address: str,
    code: str = "",
    is_page: bool = False,
    retry_after_s: float | None = None,
    location: str = "",
) -> ServerError:
    """The error for an HTTP status, or for `status` 0 an error with words only.

    `text` is what the server said, already plain (`error_text`), `code` its word for machines (`error_code`), `is_page`
    that it was HTML; `address` the base URL, for the sentences about it.
    """
    said = _quoted(text)
    again = status in _AGAIN
    fault: ServerFault
    if 300 <= status < 400:
        fault, sentence = (
            "redirected",
            (
                f"The server redirects to {location or 'another address'}, not followed"
                " – if that is the right one, enter it as the server address in Settings."
            ),
        )
    elif _CONTEXT.search(f"{code} {text}"):
        again = False
        fault, sentence = (
            "context",
            (
                f"The prompt does not fit the model's context{said}"
                " – load the model with a longer context, or shorten the task."
            ),
        )
    elif status in (401, 403) or (status in (0, 200, 400) and _KEY.search(f"{code} {text}")):
        fault, sentence = (
            "key",
            (f"The server wants an API key or refused the one it got{said} – set the key in Settings."),
        )
    elif _NO_MODEL.search(text):
        fault, sentence = "no_model", f"No model is loaded{said} – load one in the server, then try again."
    elif _UNKNOWN_MODEL.search(f"{code} {text}") and not again:
        fault, sentence = (
            "unknown_model",
            (f"The server does not know this model{said} – choose another model in Settings."),
        )
    elif status in (404, 405, 501) and (is_page or not text or _NO_PATH.search(text)):
        fault, sentence = (
            "not_a_model_server",
            (
                f"{address} answers, but not as a model server (HTTP {status})"
                " – check the server address in Settings; it usually ends in /v1."
            ),
        )
    elif status == 413:
        fault, sentence = "context", f"The server refused the prompt as too large{said} – shorten the task."
    elif status == 429:
        wait = f", for {retry_after_s:.0f} s" if retry_after_s and retry_after_s >= 1 else ""
        fault, sentence = (
            "rate_limit",
            f"The server's rate limit is reached{wait}{said} – wait, or set fewer agents at once in Settings.",
        )
    elif status == 503 and _LOADING.search(text):
        fault, sentence = "loading", f"The server is still loading its model{said} – try again in a moment."
    elif status in _BUSY:
        fault, sentence = (
            "overloaded",
            f"The server is busy or not ready (HTTP {status}){said} – try again in a moment.",
        )
    elif status >= 500 or status == 408:
        fault, sentence = (
            "server",
            f"The server failed (HTTP {status}){said} – look at the server's log, then try again.",
        )
    elif status:
        fault, sentence = (
            "rejected",
            (
                f"The server refused the request (HTTP {status}){said}"
                " – check the model and the server address in Settings."
            ),
        )
    else:
        fault, sentence = "server", f"The server reported an error{said} – look at the server's log, then try again."
    if retry_after_s is not None and retry_after_s > LONGEST_WAIT_S:
        again = False
    return ServerError(sentence, fault=fault, retryable=again, retry_after_s=retry_after_s, status_code=status or None)


def not_a_model_server(address: str, status: int, content_type: str, text: str) -> ServerError:
    """The error for whatever answers in a model server's place."""
    kind = content_type.partition(";")[0].strip()
    what = f" ({kind}){_quoted(text)}" if text else f", with an empty answer (HTTP {status})"
    return ServerError(
        f"{address} answers, but is no model server{what}"
        " – check the server address in Settings; it usually ends in /v1.",
        fault="not_a_model_server",
        status_code=status,
    )


def retry_after_s(headers: Mapping[str, str], text: str = "") -> float | None:
    """Seconds the server asks to wait, by `retry-after-ms` or `retry-after` as seconds or a date, else in its words."""
    try:
        return max(0.0, float(headers.get("retry-after-ms", "")) / 1000)
    except ValueError:
        pass
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    date = parsedate_tz(value)
    return max(0.0, mktime_tz(date) - time.time()) if date else wait_in_words(text)


def wait_in_words(text: str) -> float | None:
    """Seconds in "Please try again in 1m5.289s", which is where some servers put them."""
    found = _WAIT.search(text)
    if not found or not any(found.groups()):
        return None
    hours, minutes, number, unit = found.groups()
    try:
        seconds = float(number or 0) / (1000 if unit and unit.lower() == "ms" else 1)
    except ValueError:
        return None
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds


def brief(error: Exception) -> str:
    """What happened, without the advice, to stand inside another sentence."""
    what, _, _ = str(error).partition(" – ")
    return what[:1].lower() + what[1:] if what[1:2].islower() else what


def without_key(error: ServerError, api_key: str) -> ServerError:
    """The error with the key taken out of the server's words: some servers quote the key they refuse."""
    sentence = str(error)
    if not api_key or api_key not in sentence:
        return error
    return ServerError(
        sentence.replace(api_key, "…"),
        fault=error.fault,
        retryable=error.retryable,
        retry_after_s=error.retry_after_s,
        status_code=error.status_code,
    )


def error_text(body: object) -> str:
    """The words of an error body in any of its shapes: parsed JSON, plain text or a page of HTML."""
    match body:
        case str():
            return _plain(body)
        case {"error": dict() | str() as inner} if inner:
            return error_text(inner) or _plain(json.dumps(inner))
        case {"x_groq": {"error": str() as inner}}:
            return _plain(inner)
        case {"message": str() as text} if text:
            return _plain(text)
        case {"message": dict() as inner}:
            return error_text(inner)
        case {"detail": str() as text}:
            return _plain(text)
        case {"detail": [{"msg": str() as text}, *_]}:
            return _plain(text)
        case dict() | list() if body:
            return _plain(json.dumps(body))
        case _:
            return ""


def error_code(body: object) -> str:
    """The word for machines in an error body, such as `context_length_exceeded`; empty when there is none."""
    match body:
        case {"error": dict() as inner}:
            return error_code(inner)
        case {"code": str() as code} if code and not code.isdigit():
            return code
        case {"type": str() as kind}:
            return kind
        case _:
            return ""


def refused_field(body: object) -> tuple[str, str]:
    """The field of the request that an error body names for machines, and its code; empty when it names none."""
    match body:
        case {"error": dict() as inner}:
            return refused_field(inner)
        case {"param": str() as param}:
            return param, error_code(body)
        case {"detail": [{"loc": ["body", str() as field, *_], "type": str() as code}, *_]}:
            return field, code
        case _:
            return "", error_code(body)


def _plain(text: str) -> str:
    """One line without markup or control characters, short enough for a sentence."""
    if re.search(r"<(!doctype|html|head|body|h1)\b", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = (
            title[1]
            if title
            else re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.IGNORECASE | re.DOTALL)
        )
        text = html.unescape(text)
    words = " ".join(one_line(text).split())
    return words if len(words) <= 400 else words[:399] + "…"


def _quoted(text: str) -> str:
    return f": “{text.rstrip('.')}”" if text else ""


def _code(value: object) -> int:
    if isinstance(value, dict):
        for name in ("status_code", "code", "status"):
            code = value.get(name)
            if isinstance(code, str) and code.isdigit():
                code = int(code)
            if isinstance(code, int) and 400 <= code < 600:
                return code
    return 0
