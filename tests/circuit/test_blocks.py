"""Guarded blocks: their outcomes, the outcomes that they set themselves, and where they may end."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState


def test_a_block_that_ends_well_is_a_success() -> None:
    breaker = CircuitBreaker()

    with breaker.guard():
        pass

    assert breaker.snapshot().calls["success"] == 1


def test_a_block_that_raises_is_a_failure_and_raises_still() -> None:
    breaker, error = CircuitBreaker(), ValueError("own")

    with pytest.raises(ValueError, match="own") as caught, breaker.guard():
        raise error

    assert caught.value is error
    assert breaker.snapshot().calls["failure"] == 1


async def test_a_block_can_be_entered_with_async_with() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    async with breaker.guard():
        pass
    with pytest.raises(ValueError, match="own"):
        async with breaker.guard():
            raise ValueError("own")
    with pytest.raises(CircuitOpenError):
        async with breaker.guard():
            pytest.fail("the block of a refused call must not run")

    calls = breaker.snapshot().calls
    assert (calls["success"], calls["failure"], calls["rejected"]) == (1, 1, 1)


def test_a_refused_block_does_not_run() -> None:
    breaker = CircuitBreaker()
    breaker.force_open()

    with pytest.raises(CircuitOpenError), breaker.guard():
        pytest.fail("the block of a refused call must not run")


def test_a_block_can_fail_without_raising() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    with breaker.guard() as call:
        call.failed("503")

    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.last_failure_type) == (CircuitState.OPEN, "503")


def test_a_block_can_have_its_exception_ignored() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    def declined() -> None:
        with breaker.guard() as call:
            call.ignored()
            raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        declined()

    assert (breaker.state, breaker.snapshot().calls["ignored"]) == (CircuitState.CLOSED, 1)


def test_a_block_can_make_an_ignored_exception_a_failure() -> None:
    breaker = CircuitBreaker(ignore=ValueError)

    def declined() -> None:
        with breaker.guard() as call:
            call.failed("declined")
            raise ValueError("own")

    with pytest.raises(ValueError, match="own"):
        declined()

    snapshot = breaker.snapshot()
    assert (snapshot.calls["failure"], snapshot.last_failure_type) == (1, "declined")


def test_the_last_word_of_a_block_holds() -> None:
    breaker = CircuitBreaker()

    with breaker.guard() as call:
        call.failed("503")
        call.ignored()

    assert breaker.snapshot().calls["ignored"] == 1


@pytest.mark.parametrize("verdict", ["failed", "ignored"])
def test_a_cancelled_block_is_cancelled_even_after_failed_or_ignored(verdict: str) -> None:
    breaker = CircuitBreaker()

    def interrupted() -> None:
        with breaker.guard() as call:
            call.failed("503") if verdict == "failed" else call.ignored()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert breaker.snapshot().calls["cancelled"] == 1


def test_a_guard_is_entered_once() -> None:
    guard = CircuitBreaker("once").guard()

    with guard, pytest.raises(RuntimeError, match="entered once"), guard:
        pytest.fail("a guard was entered twice")
    with pytest.raises(RuntimeError, match="entered once"), guard:
        pytest.fail("a guard was entered again")


def test_a_guard_that_is_left_twice_counts_once() -> None:
    breaker = CircuitBreaker()
    guard = breaker.guard()

    guard.__enter__()
    guard.__exit__(None, None, None)
    guard.__exit__(ValueError, ValueError(), None)

    calls = breaker.snapshot().calls
    assert (calls["success"], calls["failure"]) == (1, 0)


def test_a_block_may_be_entered_in_one_thread_and_left_in_another() -> None:
    breaker = CircuitBreaker()
    guard = breaker.guard()

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(guard.__enter__).result()
        other.submit(guard.__exit__, ValueError, ValueError(), None).result()

    assert breaker.snapshot().calls["failure"] == 1


def test_a_block_may_be_entered_in_one_context_and_left_in_another() -> None:
    breaker = CircuitBreaker()
    guard = breaker.guard()

    contextvars.Context().run(guard.__enter__)
    contextvars.Context().run(guard.__exit__, None, None, None)

    assert breaker.snapshot().calls["success"] == 1
