"""The rules as the checks run them: a minute becomes a second, and nothing else changes."""

from __future__ import annotations

import re

from tests.backends.scaled_rules import scale
from tests.backends.servers import RULES


def test_durations_are_a_sixtieth() -> None:
    assert (
        scale("for: 1m\nexpr: rate(a[15m]) > rate(b[150s])") == "for: 1000ms\nexpr: rate(a[15000ms]) > rate(b[2500ms])"
    )


def test_ages_in_seconds_are_a_sixtieth() -> None:
    assert scale("circuit_breaker:age:seconds < 900") == "circuit_breaker:age:seconds < 15"


def test_every_duration_of_the_rules_is_scaled() -> None:
    expressions = re.sub(r"#.*|description:[^\n]*(\n {12}\S[^\n]*)*", "", scale(RULES.read_text(encoding="utf-8")))
    assert re.findall(r"(?<![\w.])\d+[smhd]\b(?!\w)", expressions) == []
