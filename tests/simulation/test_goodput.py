"""What the limit of calls in flight keeps in overload, and what it costs in any other outage.

The figures of docs/decisions.md are those that these tests find.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.simulation import document
from tests.simulation.contenders import ONLY_RULES, RULES_AND_AUTO, UNTIMED_AND_AUTO
from tests.simulation.results import Goodput
from tests.simulation.rows import ROWS
from tests.simulation.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.simulation.contenders import Contender
    from tests.simulation.rows import Row

pytestmark = pytest.mark.slow

DECISIONS: Final = Path(__file__).parents[2] / "docs" / "decisions.md"
NO_WORSE: Final = 2.0
"""Points."""
SAME: Final = 1.0
"""Points: the logarithms of two platforms differ in their last digits, and so do their random durations."""
WITH_LIMIT: Final = (RULES_AND_AUTO, UNTIMED_AND_AUTO)


def is_documented(row: Row, contender: Contender, found: Sequence[Goodput]) -> bool:
    cells = document.read(DECISIONS.read_text(), TABLES[0].marker)
    shown = map(float, cells[row.name, contender.name].split(", "))
    return all(abs(one - other) <= 0.5 + SAME for one, other in zip(Goodput.mean(found), shown, strict=True))


@pytest.mark.parametrize("contender", WITH_LIMIT, ids=lambda one: one.name)
@pytest.mark.parametrize("row", [row for row in ROWS if row.bar is not None], ids=lambda row: row.name)
def test_in_overload_a_limit_keeps_the_goodput(row: Row, contender: Contender) -> None:
    found = row.goodputs(contender)

    assert row.bar is not None
    worst = Goodput.worst(found)
    assert worst.during >= row.bar.during
    assert worst.after >= row.bar.after
    assert is_documented(row, contender, found)


@pytest.mark.parametrize("row", [row for row in ROWS if row.bar is None], ids=lambda row: row.name)
def test_in_any_other_outage_a_limit_costs_next_to_nothing(row: Row) -> None:
    without = row.goodputs(ONLY_RULES)

    assert is_documented(row, ONLY_RULES, without)
    for contender in WITH_LIMIT:
        found = row.goodputs(contender)
        assert Goodput.mean(found).during >= Goodput.mean(without).during - NO_WORSE
        assert Goodput.mean(found).after >= Goodput.mean(without).after - NO_WORSE
        assert is_documented(row, contender, found)
