"""Fast paths of generator functions: calls that share a permit and have no span pass their items on and do no more.

A call whose consumer sends or throws in goes on with a `Call`, step by step as in generators.py. Both loops are in one
frame, because what the consumer sends or throws in arrives in the frame that yields. Neither keeps an item that it has
yielded. The rules of fast_path.py hold here, too.
"""

from __future__ import annotations

from functools import wraps
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from otel_breaker.core.states import SUCCESS
from otel_breaker.guard.call import Call, end_with_error
from otel_breaker.guard.consumers import end_call, is_from_consumer
from otel_breaker.guard.fallbacks import async_generator_of, generator_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from otel_breaker.circuit import Circuit
    from otel_breaker.guard.ports import CallTracer

P = ParamSpec("P")
R = TypeVar("R")
Item = TypeVar("Item")

begin, continued = Call.begin, Call.continued  # see fast_path.py


def add_generator_fast_path(  # noqa: C901, PLR0915  # both loops, see above
    function: Callable[P, Generator[Item, Any, R]], circuit: Circuit, tracer: CallTracer, *, is_block: bool = False
) -> Callable[P, Generator[Item, Any, R]]:
    """Guard a generator function.

    Args:
        function: the generator function.
        circuit: admits the calls and records their outcomes.
        tracer: starts their spans.
        is_block: whether it is that of a context manager: an exception thrown in was then raised by the block.
    """
    fast_path = circuit.fast_path
    successes = fast_path.successes

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Item, Any, R]:  # noqa: C901, PLR0912, PLR0915  # as above
        generator: Any = None
        value: Any = None
        thrown: BaseException | None = None
        permit = fast_path.shared_permit
        if permit is None or tracer.is_active():
            call = begin(circuit, tracer)
            if (refusal := call.take_refusal()) is not None:
                try:
                    raise refusal
                finally:
                    del refusal
        else:
            try:
                generator = function(*args, **kwargs)
                if type(generator) is GeneratorType:
                    while (value := (yield next(generator))) is None:
                        pass
            except BaseException as error:
                if type(error) is StopIteration and generator is not None and generator.gi_frame is None:
                    if fast_path.standing_permit is permit:
                        next(successes)
                    else:
                        circuit.record_success(permit)
                    result: R = error.value
                    return result
                if generator is None or not is_from_consumer(error, generator):
                    end_with_error(circuit, tracer, permit, None, error)
                    raise
                value = thrown = error
            call = continued(circuit, tracer, permit)
        try:
            if generator is None:
                generator = call.choose(function)(*args, **kwargs)
            generator = generator_of(generator)
            suspend, resume = call.pauses
            step: Callable[[Any], Item] = generator.send if thrown is None else generator.throw
            while True:
                items, value, thrown = [step(value)], None, None
                suspend()
                try:
                    value = yield items.pop()
                    step = generator.send
                except BaseException as error:
                    step, value, thrown = generator.throw, error, error
                resume()
        except StopIteration as stop:
            call.end(SUCCESS)
            return cast("R", stop.value)
        except BaseException as error:
            end_call(call, error, thrown, is_block=is_block)
            raise
        finally:
            value = thrown = None  # error, traceback and frame would hold each other and the caller's arguments

    return guarded


def add_async_generator_fast_path(  # noqa: C901, PLR0915  # both loops, see above
    function: Callable[P, AsyncGenerator[Item, Any]], circuit: Circuit, tracer: CallTracer, *, is_block: bool = False
) -> Callable[P, AsyncGenerator[Item, Any]]:
    """Guard an async generator function; see `add_generator_fast_path`."""
    fast_path = circuit.fast_path
    successes = fast_path.successes

    @wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Item, Any]:  # noqa: C901, PLR0912, PLR0915  # as above
        generator: Any = None
        value: Any = None
        thrown: BaseException | None = None
        permit = fast_path.shared_permit
        if permit is None or tracer.is_active():
            call = begin(circuit, tracer)
            if (refusal := call.take_refusal()) is not None:
                try:
                    raise refusal
                finally:
                    del refusal
        else:
            is_closed = False
            try:
                generator = function(*args, **kwargs)
                if type(generator) is AsyncGeneratorType:
                    while value is None:
                        items = [await anext(generator)]
                        try:
                            value = yield items.pop()
                        except GeneratorExit:
                            await generator.aclose()
                            is_closed = True
                            raise
                        except BaseException as error:
                            value = thrown = error
            except BaseException as error:
                if not is_closed and type(error) is not StopAsyncIteration:
                    end_with_error(circuit, tracer, permit, None, error)
                    raise
                if fast_path.standing_permit is permit:
                    next(successes)
                else:
                    circuit.record_success(permit)
                if is_closed:
                    raise
                return
            call = continued(circuit, tracer, permit)
        try:
            if generator is None:
                generator = call.choose(function)(*args, **kwargs)
            generator = async_generator_of(generator)
            suspend, resume = call.pauses
            step: Callable[[Any], Any] = generator.asend if thrown is None else generator.athrow
            while True:
                items, value, thrown = [await step(value)], None, None
                suspend()
                try:
                    value = yield items.pop()
                    step = generator.asend
                except GeneratorExit as error:
                    # Closed, not thrown in: an event loop closes the two generators in any order.
                    thrown = error
                    await generator.aclose()
                    raise
                except BaseException as error:
                    step, value, thrown = generator.athrow, error, error
                resume()
        except StopAsyncIteration:
            call.end(SUCCESS)
        except BaseException as error:
            end_call(call, error, thrown, is_block=is_block)
            raise
        finally:
            value = thrown = None  # as above

    return guarded
