"""A model that asks for a calculator, and answers with what that brought."""

from __future__ import annotations

from tests.servers.fault_server import Connection, FaultServer
from tests.servers.quirks import DONE, ROLE, STOP, USAGE, chunk, event, text


def calling() -> FaultServer:
    """Its address is that of `calls`."""
    return FaultServer({"calls": _reply})


def _reply(client: Connection) -> None:
    if client.request.method == "GET":
        client.reply_json({"object": "list", "data": [{"id": "m", "owned_by": "vllm", "max_model_len": 16_384}]})
        return
    client.head()
    client.send(event(ROLE))
    said = [message for message in client.request.json["messages"] if message["role"] == "tool"]
    if said or "tools" not in client.request.json:
        client.send(event(text(f"It is {said[-1]['content'] if said else 'unknown'}.")) + event(STOP) + event(USAGE))
    else:
        call = {"index": 0, "id": "c1", "function": {"name": "calculator", "arguments": '{"expression": "6*7"}'}}
        client.send(event(chunk({"tool_calls": [call]})) + event(chunk(finish="tool_calls")) + event(USAGE))
    client.send(DONE)
    client.end()
