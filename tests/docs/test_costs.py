"""The README quotes the ratios of docs/performance.md, which the benchmark writes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FASTEST = "Every shape: against the fastest peer"
SHOWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("closed, no SDK", "a wrapper that only passes arguments on"): ("Bars", "closed", "pass-through"),
    ("closed, no SDK", "the fastest other breaker"): (FASTEST, "closed"),
    ("one failure in ten", "the fastest other breaker"): (FASTEST, "one failure in ten"),
    ("`guard()` block", "the fastest other block"): (FASTEST, "guard() block"),
    ("`breaker.call(function, x)`", "the fastest other `call`"): ("Bars", "call(function, x)", "circuitbreaker"),
    ("generator of ten items", "the fastest other breaker"): (FASTEST, "generator of ten items"),
    ("one circuit per key", "one circuit for all calls"): ("Bars", "key by template, ten keys", "otel_breaker"),
    ("refused", "the fastest other refusal"): (FASTEST, "refused"),
    ("time window", "the one whose rule is always a time window"): ("Bars", "time window", "nopanic"),
    ("traced, closed", "`start_as_current_span` with two attributes"): ("Bars", "traced closed", "span by hand"),
    ("traced, closed", "that and a counter, by hand"): ("Bars", "traced closed", "span and counter by hand"),
    ("traced refusal with its link", "a span with an error, by hand"): (
        "Bars",
        "traced refusal with its link",
        "error span by hand",
    ),
}


def rows(document: str, heading: str) -> list[list[str]]:
    section = (ROOT / document).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [re.split(r"\s*\|\s*", line.strip("| ")) for line in section.splitlines() if line.startswith("| ")]


def test_the_readme_quotes_the_ratios_that_were_measured() -> None:
    measured: dict[tuple[str, ...], str] = {
        ("Bars", row[0], row[1]): row[2] for row in rows("docs/performance.md", "Bars")
    }
    measured |= {(FASTEST, row[0]): row[2] for row in rows("docs/performance.md", FASTEST)}

    quoted = {(row[0], row[2]): row[1] for row in rows("README.md", "What it costs") if (row[0], row[-1]) in SHOWN}

    assert quoted == {shown: measured[name] for shown, name in SHOWN.items()}


def test_every_bar_was_kept_when_it_was_measured() -> None:
    assert "MISSED" not in (ROOT / "docs" / "performance.md").read_text()
