"""An interrupt during an export or a listener reaches the caller, and the circuit has recorded the call."""

from __future__ import annotations

import pytest

from otel_breaker import CircuitBreaker
from tests.telemetry.faulty_sdk import exporter


def answer(error: BaseException | None) -> int:
    if error is not None:
        raise error
    return 7


class Stop(BaseException):
    """As some frameworks raise it in a thread, to interrupt it."""


def stop(*args: object) -> None:
    raise Stop


@pytest.fixture
def stopped_by_its_exporter(monkeypatch: pytest.MonkeyPatch) -> CircuitBreaker:
    exporter(stop)(monkeypatch)
    return CircuitBreaker(failure_threshold=1)


@pytest.fixture
def stopped_by_its_listener() -> CircuitBreaker:
    breaker = CircuitBreaker(failure_threshold=1)
    breaker.add_listener(stop)
    return breaker


@pytest.mark.parametrize("breaker", ["stopped_by_its_exporter", "stopped_by_its_listener"])
def test_an_interrupt_during_the_report_of_a_trip_reaches_the_caller_and_the_circuit_stays_open(
    breaker: str, request: pytest.FixtureRequest
) -> None:
    stopped: CircuitBreaker = request.getfixturevalue(breaker)

    with pytest.raises(Stop):
        stopped.call(answer, TimeoutError())

    assert (stopped.state.value, stopped.snapshot().calls["failure"]) == ("open", 1)


def test_an_interrupt_during_the_export_of_a_success_loses_no_count(
    stopped_by_its_exporter: CircuitBreaker,
) -> None:
    with pytest.raises(Stop):
        stopped_by_its_exporter.call(answer, None)

    assert stopped_by_its_exporter.snapshot().calls["success"] == 1
