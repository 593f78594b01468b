"""`breaker.call`: each call as if the function were guarded anew, though what is known of functions is kept."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, callees, guarded_calls
from otel_breaker.settings import Settings
from tests.guard import shapes
from tests.guard.shapes import answer, answer_later, answers, complete

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from tests.conftest import Spans
    from tests.fakes import FakeClock


class Client:
    """Calls its own methods through a breaker."""

    def charge(self, how: str) -> str:
        return answer(how)

    async def charge_later(self, how: str) -> str:
        return answer(how)

    def receipts(self, how: str) -> Iterator[str]:
        yield answer(how)

    def __call__(self, how: str) -> str:
        return answer(how)


def retried(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator whose wrappers all have the same code."""

    @wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def retried_later(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @wraps(function)
    async def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def closure_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """A closure without attributes; all have the same code."""

    def closure(how: str) -> Any:
        return function(how)

    return closure


def forward(ran: list[str]) -> Any:
    ran.append("forward")
    return answer_later("return")


def copy_of_forward() -> Callable[[list[str]], Any]:
    return FunctionType(forward.__code__, globals())


def nested_forward() -> Callable[[list[str]], Any]:
    def function(ran: list[str]) -> Any:
        return forward(ran)

    return function


def returned(value: object) -> object:
    return value


def outcomes(breaker: CircuitBreaker) -> dict[str, int]:
    return {outcome: count for outcome, count in breaker.snapshot().calls.items() if count}


def code_name(spans: Spans) -> object:
    return (spans.last().attributes or {})["code.function.name"]


# --- what is kept


CALLED: dict[str, Callable[[Client], Callable[[str], Any]]] = {
    "method": lambda client: client.charge,
    "coroutine method": lambda client: client.charge_later,
    "generator method": lambda client: client.receipts,
    "object": lambda client: client,
    "partial": lambda client: partial(client.charge),
    "closure": lambda client: lambda how: (client, answer(how)),
}


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("make", CALLED.values(), ids=CALLED)
@pytest.mark.parametrize("state", ["closed", "open"])
@pytest.mark.parametrize("traced", [False, True], ids=["untraced", "traced"])
def test_a_call_keeps_its_function_alive_no_longer_than_it_takes(
    make: Callable[[Client], Callable[[str], Any]], state: str, traced: bool, request: pytest.FixtureRequest
) -> None:
    if traced:
        request.getfixturevalue("spans")
    breaker = CircuitBreaker(failure_threshold=1)
    if state == "open":
        breaker.record_failure()

    def called() -> weakref.ref[Client]:
        client = Client()
        for _ in range(2):
            try:
                result: Any = breaker.call(make(client), "return")
                if inspect.iscoroutine(result):
                    complete(result)
                elif inspect.isgenerator(result):
                    list(result)
            except CircuitOpenError:
                pass
        return weakref.ref(client)

    assert called()() is None


@pytest.mark.usefixtures("without_collector", "spans")
def test_a_breaker_that_has_called_is_freed_with_its_last_reference() -> None:
    breaker = CircuitBreaker()
    breaker.call(answer, "return")
    complete(breaker.call(answer_later, "return"))
    reference = weakref.ref(breaker)

    del breaker

    assert reference() is None


def test_a_breaker_that_has_called_nothing_keeps_nothing_for_calls() -> None:
    breaker = CircuitBreaker()

    assert vars(guarded_calls.GuardedCalls).keys().isdisjoint(vars(breaker))


@pytest.mark.usefixtures("spans")
def test_trampolines_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_breaker.guarded_calls._MOST_TRAMPOLINES", 10)
    monkeypatch.setattr("otel_breaker.callees._MOST", 10)
    breaker = CircuitBreaker()

    for number in range(50):

        def function() -> None: ...

        function.__qualname__ = f"function_{number}"
        breaker.call(function)

    assert len(breaker._trampolines or ()) <= 10
    assert len(callees._CALLEES) <= 10


@pytest.mark.usefixtures("spans")
def test_closures_and_bound_methods_that_are_made_anew_share_a_trampoline() -> None:
    breaker = CircuitBreaker()

    for _ in range(3):
        breaker.call(Client().charge, "return")
        breaker.call(lambda: None)

    assert len(breaker._trampolines or ()) == 2


# --- each function by its own kind and name


def test_the_span_has_the_name_of_the_function_though_others_share_its_code(spans: Spans) -> None:
    breaker, names = CircuitBreaker(), []
    functions = [retried(answer), retried(Client().charge), retried(answer)]
    functions[-1].__module__ = "elsewhere"

    for function in functions:
        breaker.call(function, "return")
        names.append(code_name(spans))

    assert names == ["tests.guard.shapes.answer", f"{__name__}.Client.charge", "elsewhere.answer"]


def test_a_span_of_a_coroutine_has_the_name_of_its_function_though_others_share_its_code(spans: Spans) -> None:
    breaker, names = CircuitBreaker(), []

    for function in (answer, Client().charge):
        complete(breaker.call(retried_later(function), "return"))
        names.append(code_name(spans))

    assert names == ["tests.guard.shapes.answer", f"{__name__}.Client.charge"]


def test_a_coroutine_has_the_name_of_its_function_though_others_share_its_code() -> None:
    breaker = CircuitBreaker()

    coroutines: list[Any] = [
        breaker.call(function, "return") for function in (retried_later(answer), retried_later(answers))
    ]

    assert [coroutine.__qualname__ for coroutine in coroutines] == ["answer", "answers"]
    for coroutine in coroutines:
        complete(coroutine)


@pytest.mark.parametrize("state", ["closed", "open"])
def test_a_coroutine_has_the_name_of_its_function_in_every_state(state: str) -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    if state == "open":
        breaker.record_failure()

    coroutine: Any = breaker.call(Client().charge_later, "return")

    assert (coroutine.__name__, coroutine.__qualname__) == ("charge_later", "Client.charge_later")
    coroutine.close()


@pytest.mark.usefixtures("spans")
def test_a_generator_has_the_name_of_its_function() -> None:
    generator: Any = CircuitBreaker().call(Client().receipts, "return")

    assert (generator.__name__, generator.__qualname__) == ("receipts", "Client.receipts")


@pytest.mark.filterwarnings("ignore:Assigning a code object of non-matching type:DeprecationWarning")  # Python 3.13
def test_a_function_whose_code_is_replaced_is_called_by_its_new_kind() -> None:
    breaker = CircuitBreaker()

    def function(how: str) -> Any:
        return answer(how)

    async def later(how: str) -> Any:
        return answer(how)

    before = breaker.call(function, "return")
    function.__code__ = later.__code__
    after = breaker.call(function, "return")

    assert before == complete(after) == "answer"
    assert outcomes(breaker) == {"success": 2}


@pytest.mark.skipif(not callees.HAS_MARKS, reason="since Python 3.12")
@pytest.mark.parametrize("make", [copy_of_forward, nested_forward])
def test_a_function_that_is_marked_as_a_coroutine_function_runs_when_it_is_awaited(
    make: Callable[[], Callable[[list[str]], Any]],
) -> None:
    breaker, function = CircuitBreaker(), make()
    ran: list[str] = []

    complete(breaker.call(function, ran))
    inspect.markcoroutinefunction(function)  # type: ignore[attr-defined]  # as of 3.12
    coroutine = breaker.call(function, ran)
    before = len(ran)

    assert complete(coroutine) == "answer"
    assert (before, len(ran)) == (1, 2)


@pytest.mark.skipif(not callees.HAS_MARKS, reason="since Python 3.12")
def test_a_marked_closure_runs_when_it_is_awaited_though_others_of_its_code_are_not_marked() -> None:
    breaker = CircuitBreaker()
    ran: list[str] = []

    def later(how: str) -> Any:
        ran.append(how)
        return answer_later(how)

    breaker.call(closure_of(answer), "return")
    marked: Any = inspect.markcoroutinefunction(closure_of(later))  # type: ignore[attr-defined]  # as of 3.12
    coroutine = breaker.call(marked, "return")
    before = len(ran)

    assert complete(coroutine) == "answer"
    assert (before, len(ran)) == (0, 1)


@pytest.mark.skipif(not callees.HAS_MARKS, reason="since Python 3.12")
def test_a_copy_of_a_marked_function_that_is_not_marked_is_called_as_a_function() -> None:
    breaker = CircuitBreaker()
    marked, copied = (FunctionType(returned.__code__, globals()) for _ in range(2))
    inspect.markcoroutinefunction(marked)  # type: ignore[attr-defined]  # as of 3.12

    complete(breaker.call(marked, answer_later("return")))

    assert breaker.call(copied, "answer") == "answer"
    assert outcomes(breaker) == {"success": 2}


@pytest.mark.parametrize("function", [answer, answer_later], ids=["function", "coroutine"])
def test_a_function_may_have_any_object_as_its_module(function: Any) -> None:
    breaker = CircuitBreaker()
    copied = FunctionType(function.__code__, vars(shapes))
    copied.__module__ = []  # type: ignore[assignment]  # that is what makes it odd

    result = breaker.call(copied, "return")

    assert (complete(result) if inspect.iscoroutine(result) else result) == "answer"
    assert outcomes(breaker) == {"success": 1}


class Proxy:
    """Shows the code of the function that it calls, and no other attribute."""

    __slots__ = ("__code__", "_function")

    def __init__(self, function: Callable[..., Any], code: object) -> None:
        self._function, self.__code__ = function, code

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)


