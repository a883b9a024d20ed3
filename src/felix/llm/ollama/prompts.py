"""Whether Ollama cut a prompt: it drops what does not fit its context and says nothing, but it counts what it read.

Newer versions cut a prompt that is too long to its first few tokens and the newest half of the context, older ones to
the whole context (`contextShiftPromptLimit` in Ollama's llm/llama_server.go).
"""

from __future__ import annotations

from felix.llm.chat import Message, Note

_KEPT = 4
"""First tokens that are kept, unless the model says otherwise; a few more or less are allowed for below."""
_NEAR_HALF = 32

_MOST_BYTES = 7.0
"""UTF-8 bytes of text per token from which on tokens are missing: hardly a tokenizer averages more over a prompt."""

_SHORT = 1_000
"""Bytes of a prompt that fits every context."""


def prompt_bytes(messages: tuple[Message, ...]) -> int:
    """The length of a prompt in UTF-8, without what the model's template adds. Bytes per token differ less from
    language to language than characters do."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in messages)


def cut_note(sent_bytes: int, counted: int, context: int) -> Note | None:
    """What to say of a prompt of `sent_bytes` of which `counted` tokens were read into a context of `context` tokens.

    None when it may have been read whole, also when Ollama does not count what it still remembered (`counted` 0).
    """
    if context <= 0 or sent_bytes < _SHORT:
        return None
    half = context - (context - _KEPT) // 2
    # No one chooses a prompt that leaves no room to answer.
    is_full = counted >= context - 1
    is_half = abs(counted - half) <= _NEAR_HALF and sent_bytes > _MOST_BYTES * counted
    cannot_fit = sent_bytes > _MOST_BYTES * context
    if not (is_full or is_half or cannot_fit):
        return None
    to = f" to {counted:,} tokens" if counted else ""
    return Note(f"Ollama cut the prompt{to}, its context holds {context:,} – raise the context length")
