"""The Prometheus rules query what the schema defines, link to a runbook, and have tests that fire and that do not.

Their behaviour is tested in collector-config/prometheus/tests, which promtool runs.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from otel_breaker_cli.semconv_registry import load
from tests.backends.programs import FOLDER_VARIABLE
from tests.collector_config.promql import Metric, metrics, problems, recorded
from tests.collector_config.promtool import promtool

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "collector-config" / "prometheus"
FILES: Final = sorted((FOLDER / "tests").glob("*.yaml"))
RULES: Final = [
    rule for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
ALERTS: Final = {rule["alert"]: rule for rule in RULES if "alert" in rule}
README: Final = ROOT / "collector-config" / "README.md"
ONCALL: Final = ROOT / "docs" / "oncall.md"
TIMES: Final = ("First minute", "Worker exited", "Restart")

needs_promtool = pytest.mark.skipif(
    promtool() is None, reason=f"no promtool: run `make backends`, or name a folder that holds it in {FOLDER_VARIABLE}"
)


@cache
def known() -> dict[str, Metric]:
    """The schema's metrics, and those that the rules record; each may build on those before it."""
    found = metrics(load())
    for rule in RULES:
        if "record" in rule:
            found[rule["record"]] = recorded(rule["expr"], found)
    return found


def promtool_status(*arguments: str) -> int:
    """Its exit status; pytest shows its output."""
    return subprocess.run([str(promtool()), *arguments], check=False, timeout=60).returncode


@cache
def cases(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text())["tests"]
    return found


def expectations(alert: str) -> list[tuple[str, bool]]:
    """By test: its name, and whether the alert is expected to fire at one of its moments."""
    return [
        (test["name"], bool(moment["exp_alerts"]))
        for file in FILES
        for test in cases(file)
        for moment in test.get("alert_rule_test", ())
        if moment["alertname"] == alert
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_metric_label_and_value_of_a_rule_is_in_the_schema(rule: dict[str, Any]) -> None:
    assert problems(rule["expr"], known()) == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("circuit_breaker_calls", "there is no metric circuit_breaker_calls"),
        ('circuit_breaker_status{host="a"}', "circuit_breaker_status has no label host"),
        (
            'rate(circuit_breaker_calls_total{circuit_breaker_call_outcome=~"rejected|refused"}[5m])',
            "circuit_breaker_call_outcome of circuit_breaker_calls_total is never 'refused'",
        ),
        (
            "sum by (host) (circuit_breaker_targets)",
            "by (host): circuit_breaker_targets has no such label",
        ),
        (
            "circuit_breaker_trip_ratio and on (instance) sum by (job) (circuit_breaker_targets)",
            "on (instance): sum by (job) (circuit_breaker_targets) has no such label",
        ),
    ],
)
def test_a_query_of_something_that_the_schema_lacks_is_reported(query: str, problem: str) -> None:
    assert problems(query, known()) == [problem]


def test_names_are_those_of_prometheus_for_metrics_over_otlp() -> None:
    assert {name for name in known() if ":" not in name} == {
        "circuit_breaker_calls_total",
        "circuit_breaker_state_changes_total",
        "circuit_breaker_status",
        "circuit_breaker_state_time_seconds_total",
        "circuit_breaker_probes_total",
        "circuit_breaker_trip_ratio",
        "circuit_breaker_shadow_calls_total",
        "circuit_breaker_targets",
        "circuit_breaker_concurrency_limit",
        "circuit_breaker_concurrency_in_flight",
        "circuit_breaker_call_duration_seconds_bucket",
        "circuit_breaker_call_duration_seconds_count",
        "circuit_breaker_call_duration_seconds_sum",
    }


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_severity_a_summary_and_a_runbook(alert: str) -> None:
    rule = ALERTS[alert]

    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_leads_to_a_question_of_the_runbook(alert: str) -> None:
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")

    assert ROOT / page == ONCALL
    assert anchor in re.findall(r'<a id="([^"]+)">', ONCALL.read_text())


def test_the_readme_lists_every_alert_with_its_severity() -> None:
    documented = dict(re.findall(r"^\| `(CircuitBreaker\w+)` \| (\w+) \|", README.read_text(), re.MULTILINE))

    assert documented == {alert: rule["labels"]["severity"] for alert, rule in ALERTS.items()}


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested_both_ways_and_at_the_edges_of_a_process(alert: str) -> None:
    expected = expectations(alert)

    assert any(name.startswith("It fires") and fires for name, fires in expected)
    assert any(name.startswith("It stays silent") and not fires for name, fires in expected)
    assert [time for time in TIMES if not any(name.startswith(time) for name, _ in expected)] == []


def test_no_test_that_is_to_be_silent_expects_an_alert() -> None:
    silent = Counter(
        name for alert in ALERTS for name, fires in expectations(alert) if fires and name.startswith("It stays silent")
    )

    assert silent == {}


@pytest.mark.processes
@needs_promtool
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_promtool_finds_that_the_alerts_fire_and_stay_silent_as_they_should(file: Path) -> None:
    assert promtool_status("test", "rules", str(file)) == 0


@pytest.mark.processes
@needs_promtool
def test_promtool_finds_no_fault_in_the_rules() -> None:
    assert promtool_status("check", "rules", "--lint=all", "--lint-fatal", str(FOLDER / "rules.yaml")) == 0
