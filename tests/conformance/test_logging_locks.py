"""Nothing is logged while a lock is held: a log handler has a lock of its own, and may make guarded calls.

The handler here holds its lock, as those of `logging` do, until another thread has used every lock of ours. Code that
logs while it holds one of them would wait for ever; the other thread reports that after a timeout.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, InvalidSettings, configure
from otel_breaker.circuit import RUNTIME
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.registry import Registry
from otel_breaker.settings import Settings
from otel_breaker.telemetry import configuration
from otel_breaker.telemetry.metrics.aggregates import MOST_WASTED
from otel_breaker.telemetry.metrics.series import MOST_NAMES
from otel_breaker_instrumentation.reload import Watcher
from tests.conformance.conftest import elsewhere, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_breaker.telemetry.metrics import MetricRegistry


class Everything:
    """One object for each lock, and a log handler that uses them all from another thread."""

    def __init__(self, metric_registry: MetricRegistry) -> None:
        self.registry = Registry()
        self.keyed = KeyedBreaker("keyed", Settings(max_keys=1).resolved())
        self.breaker = CircuitBreaker("everything", failure_threshold=1)
        self.metric_registry = metric_registry
        self.messages: list[str] = []
        self.timed_out: list[str] = []

    def use(self) -> None:
        self.registry.override("used", None)
        self.registry.get("used", {})
        self.keyed.apply_override(None)
        self.breaker.snapshot()
        self.breaker.add_listener(print)
        self.metric_registry.aggregates()
        CircuitBreaker("used in a handler").call(int)
        configuration.TELEMETRY._use_settings()

    def handle(self, message: str) -> None:
        self.messages.append(message)
        try:
            elsewhere(self.use)
        except TimeoutError:
            self.timed_out.append(message)


@pytest.fixture
def everything(metric_registry: MetricRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Everything]:
    monkeypatch.setattr("tests.conformance.conftest.PATIENCE", 2.0)
    everything = Everything(metric_registry)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "used" not in record.getMessage():
                everything.handle(record.getMessage())

    handler = Handler()
    logging.getLogger("otel_breaker").addHandler(handler)
    yield everything
    logging.getLogger("otel_breaker").removeHandler(handler)


def overridden(everything: Everything) -> None:
    everything.registry.configure({"payments": Settings(failure_threshold=2)})
    everything.registry.get("payments", {"failure_threshold": 3})


def overridden_later(everything: Everything) -> None:
    everything.registry.get("payments", {"failure_threshold": 3})
    everything.registry.configure({"payments": Settings(failure_threshold=2)})


def unresolved(everything: Everything) -> None:
    everything.registry.get("payments", {})
    everything.registry.configure({"payments": Settings.from_mapping({"ignore": ["nowhere.Missing"]})})


def overflowing(everything: Everything) -> None:
    fail(everything.keyed.for_key("1"))
    everything.keyed.for_key("2")


def crowded(everything: Everything) -> None:
    for number in range(MOST_NAMES + 1):
        CircuitBreaker(f"name {number}")


def wasted(everything: Everything) -> None:
    for _ in range(MOST_WASTED + 2):
        fail(CircuitBreaker("wasted", failure_threshold=2))


def changed(everything: Everything) -> None:
    fail(everything.breaker)


def changed_with_listeners_that_raise(everything: Everything) -> None:
    everything.breaker.add_listener(lambda _: 1 / 0)  # type: ignore[arg-type]
    everything.breaker.force_open()


def without_a_meter(everything: Everything) -> None:
    class NoMeter:
        def get_meter(self, *_: object) -> Any:
            raise InvalidSettings("", "no meter", "")

    configure(meter_provider=NoMeter(), duration_histogram=True)  # type: ignore[arg-type]


def first_call(everything: Everything) -> None:
    def act() -> None:
        raise LookupError

    RUNTIME.on_first_call(act)
    try:
        everything.breaker.call(int)
    finally:
        RUNTIME.cancel_on_first_call(act)


def too_many_permits(everything: Everything) -> None:
    for _ in range(12):
        everything.breaker.can_execute()


@pytest.mark.parametrize(
    "act",
    [
        overridden,
        overridden_later,
        unresolved,
        overflowing,
        crowded,
        wasted,
        changed,
        changed_with_listeners_that_raise,
        without_a_meter,
        first_call,
        too_many_permits,
    ],
)
def test_a_log_handler_may_wait_for_a_thread_that_uses_breakers(
    everything: Everything, act: Callable[[Everything], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_breaker.two_step._MOST_UNRECORDED", 10)

    act(everything)

    assert everything.messages
    assert everything.timed_out == []


def test_a_log_handler_may_wait_for_the_thread_that_stops_a_file_watch(everything: Everything, tmp_path: Path) -> None:
    file = tmp_path / "breakers.yaml"
    file.write_text("reload: 5s\n")
    watcher = Watcher(str(file), "reload: 5s\n", 5.0, lambda _: None)
    everything.use = watcher.stop  # type: ignore[method-assign]
    file.write_text("reload: soon\n")

    for _ in range(2):
        watcher.look()

    assert everything.messages
    assert everything.timed_out == []


# --- settings and owners compare themselves


class Thoughtful:
    """A predicate whose comparison waits for another thread."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self._answer = answer

    def __call__(self, _: BaseException) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        elsewhere(self._answer)
        return isinstance(other, Thoughtful)

    __hash__ = None  # type: ignore[assignment]


def test_settings_are_compared_without_a_lock() -> None:
    registry = Registry()

    def predicate() -> Thoughtful:
        return Thoughtful(lambda: registry.override("used", None))

    first = registry.get("payments", {"failure_on": predicate()})

    assert registry.get("payments", {"failure_on": predicate()}) is first
    registry.configure_unless_named("payments", Settings(failure_on=(predicate(),)))
    registry.configure_unless_named("payments", Settings(failure_on=(predicate(),)))
    registry.configure({"payments": Settings(failure_on=(predicate(),))})


def test_threads_whose_settings_take_long_to_compare_get_one_breaker() -> None:
    registry = Registry()
    settings = {"failure_on": Thoughtful(lambda: registry.override("used", None))}

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: id(registry.get("payments", dict(settings))), range(8)))

    assert len(found) == 1
