"""A guarded callable, of any kind, behaves as unguarded for its callers."""

from __future__ import annotations

import gc
import inspect
import pickle
from functools import partial
from typing import Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, breakers

BREAKER = CircuitBreaker("test_guard")


def answer(value: object) -> object:
    if isinstance(value, BaseException):
        raise value
    return value


async def answer_later(value: object) -> object:
    return answer(value)


def answer_third(_first: object, _second: object, value: object) -> object:
    return answer(value)


@BREAKER
def documented(first: int, *rest: str, last: bool = False) -> str:
    """Shows its arguments."""
    return f"{first}{rest}{last}"


@BREAKER
async def documented_later(first: int) -> str:
    """Shows its argument, later."""
    return str(first)


class Methods:
    def method(self, value: object) -> object:
        return answer(value)

    async def async_method(self, value: object) -> object:
        return answer(value)

    def __call__(self, value: object) -> object:
        return answer(value)


class AsyncMethods:
    async def __call__(self, value: object) -> object:
        return answer(value)


def guarded(breaker: CircuitBreaker, kind: str) -> Any:
    """A guarded callable of some kind that returns what it is given, or raises it."""

    class Client:
        @breaker
        def method(self, value: object) -> object:
            assert type(self) is Client
            return answer(value)

        @breaker
        @classmethod
        def of_class(cls, value: object) -> object:
            assert cls is Client
            return answer(value)

        @classmethod
        @breaker
        def inside_of_class(cls, value: object) -> object:
            assert cls is Client
            return answer(value)

        @breaker
        @staticmethod
        def static(value: object) -> object:
            return answer(value)

        @breaker
        async def async_method(self, value: object) -> object:
            assert type(self) is Client
            return answer(value)

        @breaker
        @classmethod
        async def async_of_class(cls, value: object) -> object:
            assert cls is Client
            return answer(value)

        @breaker
        @staticmethod
        async def async_static(value: object) -> object:
            return answer(value)

    made: dict[str, Any] = {
        "function": answer,
        "bound": Methods().method,
        "partial": partial(partial(answer_third, 1), 2),
        "object": Methods(),
        "async_function": answer_later,
        "async_bound": Methods().async_method,
        "async_partial": partial(partial(answer_later)),
        "async_object": AsyncMethods(),
    }
    return breaker(made[kind]) if kind in made else getattr(Client(), kind)


SYNC = ["function", "method", "of_class", "inside_of_class", "static", "bound", "partial", "object"]
ASYNC = [f"async_{kind}" for kind in ("function", "method", "of_class", "static", "bound", "partial", "object")]


@pytest.mark.parametrize("kind", SYNC)
def test_a_guarded_callable_returns_the_same_result(kind: str) -> None:
    breaker = CircuitBreaker()

    result = guarded(breaker, kind)("answer")

    assert result == "answer"
    assert breaker.snapshot().calls["success"] == 1


@pytest.mark.parametrize("kind", ASYNC)
async def test_a_guarded_asynchronous_callable_returns_the_same_result(kind: str) -> None:
    breaker = CircuitBreaker()

    result = await guarded(breaker, kind)("answer")

    assert result == "answer"
    assert breaker.snapshot().calls["success"] == 1


@pytest.mark.parametrize("kind", SYNC)
def test_a_guarded_callable_raises_the_same_exception_and_is_refused_when_that_trips(kind: str) -> None:
    breaker, error = CircuitBreaker(failure_threshold=1), ValueError("own")
    call = guarded(breaker, kind)

    with pytest.raises(ValueError, match="own") as caught:
        call(error)
    with pytest.raises(CircuitOpenError):
        call("not called")

    assert caught.value is error


@pytest.mark.parametrize("kind", ASYNC)
async def test_a_guarded_asynchronous_callable_raises_the_same_exception_and_is_refused_when_that_trips(
    kind: str,
) -> None:
    breaker, error = CircuitBreaker(failure_threshold=1), ValueError("own")
    call = guarded(breaker, kind)

    with pytest.raises(ValueError, match="own") as caught:
        await call(error)
    with pytest.raises(CircuitOpenError):
        await call("not called")

    assert caught.value is error


@pytest.mark.parametrize("kind", [*SYNC, *ASYNC])
def test_a_guarded_callable_is_asynchronous_if_it_was(kind: str) -> None:
    call = guarded(CircuitBreaker(), kind)

    assert inspect.iscoroutinefunction(call) is (kind in ASYNC)


def test_a_guarded_function_keeps_its_name_its_docstring_and_its_signature() -> None:
    assert (documented.__name__, documented.__qualname__, documented.__module__) == ("documented",) * 2 + (__name__,)
    assert documented.__doc__ == "Shows its arguments."
    assert str(inspect.signature(documented)) == "(first: 'int', *rest: 'str', last: 'bool' = False) -> 'str'"


@pytest.mark.parametrize("function", [documented, documented_later])
def test_a_guarded_function_pickles_by_its_name(function: object) -> None:
    assert pickle.loads(pickle.dumps(function)) is function


def test_arguments_of_all_kinds_reach_the_function() -> None:
    assert documented(1, "a", "b", last=True) == "1('a', 'b')True"


def test_a_coroutine_that_is_not_awaited_is_no_call() -> None:
    breaker = CircuitBreaker(half_open_calls=1)

    breaker(answer_later)("never").close()

    assert set(breaker.snapshot().calls.values()) == {0}


@pytest.mark.parametrize("thing", [Exception("no function"), None])
def test_an_object_that_cannot_be_called_cannot_be_guarded(thing: Any) -> None:
    with pytest.raises(TypeError, match="cannot be guarded"):
        CircuitBreaker()(thing)


def test_a_guarded_function_keeps_its_breaker_alive() -> None:
    function = CircuitBreaker("kept by its function", failure_threshold=1)(answer)

    gc.collect()

    assert "kept by its function" in [breaker.name for breaker in breakers()]
    with pytest.raises(ValueError, match="own"):
        function(ValueError("own"))
    with pytest.raises(CircuitOpenError):
        function(1)
