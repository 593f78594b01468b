"""An object that cannot be guarded is refused when it is wrapped, with the reason; an odd callable is guarded."""

from __future__ import annotations

import asyncio
import contextvars
import math
import operator
import warnings
from dataclasses import dataclass
from functools import lru_cache, partial, partialmethod, singledispatch
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.guard.counts import counted
from tests.guard.shapes import Broken, answer, answer_later, answers, async_answers

if TYPE_CHECKING:
    from collections.abc import Callable


async def waiting() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


NOT_CALLED: dict[str, Callable[[], Any]] = {
    "a coroutine": lambda: answer_later("return"),
    "a generator": lambda: answers("return"),
    "an async generator": lambda: async_answers("return"),
    "a future": lambda: asyncio.run(waiting()),
    "a property": lambda: property(answer),
    "a number": lambda: 3,
    "a name": lambda: "shop:charge",
    "nothing": lambda: None,
    "a partialmethod": lambda: partialmethod(answer),
}


@pytest.mark.parametrize("make", NOT_CALLED.values(), ids=NOT_CALLED)
@pytest.mark.parametrize(
    "enter",
    [lambda breaker, thing: breaker(thing), lambda breaker, thing: breaker.call(thing)],
    ids=["decorator", "call"],
)
def test_an_object_that_cannot_be_called_is_refused_with_the_reason(
    make: Callable[[], Any], enter: Callable[[CircuitBreaker, Any], object]
) -> None:
    breaker = CircuitBreaker()

    with pytest.raises(TypeError, match=r"cannot be guarded|a coroutine was given"), warnings.catch_warnings():
        enter(breaker, make())

    assert counted(breaker) == {}


@lru_cache
def cached(value: int) -> int:
    return value


@singledispatch
def dispatched(value: int) -> int:
    return value


@dataclass
class Unhashable:
    """Equal by value, so without a hash."""

    added: int = 0

    def __call__(self, value: int) -> int:
        return value + self.added


class Slotted:
    __slots__ = ()

    def __call__(self, value: int) -> int:
        return value


@pytest.mark.parametrize(
    "function",
    [abs, operator.methodcaller("bit_length"), int, cached, dispatched, Unhashable(), Slotted(), (3).__add__],
    ids=["C", "methodcaller", "class", "lru_cache", "singledispatch", "unhashable", "slotted", "method-wrapper"],
)
def test_every_callable_can_be_guarded(function: Callable[[Any], Any]) -> None:
    breaker = CircuitBreaker()

    result = breaker(function)(1)

    assert result == function(1)
    assert counted(breaker) == {"success": 1}


def test_a_function_of_c_that_fails_is_refused_afterwards() -> None:
    guarded = CircuitBreaker(failure_threshold=1)(math.sqrt)
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        guarded(-1)

    with pytest.raises(CircuitOpenError):
        guarded(1)


@pytest.mark.parametrize("name", ["self", "function", "args", "kwargs", "like", "name", "call", "body", "refusal"])
def test_an_argument_may_have_any_name(name: str) -> None:
    breaker = CircuitBreaker()

    def show(**given: int) -> dict[str, int]:
        return given

    assert breaker(show)(**{name: 1}) == {name: 1}
    assert breaker.call(show, **{name: 1}) == {name: 1}


@pytest.mark.parametrize("name", ["self", "function", "_callee"])
def test_an_argument_of_a_fallback_may_have_any_name(name: str) -> None:
    def show(**given: int) -> dict[str, int]:
        return given

    breaker = CircuitBreaker(fallback=show)
    breaker.force_open()

    assert breaker.call(show, **{name: 1}) == {name: 1}


class Unhashing(type):
    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = None  # type: ignore[assignment]  # that is what makes it odd


class OfUnhashableType(metaclass=Unhashing):
    """Its type cannot be hashed."""


class Unbound:
    """A proxy without a target: each attribute raises, as Werkzeug's does."""

    @property  # type: ignore[misc]  # that is what makes it odd
    def __class__(self) -> Any:
        raise Broken

    def __getattr__(self, name: str) -> Any:
        raise Broken


@pytest.mark.parametrize("make", [OfUnhashableType, Unbound])
@pytest.mark.parametrize("traced", [False, True], ids=["untraced", "traced"])
def test_every_result_is_returned_itself(
    make: Callable[[], object],
    traced: bool,
    request: pytest.FixtureRequest,
) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker, result = CircuitBreaker(), make()

    # In a context of its own: a span that is not ended must not stay current in later tests.
    given = contextvars.copy_context().run(breaker(lambda: result))

    assert given is result
    assert counted(breaker) == {"success": 1}


def test_a_callable_whose_attributes_cannot_be_read_before_it_is_bound_is_guarded() -> None:
    class Lazy:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

        def __call__(self) -> str:
            return "answer"

    assert CircuitBreaker()(Lazy())() == "answer"


class Listing(partial[Any]):
    """Returns a list, although it looks like the generator function that it holds."""

    def __call__(self, *args: Any, **kwargs: Any) -> list[object]:
        return [*args]


def test_a_callable_that_looks_like_a_generator_function_gives_the_items_that_it_returns() -> None:
    breaker = CircuitBreaker()

    assert list(breaker(Listing(answers))(1, 2)) == [1, 2]
    assert counted(breaker) == {"success": 1}


async def test_a_callable_that_looks_like_an_async_generator_function_gives_the_items_that_it_returns() -> None:
    breaker = CircuitBreaker()
    items: Any = breaker(Listing(async_answers))

    assert [each async for each in items(1, 2)] == [1, 2]
    assert counted(breaker) == {"success": 1}