def test_an_object_that_shows_the_code_of_the_last_function_is_called() -> None:
    breaker = CircuitBreaker()
    breaker.call(answer, "return")

    assert breaker.call(Proxy(answer, answer.__code__), "return") == "answer"


def test_an_object_whose_code_is_none_and_that_cannot_be_called_is_refused_with_the_reason() -> None:
    class Uncallable:
        __code__ = None

    with pytest.raises(TypeError, match="cannot be guarded"):
        CircuitBreaker().call(Uncallable())  # type: ignore[arg-type]  # that is what is tested


def test_an_object_without_code_is_called() -> None:
    breaker = CircuitBreaker()

    results = [breaker.call(Client(), "return"), breaker.call(partial(answer, "return")), breaker.call(abs, -1)]

    assert results == ["answer", "answer", 1]
    assert outcomes(breaker) == {"success": 3}


# --- when the call is decided


async def test_a_coroutine_is_refused_when_the_circuit_opens_before_it_is_awaited() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    coroutine = breaker.call(answer_later, "return")
    breaker.record_failure()

    with pytest.raises(CircuitOpenError):
        await coroutine


def test_a_coroutine_that_is_never_awaited_is_no_call() -> None:
    breaker = CircuitBreaker()

    breaker.call(answer_later, "return").close()

    assert outcomes(breaker) == {}


