"""One of several machines with a model: a server with slots that answers when, and as well as, a test wants."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Literal, Self

from felix.endpoints import Endpoint
from tests.servers.fault_server import ClientGone, Connection, FaultServer, Request
from tests.servers.quirks import DONE, ROLE, STOP, USAGE, event, text

Mood = Literal["well", "down", "silent", "overloaded", "limited", "broken", "empty"]
"""`down`: connections are dropped; `silent`: no answer begins; the others are 503, 429, 500, and no model loaded."""

_REFUSALS: dict[Mood, tuple[str, str]] = {
    "overloaded": ("503 Service Unavailable", "too many requests are waiting"),
    "limited": ("429 Too Many Requests", "slow down"),
    "broken": ("500 Internal Server Error", "out of memory"),
    "empty": ("400 Bad Request", "No models loaded. Please load a model first."),
}


class Machine:
    """Runs from `with` to its end. Says its name in every answer."""

    def __init__(
        self,
        name: str,
        *,
        models: Sequence[str] = ("m",),
        context: int = 16_384,
        slots: int = 0,
        holds: bool = False,
    ) -> None:
        """`slots` 0: it does not tell. With `holds` no answer ends before `release`."""
        self.name = name
        self.mood: Mood = "well"
        self.speaking = 0
        self.most_at_once = 0
        self._models, self._context, self._slots = models, context, slots
        self._gate = threading.Event()
        self._cuts = False
        if not holds:
            self._gate.set()
        self._count = threading.Lock()
        self._server = FaultServer({"m": self._reply})

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    @property
    def base_url(self) -> str:
        return self._server.url("m")

    def endpoint(self, **fields: Any) -> Endpoint:
        """Its entry in the settings."""
        return Endpoint(name=self.name, base_url=self.base_url, **fields)

    @property
    def asked(self) -> list[Request]:
        """The requests for an answer that came in, refused ones too."""
        return self._server.posts("m")

    @property
    def prompts(self) -> list[str]:
        return ["\n".join(message["content"] for message in request.json["messages"]) for request in self.asked]

    @property
    def looked_at(self) -> int:
        """How often it was asked for anything but an answer."""
        return sum(request.method == "GET" for request in list(self._server.requests))

    def release(self) -> None:
        """Let every answer come to its end."""
        self._gate.set()

    def cut(self) -> None:
        """Drop every answer where it stands."""
        self._cuts = True
        self._gate.set()

    def wait_for(self, count: int, timeout_s: float = 10) -> None:
        """Until so many answers have been asked for."""
        self._server.wait_for("m", count, timeout_s)

    def wait_until_idle(self) -> None:
        """Until no client is connected."""
        self._server.wait_until_idle()

    def _reply(self, client: Connection) -> None:
        request = client.request
        if self.mood == "down":
            client.reset()
            raise ClientGone
        if request.method == "GET":
            self._list(client)
        elif self.mood == "silent":
            client.head()
            client.silence()
        elif self.mood != "well":
            status, words = _REFUSALS[self.mood]
            client.reply_json({"error": {"message": words}}, status, Retry_After="0.01")
        else:
            self._answer(client)

    def _list(self, client: Connection) -> None:
        owner = "llamacpp" if self._slots else "vllm"
        models = [{"id": each, "owned_by": owner, "max_model_len": self._context} for each in self._models]
        match client.request.path:
            case "/m/v1/models":
                client.reply_json({"object": "list", "data": models})
            case "/m/props" if self._slots:
                settings = {"default_generation_settings": {"n_ctx": self._context}, "total_slots": self._slots}
                client.reply_json(settings)
            case _:
                client.reply_json({"error": {"message": "Not Found"}}, "404 Not Found")

    def _answer(self, client: Connection) -> None:
        with self._count:
            self.speaking += 1
            self.most_at_once = max(self.most_at_once, self.speaking)
        try:
            client.head()
            model = client.request.json["model"]
            client.send(event({**ROLE, "model": model}) + event(text(f"{self.name} speaks.\n", model=model)))
            client.wait(self._gate)
            if self._cuts:
                client.reset()
                raise ClientGone
        finally:
            with self._count:  # before its end is told, upon which somebody else may ask
                self.speaking -= 1
        client.send(event(text("Confidence: 0.7", model=model)) + event({**STOP, "model": model}) + event(USAGE) + DONE)
        client.end()
