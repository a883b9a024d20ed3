"""Asks a server one question through the public door and keeps all that was heard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from felix.llm.batching import complete_streaming
from felix.llm.chat import Answer, ChatClient, ChatRequest, Message, Progress, StreamingChunk
from felix.llm.openai_client import OpenAIClient


def question(
    text: str = "Hello", *, model: str = "quirk", max_tokens: int = 0, temperature: float | None = None
) -> ChatRequest:
    return ChatRequest((Message("user", text),), model, temperature, max_tokens, "research-1")


@dataclass
class Heard:
    """One call as its caller saw it."""

    chunks: list[StreamingChunk] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    def text(self, channel: str = "answer") -> str:
        return "".join(chunk.content for chunk in self.chunks if chunk.channel == channel)


async def ask(
    client: ChatClient, request: ChatRequest | None = None, *, heard: Heard | None = None, silence_timeout_s: float = 10
) -> Answer:
    heard = heard or Heard()
    return await complete_streaming(
        client,
        request or question(),
        batch_interval=0,
        callback=heard.chunks.append,
        on_progress=heard.progress.append,
        silence_timeout_s=silence_timeout_s,
    )


def ask_once(
    base_url: str,
    request: ChatRequest | None = None,
    *,
    heard: Heard | None = None,
    api_key: str = "",
    silence_timeout_s: float = 10,
) -> Answer:
    """A client of its own for one question, on a loop of its own."""

    async def run() -> Answer:
        client = OpenAIClient(base_url, api_key)
        try:
            return await ask(client, request, heard=heard, silence_timeout_s=silence_timeout_s)
        finally:
            await client.aclose()

    return asyncio.run(run())
