"""A key function makes the key of each call of its arguments; a call for which it makes none passes unguarded."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitOpenError
from otel_breaker.key_functions import NoKeyError
from otel_breaker.key_template import Template
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Request:
    def __init__(self, host: str, **headers: str) -> None:
        self.host = host
        self.headers = headers


def send(request: Any, path: str = "/", *more: Any, verb: str = "GET", **options: Any) -> str:
    return "answer"


async def send_later(request: Any) -> str:
    return "answer"


def items(request: Any) -> Iterator[str]:
    yield "answer"


def host_of(request: Request, *_: object, **__: object) -> str:
    return request.host


@pytest.fixture
def keyed() -> KeyedBreaker:
    return KeyedBreaker("http", Settings(failure_threshold=1).resolved())


def successes(keyed: KeyedBreaker, key: str) -> int:
    return keyed.for_key(key).snapshot().calls["success"]


# --- written by hand


@pytest.mark.parametrize(
    ("function", "run"),
    [(send, str), (send_later, asyncio.run), (items, list)],
    ids=["function", "coroutine function", "generator function"],
)
@pytest.mark.parametrize("times", [1, 3], ids=["new", "known"])
def test_a_call_is_guarded_by_the_circuit_of_the_key_that_its_arguments_make(
    keyed: KeyedBreaker, function: Callable[..., Any], run: Callable[[Any], object], times: int
) -> None:
    guarded = guard_by_key(keyed, function, host_of)

    for _ in range(times):
        run(guarded(Request("eu")))

    assert (successes(keyed, "eu"), len(keyed)) == (times, 1)


def test_a_key_function_gets_the_arguments_of_the_call(keyed: KeyedBreaker) -> None:
    got: list[object] = []

    def key_of(*args: object, **kwargs: object) -> str:
        got.append((args, kwargs))
        return "key"

    guard_by_key(keyed, send, key_of)(1, "/a", 2, verb="PUT", tenant=3)

    assert got == [((1, "/a", 2), {"verb": "PUT", "tenant": 3})]


def test_a_key_is_made_once_for_each_call(keyed: KeyedBreaker) -> None:
    made: list[str] = []

    def key_of(request: str) -> str:
        made.append(request)
        return request

    guarded = guard_by_key(keyed, lambda request: request, key_of)
    for request in ("new", "new", "longer than 256 characters " * 10):
        guarded(request)

    assert len(made) == 3


def raises(error: BaseException) -> Callable[..., str]:
    def key_of(*_: object, **__: object) -> str:
        raise error

    return key_of


def returns(key: Any) -> Callable[..., str]:
    return lambda *_, **__: key


NO_KEYS = {
    "raises": (raises(LookupError("a secret")), "LookupError"),
    "gives a reason": (raises(NoKeyError("the request has no host")), "the request has no host"),
    "returns no text": (returns(None), "the key is NoneType, not text"),
    "returns what has no hash": (returns([]), "TypeError"),
}


@pytest.mark.parametrize(("key_of", "reason"), NO_KEYS.values(), ids=NO_KEYS)
@pytest.mark.parametrize(
    ("function", "run"),
    [(send, str), (send_later, asyncio.run), (items, list)],
    ids=["function", "coroutine function", "generator function"],
)
def test_a_call_without_a_key_passes_unguarded_and_the_reason_is_logged_once(
    keyed: KeyedBreaker,
    key_of: Callable[..., str],
    reason: str,
    function: Callable[..., Any],
    run: Callable[[Any], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    guarded = guard_by_key(keyed, function, key_of)

    answers = [run(guarded(Request("eu"))) for _ in range(3)]

    assert answers == [answers[0]] * 3
    assert len(keyed) == 0
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        f"calls of {__name__}.{function.__name__} pass unguarded by 'http': no key can be made: {reason}; logged once"
    )


def test_an_interrupt_of_a_key_function_reaches_the_caller(keyed: KeyedBreaker) -> None:
    with pytest.raises(KeyboardInterrupt):
        guard_by_key(keyed, send, raises(KeyboardInterrupt()))(1)


def test_a_key_function_that_raises_keeps_nothing_of_the_call_alive(keyed: KeyedBreaker) -> None:
    def key_of(request: Request) -> str:
        raise LookupError

    guarded, request = guard_by_key(keyed, lambda request: None, key_of), Request("eu")
    kept = weakref.ref(request)
    gc.disable()
    try:
        guarded(request)
        del request
        assert kept() is None
    finally:
        gc.enable()


def test_a_call_of_an_open_circuit_is_refused(keyed: KeyedBreaker) -> None:
    guarded = guard_by_key(keyed, send, host_of)
    guarded(Request("eu"))
    keyed.for_key("eu").force_open()

    with pytest.raises(CircuitOpenError) as caught:
        guarded(Request("eu"))
    assert caught.value.key == "eu"
    assert guarded(Request("us")) == "answer"


def test_a_circuit_that_is_no_longer_kept_is_kept_by_no_guard() -> None:
    keyed = KeyedBreaker("http", Settings(max_keys=1).resolved())
    guarded = guard_by_key(keyed, send, host_of)
    guarded(Request("first"))
    first = weakref.ref(keyed.for_key("first"))

    guarded(Request("second"))
    gc.collect()

    assert first() is None


# --- compiled of a template


TEMPLATES = (
    "http {request}",
    "http {request.host}",
    "http {request.headers}",
    "http {request.headers[tenant]}",
    "http {request.host.__class__.__name__}",
    "http {more[0]} {more[1].host}",
    "http {options[tenant][region]}",
    "http {verb} {request.host}{path}",
    "http {{v1}} {path}{{}}",
    "http {path!r} {path!s} {request.host!a}",
    "http {path:>8} {path!r:*^12}",
    "http {path:{verb}>8}",
)


@pytest.mark.parametrize("text", TEMPLATES)
def test_the_key_is_what_the_template_writes_after_its_name(text: str) -> None:
    template = Template(text, "here")
    request, other = Request("eu-ö", tenant="t1"), Request("us")
    arguments = {
        "request": request,
        "path": "/a",
        "more": (1, other),
        "verb": "P",
        "options": {"tenant": {"region": "west"}},
    }

    key = template.key_function(send)(request, "/a", 1, other, verb="P", tenant={"region": "west"})

    assert f"{template.name} {key}" == text.format(**arguments)


def of_odd_names(Exception: Any, key: Any = "default", /, ValueError: Any = 2, *, str: Any = 3) -> None:  # noqa: A002, N803
    """Its parameters have the names of builtins, and of a compiled function."""


@pytest.mark.parametrize("field", ["Exception", "key", "ValueError", "str"])
def test_a_field_may_have_any_name_that_a_parameter_has(field: str) -> None:
    key_of = Template(f"http {{{field}}}", "here").key_function(of_odd_names)

    assert key_of(1) == {"Exception": "1", "key": "default", "ValueError": "2", "str": "3"}[field]


@pytest.mark.parametrize("field", ["request.", "request[", "request..host", "request[0", "request[]"])
def test_a_field_that_cannot_be_read_makes_no_key(field: str) -> None:
    try:
        key_of = Template(f"http {{{field}}}", "here").key_function(send)
    except ValueError:
        return

    with pytest.raises(NoKeyError):
        key_of(Request("eu"))


def test_the_error_of_a_template_names_the_field_and_not_the_argument() -> None:
    key_of = Template("http {request.host} {request.port}", "here").key_function(send)

    with pytest.raises(NoKeyError) as caught:
        key_of(Request("secret"))

    assert str(caught.value) == "there is no {request.port}: AttributeError"
    assert caught.value.__cause__ is None
