"""The table of environments: it keeps the row that is pointed at while rows come, go and change places."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from devctl.top.rows import COLUMNS, TopRow, Wish, cells, widths

_STYLES = {"GPU": "bold black on green", "failed": "bold red", "lost": "bold red"}
"""Cells that are looked for; what a person names so is coloured too, which does no harm."""


class EnvironmentTable(DataTable[Text]):
    """Shows rows; each has the environment's id as its key."""

    def __init__(self, **given: Any) -> None:
        super().__init__(cursor_type="row", cell_padding=0, **given)
        self._shown: list[TopRow] = []
        self._layout: tuple[int, str, bool] | None = None

    def selected(self) -> TopRow | None:
        """The row that is pointed at."""
        return self._shown[self.cursor_row] if 0 <= self.cursor_row < len(self._shown) else None

    def show(self, rows: Sequence[TopRow], wish: Wish) -> None:
        """Show these rows, in this order; the cursor stays on its environment, or near its place where that is gone."""
        before, place = self.selected(), self.cursor_row
        layout = (self.app.size.width, wish.column, wish.descending)
        sizes = widths(layout[0])
        same = layout == self._layout and [row.record.id for row in rows] == [row.record.id for row in self._shown]
        self._shown, self._layout = list(rows), layout
        if same:
            for number, row in enumerate(rows):
                for place, cell in enumerate(_cut(row, sizes)):
                    self.update_cell_at(Coordinate(number, place), cell)
            return
        self.clear(columns=True)
        for column, size in zip(COLUMNS, sizes, strict=True):
            mark = ("▼" if wish.descending else "▲") if column.name == wish.column else ""
            self.add_column(Text(column.name + mark), width=size, key=column.name)
        for row in rows:
            self.add_row(*_cut(row, sizes), key=row.record.id)
        ids = [row.record.id for row in rows]
        if before is not None and before.record.id in ids:
            place = ids.index(before.record.id)
        self.move_cursor(row=max(0, min(place, len(rows) - 1)))


def _cut(row: TopRow, sizes: Sequence[int]) -> list[Text]:
    """The cells as they fit, each with a space behind it; what is cut ends with a mark."""
    return [
        Text(text if len(text) < size else f"{text[: size - 2]}…", _STYLES.get(text, ""))
        for text, size in zip(cells(row), sizes, strict=True)
    ]
