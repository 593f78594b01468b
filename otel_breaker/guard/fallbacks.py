"""The fallback that answers a refused call, and its result as a generator. Whether it answers is decided in call.py."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_breaker.errors import CircuitOpenError
    from otel_breaker.settings import Settings


def fallback_for(refusal: CircuitOpenError, settings: Settings, *, is_trampoline: bool) -> Callable[..., Any]:
    """The function to call instead of the guarded one, with the arguments of the call.

    Args:
        refusal: passed to a fallback that has a parameter of that name.
        settings: have a fallback.
        is_trampoline: whether the first argument of the call is the function that a trampoline calls; the fallback's
            arguments are that function's.
    """
    fallback: Any = settings.fallback
    if settings.fallback_wants_refusal:
        fallback = partial(fallback, refusal=refusal)
    return partial(_without_callee, fallback) if is_trampoline else fallback


def _without_callee(fallback: Callable[..., Any], _callee: object, /, *args: Any, **kwargs: Any) -> Any:
    return fallback(*args, **kwargs)


def generator_of(result: Any) -> Any:
    """A generator for a result, which may be any iterable, or any context manager."""
    if hasattr(result, "throw"):
        return result

    def items() -> Generator[Any, None, None]:
        if hasattr(result, "__enter__"):
            with result as entered:
                yield entered
        else:
            yield from result

    return items()


def async_generator_of(result: Any) -> Any:
    """An async generator for such a result, or for an asynchronous one."""
    if hasattr(result, "athrow"):
        return result

    async def items() -> AsyncGenerator[Any, None]:
        if hasattr(result, "__aenter__"):
            async with result as entered:
                yield entered
        elif hasattr(result, "__aiter__"):
            async for item in result:
                yield item
        else:
            for item in generator_of(result):
                yield item

    return items()
