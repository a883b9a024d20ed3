"""The deltas of one call gathered into its `Answer`: the one place that decides how a call ended."""

from __future__ import annotations

from typing import assert_never

from felix.errors import ServerError, ServerFault
from felix.events import Status
from felix.llm.chat import (
    Answer,
    ChatRequest,
    Delta,
    Finish,
    Note,
    Progress,
    Reasoning,
    Text,
    TextWasReasoning,
    ToolCall,
    ToolCallPart,
    Transcript,
    Usage,
)

FOUND_IN_TEXT = 1_000
"""The index of the first call that was found in text: the server's own have smaller ones."""

_TRUNCATED = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "context_length_exceeded"})
_REFUSED = frozenset({"content_filter", "refusal", "safety", "blocklist", "prohibited_content"})
_FAILED = frozenset({"error", "network_error", "abort", "aborted", "cancelled", "failed"})

_MEASURABLE_S = 0.02
"""What came within one breath has no speed."""


class AnswerParts:
    """What has come so far."""

    def __init__(self, request: ChatRequest) -> None:
        self._asked = request.model
        self.text = Transcript()
        self.reasoning = Transcript()
        self.pieces = 0
        """Pieces of text and thinking; about one per token."""
        self.has_tool_part = False
        self.finish: Finish | None = None
        self._usage: Usage | None = None
        self._calls: dict[int, ToolCall] = {}
        self._notes: list[str] = []
        self.gaps_ms: list[float] = []
        """See `Answer.gaps_ms`."""

    @property
    def is_empty(self) -> bool:
        """No text, thinking or tool part has come: asking again repeats nothing."""
        return not (self.pieces or self.has_tool_part)

    def begin_again(self) -> None:
        """Another attempt: how the one before it ended, while nothing of an answer had come, is no end of this one."""
        self.finish = self._usage = None

    def add(self, delta: Delta) -> None:
        match delta:
            case Text(text):
                self.text.append(text)
                self.pieces += 1
            case Reasoning(text):
                self.reasoning.append(text)
                self.pieces += 1
            case TextWasReasoning():
                # a call that stood in that text was none either
                self._calls = {index: call for index, call in self._calls.items() if index < FOUND_IN_TEXT}
                self.has_tool_part = bool(self._calls)
                self.reasoning.append(self.text.text())
                self.text = Transcript()
                self.note("text before a lone closing tag was taken as thinking")
            case ToolCallPart(index, id, name, arguments):
                self.has_tool_part = True
                so_far = self._calls.get(index, ToolCall("", "", ""))
                self._calls[index] = ToolCall(so_far.id or id, so_far.name or name, so_far.arguments + arguments)
            case Usage():
                self._usage = delta
            case Note(text):
                self.note(text)
            case Finish():
                self.finish = delta
            case Progress():
                pass
            case _:
                assert_never(delta)

    def note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    def answer(
        self,
        *,
        duration_s: float,
        ttft_s: float | None = None,
        writing_s: float | None = None,
        error: ServerError | None = None,
    ) -> Answer:
        """The answer as it ended. `writing_s`: seconds between the first and the last piece."""
        text, reasoning = self.text.text(), self.reasoning.text()
        status, sentence, fault = self._ending(error, has_text=bool(text.strip()), has_thinking=bool(reasoning.strip()))
        model = self.finish.model if self.finish else ""
        if model and self._asked and not same_model(self._asked, model):
            self.note(f"answered by another model than asked: {model}")
        tokens_per_s = self._usage.tokens_per_s if self._usage else None
        if tokens_per_s is None and writing_s and writing_s >= _MEASURABLE_S:
            tokens_per_s = (self._usage.completion_tokens if self._usage else self.pieces) / writing_s
        return Answer(
            text=text,
            reasoning=reasoning,
            status=status,
            finish_reason=self.finish.reason if self.finish else "",
            usage=self._usage,
            ttft_s=ttft_s,
            duration_s=duration_s,
            tokens_per_s=tokens_per_s,
            model=model or self._asked,
            error=sentence,
            fault=fault,
            notes=tuple(self._notes),
            tool_calls=tuple(self._calls[index] for index in sorted(self._calls)),
            gaps_ms=tuple(self.gaps_ms),
        )

    def _ending(
        self, error: ServerError | None, *, has_text: bool, has_thinking: bool
    ) -> tuple[Status, str | None, ServerFault | None]:
        reason = self.finish.reason.lower() if self.finish else ""
        if self.finish is None or reason in _FAILED:
            if error is None and reason:
                error = ServerError(
                    f"The server broke the answer off ({reason}) – look at the server's log, then ask again.",
                    fault="server",
                )
            if error is None and (has_text or self.has_tool_part):
                return "unconfirmed", "The answer ended without the server's word that it is whole – ask again.", "cut"
            if error is None and has_thinking:
                return "failed", "The stream ended during the thinking, no answer came – ask again.", "cut"
            if error is None:
                return "failed", "The server ended the stream without an answer – look at the server's log.", "protocol"
            # A connection that just ends says nothing about the answer; a server that reports an error does.
            cut = error.fault == "cut" and has_text
            return "unconfirmed" if cut else "failed", str(error), error.fault
        if reason in _REFUSED:
            return "refused", None, None
        if has_text or self.has_tool_part:
            return "truncated" if reason in _TRUNCATED else "complete", None, None
        if has_thinking and reason in _TRUNCATED:
            return (
                "failed",
                "Only thinking, no answer: the token limit was reached first – raise max_tokens or the context length.",
                None,
            )
        if has_thinking:
            return "failed", "Only thinking, no answer – ask again, or choose another model.", None
        return "failed", "The model returned an empty answer – ask again, or choose another model.", None


def same_model(asked: str, answered: str) -> bool:
    """Whether two names may mean one model: servers add folders, dates and file endings."""
    a, b = (name.lower().removesuffix(".gguf") for name in (asked, answered))
    return a == b or a.rpartition("/")[2] in b or b.rpartition("/")[2] in a
