"""The shapes of a call: the callee, its arguments and the loop around it, the same for all contenders.

A contender is one new breaker, ours or a peer's, or a reference without a breaker. A shape makes of it a run to time,
and a check that the breaker was in the state that the row measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

    from tests.bench.measure import Run

    Wrap: TypeAlias = Callable[[Any], Any]
    """A decorator."""

ITEMS = 10
_MOST_FAILURES = 1_000


class Broken(Exception):
    """The exception of a failing callee."""


def work(value: int) -> int:
    return value


def flaky(value: int) -> int:
    if not value:
        raise Broken
    return value


def broken(value: int) -> int:
    raise Broken


async def work_later(value: int) -> int:
    return value


def items(value: int) -> Iterator[int]:
    for _ in repeat(None, ITEMS):
        yield value


async def items_later(value: int) -> AsyncIterator[int]:
    for _ in repeat(None, ITEMS):
        yield value


def _never_open() -> bool:
    return False


@dataclass(frozen=True)
class Contender:
    """One breaker, used as its documentation shows; an ability that it lacks is None."""

    name: str
    refusal: type[Exception] = Exception
    is_open: Callable[[], bool] = _never_open
    function: Wrap | None = None
    coroutine: Wrap | None = None
    generator: Wrap | None = None
    async_generator: Wrap | None = None
    block: Callable[[], AbstractContextManager[Any]] | None = None


class Subject(NamedTuple):
    """A run to time, with its check."""

    run: Run
    check: Callable[[], None]
    """Raises AssertionError unless the breaker was in the state that is measured."""


def closed(contender: Contender) -> Subject:
    """Calls that succeed."""
    function = _needed(contender.function)(work)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            function(1)
        return calls

    return _checked(run, contender, is_open=False)


def one_in_ten(contender: Contender) -> Subject:
    """Nine calls that succeed and one that fails, repeated."""
    function = _needed(contender.function)(flaky)

    def run(calls: int) -> int:
        tens = -(-calls // 10)
        for _ in repeat(None, tens):
            for _ in repeat(None, 9):
                function(1)
            try:  # noqa: SIM105  # `suppress` would cost more than what is timed
                function(0)
            except Broken:
                pass
        return tens * 10

    return _checked(run, contender, is_open=False)


def refused(contender: Contender) -> Subject:
    """Calls that an open breaker refuses, and whose callers catch the refusal."""
    function, refusal = _needed(contender.function)(broken), contender.refusal
    for _ in range(_MOST_FAILURES):
        try:
            function(1)
        except Exception as error:
            if isinstance(error, refusal) and contender.is_open():
                break

    def run(calls: int) -> int:
        # The callee's exception is not caught: an admitted call must end the benchmark.
        for _ in repeat(None, calls):
            try:  # noqa: SIM105  # as above
                function(1)
            except refusal:
                pass
        return calls

    return _checked(run, contender, is_open=True)


def awaited(contender: Contender) -> Subject:
    """Coroutines that succeed."""
    function = _needed(contender.coroutine)(work_later)

    async def several(calls: int) -> int:
        for _ in repeat(None, calls):
            await function(1)
        return calls

    several = own_code(several)
    return _checked(lambda calls: finish(several(calls)), contender, is_open=False)


def entered(contender: Contender) -> Subject:
    """Blocks that succeed."""
    block = _needed(contender.block)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            with block():
                work(1)
        return calls

    return _checked(run, contender, is_open=False)


def iterated(contender: Contender) -> Subject:
    """Generators of ten items, read to their end."""
    function = _needed(contender.generator)(items)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            for _ in function(1):
                pass
        return calls

    return _checked(run, contender, is_open=False)


def iterated_later(contender: Contender) -> Subject:
    """Async generators of ten items, read to their end."""
    function = _needed(contender.async_generator)(items_later)

    async def several(calls: int) -> int:
        for _ in repeat(None, calls):
            async for _ in function(1):
                pass
        return calls

    several = own_code(several)
    return _checked(lambda calls: finish(several(calls)), contender, is_open=False)


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits; without an event loop, so that none is timed."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("nothing here should wait")


def own_code(function: Any) -> Any:
    """The same function with code of its own, because the interpreter specialises code to the types of its calls."""
    return FunctionType(
        function.__code__.replace(), function.__globals__, function.__name__, None, function.__closure__
    )


def _checked(run: Run, contender: Contender, *, is_open: bool) -> Subject:
    run = own_code(run)

    def check() -> None:
        assert contender.is_open() is is_open, f"{contender.name} is in another state than the row measures"

    run(100)
    check()
    return Subject(run, check)


def _needed(ability: Any) -> Any:
    assert ability is not None, "the row needs an ability that the contender lacks"
    return ability
