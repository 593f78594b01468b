"""A guard has the signature, the code's names and the attributes of its function."""

from __future__ import annotations

import asyncio
import functools
import inspect
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, get_breaker
from otel_breaker.guard.signatures import inner_wrapper, preserve_signature, remove_signature
from otel_breaker.key_template import Template
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


def none() -> str:
    return "none"


def charge(order: int, amount: int = 1, *, currency: str = "EUR") -> object:
    """Charges."""
    return order, amount, currency


def by_position(first: int, second: int = 2, /, third: int = 3) -> object:
    return first, second, third


def rest(first: int, *more: int, last: int = 0, **options: int) -> object:
    return first, more, last, options


def names_of_ours(
    function: int, circuit: int, permit: int = 3, *, args: int = 4, kwargs: int = 5, **result: int
) -> object:
    return function, circuit, permit, args, kwargs, result


async def later(order: int, *, amount: int = 1) -> object:
    return order, amount


def pages(query: str, number: int = 2) -> Iterator[object]:
    yield from ([query] * number)


async def pages_later(query: str, number: int = 2) -> AsyncIterator[object]:
    for _ in range(number):
        yield query


@contextmanager
def session(url: str, *, retries: int = 3) -> Iterator[object]:
    yield url, retries


CALLS: dict[Any, tuple[tuple[Any, ...], dict[str, Any]]] = {
    none: ((), {}),
    charge: ((1,), {"currency": "USD"}),
    by_position: ((1,), {"third": 4}),
    rest: ((1, 2, 3), {"last": 4, "more_still": 5}),
    names_of_ours: ((1,), {"circuit": 2, "kwargs": 6, "self": 7}),
    later: ((1,), {"amount": 2}),
    pages: (("a",), {}),
    pages_later: (("a",), {"number": 1}),
    session: (("url",), {"retries": 1}),
}
FUNCTIONS = list(CALLS)


def by_decorator(function: Any) -> Any:
    return CircuitBreaker("shop")(function)


def by_name(function: Any) -> Any:
    return get_breaker("shop")(function)


def by_slowness(function: Any) -> Any:
    return CircuitBreaker("shop", slow_call_duration=1, slow_call_rate=0.5)(function)


def by_key(function: Any) -> Any:
    parameters = list(inspect.signature(function).parameters)
    template = Template("shop" + "".join(f" {{{name}}}" for name in parameters[:1]), "here")
    return guard_by_key(REGISTRY.get_keyed("shop", {}), function, template.key_function(function))


def twice(function: Any) -> Any:
    return by_decorator(by_slowness(function))


WAYS = [by_decorator, by_name, by_slowness, by_key, twice]


