"""Functions that make context managers: the call is the `with` block."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.guard.counts import counted
from tests.guard.shapes import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.fakes import FakeClock


@contextmanager
def session(value: object = "entered") -> Iterator[object]:
    yield value


@contextmanager
def swallowing() -> Iterator[None]:
    with suppress(Broken):
        yield


class Client:
    @contextmanager
    def session(self) -> Iterator[Client]:
        yield self


def test_an_exception_of_the_block_is_a_failure_and_reaches_its_caller(breaker: CircuitBreaker) -> None:
    error = Broken()

    with pytest.raises(Broken) as caught, breaker(session)():
        raise error

    assert caught.value is error
    assert counted(breaker) == {"failure": 1}


def test_an_exception_that_the_manager_suppresses_is_no_failure(breaker: CircuitBreaker) -> None:
    with breaker(swallowing)():
        raise Broken

    assert counted(breaker) == {"success": 1}


def test_a_block_that_raises_stop_iteration_raises_just_that(breaker: CircuitBreaker) -> None:
    error = StopIteration("own")

    with pytest.raises(StopIteration) as caught, breaker(session)():
        raise error

    assert caught.value is error


def test_a_refused_manager_is_not_entered(breaker: CircuitBreaker) -> None:
    breaker.force_open()
    entered = []

    with pytest.raises(CircuitOpenError), breaker(session)():
        entered.append(1)

    assert entered == []


def test_a_manager_that_is_made_and_never_entered_is_no_call(breaker: CircuitBreaker) -> None:
    breaker(session)()

    assert counted(breaker) == {}


def test_a_probing_manager_frees_its_place_when_its_block_is_cancelled(
    breaker: CircuitBreaker, clock: FakeClock
) -> None:
    breaker.record_failure()
    clock.advance(10)

    with pytest.raises(KeyboardInterrupt), breaker(session)():
        raise KeyboardInterrupt

    assert (breaker.state, breaker.snapshot().probes_in_flight) == (CircuitState.HALF_OPEN, 0)


async def test_an_asynchronous_manager_is_guarded_in_the_same_way(breaker: CircuitBreaker) -> None:
    @breaker
    @asynccontextmanager
    async def connection() -> AsyncIterator[str]:
        yield "entered"

    async def enter() -> None:
        async with connection() as entered:
            assert entered == "entered"
            raise Broken

    with pytest.raises(Broken):
        await enter()

    assert counted(breaker) == {"failure": 1}


def test_a_guarded_manager_serves_as_a_decorator_as_well(breaker: CircuitBreaker) -> None:
    @breaker(session)()
    def decorated() -> str:
        return "answer"

    assert [decorated(), decorated()] == ["answer", "answer"]
    assert counted(breaker) == {"success": 2}


def test_a_guarded_manager_keeps_its_name_and_its_signature(breaker: CircuitBreaker) -> None:
    guarded = breaker(session)

    assert guarded.__name__ == "session"
    assert inspect.signature(guarded) == inspect.signature(session)


def test_two_breakers_round_one_manager_both_count(breaker: CircuitBreaker, clock: FakeClock) -> None:
    outer = CircuitBreaker(clock=clock)

    with outer(breaker(session))():
        pass

    assert (counted(outer), counted(breaker)) == ({"success": 1}, {"success": 1})


def test_a_decorator_below_contextmanager_still_runs(breaker: CircuitBreaker) -> None:
    seen = []

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def noted(*args: object) -> Any:
            seen.append(function.__name__)
            return function(*args)

        return noted

    @breaker
    @contextmanager
    @noting
    def connection() -> Iterator[None]:
        yield

    with connection():
        pass

    assert seen == ["connection"]


def test_a_bound_method_that_makes_a_manager_stays_bound(breaker: CircuitBreaker) -> None:
    client = Client()

    with breaker(client.session)() as entered:
        pass

    assert entered is client
    assert counted(breaker) == {"success": 1}


def test_a_manager_that_is_no_generator_is_entered_inside_a_block(breaker: CircuitBreaker) -> None:
    class Manager(AbstractContextManager["Manager"]):
        def __exit__(self, *error: object) -> None:
            """Suppresses nothing."""

    with pytest.raises(Broken), breaker.guard(), Manager():
        raise Broken

    assert counted(breaker) == {"failure": 1}


def test_a_guarded_function_has_the_name_of_the_users_function(breaker: CircuitBreaker) -> None:
    renamed = contextmanager(session.__wrapped__)  # type: ignore[attr-defined]
    renamed.__module__, renamed.__doc__ = "shop", "Opens a session."

    guarded = breaker(renamed)

    assert (guarded.__module__, guarded.__doc__, guarded.__name__) == ("shop", "Opens a session.", "session")


def test_a_function_that_is_guarded_twice_is_a_call_of_both(breaker: CircuitBreaker) -> None:
    other = CircuitBreaker()

    with other(breaker(session))() as value:
        assert value == "entered"

    assert counted(breaker) == counted(other) == {"success": 1}


async def test_a_manager_that_is_called_through_its_breaker_is_entered(breaker: CircuitBreaker) -> None:
    @asynccontextmanager
    async def connection(value: object) -> AsyncIterator[object]:
        yield value

    with breaker.call(session, "sync") as entered:
        assert entered == "sync"
    async with breaker.call(connection, "async") as entered:
        assert entered == "async"

    assert counted(breaker) == {"success": 2}
