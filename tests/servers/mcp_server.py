"""A server of tools that speaks MCP in bare JSON through its pipes: honest, and on demand as bad as servers get.

It is started by its path, with nothing but the standard library, so that it is there in a moment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

_SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
_lock = threading.Lock()


def _tool(name: str, description: str = "", **more: object) -> dict[str, object]:
    schema = {"type": "object", "properties": {"text": {"type": "string"}, "count": {"type": "integer"}}}
    return {"name": name, "description": description or f"The tool {name}", "inputSchema": schema, **more}


TOOLS: list[dict[str, object]] = [
    _tool("echo", annotations={"readOnlyHint": True, "openWorldHint": False, "title": "Say it again"}),
    *(_tool(name) for name in (
        "steps", "fail", "refuse", "crash", "hang", "freeze", "huge", "picture", "structured", "environment",
        "children", "nonsense", "grow",
    )),
    _tool("odd name/with: everything", "\x1b[31mred" + "x" * 5_000),
    _tool("too-large", inputSchema={"type": "object", "description": "y" * 100_000}),
]  # fmt: skip


def _send(message: dict[str, object]) -> None:
    with _lock:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def _answer(request: Any, result: dict[str, object]) -> None:  # Any: an id, as it came
    _send({"id": request, "result": result})


def _text(request: Any, text: str, **more: object) -> None:
    _answer(request, {"content": [{"type": "text", "text": text}], **more})


def _call(request: Any, params: dict[str, Any], cancelled: threading.Event) -> None:
    name, arguments = params["name"], params.get("arguments") or {}
    token = (params.get("_meta") or {}).get("progressToken")
    match name:
        case "echo":
            _text(request, str(arguments.get("text", "")))
        case "steps":
            for step in (1, 2, 3):
                message = {"progressToken": token, "progress": step, "total": 3, "message": f"step {step}"}
                _send({"method": "notifications/progress", "params": message})
            _text(request, "three steps")
        case "fail":
            _text(request, "the printer is on fire", isError=True)
        case "refuse":
            _send({"id": request, "error": {"code": -32000, "message": "not on a Sunday"}})
        case "crash":
            print("cannot go on: the disk is gone", file=sys.stderr, flush=True)
            os._exit(3)
        case "hang":  # until it is taken back, and says so
            cancelled.wait(60)
            _send({"id": request, "error": {"code": -32800, "message": "taken back"}})
        case "freeze":
            time.sleep(600)  # on the thread that reads: nothing is heard any more
        case "huge":
            _text(request, "z" * arguments["count"])
        case "picture":
            data = {"type": "image", "data": "AAAA" * 100, "mimeType": "image/png"}
            link = {"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt"}
            text = {"type": "resource", "resource": {"uri": "note://1", "mimeType": "text/plain", "text": "a note"}}
            _answer(request, {"content": [data, link, text]})
        case "structured":
            _answer(request, {"content": [], "structuredContent": {"degrees": 21.5}})
        case "environment":
            _text(request, json.dumps(dict(os.environ)))
        case "children":  # one in the group, and one that leaves it, both deaf
            one = subprocess.Popen(
                [sys.executable, "-c", _SLEEPER], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            other = subprocess.Popen([sys.executable, "-c", _SLEEPER], start_new_session=True)
            _text(request, f"{os.getpid()} {one.pid} {other.pid}")
        case "nonsense":
            print("this is no JSON at all", flush=True)
            _answer(request, {"content": "not a list"})
        case "grow":
            TOOLS.append(_tool("new"))
            _send({"method": "notifications/tools/list_changed"})
            _text(request, "grown")
        case _:
            _text(request, f"called {name}")


def main() -> None:
    print("here I am", file=sys.stderr, flush=True)
    if "--deaf" in sys.argv:
        time.sleep(600)
    if "--gone" in sys.argv:
        print("no licence found", file=sys.stderr, flush=True)
        sys.exit(5)
    calls: dict[object, threading.Event] = {}
    for line in sys.stdin:
        message = json.loads(line)
        request, params = message.get("id"), message.get("params") or {}
        match message["method"]:
            case "initialize":
                version = params["protocolVersion"]
                info = {"name": "scripted", "version": "1"}
                capabilities = {"tools": {"listChanged": True}, "logging": {}}
                _answer(request, {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info})
            case "notifications/initialized":
                report = {"level": "info", "logger": "scripted", "data": "ready to work"}
                _send({"method": "notifications/message", "params": report})
            case "tools/list":
                start = int(params.get("cursor") or 0)
                page: dict[str, object] = {"tools": TOOLS[start : start + 10]}
                if start + 10 < len(TOOLS):
                    page["nextCursor"] = str(start + 10)
                _answer(request, page)
            case "tools/call" if params["name"] == "freeze":
                _call(request, params, threading.Event())
            case "tools/call":
                calls[request] = threading.Event()
                threading.Thread(target=_call, args=(request, params, calls[request]), daemon=True).start()
            case "notifications/cancelled":
                if call := calls.get(params.get("requestId")):
                    call.set()
            case _ if request is not None:
                _send({"id": request, "error": {"code": -32601, "message": "Method not found"}})
            case _:
                pass
    if "--stays" in sys.argv:  # though its input has ended
        time.sleep(600)


if __name__ == "__main__":
    main()
