"""Whether a workflow fits the servers it asks, said beside a run that has begun: nobody waits for it."""

from __future__ import annotations

from felix.engine import Engine
from felix.llm.models import ServerReport
from felix.settings import Settings
from felix.team.fit import addresses_of, misfit
from felix.team.mailbox import Item, Reply
from felix.team.workflow import Workflow


class Fit:
    """Asks the servers when it is made."""

    def __init__(self, engine: Engine, task: str, workflow: Workflow, settings: Settings) -> None:
        self._task, self._workflow, self._settings = task, workflow, settings
        self._asked = {engine.ask_server(address): address for address in addresses_of(workflow, settings)}
        """By the number of the reply, until it is there."""
        self._reports: dict[str, ServerReport] = {}

    def hear(self, item: Item) -> str:
        """Take an item of the mailbox; with the last reply what does not fit, in one sentence, else nothing."""
        if not isinstance(item, Reply) or item.number not in self._asked:
            return ""
        address = self._asked.pop(item.number)
        if isinstance(item.value, ServerReport):
            self._reports[address] = item.value
        if self._asked:
            return ""
        found = misfit(self._task, self._workflow, self._settings, self._reports)
        return str(found) if found else ""
