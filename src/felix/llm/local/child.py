"""The process in which a model file is loaded and served: llama.cpp's own server, on a loopback port, with a key.

It is started by its path and imports nothing of Felix, so it starts fast and wherever Felix does. The first line of its
standard input is what to do, as JSON; when that input ends, whoever started it has gone, and so it goes too. Its
standard output is one line of JSON at the end of loading, between the lines in which llama.cpp tells how far that is.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_KEPT_PROMPTS_MIB = 1024
"""For prompts that may come again. llama.cpp's own 8 GiB would be more than all else on many machines."""


def main() -> int:
    """Serve until standard input ends; 1 when there is nothing to serve."""
    # llama.cpp takes standard output for itself
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    wanted = json.loads(sys.stdin.buffer.readline())
    _end_with(wanted["parent"])
    if hasattr(os, "nice"):
        os.nice(5)  # the window draws while this computes on all cores
    # With this set llama.cpp tells how far loading is, and ends by itself when its input does. Python cannot: until the
    # model is loaded no other thread of it runs.
    os.environ["LLAMA_SERVER_ROUTER_PORT"] = "0"
    try:
        import xllamacpp  # type: ignore[import-untyped, import-not-found, unused-ignore]  # an extra, not annotated
    except ImportError as error:
        return _tell(out, failed="import", reason=str(error))
    try:
        server = xllamacpp.Server(_parameters(xllamacpp, wanted))
    except Exception as error:  # noqa: BLE001  native code may raise anything; the parent says it in a sentence
        return _tell(out, failed="load", reason=str(error))
    _tell(out, address=server.listening_address)
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)  # no tidying up: the server's threads may be in the middle of a long computation


def _parameters(xllamacpp: Any, wanted: dict[str, Any]) -> Any:  # Any: the package is not annotated, nor always there
    parameters = xllamacpp.CommonParams()
    parameters.model.path = wanted["path"]
    parameters.model_alias = {wanted["alias"]}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [wanted["key"]]
    parameters.n_parallel = wanted["slots"]
    parameters.n_ctx = wanted["context_length"] * wanted["slots"]
    parameters.cpuparams.n_threads = wanted["threads"]
    parameters.cpuparams_batch.n_threads = wanted["threads"]
    parameters.cache_ram_mib = _KEPT_PROMPTS_MIB
    parameters.use_jinja = True
    parameters.endpoint_props = True
    parameters.ui = False
    parameters.cors_origins = ""
    return parameters


def _tell(out: Any, **what: str) -> int:  # Any: the text file of a pipe
    out.write(json.dumps(what) + "\n")
    out.flush()
    return 1


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, even while it loads. Elsewhere the input's end does."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        except (OSError, AttributeError):
            return
        if os.getppid() != parent:  # it died before
            os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
