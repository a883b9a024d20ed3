"""What stands above a card's text when there is something to decide: a guard's question, an answer that went wrong."""

from __future__ import annotations

import tkinter as tk

from felix.events import CallId
from felix.gui.kit import Kit
from felix.gui.wall.approval_block import ApprovalBlock
from felix.gui.wall.call_words import waiting_calls
from felix.gui.wall.card_asking import CardAsking
from felix.gui.wall.card_words import trouble_of
from felix.gui.wall.offers import is_awaited
from felix.gui.wall.question_line import QuestionLine, question_for
from felix.gui.wall.trouble_block import Act, TroubleBlock
from felix.ledger.speech import Agent
from felix.ledger.state import RunState

RETRY, EDIT, GO_ON = "Retry", "Edit and retry…", "Continue writing"


class CardAlerts:
    """Packed into `body` above `text`, its child. Each part is made when it is first needed."""

    def __init__(self, body: tk.Misc, kit: Kit, text: tk.Misc, asking: CardAsking) -> None:
        self._body, self._kit, self._text, self._asking = body, kit, text, asking
        self._question: QuestionLine | None = None
        self._approval: ApprovalBlock | None = None
        self._blocks: dict[str, TroubleBlock] = {}
        self._shown: tuple[object, ...] | None = None

    def show(self, agent: Agent, state: RunState, *, is_tight: bool) -> None:
        """Show what there is of this agent: in a tight card in one line, so that its text keeps the room."""
        self._draw_question(agent, state, is_tight=is_tight)
        self._draw_approval(agent, is_tight=is_tight)
        trouble = None if is_awaited(agent, state) else trouble_of(self._asking.turn)
        if (shown := (trouble, is_tight) if trouble else None) != self._shown:
            self.hide_trouble()
            self._shown = shown
            if trouble:
                name, title, sentence = trouble
                self._block(name).show(title, sentence, before=self._text, is_line=is_tight)
        if trouble:
            self._block(trouble[0]).offer(self._remedies())

    def turn_to(self, call_id: CallId) -> bool:
        """Give the keyboard to what asks about a call; False when nothing does."""
        if self._approval is None or not self._approval.is_open:
            return False
        self._approval.turn_to(call_id)
        return True

    def hide_trouble(self) -> None:
        """Say nothing of any answer."""
        self._shown = None
        for block in self._blocks.values():
            block.hide()

    def _remedies(self) -> tuple[str, ...]:
        """The two acts that help most; a card has room for no more, and the menu has all."""
        offers, turn = self._asking.offers, self._asking.turn
        if "continue" in offers and turn is not None and turn.status == "truncated":
            return GO_ON, RETRY
        return (RETRY, EDIT) if "retry" in offers else ()

    def _block(self, state: str) -> TroubleBlock:
        if state not in self._blocks:
            asking = self._asking
            acts = {
                RETRY: Act("arrow-clockwise", asking.retry),
                EDIT: Act(None, asking.edit),
                GO_ON: Act("pencil-fill", asking.go_on),
            }
            self._blocks[state] = TroubleBlock(self._body, self._kit, state, acts)
        return self._blocks[state]

    def _draw_approval(self, agent: Agent, *, is_tight: bool) -> None:
        """What asks the user for leave, where they can give it: not in a replay."""
        offers, acts = self._asking.offers, self._asking.acts
        calls = waiting_calls(agent) if "leave" in offers else []
        if self._approval is None:
            if not calls or acts is None:
                return
            self._approval = ApprovalBlock(self._body, self._kit, on_answer=acts.leave)
        frame, px = self._approval.frame, self._kit.px
        if self._approval.show(calls, is_tight=is_tight):
            if calls:
                frame.pack(fill="x", padx=px(4) if is_tight else px(9), pady=px(2), before=self._text)
            else:
                frame.pack_forget()

    def _draw_question(self, agent: Agent, state: RunState, *, is_tight: bool) -> None:
        question, acts = question_for(state, agent.agent_id), self._asking.acts
        if self._question is None:
            if question is None or acts is None:
                return
            self._question = QuestionLine(self._body, self._kit, on_answer=acts.answer)
        frame, px = self._question.frame, self._kit.px
        if self._question.show(question, is_tight=is_tight):
            if question is None:
                frame.pack_forget()
            else:
                frame.pack(fill="x", padx=px(9), pady=px(2) if is_tight else (px(9), px(2)), before=self._text)
        elif question is not None:
            frame.pack_configure(pady=px(2) if is_tight else (px(9), px(2)))
