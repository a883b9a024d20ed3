"""Where the rows of the runs list stand, from the heights of rows and headings and the days that are folded. Pure.

What stands where is found in the few headings and by a division, however many rows there are. Of a day that is folded
the first row stands for all: its place is the heading's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence

from felix.gui.runs.runs_words import Group


class RunsLayout:
    """Heights and places are pixels from the top of the list."""

    def __init__(
        self,
        groups: Sequence[Group] = (),
        folded: Collection[str] = (),
        *,
        head: int = 1,
        row: int = 1,
        gap: int = 0,
        top: int = 0,
    ) -> None:
        """`folded` are keys of groups. `gap` is what stands free below a group, `top` above the first."""
        self.groups, self.head, self.row = groups, head, row
        self._folded = [group.key in folded for group in groups]
        self.tops: list[int] = []
        """Where each group begins."""
        self.height = top
        for group, is_folded in zip(groups, self._folded, strict=True):
            self.tops.append(self.height)
            self.height += head + (0 if is_folded else group.count * row) + gap

    def number_of(self, index: int) -> int:
        """The number of the group that a row stands in."""
        return bisect_right(self.groups, index, key=_first) - 1

    def is_folded(self, number: int) -> bool:
        return self._folded[number]

    def is_hidden(self, index: int) -> bool:
        """Whether a row is in a day that is folded."""
        return self._folded[self.number_of(index)]

    def box_of(self, index: int) -> tuple[int, int]:
        """Top and height of a row; of one that is hidden those of its heading."""
        number = self.number_of(index)
        if self._folded[number]:
            return self.tops[number], self.head
        return self.tops[number] + self.head + (index - self.groups[number].first) * self.row, self.row

    def row_at(self, y: int) -> int:
        """The row at a height, -1 where none is."""
        number = bisect_right(self.tops, y) - 1
        if number < 0 or self._folded[number]:
            return -1
        group, offset = self.groups[number], y - self.tops[number] - self.head
        return group.first + offset // self.row if 0 <= offset < group.count * self.row else -1

    def heading_at(self, y: int) -> Group | None:
        number = bisect_right(self.tops, y) - 1
        return self.groups[number] if number >= 0 and y - self.tops[number] < self.head else None

    def stepped(self, index: int, by: int) -> int:
        """The row so many steps on, as far as there are any; a day that is folded is one step."""
        number = self.number_of(index)
        group = self.groups[number]
        place = self._steps_before(number) + (0 if self._folded[number] else index - group.first)
        return self._at_step(place + by)

    def _steps(self, number: int) -> int:
        return 1 if self._folded[number] else self.groups[number].count

    def _steps_before(self, number: int) -> int:
        return sum(self._steps(each) for each in range(number))

    def _at_step(self, place: int) -> int:
        left = max(0, place)
        for number, group in enumerate(self.groups):
            if left < self._steps(number):
                return group.first + left
            left -= self._steps(number)
        last = len(self.groups) - 1
        return self.groups[last].first + self._steps(last) - 1


def _first(group: Group) -> int:
    return group.first
