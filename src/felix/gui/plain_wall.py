"""Every agent's text, plain."""

from __future__ import annotations

import tkinter as tk

from felix.events import HUB, AgentId
from felix.gui.kit import Kit
from felix.ledger.state import RunState


class PlainWall:
    def __init__(self, parent: tk.Misc, kit: Kit) -> None:
        self._kit = kit
        self.frame = kit.frame(parent)
        self._texts: dict[AgentId, tk.Text] = {}

    def show(self, state: RunState) -> None:
        for child in self.frame.winfo_children():
            child.destroy()
        self._texts = {}
        for n, agent_id in enumerate([*state.agents, HUB]):
            self._texts[agent_id] = text = self._kit.text(self.frame, height=5, width=20)
            text.grid(row=n // 3, column=n % 3, sticky="nsew", padx=4, pady=4)
            self.frame.columnconfigure(n % 3, weight=1)
            self.frame.rowconfigure(n // 3, weight=1)
        self.update(state, set(self._texts))

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        for agent_id in dirty:
            parts = [str(t.answer) for t in state.agents[agent_id].thoughts] if agent_id != HUB else [str(state.synthesis.answer) if state.synthesis else ""]
            text = self._texts[agent_id]
            text.delete("1.0", "end")
            text.insert("1.0", f"{agent_id}\n" + "\n---\n".join(parts))
            text.see("end")

    def tick(self, now: float) -> bool:
        return False
