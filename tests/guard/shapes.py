"""Every kind of callable, and what drives each of them to each of its ends.

All of them take `how` they shall end, and stop once on the way if they can, so that a driver can end them from there.
"""

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import Coroutine
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager


class Broken(Exception):
    """What the dependency raises."""


class Pause:
    """Awaited, it stops the coroutine for one step, with or without an event loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def answer(how: str) -> str:
    if how == "raise":
        raise Broken
    if how == "cancel":
        raise KeyboardInterrupt
    return "answer"


async def answer_later(how: str) -> str:
    await Pause()
    return answer(how)


def answers(how: str) -> Generator[str, Any, str]:
    yield "item"
    return answer(how)


async def async_answers(how: str) -> AsyncGenerator[str, Any]:
    yield "item"
    await Pause()
    answer(how)


@contextmanager
def session(how: str) -> Iterator[str]:
    yield "item"
    answer(how)


@asynccontextmanager
async def async_session(how: str) -> AsyncIterator[str]:
    yield "item"
    await Pause()
    answer(how)


def answer_awaitable(how: str) -> Awaitable[str]:
    return answer_later(how)


class Request(Coroutine[Any, Any, str]):
    """What HTTP clients return: it has the methods of the coroutine that it holds, and can be entered."""

    __slots__ = ("_coroutine", "url")

    def __init__(self, coroutine: Coroutine[Any, Any, str]) -> None:
        self._coroutine = coroutine
        self.url = "/charge"

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, str]:
        return self._coroutine.__await__()

    async def __aenter__(self) -> str:
        return await self._coroutine

    async def __aexit__(self, *error: object) -> None:
        await Pause()


def answer_request(how: str) -> Request:
    return Request(answer_later(how))


def answer_generator(how: str) -> Generator[str, Any, str]:
    return answers(how)


def answer_async_generator(how: str) -> AsyncGenerator[str, Any]:
    return async_answers(how)


def answer_session(how: str) -> AbstractContextManager[str]:
    return session(how)


def answer_async_session(how: str) -> AbstractAsyncContextManager[str]:
    return async_session(how)


def thin(function: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function that hands back what another returns, as the thin methods of clients do."""

    def hand_back(*args: Any) -> Any:
        return function(*args)

    return hand_back


class Promise:
    """What merely can be awaited: nothing goes on before."""

    def __init__(self, how: str) -> None:
        self._how = how

    def __await__(self) -> Generator[Any, Any, str]:
        return answer_later(self._how).__await__()


class Client:
    """Each flavour as a method; every one asserts that it is bound to what it was taken from."""

    def charge(self, how: str) -> str:
        assert type(self) is Client
        return answer(how)

    @classmethod
    def charge_by_class(cls, how: str) -> str:
        assert cls is Client
        return answer(how)

    @staticmethod
    def charge_by_nobody(how: str) -> str:
        return answer(how)

    async def charge_later(self, how: str) -> str:
        assert type(self) is Client
        return await answer_later(how)

    @classmethod
    async def charge_later_by_class(cls, how: str) -> str:
        assert cls is Client
        return await answer_later(how)

    @staticmethod
    async def charge_later_by_nobody(how: str) -> str:
        return await answer_later(how)

    def receipts(self, how: str) -> Generator[str, Any, str]:
        assert type(self) is Client
        return (yield from answers(how))

    @classmethod
    def receipts_by_class(cls, how: str) -> Generator[str, Any, str]:
        assert cls is Client
        return (yield from answers(how))

    @staticmethod
    def receipts_by_nobody(how: str) -> Generator[str, Any, str]:
        return (yield from answers(how))

    async def async_receipts(self, how: str) -> AsyncGenerator[str, Any]:
        assert type(self) is Client
        yield "item"
        answer(how)

    @contextmanager
    def session(self, how: str) -> Iterator[str]:
        assert type(self) is Client
        yield "item"
        answer(how)

    @asynccontextmanager
    async def async_session(self, how: str) -> AsyncIterator[str]:
        assert type(self) is Client
        yield "item"
        answer(how)


class Callable_:  # noqa: N801  # not to be taken for `collections.abc.Callable`
    def __call__(self, how: str) -> str:
        return answer(how)


class AsyncCallable:
    async def __call__(self, how: str) -> str:
        return await answer_later(how)


class GeneratorCallable:
    def __call__(self, how: str) -> Generator[str, Any, str]:
        return (yield from answers(how))


class Answers(dict[str, str]):
    """Its `__getitem__` is C, and calls Python for what is missing."""

    def __missing__(self, how: str) -> str:
        return answer(how)


def _second(_first: object, how: str) -> Any:
    return answer(how)


async def _second_later(_first: object, how: str) -> str:
    return await answer_later(how)


def _second_of_many(_first: object, how: str) -> Generator[str, Any, str]:
    return (yield from answers(how))


