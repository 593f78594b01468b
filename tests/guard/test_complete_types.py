"""The guards' memory of complete types keeps no type alive."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker
from otel_breaker.guard.results import COMPLETE_TYPE_IDS, COMPLETE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker()


def remembered(kind: type) -> bool:
    return kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS


def test_a_type_whose_instances_were_returned_is_collected_with_its_last_user(breaker: CircuitBreaker) -> None:
    guarded: Callable[[type], object] = breaker(lambda kind: kind())

    def seen_and_gone() -> weakref.ref[type]:
        kind = type("Answer", (), {})
        guarded(kind)
        assert remembered(kind)
        return weakref.ref(kind)

    gone = seen_and_gone()
    gc.collect()

    assert gone() is None


def test_an_immortal_type_is_known_after_a_collection(breaker: CircuitBreaker) -> None:
    breaker(dict)()

    gc.collect()

    assert dict in COMPLETE_TYPES
    assert breaker.snapshot().calls["success"] == 1


def test_no_more_than_a_thousand_types_are_remembered(breaker: CircuitBreaker) -> None:
    guarded: Callable[[type], object] = breaker(lambda kind: kind())
    kinds = [type(f"Answer{number}", (), {}) for number in range(1_100)]

    for kind in kinds:
        guarded(kind)

    assert sum(map(remembered, kinds)) <= 1_000
    assert breaker.snapshot().calls["success"] == 1_100


def test_remembering_types_runs_no_code_of_ours_in_a_collection() -> None:
    # A callback there would receive the Ctrl-C that arrives meanwhile, and slow every collection down.
    assert [each for each in gc.callbacks if getattr(each, "__module__", "").startswith("otel_breaker")] == []
