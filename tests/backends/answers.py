"""What a check found, and the table of all."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Answer:
    """One check: what was to be proved, who was asked, with which words, and what the answer was."""

    claim: str
    program: str
    query: str
    answer: str
    holds: bool


def show(console: Console, answers: Iterable[Answer]) -> None:
    table = Table(show_lines=True, expand=True)
    for heading, ratio in (("claim", 3), ("asked", 1), ("query", 5), ("answer", 4)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    table.add_column("")
    for one in answers:
        mark = Text("yes", style="green") if one.holds else Text("NO", style="bold red")
        table.add_row(Text(one.claim), Text(one.program), Text(one.query), Text(one.answer), mark)
    console.print(table)
