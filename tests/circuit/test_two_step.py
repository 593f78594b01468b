"""Two-step use: permits, and outcomes without one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, Mode
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from tests.fakes import FakeClock


def half_opened(clock: FakeClock, **settings: int) -> CircuitBreaker:
    """A breaker that admits a probe with the next call."""
    breaker = CircuitBreaker(failure_threshold=1, clock=clock, **settings)  # type: ignore[arg-type]
    breaker.record_failure()
    clock.advance(60)
    return breaker


def unrecorded(breaker: CircuitBreaker) -> int:
    """The number of permits without an outcome that the breaker remembers."""
    return len(breaker._unrecorded or ())


def test_leave_is_a_permit_that_is_true_and_refusal_is_none() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    permit = breaker.can_execute()
    breaker.record_failure()

    assert permit
    assert breaker.can_execute() is None


def test_every_leave_is_a_permit_of_its_own() -> None:
    breaker = CircuitBreaker()

    assert breaker.can_execute() is not breaker.can_execute()


def test_a_refusal_is_counted() -> None:
    breaker = CircuitBreaker()
    breaker.force_open()

    breaker.can_execute()

    assert breaker.snapshot().calls["rejected"] == 1


def test_results_are_counted() -> None:
    breaker = CircuitBreaker()

    breaker.record_success(breaker.can_execute())
    breaker.record_failure(permit=breaker.can_execute())

    calls = breaker.snapshot().calls
    assert (calls["success"], calls["failure"]) == (1, 1)


def test_a_permit_that_is_settled_twice_counts_once() -> None:
    breaker = CircuitBreaker()
    permit = breaker.can_execute()

    breaker.record_failure(permit=permit)
    breaker.record_failure(permit=permit)
    breaker.record_success(permit)

    calls = breaker.snapshot().calls
    assert (breaker.failures, calls["failure"], calls["success"]) == (1, 1, 0)


def test_permits_may_be_settled_in_any_order() -> None:
    breaker = CircuitBreaker()
    first, second = breaker.can_execute(), breaker.can_execute()

    breaker.record_success(second)
    breaker.record_failure(permit=first)

    assert breaker.failures == 1


def test_an_outcome_without_a_permit_settles_the_oldest_unsettled_one(clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    breaker.can_execute()
    breaker.record_success(breaker.can_execute())
    breaker.force_open()
    breaker.reset()
    breaker.can_execute()

    breaker.record_failure()
    from_before_the_reset = breaker.state
    breaker.record_failure()

    assert (from_before_the_reset, breaker.state) == (CircuitState.CLOSED, CircuitState.OPEN)


def test_an_outcome_without_a_permit_settles_a_probe(clock: FakeClock) -> None:
    breaker = half_opened(clock)

    breaker.can_execute()
    breaker.record_success()

    assert breaker.state is CircuitState.CLOSED


def test_an_outcome_without_any_permit_counts_while_the_circuit_is_closed() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    breaker.record_failure()

    assert breaker.state is CircuitState.OPEN


def test_an_outcome_without_any_permit_has_no_effect_while_the_circuit_is_not_closed(clock: FakeClock) -> None:
    breaker = half_opened(clock)
    probe = breaker.can_execute()
    breaker._claim_oldest()

    breaker.record_success()
    breaker.record_failure()

    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.snapshot().probes_in_flight == 1
    assert probe


@pytest.mark.parametrize("window", [10, "30s"])
def test_a_success_with_a_permit_from_before_a_reset_is_counted_and_is_not_in_the_window(window: int | str) -> None:
    breaker = CircuitBreaker(failure_rate=0.5, window=window, minimum_calls=10)
    permit = breaker.can_execute()
    breaker.force_open()
    breaker.reset()
    breaker.record_success(breaker.can_execute())

    breaker.record_success(permit)

    assert (breaker.snapshot().calls["success"], breaker.snapshot().window_calls) == (2, 1)


def test_a_success_with_a_permit_of_this_period_is_in_the_window() -> None:
    breaker = CircuitBreaker(failure_rate=0.5, window=10, minimum_calls=10)

    breaker.record_success(breaker.can_execute())
    breaker.record_success()

    assert (breaker.snapshot().calls["success"], breaker.snapshot().window_calls) == (2, 2)


def test_a_success_ends_a_streak_that_began_after_its_permit() -> None:
    breaker = CircuitBreaker()
    permit = breaker.can_execute()
    breaker.record_failure(permit=breaker.can_execute())

    breaker.record_success(permit)

    assert breaker.failures == 0


@pytest.mark.parametrize("named", [True, False], ids=["named", "oldest"])
def test_permits_of_many_threads_are_all_settled_once(named: bool) -> None:
    breaker = CircuitBreaker()

    def record_often(_: int) -> None:
        for _ in range(1_000):
            permit = breaker.can_execute()
            breaker.record_success(permit if named else None)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(record_often, range(4)))

    assert breaker.snapshot().calls["success"] == 4_000
    assert unrecorded(breaker) == 0


def test_a_permit_of_a_breaker_that_is_off_has_no_outcome() -> None:
    breaker = CircuitBreaker(mode="off")

    breaker.record_success(breaker.can_execute())

    assert breaker.snapshot().calls["success"] == 0
    assert unrecorded(breaker) == 0


def test_an_outcome_that_is_recorded_while_the_breaker_is_off_is_not_counted() -> None:
    breaker = CircuitBreaker()
    permit = breaker.can_execute()
    breaker._replace_settings(Settings(mode=Mode.OFF))

    breaker.record_failure(permit=permit)

    assert breaker.snapshot().calls["failure"] == 0


def test_a_failure_is_classified_by_its_type() -> None:
    breaker = CircuitBreaker(failure_threshold=1, ignore=KeyError)

    breaker.record_failure(KeyError())

    assert (breaker.state, breaker.snapshot().calls["ignored"]) == (CircuitState.CLOSED, 1)


def test_a_failure_is_known_by_its_type_and_without_one_has_no_name() -> None:
    breaker = CircuitBreaker()

    breaker.record_failure(TimeoutError())
    named = breaker.snapshot().last_failure_type
    breaker.record_failure()

    assert (named, breaker.snapshot().last_failure_type) == ("TimeoutError", "_OTHER")


def test_a_two_step_probe_takes_the_only_lease(clock: FakeClock) -> None:
    breaker = half_opened(clock)

    first, second = breaker.can_execute(), breaker.can_execute()

    assert first
    assert second is None


def test_a_two_step_probe_lets_no_other_call_of_its_thread_pass(clock: FakeClock) -> None:
    breaker = half_opened(clock)
    breaker.can_execute()

    with pytest.raises(CircuitOpenError), breaker.guard():
        pytest.fail("two-step permits own nothing")


def test_a_probe_may_be_settled_by_another_thread(clock: FakeClock) -> None:
    breaker = half_opened(clock)
    permit = breaker.can_execute()

    with ThreadPoolExecutor(1) as another:
        another.submit(breaker.record_success, permit).result()

    assert breaker.state is CircuitState.CLOSED


def test_permits_that_are_not_settled_are_bounded_in_number() -> None:
    breaker = CircuitBreaker()

    for _ in range(10_001):
        breaker.can_execute()

    assert unrecorded(breaker) == 10_000


# --- more permits than anybody would hold


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("otel_breaker.two_step._MOST_UNRECORDED", 10)
    return 10


def test_a_permit_that_its_caller_holds_can_be_settled_after_any_number_of_others(few: int) -> None:
    breaker = CircuitBreaker(failure_threshold=None, failure_rate=1, window=1_000, minimum_calls=1_000)
    permits = [breaker.can_execute() for _ in range(5 * few)]

    for permit in permits:
        breaker.record_failure(permit=permit)

    assert breaker.snapshot().window_failures == 5 * few


def test_a_permit_that_is_no_longer_remembered_is_settled_once(few: int) -> None:
    breaker = CircuitBreaker()
    first, *_ = [breaker.can_execute() for _ in range(5 * few)]

    breaker.record_success(first)
    breaker.record_success(first)

    assert breaker.snapshot().calls["success"] == 1


def test_results_without_a_permit_are_counted_however_many_permits_are_out(few: int) -> None:
    breaker = CircuitBreaker()
    for _ in range(5 * few):
        breaker.can_execute()

    for _ in range(5 * few):
        breaker.record_success()

    assert breaker.snapshot().calls["success"] == 5 * few


def test_a_probe_is_settled_though_many_permits_never_are(clock: FakeClock, few: int) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)
    for _ in range(5 * few):
        breaker.can_execute()
    breaker.record_failure()
    clock.advance(60)
    probe = breaker.can_execute()

    breaker.record_success(probe)

    assert breaker.state is CircuitState.CLOSED


def test_permits_that_are_never_settled_are_bounded_and_logged_once(few: int, caplog: pytest.LogCaptureFixture) -> None:
    breaker = CircuitBreaker("leaky")

    for _ in range(5 * few):
        breaker.can_execute()

    assert unrecorded(breaker) == few
    [message] = [record.getMessage() for record in caplog.records]
    assert "'leaky'" in message
    assert f"more than {few} permits" in message


def test_settled_permits_are_not_kept() -> None:
    breaker = CircuitBreaker()

    for _ in range(100):
        breaker.record_success(breaker.can_execute())

    assert unrecorded(breaker) == 0
