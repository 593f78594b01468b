"""Functions that guards call are refused as targets: each call would be another guarded call, without end."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, get_breaker
from otel_breaker_instrumentation import Status, report
from otel_breaker_instrumentation.targets.own_dependencies import is_own_dependency
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tests.conftest import Spans
    from tests.instrumentation.applications import Application

REFUSED = [
    *("builtins:len", "builtins:isinstance", "builtins:type", "time:time_ns", "time:monotonic", "threading:RLock"),
    *("threading:Condition.notify", "_thread:get_ident", "opentelemetry.context:get_current", "weakref:proxy"),
    *("opentelemetry.sdk.trace:Tracer.start_span", "opentelemetry.instrumentation.utils:is_instrumentation_enabled"),
    *(
        "otel_breaker.registry:get_breaker",
        "otel_breaker.circuit.circuit:Circuit.acquire_permit",
        "asyncio:current_task",
    ),
    *(
        "otel_breaker_instrumentation.targets.reporter:TargetReporter.report",
        "logging:Logger.warning",
        "wrapt:wrap_object",
    ),
]


@pytest.mark.parametrize("function", REFUSED)
def test_what_guards_call_is_refused_with_the_remedy(application: Application, function: str) -> None:
    application.guard(function)

    (line,) = report()
    assert line.status is Status.REFUSED
    if not line.reason.endswith("is a class"):
        assert (line.reason, line.remedy) == (
            f"{function} is called by guards themselves",
            "name a function of yours that calls it",
        )


def test_a_pattern_over_what_guards_call_guards_nothing_of_it(application: Application) -> None:
    application.guard("time:*")

    assert {line.status for line in report()} == {Status.REFUSED}


def test_a_name_that_another_module_has_from_there_is_guarded_there_alone(application: Application) -> None:
    shop = application.load("from time import monotonic", "monotonic")

    shop.monotonic()

    assert get_breaker(f"{shop.__name__}:monotonic").snapshot().calls["success"] == 1


def test_all_that_a_guard_calls_is_known(spans: Spans) -> None:
    """The list is compared with what guards call when a circuit opens, refuses, probes and closes, traced."""
    called = sorted(set(_called_by_guards()))

    assert len(spans()) > 20
    assert "opentelemetry.context:get_current" in called
    assert [name for name in called if not is_own_dependency(name)] == []


def _called_by_guards() -> Iterator[str]:
    """By their names in the modules that define them."""
    seen: dict[int, Any] = {}

    def note(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            seen[id(frame.f_code)] = frame.f_code
        elif event == "c_call":
            seen[id(arg)] = arg

    for settings in ({}, {"failure_rate": 0.5, "window": "60s"}, {"slow_call_duration": 1, "slow_call_rate": 0.5}):
        calls = list(_calls(settings))
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            for call in calls:
                call()
        finally:
            sys.setprofile(before)
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()):
            code: Any = value.__code__ if type(value) is FunctionType else None  # others may raise
            # By its own code, not that of a decorator.
            called = id(value) in seen or (id(code) in seen and code.co_filename == getattr(module, "__file__", ""))
            if called and getattr(value, "__module__", None) == module.__name__ and module.__name__ != __name__:
                yield f"{module.__name__}:{name}"


def _calls(settings: dict[str, Any]) -> Iterator[Any]:
    clock = FakeClock()
    breaker = CircuitBreaker("beneath", clock=clock, recovery_time=1, recovery_jitter=0.5, **settings)
    fails_until = clock() + 50

    def send(_: object) -> None:
        if clock() < fails_until:
            raise OSError

    async def send_later(_: object) -> None:
        send(_)

    def pages(_: object) -> Iterator[None]:
        send(_)
        yield

    guarded, guarded_later, guarded_pages = breaker(send), breaker(send_later), breaker(pages)

    def tried(call: Any) -> Any:
        def trying() -> None:
            with suppress(OSError, CircuitOpenError):
                call()

        return trying

    def step(coroutine: Any) -> None:
        with suppress(StopIteration):
            coroutine.send(None)

    for _ in range(8):
        yield tried(lambda: guarded(1))
        yield tried(lambda: step(guarded_later(1)))
        yield tried(lambda: list(guarded_pages(1)))
    yield lambda: clock.advance(10)
    for _ in range(8):
        yield tried(lambda: guarded(1))
        yield lambda: clock.advance(10)
