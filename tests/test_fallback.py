"""Fallbacks: they answer refused calls with the same arguments, can take the refusal, and are shown on the span."""

from __future__ import annotations

import gc
import weakref
from asyncio import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from otel_breaker import CircuitBreaker, CircuitOpenError, get_breaker
from otel_breaker.testing import reset
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.guard import shapes
from tests.guard.shapes import Broken, answer, answer_later, answers, async_answers, complete, session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.conftest import Spans


@pytest.fixture
def unpatched() -> Iterator[None]:
    """Restores after the test what its configuration has patched."""
    yield
    OtelBreakerInstrumentor().uninstrument()
    reset()


def refusing(fallback: Any, **settings: Any) -> CircuitBreaker:
    breaker = CircuitBreaker("with a fallback", fallback=fallback, **settings)
    breaker.force_open(reason="test")
    return breaker


async def later(value: object) -> object:
    return value


async def items_later() -> AsyncIterator[str]:
    yield "instead"


def read(items: Any) -> object:
    return complete(items.__anext__())


ANSWERS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[[Any], object]]] = {
    "function, function": (answer, lambda how: "instead", lambda given: given),
    "coroutine function, function": (answer_later, lambda how: "instead", complete),
    "coroutine function, coroutine function": (answer_later, lambda how: later("instead"), complete),
    "generator, generator": (answers, lambda how: iter(["instead"]), next),
    "generator, list": (answers, lambda how: ["instead"], next),
    "async generator, async generator": (async_answers, lambda how: items_later(), read),
    "async generator, list": (async_answers, lambda how: ["instead"], read),
    "plain function that returns an awaitable": (
        shapes.answer_awaitable,
        lambda how: later("instead"),
        complete,
    ),
}


@pytest.mark.parametrize(("function", "fallback", "take"), ANSWERS.values(), ids=ANSWERS)
def test_a_fallback_answers_instead(
    function: Callable[..., Any], fallback: Callable[..., Any], take: Callable[[Any], object]
) -> None:
    breaker = refusing(fallback)

    given = take(breaker(function)("return"))

    assert given == "instead"
    assert {name: count for name, count in breaker.snapshot().calls.items() if count} == {"rejected": 1}


def test_a_context_manager_answers_for_a_context_manager() -> None:
    @contextmanager
    def instead(how: str) -> Iterator[str]:
        yield "instead"

    with refusing(instead)(session)("return") as given:
        pass

    assert given == "instead"


def test_a_fallback_gets_the_same_arguments() -> None:
    seen: list[object] = []

    def instead(*args: object, **kwargs: object) -> None:
        seen.extend([args, kwargs])

    refusing(instead)(lambda *args, **kwargs: None)(1, "two", three=3)

    assert seen == [(1, "two"), {"three": 3}]


def test_a_fallback_of_a_method_gets_the_object_too() -> None:
    class Client:
        @refusing(lambda *given: given)
        def charge(self, amount: int) -> object:
            raise AssertionError("not to be called")

    client = Client()

    assert client.charge(3) == (client, 3)


@pytest.mark.usefixtures("unpatched")
@pytest.mark.parametrize("target", ["look_up", "callable_object", "partial_answer"])
def test_a_fallback_of_a_patched_object_gets_the_same_arguments_as_the_object(target: str) -> None:
    seen: list[tuple[object, ...]] = []
    settings = {"fallback": lambda *args: seen.append(args)}
    targets = [{"function": f"{shapes.__name__}:{target}", "breaker": "patched"}]
    OtelBreakerInstrumentor().instrument(targets=targets, breakers={"patched": settings})
    get_breaker("patched").force_open()

    shapes.found(target)("return")

    assert seen == [("return",)]


def test_a_fallback_can_take_the_refusal() -> None:
    def instead(value: int, *, refusal: CircuitOpenError) -> tuple[object, ...]:
        return value, type(refusal), refusal.name, refusal.state.value

    given = refusing(instead)(lambda value: None)(3)

    assert given == (3, CircuitOpenError, "with a fallback", "forced_open")


def test_a_fallback_that_takes_any_keyword_does_not_get_the_refusal() -> None:
    given = refusing(dict)(lambda **kwargs: None)(value=3)

    assert given == {"value": 3}


@pytest.mark.parametrize("wrap", [partial, CircuitBreaker("its own")])
def test_a_wrapped_fallback_can_take_the_refusal(wrap: Callable[..., Callable[..., object]]) -> None:
    def instead(refusal: CircuitOpenError) -> str:
        return refusal.name

    assert refusing(wrap(instead))(lambda: None)() == "with a fallback"


