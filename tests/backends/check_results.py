"""The result of a check, and the table of all results."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class CheckResult:
    """One check: the claim, the program that is queried, the query, the answer, and whether the claim holds."""

    claim: str
    program: str
    query: str
    answer: str
    holds: bool


def show(console: Console, results: Iterable[CheckResult]) -> None:
    table = Table(show_lines=True, expand=True)
    for heading, ratio in (("claim", 3), ("program", 1), ("query", 5), ("answer", 4)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    table.add_column("")
    for result in results:
        mark = Text("yes", style="green") if result.holds else Text("NO", style="bold red")
        table.add_row(Text(result.claim), Text(result.program), Text(result.query), Text(result.answer), mark)
    console.print(table)
