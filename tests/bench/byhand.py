"""The references: a wrapper that does nothing, and a span without a breaker."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tests.bench.contender import Contender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

NAME = "circuit_breaker bench"


class Refused(Exception):
    """The exception of a refusal without a breaker."""


class _Nothing:
    """The smallest context manager."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def pass_through() -> Contender:
    """Passes on arguments and result, and does nothing else."""

    def function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Any:
            return wrapped(*args, **kwargs)

        return passed

    def coroutine(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        async def passed(*args: Any, **kwargs: Any) -> Any:
            return await wrapped(*args, **kwargs)

        return passed

    def generator(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            yield from wrapped(*args, **kwargs)

        return passed

    def async_generator(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        async def passed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async for item in wrapped(*args, **kwargs):
                yield item

        return passed

    return Contender(
        "pass-through",
        function=function,
        coroutine=coroutine,
        generator=generator,
        async_generator=async_generator,
        block=_Nothing,
    )


def span() -> Contender:
    """A span round each call, with two attributes, as OpenTelemetry's documentation shows it."""
    tracer = trace.get_tracer("bench")

    def function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Any:
            # Without the traceback that is recorded by default: it alone costs several times all the rest.
            with tracer.start_as_current_span(
                NAME,
                attributes={"circuit_breaker.name": "bench", "circuit_breaker.state": "closed"},
                record_exception=False,
            ):
                return wrapped(*args, **kwargs)

        return passed

    def block() -> AbstractContextManager[trace.Span]:
        return tracer.start_as_current_span(
            NAME,
            attributes={"circuit_breaker.name": "bench", "circuit_breaker.state": "closed"},
            record_exception=False,
        )

    return Contender("span by hand", function=function, block=block, **_with(block))


def span_with_key() -> Contender:
    """A span round each call, which shows the argument as well."""
    tracer = trace.get_tracer("bench")

    def function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Any:
            attributes = {
                "circuit_breaker.name": "bench",
                "circuit_breaker.state": "closed",
                "circuit_breaker.key": args[0],
            }
            with tracer.start_as_current_span(NAME, attributes=attributes, record_exception=False):  # as above
                return wrapped(*args, **kwargs)

        return passed

    return Contender("span with the key by hand", function=function)


def _with(block: Callable[[], AbstractContextManager[Any]]) -> dict[str, Any]:
    """Decorators that put a block round the whole of a coroutine or generator."""

    def coroutine(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        async def passed(*args: Any, **kwargs: Any) -> Any:
            with block():
                return await wrapped(*args, **kwargs)

        return passed

    def generator(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with block():
                yield from wrapped(*args, **kwargs)

        return passed

    def async_generator(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        async def passed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with block():
                async for item in wrapped(*args, **kwargs):
                    yield item

        return passed

    return {"coroutine": coroutine, "generator": generator, "async_generator": async_generator}


def span_and_counter() -> Contender:
    """The span, and a counter of calls by their outcome, with a reader that would export it."""
    tracer = trace.get_tracer("bench")
    meter = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False).get_meter("bench")
    counter = meter.create_counter("circuit_breaker.calls")

    def function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Any:
            with tracer.start_as_current_span(
                NAME, attributes={"circuit_breaker.name": "bench", "circuit_breaker.state": "closed"}
            ):
                result = wrapped(*args, **kwargs)
                counter.add(1, {"circuit_breaker.name": "bench", "circuit_breaker.call.outcome": "success"})
                return result

        return passed

    return Contender("span and counter by hand", function=function)


def error_span() -> Contender:
    """A refusal with a span of its own; without the traceback that is recorded by default."""
    tracer = trace.get_tracer("bench")

    def function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Any:
            with tracer.start_as_current_span(
                NAME,
                attributes={"circuit_breaker.name": "bench", "circuit_breaker.state": "open"},
                record_exception=False,
            ) as current:
                current.set_attribute("error.type", "Refused")
                raise Refused("bench is open")

        return passed

    return Contender("error span by hand", Refused, lambda: True, function=function)


def error() -> Contender:
    """A refusal and nothing else."""

    def function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(wrapped)
        def passed(*args: Any, **kwargs: Any) -> Any:
            raise Refused("bench is open")

        return passed

    return Contender("raised error", Refused, lambda: True, function=function)