def outcome(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    """The result of a call of any kind of function."""
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isasyncgen(result):

        async def items() -> list[object]:
            return [item async for item in result]

        return asyncio.run(items())
    if hasattr(result, "__enter__"):
        with result as entered:
            return entered
    return list(result) if inspect.isgenerator(result) else result


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_guard_has_the_signature_and_source_of_its_function(function: Any, way: Callable[[Any], Any]) -> None:
    guard, unguarded = way(function), function

    assert inspect.getfullargspec(guard) == inspect.getfullargspec(unguarded)
    assert inspect.signature(guard) == inspect.signature(unguarded)
    assert inspect.signature(guard, follow_wrapped=False) == inspect.signature(unguarded, follow_wrapped=False)
    assert guard.__defaults__ is unguarded.__defaults__
    assert guard.__kwdefaults__ is unguarded.__kwdefaults__
    assert guard.__globals__ is unguarded.__globals__
    assert inspect.getfile(guard) == inspect.getfile(unguarded)
    assert inspect.getsource(guard) == inspect.getsource(unguarded)
    assert inspect.unwrap(guard) is (guard if inspect.unwrap(unguarded) is unguarded else inspect.unwrap(unguarded))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_guard_shows_the_code_of_the_function(function: Any, way: Callable[[Any], Any]) -> None:
    shown, own = way(function).__code__, function.__code__
    number = own.co_argcount + own.co_kwonlyargcount + bool(own.co_flags & 4) + bool(own.co_flags & 8)

    for name in ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_filename", "co_firstlineno", "co_name"):
        assert getattr(shown, name) == getattr(own, name), name
    assert shown.co_varnames[:number] == own.co_varnames[:number]
    kinds = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
    kinds |= inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
    assert shown.co_flags & kinds == own.co_flags & kinds


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_guard_takes_arguments_as_the_function_does(function: Any, way: Callable[[Any], Any]) -> None:
    args, kwargs = CALLS[function]

    assert outcome(way(function), args, kwargs) == outcome(function, args, kwargs)


@pytest.mark.parametrize("function", [none, charge, by_position, names_of_ours, later, pages])
def test_arguments_that_do_not_fit_are_refused_in_the_same_words_and_are_no_failure(function: Any) -> None:
    breaker = CircuitBreaker("shop")

    with pytest.raises(TypeError) as right:
        function(1, 2, 3, 4, 5, 6, 7)
    with pytest.raises(TypeError) as seen:
        breaker(function)(1, 2, 3, 4, 5, 6, 7)

    assert str(seen.value) == str(right.value)
    assert breaker.failures == 0


def make_counter() -> Any:
    def counted(step: int = 1) -> int:
        counted.calls += step  # type: ignore[attr-defined]
        return counted.calls  # type: ignore[attr-defined,no-any-return]

    counted.calls = 0  # type: ignore[attr-defined]
    return counted


@pytest.mark.parametrize("way", [by_decorator, by_name, by_slowness, by_key, twice])
def test_attributes_are_live_both_ways(way: Callable[[Any], Any]) -> None:
    counted = make_counter()
    guard = way(counted)

    guard()
    assert guard.calls == counted.calls == 1
    guard.calls = 5
    guard()
    assert guard.calls == counted.calls == 6
    counted.added = "later"
    assert guard.added == "later"
    del guard.added
    assert not hasattr(counted, "added")


def test_attributes_of_a_context_manager_are_live_both_ways() -> None:
    guard = by_decorator(session)

    guard.note = "mine"
    try:
        assert session.note == "mine"  # type: ignore[attr-defined]
    finally:
        del guard.note


def test_the_function_itself_is_left_as_it_was() -> None:
    before = dict(vars(charge)), charge.__code__

    by_decorator(charge)(1)

    assert (vars(charge), charge.__code__) == before


def test_defaults_that_are_changed_later_are_those_that_are_used() -> None:
    def price(amount: int = 1) -> int:
        return amount

    guard = by_decorator(price)
    guard.__defaults__ = (7,)

    assert guard() == 7


def test_a_wrapper_of_a_guard_copies_none_of_its_own_attributes() -> None:
    guard = by_decorator(charge)

    @functools.wraps(guard)
    def wrapper(*args: Any, **kwargs: Any) -> object:
        return guard(*args, **kwargs)

    assert set(vars(wrapper)) == {"__wrapped__"}
    assert inspect.unwrap(wrapper) is guard


def test_a_traceback_shows_the_guard_as_the_line_that_defines_the_function() -> None:
    def fails() -> None:
        raise OSError

    guard = by_decorator(fails)
    frames: list[Any] = []
    try:
        guard()
    except OSError as error:
        frames = traceback.extract_tb(error.__traceback__)

    assert [(frame.name, frame.line) for frame in frames[1:]] == [
        ("fails", "def fails() -> None:"),
        ("fails", "raise OSError"),
    ]


def late(*args: Any, **kwargs: Any) -> object:
    return args, kwargs


def test_a_fallback_gets_the_arguments_as_the_caller_gave_them() -> None:
    breaker = CircuitBreaker("shop", fallback=late)
    guard = breaker(charge)
    breaker.force_open()

    assert guard(1, amount=2) == ((1,), {"amount": 2})
    assert inspect.getfullargspec(guard) == inspect.getfullargspec(charge)
    assert guard.__kwdefaults__ is charge.__kwdefaults__

    remove_signature(guard)
    assert vars(charge) == {}


def test_without_its_source_a_guard_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen programs contain no source."""

    def wrapper(*args: Any, **kwargs: Any) -> object:
        return charge(*args, **kwargs)

    monkeypatch.setattr(inspect, "getsource", lambda _: (_ for _ in ()).throw(OSError))

    assert preserve_signature(wrapper, charge, exact=True)(1, currency="USD") == (1, 1, "USD")


def test_another_source_than_that_which_runs_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package may be upgraded while a process runs."""

    def wrapper(*args: Any, **kwargs: Any) -> object:
        return charge(*args, **kwargs)

    other = "def wrapper(*args, **kwargs):\n    return none(*args, **kwargs)"
    monkeypatch.setattr(inspect, "getsource", lambda _: other)

    assert preserve_signature(wrapper, charge, exact=True) is wrapper


@pytest.mark.parametrize("function", [charge, later, pages, pages_later])
def test_a_guard_contains_the_expression_of_its_tracers_flag(function: Any) -> None:
    code = by_decorator(function).__code__

    assert "is_active" not in code.co_names
    assert "_TRACER_PROVIDER" in code.co_names


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_wrapper_preserves_the_signature(function: Any, way: Callable[[Any], Any]) -> None:
    guard = way(function)

    assert inner_wrapper(guard) is not guard


def test_a_callable_that_is_no_python_function_gets_no_signature() -> None:
    breaker = CircuitBreaker("shop")

    assert breaker(len)("abc") == 3
    with suppress(ValueError):
        assert inspect.signature(breaker(len)) == inspect.signature(len)
