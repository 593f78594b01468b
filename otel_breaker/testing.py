"""For the tests of applications that use breakers: hold time still, switch breakers off, force them, forget them.

With pytest, the fixtures `breaker_clock`, `no_breakers` and `fresh_breakers` do the same; they are there without
further ado, see `otel_breaker_pytest`.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, overload

from otel_breaker.circuit import RUNTIME
from otel_breaker.core.states import CircuitState
from otel_breaker.overrides import StateOverride
from otel_breaker.registry import REGISTRY, breakers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.breaker import CircuitBreaker

__all__ = ["FakeClock", "breakers_off", "fake_clock", "forced", "reset"]

pytest_plugins: Final = ["otel_breaker_pytest"]
"""For whoever names this module to pytest, which is needed only where pytest loads no plugins by itself."""

_FORCED: Final = {
    CircuitState.OPEN: CircuitState.FORCED_OPEN,
    CircuitState.FORCED_OPEN: CircuitState.FORCED_OPEN,
    CircuitState.CLOSED: CircuitState.FORCED_CLOSED,
    CircuitState.FORCED_CLOSED: CircuitState.FORCED_CLOSED,
}


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
    before = RUNTIME.clock
    RUNTIME.reconfigure(clock=clock)
    try:
        yield clock
    finally:
        RUNTIME.reconfigure(clock=before)


@contextmanager
def breakers_off() -> Iterator[None]:
    """Let all calls pass as if there were no breakers, living or yet to be made."""
    before = RUNTIME.off
    RUNTIME.reconfigure(off=True)
    try:
        yield
    finally:
        RUNTIME.reconfigure(off=before)


@overload
def forced(breaker: CircuitBreaker, state: CircuitState | str) -> AbstractContextManager[CircuitBreaker]: ...


@overload
def forced(breaker: str, state: CircuitState | str) -> AbstractContextManager[CircuitBreaker | None]: ...


@contextmanager
def forced(breaker: CircuitBreaker | str, state: CircuitState | str) -> Iterator[Any]:
    """Force a breaker, or all of a name, open or closed; they are reset afterwards.

    Args:
        breaker: the breaker; or a name, which stands also for what `get_breaker` or a configuration makes meanwhile.
        state: open or closed, or the text for that.

    Returns:
        A context manager with the breaker; of a name, with the first one there is, or None.

    Raises:
        ValueError: for a state that cannot be forced.
    """
    wanted = _FORCED.get(CircuitState(state))
    if wanted is None:
        raise ValueError(f"a circuit cannot be forced {CircuitState(state).value}: open or closed")
    order, before = StateOverride(wanted, "test", "test"), None
    if isinstance(breaker, str):
        before = REGISTRY.override(breaker, order)
    found = _named(breaker)
    for each in found:
        order.apply(each)
    try:
        yield found[0] if found else None
    finally:
        for each in _named(breaker):
            each.reset(reason="test")
        if isinstance(breaker, str):
            REGISTRY.override(breaker, before)


def _named(breaker: CircuitBreaker | str) -> list[CircuitBreaker]:
    return [each for each in breakers() if each.name == breaker] if isinstance(breaker, str) else [breaker]


def reset() -> None:
    """Close all breakers, forget what was counted against them, and let code give their settings anew."""
    for breaker in breakers():
        breaker.reset(reason="test")
    REGISTRY.forget_settings()
