"""A breaker that is made for a single call never opens: a warning is logged once."""

from __future__ import annotations

import gc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, get_breaker
from tests.conformance.conftest import Broken, down, fail, succeed

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [message for message in caplog.messages if "made anew" in message]


def call_once(name: str | None) -> None:
    fail(CircuitBreaker(name))


def decorated_for_one_call() -> None:
    with suppress(Broken):
        CircuitBreaker("decorated")(down)()


@pytest.mark.parametrize(
    ("name", "known_as"), [("payments", "payments"), (None, f"{__name__}:call_once")], ids=["named", "unnamed"]
)
def test_breakers_that_are_made_for_one_failing_call_each_are_reported_once(
    warnings: Callable[[], list[str]], name: str | None, known_as: str
) -> None:
    for _ in range(100):
        call_once(name)

    assert len(warnings()) == 1
    assert repr(known_as) in warnings()[0]


def test_functions_that_are_wrapped_again_for_each_call_are_reported(warnings: Callable[[], list[str]]) -> None:
    for _ in range(100):
        decorated_for_one_call()
        gc.collect(0)

    assert len(warnings()) == 1


def test_breakers_that_are_kept_are_not_reported(warnings: Callable[[], list[str]]) -> None:
    kept = [CircuitBreaker("kept", failure_threshold=100) for _ in range(50)]
    for breaker in kept:
        fail(breaker)

    assert warnings() == []


def test_dropped_breakers_with_several_calls_each_are_not_reported(warnings: Callable[[], list[str]]) -> None:
    for _ in range(50):
        breaker = CircuitBreaker("per session")
        fail(breaker)
        succeed(breaker)

    assert warnings() == []


def test_dropped_breakers_whose_calls_succeed_are_not_reported(warnings: Callable[[], list[str]]) -> None:
    for _ in range(50):
        succeed(CircuitBreaker("healthy"))

    assert warnings() == []


def test_circuits_that_are_evicted_for_other_keys_are_not_reported(warnings: Callable[[], list[str]]) -> None:
    for number in range(50):
        breaker = get_breaker("test_wasted keyed", key=str(number), max_keys=2)
        fail(breaker)
        succeed(breaker)

    assert warnings() == []