client = Client()
callable_object = Callable_()
async_callable = AsyncCallable()
generator_callable = GeneratorCallable()
look_up = Answers().__getitem__
partial_answer = partial(_second, 1)
partial_answer_later = partial(partial(_second_later), 1)
partial_answers = partial(_second_of_many, 1)
partial_session = partial(session)


# --- how to drive them


def drive_function(function: Callable[[str], Any], how: str) -> object:
    return function(how)


def drive_awaitable(function: Callable[[str], Any], how: str) -> object:
    steps = function(how).__await__()
    steps.send(None)
    if how in ("close", "throw"):
        return steps.close() if how == "close" else steps.throw(Broken())
    if how == "cancel":
        return steps.throw(CancelledError())
    return _last(steps.send) if how != "abandon" else None


def drive_generator(function: Callable[[str], Any], how: str) -> object:
    generator = function(how)
    assert next(generator) == "item"
    if how in ("close", "throw"):
        return generator.close() if how == "close" else generator.throw(Broken())
    return _last(generator.send) if how != "abandon" else None


def drive_async_generator(function: Callable[[str], Any], how: str) -> object:
    generator = function(how)
    assert complete(generator.__anext__()) == "item"
    if how == "abandon":
        return None
    if how in ("close", "throw"):
        return complete(generator.aclose() if how == "close" else generator.athrow(Broken()))
    if how == "cancel":
        return complete(generator.athrow(CancelledError()))
    try:
        return complete(generator.__anext__())
    except StopAsyncIteration:
        return "answer"


def drive_context(function: Callable[[str], Any], how: str) -> object:
    manager = function(how)
    assert manager.__enter__() == "item"
    if how == "abandon":
        return None
    with _exit_of(manager.__exit__):
        if how == "throw":
            raise Broken
    return "answer"


def drive_async_context(function: Callable[[str], Any], how: str) -> object:
    manager = function(how)
    assert complete(manager.__aenter__()) == "item"
    if how == "abandon":
        return None
    with _exit_of(lambda *error: complete(manager.__aexit__(*error))):
        if how == "throw":
            raise Broken
    return "answer"


def complete(awaitable: Awaitable[Any]) -> object:
    """Await something without an event loop."""
    steps = awaitable.__await__()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def _last(send: Callable[[Any], object]) -> object:
    try:
        send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it was to end")


@contextmanager
def _exit_of(leave: Callable[..., Any]) -> Iterator[None]:
    """Leave another context manager as `with` would."""
    try:
        yield
    except BaseException:
        if not leave(*sys.exc_info()):
            raise
    else:
        leave(None, None, None)


class Kind(NamedTuple):
    """One kind of callable: where it is found in this module, and the family it belongs to."""

    target: str
    family: str
    seen_as: str = ""
    """How it is reached, where that is not how it is named."""

    @property
    def use(self) -> str:
        return self.seen_as or self.target


DRIVERS = {
    "function": drive_function,
    "awaitable": drive_awaitable,
    "generator": drive_generator,
    "async_generator": drive_async_generator,
    "context": drive_context,
    "async_context": drive_async_context,
}

KINDS = [
    Kind("answer", "function"),
    Kind("Client.charge", "function", "client.charge"),
    Kind("Client.charge_by_class", "function"),
    Kind("Client.charge_by_nobody", "function"),
    Kind("partial_answer", "function"),
    Kind("callable_object", "function"),
    Kind("look_up", "function"),
    Kind("answer_later", "awaitable"),
    Kind("Client.charge_later", "awaitable", "client.charge_later"),
    Kind("Client.charge_later_by_class", "awaitable"),
    Kind("Client.charge_later_by_nobody", "awaitable"),
    Kind("partial_answer_later", "awaitable"),
    Kind("async_callable", "awaitable"),
    Kind("answer_awaitable", "awaitable"),
    Kind("answer_request", "awaitable"),
    Kind("answers", "generator"),
    Kind("Client.receipts", "generator", "client.receipts"),
    Kind("Client.receipts_by_class", "generator"),
    Kind("Client.receipts_by_nobody", "generator"),
    Kind("partial_answers", "generator"),
    Kind("generator_callable", "generator"),
    Kind("answer_generator", "generator"),
    Kind("async_answers", "async_generator"),
    Kind("Client.async_receipts", "async_generator", "client.async_receipts"),
    Kind("answer_async_generator", "async_generator"),
    Kind("session", "context"),
    Kind("Client.session", "context", "client.session"),
    Kind("partial_session", "context"),
    Kind("answer_session", "context"),
    Kind("async_session", "async_context"),
    Kind("Client.async_session", "async_context", "client.async_session"),
    Kind("answer_async_session", "async_context"),
]


def found(path: str) -> Any:
    """What stands at a dotted path in this module."""
    thing: Any = sys.modules[__name__]
    for part in path.split("."):
        thing = getattr(thing, part)
    return thing
