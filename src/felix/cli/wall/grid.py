"""Where everything stands on a screen of so many lines and columns. Pure: numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from felix.cli.wall.pane import LOWEST, NARROWEST
from felix.events import AgentId
from felix.ledger.state import RunState

_COLUMN = 40
"""Columns of text that read well; a terminal twice as wide shows two panes beside each other."""
_MOST_COLUMNS = 4
_CHIP = 8
"""Columns of an agent that has no pane: its code, a shape, a gap."""
_MOST_CHIP_LINES = 3
_SYNTHESIS_SHARE = 0.6
"""Of the lines that panes and synthesis share, once there is one."""
_LOWEST_SYNTHESIS = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """Lines and columns; what is 0 high is not shown."""

    columns: int
    """Panes beside each other."""
    rows: int
    """Of panes."""
    height: int
    """Of all these rows."""
    chip_lines: int
    synthesis: int

    @property
    def panes(self) -> int:
        """Places for panes."""
        return self.columns * self.rows

    def widths(self, width: int) -> list[int]:
        """Of the panes of a row; what is left over goes to the first ones."""
        each, rest = divmod(width, self.columns)
        return [each + (column < rest) for column in range(self.columns)]

    def heights_of(self, have_begun: Sequence[bool]) -> list[int]:
        """Of the rows of panes: where nobody has begun there is nothing to read, and the others have that room."""
        if not have_begun:
            return []
        tall = sum(have_begun) or len(have_begun)
        low = LOWEST if any(have_begun) else 0
        each, rest = divmod(self.height - low * (len(have_begun) - tall), tall)
        heights = []
        for begun in have_begun:
            is_tall = begun or not low
            heights.append(each + (rest > 0) if is_tall else low)
            rest -= is_tall
        return heights


def grid(agents: int, width: int, height: int, *, has_synthesis: bool) -> Grid:
    """How `agents` share `height` lines with the synthesis. Who finds no place for a pane is a chip."""
    synthesis = max(_LOWEST_SYNTHESIS, int(height * _SYNTHESIS_SHARE)) if has_synthesis else 0
    synthesis = min(synthesis, max(0, height))
    room = height - synthesis
    most = max(1, min(_MOST_COLUMNS, width // _COLUMN, agents))
    rows_wanted = -(-agents // most)
    rows = min(rows_wanted, room // LOWEST) if width >= NARROWEST else 0
    if rows == rows_wanted:
        columns, chips = -(-agents // rows) if rows else 1, 0
    else:
        columns = most
        while True:  # the fewer panes, the more chips, whose lines the panes lose
            per_line = max(1, width // _CHIP)
            chips = min(_MOST_CHIP_LINES, -(-(agents - rows * columns) // per_line), max(0, room))
            if rows == 0 or room - chips >= rows * LOWEST:
                break
            rows -= 1
    if not rows:
        synthesis = height - chips if has_synthesis else 0
        return Grid(1, 0, 0, chips, synthesis)
    return Grid(columns, rows, room - chips, chips, synthesis)


class Places:
    """Who has a pane when there are fewer panes than agents: whoever speaks. Nobody moves without need."""

    def __init__(self) -> None:
        self._shown: list[AgentId] = []

    def choose(self, state: RunState, panes: int) -> Sequence[AgentId]:
        agents = list(state.agents)
        if panes >= len(agents):
            self._shown = agents
            return agents
        kept = [each for each in self._shown if each in state.agents][:panes]
        kept += [each for each in sorted(agents, key=lambda each: _rank(state, each)) if each not in kept][
            : panes - len(kept)
        ]
        waiting = [each for each in agents if each not in kept and _rank(state, each) == 0]
        for agent_id in waiting:
            worst = max(range(len(kept)), key=lambda index: _rank(state, kept[index]), default=None)
            if worst is None or _rank(state, kept[worst]) == 0:
                break
            kept[worst] = agent_id
        self._shown = kept
        return kept


def _rank(state: RunState, agent_id: AgentId) -> int:
    """0 for whoever speaks or asks the user, more for whom there is less to see of."""
    latest = state.agents[agent_id].latest
    if latest is None:
        return 3
    if not latest.is_live:
        return 2
    return 1 if latest.activity == "queued" else 0
