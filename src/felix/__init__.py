"""Felix: watch several language models think at once, on your own machine.

    import felix

    result = await felix.run("Should we move from e-mail to a chat of our own?")
    async for event in felix.run("The same, watched."): ...
    answer = await felix.Agent("research").ask("What is a helix?", on_token=print)

Importing this package imports nothing else until one of its names is asked for, so that the launcher and a quick
`--version` stay cheap. It parses on Python 3.6, so that an old Python can be told what is wrong.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # typing's own, which would have to be imported
if TYPE_CHECKING:
    from felix import events
    from felix.door.agent import Agent
    from felix.door.answer import Answer
    from felix.door.conversation import Conversation, Turn
    from felix.door.result import Figures, Result
    from felix.door.run import Run, continue_run, run, run_sync
    from felix.door.scripted import Say, ScriptedClient, StreamingClient
    from felix.door.stream import Stream
    from felix.errors import FelixError, LedgerError, ServerError, SettingsError, ToolError, WorkflowError
    from felix.events import Event, Record, Tokens
    from felix.llm.chat import (
        ChatClient,
        ChatRequest,
        Delta,
        Finish,
        Message,
        Note,
        Progress,
        Reasoning,
        Text,
        ToolCallPart,
        Usage,
    )
    from felix.settings import Settings
    from felix.team.tools.functions import FunctionTool
    from felix.team.tools.tool import Reach, Tool, ToolOutput
    from felix.team.workflow import Workflow

__all__ = [
    "Agent",
    "Answer",
    "ChatClient",
    "ChatRequest",
    "Conversation",
    "Delta",
    "Event",
    "FelixError",
    "Figures",
    "Finish",
    "FunctionTool",
    "LedgerError",
    "Message",
    "Note",
    "Progress",
    "Reach",
    "Reasoning",
    "Record",
    "Result",
    "Run",
    "Say",
    "ScriptedClient",
    "ServerError",
    "Settings",
    "SettingsError",
    "Stream",
    "StreamingClient",
    "Text",
    "Tokens",
    "Tool",
    "ToolCallPart",
    "ToolError",
    "ToolOutput",
    "Turn",
    "Usage",
    "Workflow",
    "WorkflowError",
    "continue_run",
    "events",
    "run",
    "run_sync",
]

_HOMES = {
    "felix.door.agent": ("Agent",),
    "felix.door.answer": ("Answer",),
    "felix.door.conversation": ("Conversation", "Turn"),
    "felix.door.result": ("Figures", "Result"),
    "felix.door.run": ("Run", "continue_run", "run", "run_sync"),
    "felix.door.scripted": ("Say", "ScriptedClient", "StreamingClient"),
    "felix.door.stream": ("Stream",),
    "felix.errors": ("FelixError", "LedgerError", "ServerError", "SettingsError", "ToolError", "WorkflowError"),
    "felix.events": ("Event", "Record", "Tokens"),
    "felix.llm.chat": (
        "ChatClient",
        "ChatRequest",
        "Delta",
        "Finish",
        "Message",
        "Note",
        "Progress",
        "Reasoning",
        "Text",
        "ToolCallPart",
        "Usage",
    ),
    "felix.settings": ("Settings",),
    "felix.team.tools.functions": ("FunctionTool",),
    "felix.team.tools.tool": ("Reach", "Tool", "ToolOutput"),
    "felix.team.workflow": ("Workflow",),
}
"""Where each name is at home."""


if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there

    def __getattr__(name):
        import importlib

        if name == "events":
            return importlib.import_module("felix.events")
        for home, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(importlib.import_module(home), name)
                return value
        raise AttributeError("module 'felix' has no attribute '%s'" % name)

    def __dir__():
        return sorted(set(globals()) | set(__all__))
