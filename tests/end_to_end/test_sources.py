"""The demo's shop under `opentelemetry-instrument`, configured in every way there is: what arrives at a Collector.

Every source lets one failure open the circuit, and gives the breaker a name of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from examples.checkout.run import SHOP
from tests.end_to_end.otlp_receiver import receiving
from tests.end_to_end.shop import shop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.processes

CHARGE = "examples.checkout.payments:PaymentClient.charge"
FILED = f"""
breakers: {{filed: {{failure_threshold: 1}}}}
targets: [{{function: "{CHARGE}", breaker: filed}}]
"""
OPENTELEMETRY = """
file_format: "1.0"
propagator: {composite_list: "tracecontext,baggage"}
tracer_provider:
  processors: [{batch: {schedule_delay: 200, exporter: {otlp_http: {endpoint: "ENDPOINT/v1/traces"}}}}]
instrumentation/development:
  python:
    otel_breaker:
"""
DECLARED = f"""
      breakers:
        declared:
          failure_threshold: ${{THRESHOLD:-1}}
          recovery_time: ${{RECOVERY}}
      targets: [{{function: "{CHARGE}", breaker: declared}}]
"""
UNGUARDED: tuple[dict[str, int], int] = ({}, 3)


@dataclass(frozen=True)
class Outcome:
    """The result of three checkouts while payments fail."""

    calls: dict[str, int]
    """How many guarded calls had which outcome, by breaker and outcome."""
    asked: int
    """How many requests reached the provider."""
    log: str


def live(
    folder: Path,
    arguments: Sequence[str] = (),
    *,
    declared: str | None = None,
    program: str = SHOP,
    **environment: str,
) -> Outcome:
    """Let three checkouts fail.

    Args:
        folder: for files.
        arguments: of `opentelemetry-instrument`.
        declared: our part of OpenTelemetry's declarative configuration.
        program: the module to run.
        **environment: what else to set; FILE is replaced by a file that guards.
    """
    (folder / "breakers.yaml").write_text(FILED)
    environment = {name: value.replace("FILE", str(folder / "breakers.yaml")) for name, value in environment.items()}
    with receiving() as received:
        if declared is not None:
            file = folder / "otel.yaml"
            file.write_text(OPENTELEMETRY.replace("ENDPOINT", received.url) + declared)
            environment["OTEL_CONFIG_FILE"] = str(file)
        with shop(folder, received.url, arguments, environment, program) as running:
            running.let_payments_fail()
            assert [running.checkout() for _ in range(3)] == [503] * 3
            asked = running.payments_asked()
    assert {span.name for span in received.spans} >= {"POST /checkout"}
    calls = Counter(
        f"{span.attributes['circuit_breaker.name']} {span.attributes['circuit_breaker.call.outcome']}"
        for span in received.spans
        if span.scope == "otel_breaker"
    )
    return Outcome(dict(calls), asked, running.read_log())


def guarded_by(name: str) -> tuple[dict[str, int], int]:
    """One failure opens the circuit, which refuses the other two."""
    return {f"{name} failure": 1, f"{name} rejected": 2}, 1


# --- each by itself


def test_the_file(tmp_path: Path) -> None:
    outcome = live(tmp_path, OTEL_BREAKER_CONFIG_FILE="FILE")

    assert (outcome.calls, outcome.asked) == guarded_by("filed")


@pytest.mark.parametrize("by", ["variable", "flag"])
def test_the_list_of_targets(tmp_path: Path, by: str) -> None:
    listed = f"{CHARGE}=listed, examples.checkout.shop:create_app"

    if by == "flag":
        outcome = live(tmp_path, ["--breaker_targets", listed])
    else:
        outcome = live(tmp_path, OTEL_BREAKER_TARGETS=listed)

    assert (outcome.calls, outcome.asked) == ({"listed failure": 3}, 3)  # the default is five


@pytest.mark.parametrize("options", ["", "      enabled: ${BREAKERS:-true}\n"])
def test_the_declarative_configuration_with_its_variables_and_the_second_bare_call(
    tmp_path: Path, options: str
) -> None:
    outcome = live(tmp_path, declared=options + DECLARED, RECOVERY="10m")

    assert (outcome.calls, outcome.asked) == guarded_by("declared")
    assert "already instrumented" not in outcome.log


def test_keyword_arguments_also_where_opentelemetry_has_called_without_any(tmp_path: Path) -> None:
    outcome = live(tmp_path, program="tests.end_to_end.shop_by_keywords")

    assert (outcome.calls, outcome.asked) == guarded_by("by keywords")
    assert "already instrumented" not in outcome.log


# --- more than one


def test_the_declarative_configuration_wins_over_the_environment_and_that_is_logged(tmp_path: Path) -> None:
    outcome = live(
        tmp_path, declared=DECLARED, RECOVERY="10m", OTEL_BREAKER_CONFIG_FILE="FILE", OTEL_BREAKER_TARGETS="shop:x"
    )

    assert (outcome.calls, outcome.asked) == guarded_by("declared")
    assert outcome.log.count("not used: OTEL_BREAKER_CONFIG_FILE=") == 1
    assert "OTEL_BREAKER_TARGETS=shop:x: the breakers are configured by what was given" in outcome.log


def test_declared_as_not_enabled_the_file_does_not_guard_either(tmp_path: Path) -> None:
    outcome = live(tmp_path, declared="      enabled: ${BREAKERS:-false}\n" + DECLARED, OTEL_BREAKER_CONFIG_FILE="FILE")

    assert (outcome.calls, outcome.asked) == UNGUARDED


def test_an_unknown_key_is_one_clear_error_and_not_half_a_configuration(tmp_path: Path) -> None:
    outcome = live(tmp_path, declared=DECLARED + "      brakers: {}\n", RECOVERY="10m", OTEL_BREAKER_CONFIG_FILE="FILE")

    assert (outcome.calls, outcome.asked) == UNGUARDED
    assert outcome.log.count("nothing is guarded: brakers: there is no such key: did you mean 'breakers'?") == 1
    assert "Traceback" not in outcome.log


# --- the variables for an incident


@pytest.mark.parametrize("by", ["variable", "flag"])
def test_switched_off_nothing_is_guarded(tmp_path: Path, by: str) -> None:
    flags = ["--breaker_enabled", "false"] if by == "flag" else []
    variables = {"OTEL_BREAKER_ENABLED": "false"} if by == "variable" else {}

    outcome = live(tmp_path, flags, declared=DECLARED, RECOVERY="10m", **variables)

    assert (outcome.calls, outcome.asked) == UNGUARDED


def test_the_mode_of_the_environment_applies_to_every_source(tmp_path: Path) -> None:
    outcome = live(tmp_path, ["--breaker_mode", "shadow"], declared=DECLARED, RECOVERY="10m")

    assert (outcome.calls, outcome.asked) == ({"declared failure": 3}, 3)
