"""A guard that chooses its circuit at each call is the guard of one circuit, compiled with the choice before it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, ConcurrencyLimitError
from otel_breaker.guard import guard_by_choice, recompilation, signatures
from otel_breaker.keyed import KeyedBreaker, KeyedCircuit
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.settings import Settings
from otel_breaker.tracers import function_tracer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from otel_breaker.circuit import Circuit


def function(key: str) -> str:
    return key


async def coroutine(key: str) -> str:
    return key


def generator(key: str) -> Iterator[str]:
    yield key


async def async_generator(key: str) -> AsyncIterator[str]:
    yield key


@contextmanager
def manager(key: str) -> Iterator[str]:
    yield key


async def items(stream: AsyncIterator[str]) -> list[str]:
    return [item async for item in stream]


def entered(block: Any) -> str:
    with block as key:
        return str(key)


KINDS: dict[str, tuple[Callable[..., Any], Callable[[Any], object]]] = {
    "function": (function, str),
    "coroutine function": (coroutine, asyncio.run),
    "generator function": (generator, list),
    "async generator function": (async_generator, lambda stream: asyncio.run(items(stream))),
    "context manager": (manager, entered),
    "function of C": (ord, str),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "untimed": {},
    "timed": {"slow_call_duration": 5, "slow_call_rate": 0.5},
    "limited": {"max_in_flight": 10},
}

every_kind = pytest.mark.parametrize(("called", "run"), KINDS.values(), ids=KINDS)


class Pattern:
    """Chooses one circuit, and has another one as the pattern."""

    def __init__(self, **settings: Any) -> None:
        self.pattern: Circuit = CircuitBreaker("pattern", **settings)._circuit
        known = KeyedCircuit(CircuitBreaker("chosen", **settings))
        self.key_of = function
        self.find: Callable[[object], KeyedCircuit | None] = lambda _: known

    def choose_new(self, key: str) -> Circuit:
        raise NotImplementedError

    def choose_without_key(self, error: Exception) -> Circuit:
        raise NotImplementedError


def objects_of(guard: Any) -> Iterator[object]:
    """What a guard refers to, and so do the functions among that."""
    references: Any = signatures._references_of(guard)
    for name in type(references).__slots__:
        each = getattr(references, name, None)
        yield each
        if isinstance(each, FunctionType):
            if signatures._references_of(each) is None:
                yield from (cell.cell_contents for cell in each.__closure__ or ())
            else:
                yield from objects_of(each)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("called", [function, coroutine, generator, async_generator])
def test_it_refers_to_nothing_of_the_circuit_that_is_its_pattern(
    called: Callable[..., Any], settings: dict[str, Any]
) -> None:
    choice = Pattern(**settings)
    circuit = choice.pattern

    guard = guard_by_choice(called, choice, function_tracer("pattern", called))

    found = list(objects_of(guard))
    assert found
    assert not [each for each in found if each is circuit or each is circuit.fast_path]
    assert not [each for each in found if each is circuit.fast_path.successes]


def test_a_limit_of_calls_in_flight_counts_those_of_all_keys() -> None:
    keyed = KeyedBreaker("test_choice limited", Settings(max_in_flight=1).resolved())
    guarded = guard_by_key(keyed, lambda key, call: call(), lambda key, _: key)

    def call_another_key() -> str:
        with pytest.raises(ConcurrencyLimitError):
            guarded("b", str)
        return "answer"

    for key in ("a", "b", "a", "b"):
        assert guarded(key, str) == ""
    assert guarded("a", call_another_key) == "answer"
    assert guarded("b", str) == ""


@every_kind
@pytest.mark.parametrize("has_source", [True, False], ids=["with its source", "without its source"])
def test_every_kind_of_callable_is_guarded_by_the_circuit_of_the_key(
    called: Callable[..., Any], run: Callable[[Any], object], has_source: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen programs contain no source."""
    if not has_source:
        monkeypatch.setattr(recompilation, "recompile", lambda *_: None)
    keyed = KeyedBreaker("keyed", Settings().resolved())
    guarded = guard_by_key(keyed, called, function)

    for key in ("a", "b", "b"):
        run(guarded(key))

    assert [keyed.for_key(key).snapshot().calls["success"] for key in ("a", "b")] == [1, 2]
