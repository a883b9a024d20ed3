"""A server of tools as the user names it in the settings, in the form that other programs use for it, too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Trust = Literal["allow", "ask", "never"]
"""Whether a tool may be used: unasked, after the user has seen its arguments, or not at all."""

_Text = Annotated[str, Field(max_length=10_000)]


class McpServer(BaseModel):
    """One entry of `mcpServers`: a program that is started (`command`), or an address (`url`).

    Values of `env` and `headers` may name variables of the environment as `${NAME}`, so that no secret need stand in
    the file.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    command: _Text = ""
    args: tuple[_Text, ...] = Field(default=(), strict=False)
    env: dict[str, _Text] = {}
    cwd: _Text = ""
    url: _Text = ""
    headers: dict[str, _Text] = {}
    disabled: bool = False


class SaidReach(BaseModel):
    """What the user says of a tool that nobody else can be believed about. Without a word of theirs it may do both."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    reads_private: bool = True
    can_send: bool = True