def test_calls_are_timed_once_the_settings_ask_for_it(clock: FakeClock) -> None:
    breaker = CircuitBreaker(clock=clock)
    breaker.call(answer, "return")

    breaker._replace_settings(Settings(slow_call_duration=2, slow_call_rate=1, minimum_calls=9))
    breaker.call(clock.advance, 2)

    assert breaker.snapshot().window_slow == 1


@pytest.mark.usefixtures("spans")
def test_a_trampoline_is_made_anew_when_the_settings_are_replaced() -> None:
    breaker = CircuitBreaker()
    breaker.call(answer, "return")
    before = breaker._trampoline_for(answer)

    breaker._replace_settings(Settings(slow_call_duration=2, slow_call_rate=1))

    assert breaker._trampoline_for(answer) is not before


def test_a_coroutine_has_the_name_of_its_function_though_its_qualified_name_is_another() -> None:
    async def function() -> None: ...

    function.__name__ = "charge"

    coroutine: Any = CircuitBreaker().call(function)

    assert coroutine.__name__ == "charge"
    coroutine.close()


@pytest.mark.parametrize("function", [answer, answer_later, answers], ids=["function", "coroutine", "generator"])
def test_a_fallback_gets_the_arguments_of_the_caller(function: Callable[..., Any]) -> None:
    given: list[object] = []

    def fallback(*args: object, **kwargs: object) -> list[str]:
        given.extend((args, kwargs))
        return ["instead"]

    breaker = CircuitBreaker(failure_threshold=1, fallback=fallback)
    breaker.record_failure()

    result: Any = breaker.call(function, "return")

    answered = complete(result) if inspect.iscoroutine(result) else list(result)
    assert answered == ["instead"]
    assert given == [("return",), {}]


# --- exact


def test_calls_of_many_threads_are_all_counted() -> None:
    breaker = CircuitBreaker()
    client = Client()

    def call_often(_: int) -> None:
        for _ in range(1_000):
            breaker.call(client.charge, "return")
            breaker.call(lambda: None)
            complete(breaker.call(client.charge_later, "return"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(call_often, range(4)))

    assert outcomes(breaker) == {"success": 12_000}


async def test_coroutines_that_run_at_once_are_all_counted() -> None:
    breaker = CircuitBreaker()

    await asyncio.gather(*(breaker.call(answer_later, "return") for _ in range(100)))

    assert outcomes(breaker) == {"success": 100}
