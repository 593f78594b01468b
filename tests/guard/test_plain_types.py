"""What guards remember of the types of results keeps no type alive."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker
from otel_breaker.guard.awaitable import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker()


def test_a_type_whose_results_were_seen_goes_with_its_last_user(breaker: CircuitBreaker) -> None:
    guarded: Callable[[type], object] = breaker(lambda kind: kind())

    def seen_and_gone() -> weakref.ref[type]:
        kind = type("Answer", (), {})
        guarded(kind)
        assert kind in PLAIN
        return weakref.ref(kind)

    gone = seen_and_gone()
    gc.collect()

    assert gone() is None


def test_a_type_is_learned_anew_after_a_collection(breaker: CircuitBreaker) -> None:
    guarded: Callable[[], object] = breaker(dict)
    guarded()
    gc.collect()

    guarded()

    assert dict in PLAIN
    assert breaker.snapshot().calls["success"] == 2


def test_the_youngest_collection_lets_no_type_be_learned_anew(breaker: CircuitBreaker) -> None:
    breaker(dict)()

    gc.collect(0)

    assert dict in PLAIN


def test_no_more_than_a_thousand_types_are_remembered(breaker: CircuitBreaker) -> None:
    guarded: Callable[[type], object] = breaker(lambda kind: kind())
    gc.collect()
    gc.disable()
    try:
        kinds = [type(f"Answer{number}", (), {}) for number in range(1_100)]
        for kind in kinds:
            guarded(kind)
        remembered = len(PLAIN)
    finally:
        gc.enable()

    assert remembered <= 1_000
    assert breaker.snapshot().calls["success"] == 1_100
