"""Breakers with a limit of calls in flight, for tests."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import (
    CircuitBreaker,
    CircuitOpenError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


NUMBERS = count()


def limited(number: Any = 1, **settings: Any) -> CircuitBreaker:
    """A breaker of a name of its own."""
    return CircuitBreaker(f"limited {next(NUMBERS)}", max_in_flight=number, **settings)


def refusal_of(call: Callable[[], object]) -> CircuitOpenError:
    with pytest.raises(CircuitOpenError) as refused:
        call()
    return refused.value


def enter(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        pass


def in_flight(breaker: CircuitBreaker) -> int | None:
    return breaker.snapshot().calls_in_flight
