"""The ways in: each guards one of the callables in `shapes`, and returns the guarded callable and its breaker."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_breaker import CircuitBreaker, get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from otel_breaker_instrumentation.targets import manager
from tests.guard import shapes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import pytest

    from otel_breaker.settings import Keywords
    from tests.guard.shapes import Kind

SETTINGS: Keywords = {"failure_threshold": 1, "recovery_time": 10}

Entered: TypeAlias = "tuple[Callable[[str], Any], CircuitBreaker]"


def decorated(kind: Kind, how: str, monkeypatch: pytest.MonkeyPatch) -> Entered:
    breaker = CircuitBreaker("table", **SETTINGS)
    owner, _, attribute = kind.target.rpartition(".")
    place = shapes.found(owner) if owner else shapes
    monkeypatch.setattr(place, attribute, breaker(vars(place)[attribute]))
    return shapes.found(kind.use), breaker


def called(kind: Kind, how: str, monkeypatch: pytest.MonkeyPatch) -> Entered:
    breaker = CircuitBreaker("table", **SETTINGS)
    return lambda how: breaker.call(shapes.found(kind.use), how), breaker


def in_a_block(kind: Kind, how: str, monkeypatch: pytest.MonkeyPatch) -> Entered:
    breaker = CircuitBreaker("table", **SETTINGS)
    return _BLOCKS[kind.family](breaker, shapes.found(kind.use)), breaker


def configured(kind: Kind, how: str, monkeypatch: pytest.MonkeyPatch) -> Entered:
    _instrument(kind, "table", monkeypatch)
    return shapes.found(kind.use), get_breaker("table")


def configured_by_key(kind: Kind, how: str, monkeypatch: pytest.MonkeyPatch) -> Entered:
    _instrument(kind, "table {how}", monkeypatch)
    return shapes.found(kind.use), get_breaker("table", key=how)


ENTRIES = [decorated, called, in_a_block, configured, configured_by_key]


def enters(kind: Kind, entry: object) -> bool:
    """Whether there is this way in for it: nothing is known of the arguments of some callables of C."""
    return entry is not configured_by_key or kind.target != "look_up"


def _instrument(kind: Kind, breaker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Other names of a function are not looked for in all modules that tests have imported: others test that.
    monkeypatch.setattr(manager, "all_modules", lambda: [(shapes.__name__, shapes)])
    target = {"function": f"{shapes.__name__}:{kind.target}", "breaker": breaker}
    OtelBreakerInstrumentor().instrument(targets=[target], breakers={"table": dict(SETTINGS)})


def _function(breaker: CircuitBreaker, function: Callable[[str], Any]) -> Callable[[str], Any]:
    def through(how: str) -> object:
        with breaker.guard():
            return function(how)

    return through


def _awaitable(breaker: CircuitBreaker, function: Callable[[str], Any]) -> Callable[[str], Any]:
    async def through(how: str) -> object:
        async with breaker.guard():
            return await function(how)

    return through


def _generator(breaker: CircuitBreaker, function: Callable[[str], Any]) -> Callable[[str], Any]:
    def through(how: str) -> Any:
        with breaker.guard():
            return (yield from function(how))

    return through


def _async_generator(breaker: CircuitBreaker, function: Callable[[str], Any]) -> Callable[[str], Any]:
    async def through(how: str) -> AsyncIterator[object]:
        async with breaker.guard():
            async for item in function(how):
                yield item

    return through


def _context(breaker: CircuitBreaker, function: Callable[[str], Any]) -> Callable[[str], Any]:
    @contextmanager
    def through(how: str) -> Iterator[object]:
        with breaker.guard(), function(how) as item:
            yield item

    return through


def _async_context(breaker: CircuitBreaker, function: Callable[[str], Any]) -> Callable[[str], Any]:
    @asynccontextmanager
    async def through(how: str) -> AsyncIterator[object]:
        async with breaker.guard(), function(how) as item:
            yield item

    return through


_BLOCKS = {
    "function": _function,
    "awaitable": _awaitable,
    "generator": _generator,
    "async_generator": _async_generator,
    "context": _context,
    "async_context": _async_context,
}
