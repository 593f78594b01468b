"""For the tests of applications that use breakers: hold time still, switch breakers off, force them, forget them.

With pytest, name this module in `pytest_plugins` to have the fixtures `breaker_clock`, `no_breakers` and
`fresh_breakers`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_breaker.breaker import CircuitBreaker
from otel_breaker.circuit import WORLD
from otel_breaker.core.states import CircuitState
from otel_breaker.registry import REGISTRY, breakers, get_breaker

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FakeClock", "breakers_off", "fake_clock", "forced", "reset"]


class FakeClock:
    """Monotonic seconds that move only when a test says so."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@contextmanager
def fake_clock() -> Iterator[FakeClock]:
    """Let all breakers, living and yet to be made, go by one clock; those that were given a clock keep it."""
    clock = FakeClock(time.monotonic())
    before = WORLD.clock
    WORLD.switch(clock=clock)
    try:
        yield clock
    finally:
        WORLD.switch(clock=before)


@contextmanager
def breakers_off() -> Iterator[None]:
    """Let all calls pass as if there were no breakers, living or yet to be made."""
    before = WORLD.off
    WORLD.switch(off=True)
    try:
        yield
    finally:
        WORLD.switch(off=before)


@contextmanager
def forced(breaker: CircuitBreaker | str, state: CircuitState) -> Iterator[CircuitBreaker]:
    """Force a breaker, or all of that name, open or closed; they are reset afterwards.

    Raises:
        ValueError: for a state that cannot be forced.
    """
    found = [breaker] if isinstance(breaker, CircuitBreaker) else [each for each in breakers() if each.name == breaker]
    if not found and isinstance(breaker, str):
        found = [get_breaker(breaker)]
    for each in found:
        if state in (CircuitState.OPEN, CircuitState.FORCED_OPEN):
            each.force_open(reason="test")
        elif state in (CircuitState.CLOSED, CircuitState.FORCED_CLOSED):
            each.force_closed(reason="test")
        else:
            raise ValueError(f"a circuit cannot be forced {state.value}: open or closed")
    try:
        yield found[0]
    finally:
        for each in found:
            each.reset(reason="test")


def reset() -> None:
    """Close all breakers, forget what was counted against them, and let code give their settings anew."""
    for breaker in breakers():
        breaker.reset(reason="test")
    REGISTRY.forget_settings()


try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture
    def breaker_clock() -> Iterator[FakeClock]:
        """One clock for all breakers during the test."""
        with fake_clock() as clock:
            yield clock

    @pytest.fixture
    def no_breakers() -> Iterator[None]:
        """All breakers off during the test."""
        with breakers_off():
            yield

    @pytest.fixture
    def fresh_breakers() -> Iterator[None]:
        """All breakers closed and forgotten before and after the test."""
        reset()
        yield
        reset()
