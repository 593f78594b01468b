"""A hang: how soon rules detect it, and what the recovery time refuses after it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.simulation import document, tables

pytestmark = pytest.mark.slow

DECISIONS: Final = Path(__file__).parents[2] / "docs" / "decisions.md"


@pytest.fixture(scope="module")
def figures() -> dict[tuple[str, str], float]:
    return numbers(document.cells(tables.hang_table()))


def numbers(cells: dict[tuple[str, str], str]) -> dict[tuple[str, str], float]:
    return {place: float(text.split()[0].replace(",", "")) for place, text in cells.items()}


def test_a_streak_detects_a_hang_in_less_than_half_the_time_of_a_rate(figures: dict[tuple[str, str], float]) -> None:
    rate = figures["half of 10 s, 5 s", "trips after"]

    assert figures["10 in a row, or half of 10 s, 5 s", "trips after"] < rate / 2


def test_a_streak_beside_a_rate_saves_half_of_the_waiting(figures: dict[tuple[str, str], float]) -> None:
    rate = figures["half of 10 s, 5 s", "threads wait for"]

    assert figures["10 in a row, or half of 10 s, 5 s", "threads wait for"] < rate / 2


def test_a_recovery_time_of_a_minute_refuses_a_third_of_the_calls_that_would_succeed(
    figures: dict[tuple[str, str], float],
) -> None:
    column = "refused of calls that would succeed"

    assert figures["5 in a row, 60 s", column] > 33
    assert figures["5 in a row, 5 s", column] < 3


def test_the_document_has_these_figures(figures: dict[tuple[str, str], float]) -> None:
    shown = numbers(document.read(DECISIONS.read_text(), "hang"))

    # The logarithms of two platforms differ in their last digits, and so do their random durations.
    assert figures == pytest.approx(shown, rel=0.1, abs=0.5)
