"""For the tests of applications that use breakers: a fake clock, breakers switched off, forced or reset.

With pytest, the fixtures `breaker_clock`, `no_breakers` and `fresh_breakers` do the same; pytest loads them by itself,
see `otel_breaker_pytest`.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, overload

from otel_breaker.circuit import RUNTIME
from otel_breaker.core.states import CircuitState
from otel_breaker.overrides import StateOverride
from otel_breaker.registry import REGISTRY, breakers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.breaker import CircuitBreaker

__all__ = ["FakeClock", "breakers_off", "fake_clock", "forced", "reset"]

pytest_plugins: Final = ["otel_breaker_pytest"]
"""For tests that name this module in `pytest_plugins`, which is needed only where pytest loads no plugins by itself."""

ForcibleState: TypeAlias = Literal["open", "closed", "forced_open", "forced_closed"]

_FORCED: Final = {
    CircuitState.OPEN: CircuitState.FORCED_OPEN,
    CircuitState.FORCED_OPEN: CircuitState.FORCED_OPEN,
    CircuitState.CLOSED: CircuitState.FORCED_CLOSED,
    CircuitState.FORCED_CLOSED: CircuitState.FORCED_CLOSED,
}


class FakeClock:
    """Monotonic seconds that only a test advances."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Advance the time by some seconds."""
        self.now += seconds


@contextmanager
def fake_clock() -> Iterator[FakeClock]:
    """Give all breakers, living and future, one clock; a breaker with a clock of its own keeps it."""
    clock = FakeClock(time.monotonic())
    before = RUNTIME.clock
    RUNTIME.reconfigure(clock=clock)
    try:
        yield clock
    finally:
        RUNTIME.reconfigure(clock=before)


@contextmanager
def breakers_off() -> Iterator[None]:
    """Switch all breakers off, living and future ones: calls pass as if there were none."""
    before = RUNTIME.off
    RUNTIME.reconfigure(off=True)
    try:
        yield
    finally:
        RUNTIME.reconfigure(off=before)


@overload
def forced(breaker: CircuitBreaker, state: CircuitState | ForcibleState) -> AbstractContextManager[CircuitBreaker]: ...


@overload
def forced(breaker: str, state: CircuitState | ForcibleState) -> AbstractContextManager[CircuitBreaker | None]: ...


@contextmanager
def forced(breaker: CircuitBreaker | str, state: CircuitState | ForcibleState) -> Iterator[Any]:
    """Force a breaker, or all of a name, open or closed, and reset them afterwards.

    Args:
        breaker: the breaker; or a name, which includes breakers that `get_breaker` or a configuration makes meanwhile.
        state: open or closed, as a state or as its value.

    Returns:
        A context manager with the breaker; for a name, with the first breaker of that name, or None.

    Raises:
        ValueError: for a state that cannot be forced.
    """
    wanted = _FORCED.get(CircuitState(state))
    if wanted is None:
        raise ValueError(f"a circuit cannot be forced {CircuitState(state).value}: open or closed")
    override, before = StateOverride(wanted, "test", "test"), None
    if isinstance(breaker, str):
        before = REGISTRY.override(breaker, override)
    found = _named(breaker)
    for each in found:
        override.apply(each)
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
    """Close all breakers, drop their counts of failures, and let code give other settings for each name."""
    for breaker in breakers():
        breaker.reset(reason="test")
    REGISTRY.forget_settings()
