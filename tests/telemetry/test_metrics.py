"""The counts of each metric."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError

if TYPE_CHECKING:
    from tests.fakes import FakeClock
    from tests.telemetry.conftest import Metrics


def outcomes(metrics: Metrics) -> dict[Any, Any]:
    return {outcome: count for (outcome,), count in metrics.points("circuit_breaker.calls", "call.outcome").items()}


def statuses(metrics: Metrics) -> dict[Any, Any]:
    return metrics.points("circuit_breaker.status", "state", "mode")


def seconds(metrics: Metrics) -> dict[Any, Any]:
    return {state: time for (state,), time in metrics.points("circuit_breaker.state.time", "state").items()}


def test_every_call_is_counted_by_its_outcome(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=2, ignore=KeyError)

    def end(error: type[BaseException]) -> None:
        with pytest.raises(error), breaker.guard():
            raise error

    breaker.call(int)
    breaker.call(int)
    breaker.call(int)
    end(KeyError)
    end(KeyboardInterrupt)
    end(TimeoutError)
    end(TimeoutError)
    end(CircuitOpenError)

    assert outcomes(metrics) == {"success": 3, "ignored": 1, "cancelled": 1, "failure": 2, "rejected": 1}


def test_reading_the_counts_does_not_change_them(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments")
    breaker.call(int)

    readings = [outcomes(metrics) for _ in range(3)]
    breaker.call(int)

    assert readings == [{"success": 1}] * 3
    assert (outcomes(metrics), breaker.snapshot().calls["success"]) == ({"success": 2}, 2)


def test_calls_in_two_steps_are_counted(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)

    breaker.record_success(breaker.can_execute())
    breaker.record_failure(permit=breaker.can_execute())
    breaker.can_execute()

    assert outcomes(metrics) == {"success": 1, "failure": 1, "rejected": 1}


def test_state_changes_are_counted(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    breaker.record_failure()
    clock.advance(60)
    breaker.record_failure(permit=breaker.can_execute())
    breaker.force_open()

    changes = metrics.points("circuit_breaker.state_changes", "state_change.from", "state_change.to", "mode")

    assert changes == {
        ("closed", "open", "enforce"): 1,
        ("open", "half_open", "enforce"): 1,
        ("half_open", "open", "enforce"): 1,
        ("open", "forced_open", "enforce"): 1,
    }


def test_status_follows_the_circuit(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)

    before = statuses(metrics)
    breaker.record_failure()
    during = statuses(metrics)
    clock.advance(60)
    breaker.can_execute()

    assert before == {("closed", "enforce"): 1}
    assert during == {("open", "enforce"): 1}
    assert statuses(metrics) == {("half_open", "enforce"): 1}


def test_time_adds_up_by_state_with_the_current_stay(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    clock.advance(10)
    breaker.record_failure()
    clock.advance(5)

    first = seconds(metrics)
    clock.advance(2)

    assert first == {"closed": 10.0, "open": 5.0}
    assert seconds(metrics) == {"closed": 10.0, "open": 7.0}


def test_circuits_of_one_name_are_summed(metrics: Metrics, clock: FakeClock) -> None:
    one = CircuitBreaker("payments", failure_threshold=1, clock=clock)
    other = CircuitBreaker("payments", clock=clock)
    one.call(int)
    other.call(int)
    one.record_failure()
    clock.advance(3)

    assert outcomes(metrics) == {"success": 2, "failure": 1}
    assert statuses(metrics) == {("open", "enforce"): 1, ("closed", "enforce"): 1}
    assert seconds(metrics) == {"open": 3.0, "closed": 3.0}


def test_circuits_of_different_names_have_series_of_their_own(metrics: Metrics) -> None:
    payments, search = CircuitBreaker("payments"), CircuitBreaker("search")
    payments.call(int)
    search.call(int)
    search.call(int)

    assert metrics.points("circuit_breaker.calls", "name") == {("payments",): 1, ("search",): 2}


def test_circuits_of_one_name_are_summed_over_their_keys(metrics: Metrics) -> None:
    circuits = [CircuitBreaker("http", key=key) for key in ("a", "b")]
    for circuit in circuits:
        circuit.call(int)

    points = [point for point in metrics.all_points("circuit_breaker.calls") if point[1]]

    assert points == [({"circuit_breaker.name": "http", "circuit_breaker.call.outcome": "success"}, 2)]


def test_calls_that_passed_only_because_of_shadow_mode_are_exported_by_outcome(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, mode="shadow")
    for _ in range(3):
        with pytest.raises(OSError, match="down"), breaker.guard():
            raise OSError("down")
    breaker.call(int)

    assert metrics.points("circuit_breaker.shadow.calls", "call.outcome") == {("failure",): 2, ("success",): 1}
    assert outcomes(metrics) == {"failure": 3, "success": 1}


def test_probes_are_counted_by_their_outcome(metrics: Metrics, clock: FakeClock) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, ignore=KeyError, probe_timeout=20, clock=clock)

    def probe(error: type[BaseException] | None) -> None:
        clock.advance(60)
        with suppress(BaseException), breaker.guard():
            if error is not None:
                raise error

    breaker.record_failure()
    probe(TimeoutError)
    probe(KeyError)
    probe(KeyboardInterrupt)
    clock.advance(60)
    lost = breaker.can_execute()
    clock.advance(20)
    probe(None)

    assert metrics.points("circuit_breaker.probes", "name", "probe.outcome") == {
        ("payments", outcome): 1 for outcome in ("failure", "ignored", "cancelled", "timeout", "success")
    }
    assert lost


def test_the_success_rate_can_be_read_off_the_calls(metrics: Metrics) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=2, ignore=KeyError)
    for error in (None, None, KeyError, None, TimeoutError, TimeoutError, None):
        with suppress(Exception), breaker.guard():
            if error is not None:
                raise error

    calls = outcomes(metrics)

    assert calls["success"] / (calls["success"] + calls["failure"]) == 3 / 5  # of the calls that are evidence
    assert calls["success"] / sum(calls.values()) == 3 / 7  # of all calls


def test_status_is_that_of_the_moment_of_the_collection_for_all_breakers_of_a_name(
    metrics: Metrics, clock: FakeClock
) -> None:
    one, other = (CircuitBreaker("payments", failure_threshold=1, clock=clock) for _ in range(2))
    one.record_failure()
    clock.advance(60)

    status = statuses(metrics)

    assert status == {(one.state.value, "enforce"): 1, (other.state.value, "enforce"): 1}
    assert status == {("open", "enforce"): 1, ("closed", "enforce"): 1}
