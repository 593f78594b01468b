"""An interrupt just after a lock is acquired leaves it free, for each lock.

Since Python 3.14 a signal handler may raise there, between `with` and its block. Here it does so on every Python: each
lock is replaced by one that raises, once, when it has been taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, configure
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.registry import Registry
from otel_breaker.settings import Settings
from otel_breaker.telemetry import configuration
from tests.conformance.conftest import fail, succeed
from tests.test_locks import Interrupted, is_free

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.telemetry.metrics import MetricRegistry


def interrupted(owner: Any, work: Callable[[], object]) -> None:
    """Run work that is interrupted just after it has acquired a lock; then run it once more."""
    owner._lock = Interrupted()
    owner._lock.when = "after"
    with pytest.raises(KeyboardInterrupt):
        work()
    assert is_free(owner._lock)
    work()


def streaming(breaker: CircuitBreaker) -> None:
    @breaker
    def stream() -> Any:
        yield 1
        yield 2

    list(stream())


def two_steps(breaker: CircuitBreaker) -> None:
    breaker.record_failure(ValueError(), breaker.can_execute())


SLOW = {"slow_call_duration": 60, "slow_call_rate": 0.5, "failure_threshold": 3}


@pytest.mark.parametrize(
    "work",
    [
        fail,
        succeed,
        two_steps,
        streaming,
        CircuitBreaker.record_success,
        CircuitBreaker.snapshot,
        CircuitBreaker.force_open,
        CircuitBreaker.force_closed,
        lambda breaker: breaker._replace_settings(Settings()),
        lambda breaker: breaker._circuit.read(),
    ],
)
@pytest.mark.parametrize("settings", [{}, SLOW])
def test_a_circuit_is_not_left_locked(work: Callable[[CircuitBreaker], object], settings: Any) -> None:
    breaker = CircuitBreaker(**settings)
    fail(breaker)  # a streak: no fast path

    interrupted(breaker._circuit, lambda: work(breaker))


def test_an_interrupt_while_settings_change_leaves_a_circuit_that_decides() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    interrupted(breaker._circuit, lambda: breaker._replace_settings(Settings(failure_threshold=2)))

    fail(breaker, 2)

    assert breaker.state.value == "open"


@pytest.mark.parametrize(
    "work",
    [
        lambda registry: registry.configure({}),
        lambda registry: registry.configure_unless_named("found", Settings()),
        lambda registry: registry.override("ordered", None),
    ],
)
def test_the_registry_is_not_left_locked(work: Callable[[Registry], object]) -> None:
    registry = Registry()

    interrupted(registry, lambda: work(registry))


@pytest.mark.parametrize(
    "work",
    [
        lambda registry: registry.get("by name", {"failure_threshold": len(registry.names()) + 3}),
        lambda registry: registry.get_keyed("by key", {"failure_threshold": len(registry.names()) + 3}),
    ],
)
def test_the_settings_by_name_are_not_left_locked(work: Callable[[Registry], object]) -> None:
    registry = Registry()

    interrupted(registry._settings, lambda: work(registry))


@pytest.mark.parametrize(
    "work",
    [
        lambda keyed: keyed.for_key(f"new {len(keyed)}"),
        lambda keyed: keyed.apply_override(None),
        lambda keyed: keyed._replace_settings(Settings()),
    ],
)
def test_the_breakers_of_all_keys_are_not_left_locked(work: Callable[[KeyedBreaker], object]) -> None:
    keyed = KeyedBreaker("keyed", Settings().resolved())
    keyed.for_key("known")

    interrupted(keyed, lambda: work(keyed))


def test_the_metric_registry_is_not_left_locked_by_a_new_breaker_or_a_collection(
    metric_registry: MetricRegistry,
) -> None:
    interrupted(metric_registry, lambda: CircuitBreaker("new"))
    interrupted(metric_registry, metric_registry.aggregates)


def test_the_configuration_of_telemetry_is_not_left_locked() -> None:
    interrupted(configuration.TELEMETRY, lambda: configure(spans="off"))
