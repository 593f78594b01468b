"""Every way to guard a call by hand, each as a function in which one guarded call raises an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

    from otel_breaker import CircuitBreaker

Way: TypeAlias = "Callable[[CircuitBreaker, BaseException], Any]"


def drive(awaitable: Awaitable[object]) -> None:
    """Run a coroutine that never waits. An event loop would inspect its exception, and some exceptions raise then."""
    steps = awaitable.__await__()
    try:
        while True:
            next(steps)
    except StopIteration:  # `suppress` makes other exceptions of groups
        pass


def throw(error: BaseException) -> None:
    raise error


def by_function(breaker: CircuitBreaker, error: BaseException) -> None:
    @breaker
    def fail() -> None:
        raise error

    fail()


def by_coroutine(breaker: CircuitBreaker, error: BaseException) -> None:
    @breaker
    async def fail() -> None:
        raise error

    drive(fail())


def by_returned_coroutine(breaker: CircuitBreaker, error: BaseException) -> None:
    async def fail() -> None:
        raise error

    def hand_back() -> Coroutine[Any, Any, None]:
        return fail()

    drive(breaker(hand_back)())


def by_generator(breaker: CircuitBreaker, error: BaseException) -> None:
    @breaker
    def fail() -> Iterator[int]:
        yield 1
        raise error

    list(fail())


def by_async_generator(breaker: CircuitBreaker, error: BaseException) -> None:
    @breaker
    async def fail() -> AsyncIterator[int]:
        yield 1
        raise error

    async def consume() -> None:
        async for _ in fail():
            pass

    drive(consume())


def by_block(breaker: CircuitBreaker, error: BaseException) -> None:
    with breaker.guard():
        raise error


def by_call(breaker: CircuitBreaker, error: BaseException) -> None:
    breaker.call(throw, error)


def by_hand(breaker: CircuitBreaker, error: BaseException) -> None:
    permit = breaker.can_execute()
    assert permit is not None
    try:
        throw(error)
    except BaseException as raised:
        breaker.record_failure(raised, permit)
        raise


WAYS: Final[tuple[Way, ...]] = (
    by_function,
    by_coroutine,
    by_returned_coroutine,
    by_generator,
    by_async_generator,
    by_block,
    by_call,
    by_hand,
)
