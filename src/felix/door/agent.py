"""One agent: a model with a role that is asked and answers, in the caller's event loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from felix.door.answer import Answer
from felix.door.asking import Asking, Block
from felix.door.place import SettingsLike, place
from felix.door.stream import Listening, OnText, OnTool, Stream
from felix.door.tools import Approve, GivenTools, ToolLike
from felix.errors import FelixError
from felix.llm.chat import ChatClient, Message
from felix.team.roles import ROLES
from felix.team.workflow import AgentSpec, Workflow

MIDWAY = 0.5
"""The depth whose temperature an agent has that descends no helix."""


class Agent:
    """A model with a role. Nothing is asked before the first question.

        agent = felix.Agent("research", base_url="http://127.0.0.1:1234/v1")
        answer = await agent.ask("What is a helix?", on_token=print)
        print(answer.text, answer.usage, answer.ttft_s, answer.tokens_per_s)

        async for piece in agent.stream("And in biology?"):
            print(piece, end="")

    Each question makes its own connection, unless the agent is entered: `async with agent:` keeps it, and what it has
    started – a model file, servers of tools – goes on.
    """

    def __init__(
        self,
        role: str = "",
        *,
        prompt: str = "",
        base_url: str | None = None,
        model: str | None = None,
        api_key: str | None = None,
        endpoint: str | None = None,
        settings: SettingsLike | None = None,
        client: ChatClient | None = None,
        tools: Iterable[ToolLike] = (),
        approve: Approve | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        demo: bool = False,
    ) -> None:
        """`role` is one that Felix knows (research, analysis, critic), or your own word for it; `prompt` says the rest.

        `temperature` None is the role's, and the server's own where it has none; `max_tokens` None is as in the
        settings, 0 the server's own limit. Tools and where to ask: as in `felix.run`. Raises FelixError for what was
        given wrongly.
        """
        self.role = role
        where = place(
            settings=settings,
            base_url=base_url,
            endpoint=endpoint,
            model=model,
            api_key=api_key,
            client=client,
            demo=demo,
        )
        given = GivenTools(tools)
        alone = AgentSpec(id="agent", role=role if role in ROLES else "research")
        if temperature is None and role in ROLES:
            temperature = alone.temperature_at(MIDWAY)
        self._asking = Asking(
            place=where,
            workflow=given.added_to(where.asked(Workflow(name="One agent", agents=(alone,)))),
            given=given,
            approve=approve,
            name=role or "agent",
            system=_system(role, prompt),
            temperature=temperature,
            max_tokens=where.settings.max_tokens if max_tokens is None else max_tokens,
        )
        self._block: Block | None = None

    async def __aenter__(self) -> Self:
        self._block = Block(self._asking)
        await self._block.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        block, self._block = self._block, None
        if block is not None:
            await block.leave()

    async def ask(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        on_token: OnText | None = None,
        on_thinking: OnText | None = None,
        on_tool: OnTool | None = None,
    ) -> Answer:
        """The whole answer. Raises FelixError when none came; one that broke off says so in its status.

        `history` is what was said before, oldest first; what of it does not fit the context is left out, and said.
        `on_tool` is told of the calls of tools. Cancelling closes the connection, which stops the model.
        """
        return await self.stream(question, history=history, on_token=on_token, on_thinking=on_thinking, on_tool=on_tool)

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        on_token: OnText | None = None,
        on_thinking: OnText | None = None,
        on_tool: OnTool | None = None,
    ) -> Stream:
        """The answer while it is written; leaving it before its end stops the model."""
        return self.listened_to(question, history, Listening(on_token, on_thinking, on_tool))

    def listened_to(self, question: str, history: Sequence[Message], listening: Listening) -> Stream:
        """As `stream`, for whoever wants to hear of its end, too."""
        if not question.strip():
            raise FelixError("The question is empty – say what the agent shall answer.")
        return Stream(self._asking, self._block, question, tuple(history), listening)


def _system(role: str, prompt: str) -> str:
    known = ROLES.get(role)
    who = f"You are {'an' if role[:1].lower() in 'aeiou' else 'a'} {role} agent." if role else ""
    manner = " ".join(part for part in (who, known.purpose if known else "") if part)
    return "\n\n".join(part for part in (manner, prompt.strip()) if part)
