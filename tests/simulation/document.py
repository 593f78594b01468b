"""Writes the tables into docs/decisions.md, between comments that name them, and reads them there."""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Final

from tests.simulation.tables import TABLES, goodput_text, hang_table

if TYPE_CHECKING:
    from collections.abc import Mapping

_HANG: Final = "hang"
_TABLE: Final = re.compile(r"(<!-- simulation: (?P<name>[\w ]+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)


def simulate() -> dict[str, str]:
    """Run all simulations, on all cores: each table by its name."""
    cells = {
        (row.name, contender.name): (number, row_number, contender_number)
        for number, table in enumerate(TABLES)
        for row_number, row in enumerate(table.rows)
        for contender_number, contender in enumerate(table.contenders)
    }
    with ProcessPoolExecutor() as pool:
        hang = pool.submit(hang_table)
        texts = dict(zip(cells, pool.map(_cell, cells.values()), strict=True))
        return {table.marker: table.text(texts) for table in TABLES} | {_HANG: hang.result()}


def _cell(place: tuple[int, int, int]) -> str:
    table, row, contender = place  # numbers, because a process cannot be sent a lambda
    return goodput_text(TABLES[table].rows[row].goodputs(TABLES[table].contenders[contender]))


def fill(document: str, tables: Mapping[str, str]) -> str:
    """A document with these tables.

    Raises:
        KeyError: the document has a table that is not there.
    """
    return _TABLE.sub(lambda match: match[1] + tables[match["name"]] + match[3], document)


def read(document: str, table: str) -> dict[tuple[str, str], str]:
    """The cells of one table of a document, by line and column."""
    (found,) = (match[0] for match in _TABLE.finditer(document) if match["name"] == table)
    return cells(found)


def cells(table: str) -> dict[tuple[str, str], str]:
    """The cells of a table in Markdown, by line and column."""
    split = [re.split(r"\s*\|\s*", line)[1:-1] for line in table.splitlines() if line.startswith("| ")]
    (_, *columns), *lines = split
    return {(name, column): text for name, *texts in lines for column, text in zip(columns, texts, strict=True)}
