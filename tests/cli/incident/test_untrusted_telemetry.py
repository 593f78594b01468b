"""No content of the files makes the command fail."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from otel_breaker.telemetry import names
from otel_breaker_cli.incident.page import page
from otel_breaker_cli.incident.terminal import answers, report
from tests.cli.incident.telemetry import Telemetry

pytestmark = pytest.mark.slow

STATES = st.sampled_from(["closed", "open", "half_open", "forced_open", "forced_closed", "", "odd"])
REASONS = st.sampled_from(
    ["failure_threshold", "failure_rate", "slow_call_rate", "probe_failed", "probe_timeout", "manual", "", "odd"]
)
STATE_CHANGES = st.lists(st.tuples(STATES, STATES, REASONS), max_size=4).map(tuple)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(), st.lists(st.text() | st.integers())
)
EVIDENCE = st.dictionaries(
    st.sampled_from(sorted(value for value in vars(names).values() if str(value).startswith("circuit_breaker."))),
    VALUES,
)
CALLS = st.tuples(st.integers(1, 6), st.integers(0, 20), STATES, STATE_CHANGES, st.none() | st.integers(1, 6), EVIDENCE)
POINTS = st.tuples(st.sampled_from(["trip_ratio", "targets", "shadow.calls"]), st.floats(), st.text())


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.text(), calls=st.lists(CALLS, max_size=6), points=st.lists(POINTS, max_size=4))
def test_no_content_of_the_files_makes_the_views_fail(
    name: str, calls: list[tuple[int, int, str, Any, int | None, dict[str, Any]]], points: list[tuple[str, float, str]]
) -> None:
    telemetry = Telemetry(name=name)
    for number, at, state, state_changes, link, evidence in calls:
        telemetry.episode = f"e{number % 2}"
        telemetry.call(number, at, "failure", state, state_changes=state_changes, link=link, evidence=evidence)
    for metric, value, outcome in points:
        telemetry.point(f"circuit_breaker.{metric}", value, name=name, call__outcome=outcome, target__status=outcome)
    incident = telemetry.incident()
    output = io.StringIO()

    for content in (report(incident), answers(incident)):
        Console(file=output, width=80).print(content)

    assert "\x1b" not in output.getvalue()
    assert "<html" in page(incident)
