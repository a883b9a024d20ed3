"""Model servers as their makers document them, one per dialect, all playing the same scripts.

`with FakeOllama(Script(Say("Hello"), End())) as server:` answers at `server.base_url` and keeps what was asked.
"""

from tests.servers.fakes.anthropic import FakeAnthropic
from tests.servers.fakes.lmstudio import FakeLMStudio
from tests.servers.fakes.ollama import FakeOllama
from tests.servers.fakes.openai import FakeGroq, FakeLlamaCpp, FakeOpenAI, FakeVLLM
from tests.servers.fakes.script import (
    Break,
    Call,
    Cut,
    End,
    Endless,
    Hush,
    Keep,
    Load,
    Raw,
    Read,
    Refuse,
    Say,
    Script,
    Think,
)
from tests.servers.fakes.serving import FakeServer, Request

__all__ = [
    "Break",
    "Call",
    "Cut",
    "End",
    "Endless",
    "FakeAnthropic",
    "FakeGroq",
    "FakeLMStudio",
    "FakeLlamaCpp",
    "FakeOllama",
    "FakeOpenAI",
    "FakeServer",
    "FakeVLLM",
    "Hush",
    "Keep",
    "Load",
    "Raw",
    "Read",
    "Refuse",
    "Request",
    "Say",
    "Script",
    "Think",
]
