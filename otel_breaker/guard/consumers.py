"""Distinguishes what the consumer of a generator throws in from what the generator raises itself.

An exception that the consumer throws in, and that comes out again, is no failure of the call, unless the generator is
that of a context manager, whose `with` block is the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.states import SUCCESS

if TYPE_CHECKING:
    from types import GeneratorType

    from otel_breaker.guard.call import Call


def end_call(call: Call, error: BaseException, thrown: BaseException | None, *, is_block: bool) -> None:
    """End the call of a generator that has raised *error*, after its consumer may have thrown in *thrown*.

    Args:
        call: the call.
        error: has left the generator.
        thrown: what the consumer has thrown into the last step; None when it has asked for an item.
        is_block: whether the generator is that of a context manager: an exception thrown in was then raised by the
            block.
    """
    kind = type(thrown)
    if issubclass(kind, GeneratorExit) and issubclass(type(error), GeneratorExit):
        call.end(SUCCESS)  # the consumer has had an item and wants no more
    elif thrown is None or is_block:
        call.raised(error)
    elif error is thrown or (
        # Python replaces these two by a RuntimeError when they leave a generator.
        issubclass(kind, StopIteration | StopAsyncIteration)
        and type(error) is RuntimeError
        and error.__cause__ is thrown
    ):
        call.passed_on(error)
    else:
        call.raised(error)


def is_from_consumer(error: BaseException, generator: GeneratorType[object, object, object]) -> bool:
    """Whether the consumer has caused an exception that has arrived in the frame that drives a generator."""
    if generator.gi_frame is not None:  # its own exception would have ended it
        return True
    if not issubclass(type(error), GeneratorExit):
        return False
    # The garbage collector closes two generators in any order. An exception of the generator itself has its frame.
    traceback = error.__traceback__
    return traceback is not None and traceback.tb_next is None