@dataclass
class Unhashable:
    given: str = "instead"

    def __call__(self) -> str:
        return self.given


def test_a_fallback_need_not_be_hashable() -> None:
    assert refusing(Unhashable())(lambda: None)() == "instead"


def test_an_answer_does_not_keep_the_fallback_alive() -> None:
    class Instead:
        def __call__(self) -> None:
            pass

    def ask() -> weakref.ref[Instead]:
        instead = Instead()
        refusing(instead)(lambda: None)()
        return weakref.ref(instead)

    gone = ask()
    gc.collect()

    assert gone() is None


def test_the_outcome_of_a_guarded_fallback_counts_at_its_own_breaker() -> None:
    own = CircuitBreaker(failure_threshold=1)
    breaker = refusing(own(answer))

    with pytest.raises(Broken):
        breaker(lambda how: None)("raise")
    with pytest.raises(CircuitOpenError) as caught:
        breaker(lambda how: None)("return")

    assert caught.value.name == own.name
    assert breaker.snapshot().calls["rejected"] == 2


def test_what_a_fallback_raises_reaches_the_caller_and_is_no_failure_of_the_dependency() -> None:
    breaker = refusing(partial(answer, "raise"))

    with pytest.raises(Broken) as caught:
        breaker(lambda: None)()

    assert caught.value.__context__ is None
    assert breaker.snapshot().calls["failure"] == 0


def test_a_predicate_of_results_is_not_called_with_the_answer_of_a_fallback() -> None:
    asked: list[object] = []

    refusing(lambda: "instead", failure_result=asked.append)(lambda: None)()

    assert asked == []


def test_a_fallback_is_not_called_while_calls_are_admitted() -> None:
    breaker = CircuitBreaker(fallback=lambda: "instead")

    assert breaker(lambda: "answer")() == "answer"


def test_a_block_has_no_fallback() -> None:
    with pytest.raises(CircuitOpenError), refusing(lambda: "instead").guard():
        pass


# --- on the span


def test_an_answered_call_has_a_span_with_that_attribute_and_no_error(spans: Spans) -> None:
    refusing(lambda: "instead")(lambda: None)()

    attributes = dict(spans.last().attributes or {})
    assert attributes["circuit_breaker.fallback.used"] is True
    assert attributes["circuit_breaker.call.outcome"] == "rejected"
    assert "error.type" not in attributes
    assert spans.last().status.status_code is StatusCode.UNSET


def raise_it(error: BaseException) -> None:
    raise error


def test_the_span_names_what_a_fallback_raises(spans: Spans) -> None:
    with pytest.raises(Broken):
        refusing(raise_it)(lambda error: None)(Broken())

    assert dict(spans.last().attributes or {})["error.type"] == f"{Broken.__module__}.Broken"
    assert dict(spans.last().attributes or {})["circuit_breaker.fallback.used"] is True
    assert spans.last().status.status_code is StatusCode.ERROR


def test_the_span_names_a_refusal_that_a_fallback_raises(spans: Spans) -> None:
    def instead(refusal: CircuitOpenError) -> None:
        raise refusal

    with pytest.raises(CircuitOpenError):
        refusing(instead)(lambda: None)()

    assert dict(spans.last().attributes or {})["error.type"] == "otel_breaker.errors.CircuitOpenError"
    assert spans.last().status.status_code is StatusCode.ERROR


def test_a_fallback_that_is_cancelled_is_no_error_of_the_span(spans: Spans) -> None:
    with pytest.raises(CancelledError):
        refusing(raise_it)(lambda error: None)(CancelledError())

    assert "error.type" not in dict(spans.last().attributes or {})
    assert spans.last().status.status_code is StatusCode.UNSET


def test_a_fallback_runs_within_the_span(spans: Spans) -> None:
    current: list[int] = []

    refusing(lambda: current.append(trace.get_current_span().get_span_context().span_id))(lambda: None)()

    assert current == [span.context.span_id for span in spans() if span.context is not None]
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_answering_generator_that_is_left_early_has_a_span_without_error(spans: Spans) -> None:
    items = refusing(lambda how: iter(["instead", "more"]))(answers)("return")
    next(items)

    items.close()

    assert dict(spans.last().attributes or {})["circuit_breaker.call.outcome"] == "rejected"
    assert spans.last().status.status_code is StatusCode.UNSET
