"""What leaves this machine, in every dialect: what was asked and nothing else."""

from __future__ import annotations

import asyncio
import json

import pytest

from felix.llm.models import list_models
from tests.llm.asking import ask
from tests.llm.conformance.kinds import Kind, every_kind, opened, talk
from tests.servers.fakes import End, Say, Script

CANARY = "canary-7f3a"
VARIABLES = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_ENVIRONMENT_KEY"),
    *("ANTHROPIC_LOG", "ANTHROPIC_WEBHOOK_SIGNING_KEY", "ANTHROPIC_WORK_SECRET", "ANTHROPIC_ORGANIZATION_ID"),
    *("GROQ_API_KEY", "GROQ_ORG_ID"),
    *("LM_API_TOKEN", "LM_STUDIO_API_KEY", "LMSTUDIO_API_KEY"),
    *("OLLAMA_API_KEY", "OLLAMA_MODELS", "OLLAMA_ORIGINS"),
    *("OPENAI_ADMIN_KEY", "OPENAI_API_KEY", "OPENAI_API_TYPE", "OPENAI_API_VERSION", "OPENAI_CUSTOM_HEADERS"),
    *("OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID", "OPENAI_WEBHOOK_SECRET"),
    *("AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "HF_TOKEN", "LLAMA_API_KEY"),
    "FELIX_API_KEY",
)
ADDRESSES = (
    *("ANTHROPIC_BASE_URL", "GROQ_BASE_URL", "OLLAMA_HOST", "OPENAI_BASE_URL", "LM_STUDIO_BASE_URL"),
    *("AZURE_OPENAI_ENDPOINT", "LLAMA_BASE_URL"),
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
)


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that a maker's own software would send along or follow."""
    for name in VARIABLES:
        monkeypatch.setenv(name, f"X-Canary: {CANARY}" if name.endswith("HEADERS") else CANARY)
    for name in ADDRESSES:
        monkeypatch.setenv(name, f"http://{CANARY}:{CANARY}@127.0.0.1:9/{CANARY}")


@pytest.mark.usefixtures("canaries")
@every_kind
@pytest.mark.parametrize("api_key", ["", "sk-mine"])
def test_nothing_of_the_environment_reaches_the_server(kind: Kind, api_key: str) -> None:
    got = talk(kind, (Say("Hello"), End()), api_key=api_key, request=kind.request(max_tokens=5, temperature=0.5))
    assert got.answer.status == "complete"
    for request in got.server.requests:
        raw = request.raw.decode().lower()
        assert CANARY not in raw
        assert "stainless-os" not in raw
        assert request.headers["user-agent"] == "Felix"
        keys = {request.headers.get("authorization"), request.headers.get("x-api-key")} - {None}
        assert keys in ([{"Bearer sk-mine"}, {"sk-mine"}, {"Bearer sk-mine", "sk-mine"}] if api_key else [set()])


@pytest.mark.usefixtures("canaries")
@every_kind
@pytest.mark.parametrize("api_key", ["", "sk-mine"])
def test_nothing_of_the_environment_goes_along_with_a_question_about_models(kind: Kind, api_key: str) -> None:
    with kind.server() as server:
        asyncio.run(list_models(server.base_url, api_key, kind=kind.client))
    assert server.requests
    for request in server.requests:
        assert CANARY not in request.raw.decode().lower()
        keys = {request.headers.get("authorization"), request.headers.get("x-api-key")} - {None}
        assert keys <= ({"Bearer sk-mine", "sk-mine"} if api_key else set())
        assert bool(keys) == bool(api_key)


@every_kind
def test_the_question_arrives_as_it_was_asked(kind: Kind) -> None:
    got = talk(kind, (Say("Hello"), End()), request=kind.request(max_tokens=5, temperature=0.5))
    body = got.server.answered[-1].body.decode()
    for message in kind.messages:
        assert message.content.replace("\ud83d", "\ufffd") in body or _escaped(message.content) in body
    assert got.server.answered[-1].json["model"] == kind.model
    assert kind.request().agent_id not in body


@every_kind
def test_one_connection_serves_many_questions(kind: Kind) -> None:
    async def three() -> int:
        with kind.server(Script(Say("Hello"), End())) as server:
            async with opened(kind, server) as client:
                for _ in range(3):
                    assert (await ask(client, kind.request())).status == "complete"
            return server.connected

    assert asyncio.run(three()) == 1


def _escaped(text: str) -> str:
    return json.dumps(text.replace("\ud83d", "\ufffd"))[1:-1]
