"""One circuit per key: bounded in number, made once, evicted when idle, and without the key in metrics."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import tracemalloc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker import CircuitBreaker, CircuitOpenError, InvalidSettings, breakers, get_breaker
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.registry import REGISTRY
from otel_breaker.settings import Settings
from otel_breaker.testing import FakeClock, fake_clock, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from otel_breaker.telemetry.metrics import MetricRegistry
    from tests.conftest import Spans

KEYS = int(os.environ.get("KEYS", "1000000"))
"""The number of keys in the memory test; a million in a long run."""
PLACES = 1_000


@pytest.fixture(autouse=True)
def clock() -> Iterator[FakeClock]:
    reset()
    with fake_clock() as clock:
        yield clock
    reset()


def keyed(max_keys: int) -> KeyedBreaker:
    return KeyedBreaker("http", Settings.from_mapping({"max_keys": max_keys, "failure_threshold": 1}))


def fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(OSError), breaker.guard():
        raise OSError


def refuses(breaker: CircuitBreaker) -> bool:
    try:
        breaker.call(int)
    except CircuitOpenError:
        return True
    return False


def test_a_key_has_one_breaker() -> None:
    assert get_breaker("http", key="a") is get_breaker("http", key="a")
    assert get_breaker("http", key="a") is not get_breaker("http", key="b")
    assert get_breaker("http", key="a") is not get_breaker("http")
    assert get_breaker("http", key="a") is not get_breaker("smtp", key="a")


def test_the_breakers_of_all_keys_share_name_and_settings() -> None:
    first, second = get_breaker("http", key="a", failure_threshold=3), get_breaker("http", key="b")

    assert (first.name, first.key, second.name, second.key) == ("http", "a", "http", "b")
    assert first.settings == second.settings
    assert second.settings.failure_threshold == 3


def test_the_failures_of_a_key_do_not_count_for_another() -> None:
    fail(get_breaker("http", key="a", failure_threshold=1))

    with pytest.raises(CircuitOpenError) as caught:
        get_breaker("http", key="a").call(int)
    assert (caught.value.name, caught.value.key) == ("http", "a")
    assert not refuses(get_breaker("http", key="b"))


def test_two_places_with_different_settings_are_an_error() -> None:
    get_breaker("http", key="a", failure_threshold=3)

    with pytest.raises(InvalidSettings):
        get_breaker("http", key="b", failure_threshold=4)


def test_settings_that_differ_are_an_error_for_a_known_key_too() -> None:
    get_breaker("http", key="a", failure_threshold=3)

    with pytest.raises(InvalidSettings):
        get_breaker("http", key="a", failure_threshold=4)


@pytest.mark.parametrize("name", ["", "two\nlines", ["http"], None])
def test_a_name_that_is_not_allowed_is_refused_with_any_key(name: Any) -> None:
    with pytest.raises(InvalidSettings):
        get_breaker(name, key="a")


def test_replaced_settings_apply_to_present_and_future_keys() -> None:
    circuits = keyed(10)
    before = circuits.for_key("a")

    circuits._replace_settings(Settings(failure_threshold=9))

    assert {before.settings.failure_threshold, circuits.for_key("b").settings.failure_threshold} == {9}


# --- the limit


def test_the_least_recently_used_idle_circuit_makes_room() -> None:
    circuits = keyed(2)
    first, second = circuits.for_key("a"), circuits.for_key("b")
    circuits.for_key("a")

    circuits.for_key("c")

    assert circuits.for_key("a") is first
    assert circuits.for_key("b") is not second


@pytest.mark.parametrize("state", ["open", "half-open", "forced open", "forced closed", "with a failure"])
def test_a_circuit_that_is_not_idle_stays(state: str, clock: FakeClock) -> None:
    circuits = keyed(2)
    busy = circuits.for_key("busy")
    if state == "with a failure":
        circuits._replace_settings(Settings(max_keys=2, failure_threshold=2))
        fail(busy)
    elif state.startswith("forced"):
        (busy.force_open if state == "forced open" else busy.force_closed)()
    else:
        fail(busy)
        if state == "half-open":
            clock.advance(60)
            assert busy.can_execute()
    for key in range(5):
        circuits.for_key(str(key))

    assert circuits.for_key("busy") is busy


def test_a_circuit_that_has_recovered_is_idle_again(clock: FakeClock) -> None:
    circuits = keyed(1)
    busy = circuits.for_key("busy")
    fail(busy)
    clock.advance(60)
    busy.call(int)

    assert circuits.for_key("other").key == "other"
    assert len(circuits) == 1


def test_without_room_further_keys_pass_unguarded() -> None:
    circuits = keyed(2)
    for key in ("a", "b"):
        fail(circuits.for_key(key))

    overflowing = circuits.for_key("c")
    for _ in range(3):
        fail(overflowing)

    assert not refuses(overflowing)
    assert len(circuits) == 2
    assert refuses(circuits.for_key("a"))


def test_keys_without_room_are_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    circuits = keyed(1)
    circuits.for_key("a").force_open()
    caplog.clear()

    for key in ("b", "c", "b"):
        circuits.for_key(key)

    [record] = caplog.records
    assert (record.levelno, "max_keys=1" in record.getMessage()) == (logging.WARNING, True)


def test_a_key_finds_room_again_once_a_circuit_is_idle() -> None:
    circuits = keyed(1)
    circuits.for_key("a").force_open()
    circuits.for_key("b")

    circuits.for_key("a").reset()

    assert circuits.for_key("b").key == "b"


def test_a_lower_limit_applies_from_the_next_new_key_on() -> None:
    circuits = keyed(10)
    for key in range(10):
        circuits.for_key(str(key))

    circuits._replace_settings(Settings(max_keys=3))
    circuits.for_key("new")

    assert len(circuits) == 3


def test_a_key_in_use_stays_while_any_number_of_keys_is_used_once() -> None:
    circuits = keyed(10)
    guarded = guard_by_key(circuits, lambda key: key, lambda key: key)
    guarded("in use")
    in_use = circuits.for_key("in use")

    for key in range(100):
        guarded(str(key))
        guarded("in use")

    assert circuits.for_key("in use") is in_use


USES: dict[str, Callable[[KeyedBreaker, str], object]] = {
    "call": lambda circuits, key: guard_by_key(circuits, lambda key: key, lambda key: key)(key),
    "get_breaker": lambda _, key: get_breaker("http", key=key),
    "for_key": lambda circuits, key: circuits.for_key(key),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_circuit_that_was_used_stays_when_one_that_was_not_makes_room(
    use: Callable[[KeyedBreaker, str], object],
) -> None:
    get_breaker("http", key="used", max_keys=2)
    get_breaker("http", key="not used")
    circuits = REGISTRY.get_keyed("http", {})

    use(circuits, "used")
    circuits.for_key("new")

    assert (circuits.has_key("used"), circuits.has_key("not used")) == (True, False)


def test_a_further_key_looks_at_a_bounded_number_of_circuits_while_all_are_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    circuits = keyed(200)
    for key in range(200):
        circuits.for_key(str(key)).force_open()
    looks: list[CircuitBreaker] = []
    monkeypatch.setattr(CircuitBreaker, "is_idle", property(looks.append))
    circuits.for_key("further")
    looks.clear()

    for key in range(100):
        circuits.for_key(f"further {key}")

    assert len(looks) <= 100 * 16


def test_the_only_idle_circuit_of_many_makes_room_within_a_few_further_keys() -> None:
    circuits = keyed(200)
    for key in range(200):
        circuits.for_key(str(key)).force_open()
    circuits.for_key("150").reset()

    found = [circuits.for_key(f"further {key}").key for key in range(2 * 200 // 16)]  # it has a second turn, too

    assert any(found)


def test_a_key_is_shown_cut_to_the_length_that_telemetry_allows() -> None:
    key = get_breaker("http", key="x" * 10_000).key or ""

    assert (key[:244], len(key)) == ("x" * 244, 256)


# --- concurrency


def test_a_key_that_another_thread_has_made_meanwhile_evicts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    circuits = keyed(2)
    first = circuits.for_key("a")
    make_room = circuits._make_room

    def after_another_thread(identity: Hashable) -> object:
        monkeypatch.undo()
        circuits.for_key("b")  # the other thread's
        return make_room(identity)

    monkeypatch.setattr(circuits, "_make_room", after_another_thread)
    mine = circuits.for_key("b")

    assert (circuits.for_key("a"), circuits.for_key("b")) == (first, mine)


def test_threads_that_ask_for_keys_at_once_stay_within_the_limit_and_get_one_breaker_each() -> None:
    circuits, start, raised = keyed(50), threading.Barrier(8), []
    found: list[CircuitBreaker] = []
    before = sys.getswitchinterval()

    def ask() -> None:
        start.wait(20)
        try:
            found.extend(circuits.for_key(str(key)) for key in range(50))
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)

    assert raised == []
    assert (len(circuits), len(set(map(id, found)))) == (50, 50)


def test_threads_that_evict_each_others_keys_stay_within_the_limit() -> None:
    circuits, start, most = keyed(5), threading.Barrier(4), []

    def ask(number: int) -> None:
        start.wait(20)
        for key in range(100):
            circuits.for_key(f"{number} {key}").call(int)
            most.append(len(circuits))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(most) == 400
    assert max(most) <= 5


# --- memory and telemetry


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_number_of_keys_leaves_max_keys_circuits_and_flat_memory() -> None:
    for key in range(2 * PLACES):  # once round, so that all that is made once has been made
        get_breaker("many", key=f"warm {key}", max_keys=PLACES).call(int)
    gc.collect()
    warm = sys.getallocatedblocks()

    for key in range(KEYS):
        get_breaker("many", key=str(key)).call(int)
    gc.collect()

    assert len(REGISTRY.get_keyed("many", {})) == PLACES
    assert len([breaker for breaker in breakers() if breaker.name == "many"]) == PLACES
    assert sys.getallocatedblocks() - warm < KEYS / 2  # not one block for each key


def test_a_circuit_keeps_the_text_of_its_key_and_no_object_of_a_subclass() -> None:
    class Host(str):  # noqa: SLOT000  # with a `__weakref__`, which slots would take away
        """Text with attributes."""

    host = Host("a.example")
    breaker, known = get_breaker("http", key=host), weakref.ref(host)
    del host
    gc.collect()

    assert known() is None
    assert get_breaker("http", key="a.example") is breaker


def test_an_evicted_circuit_takes_its_memory_with_it() -> None:
    circuits = keyed(10)
    for key in range(20):
        circuits.for_key(str(key)).call(int)
    tracemalloc.start()
    try:
        for key in range(20):
            circuits.for_key(f"first {key}").call(int)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for key in range(6_000):
            circuits.for_key(f"second {key}").call(int)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown < 6_000 * 512  # a circuit takes some 5 KiB; tables of the process may grow once


def test_the_key_is_on_the_span(spans: Spans) -> None:
    get_breaker("http", key="eu").call(int)

    attributes = dict(spans.last().attributes or {})
    assert (attributes["circuit_breaker.name"], attributes["circuit_breaker.key"]) == ("http", "eu")


def test_blocks_of_several_keys_that_are_refused_in_turn_show_their_own_key(spans: Spans) -> None:
    for key in ("eu", "us"):
        fail(get_breaker("http", key=key, failure_threshold=1))
    shown = []
    for key in ("eu", "us", "eu"):
        with pytest.raises(CircuitOpenError), get_breaker("http", key=key).guard():
            pass
        shown.append(dict(spans.last().attributes or {})["circuit_breaker.key"])

    assert shown == ["eu", "us", "eu"]


def test_no_key_is_a_metric_attribute(metric_registry: MetricRegistry) -> None:
    for key in ("eu", "us"):
        get_breaker("http keyed metrics", key=key).call(int)

    shown = successes_of(metric_registry, "http keyed metrics")

    assert [(set(attributes), value) for attributes, value in shown] == [
        ({"circuit_breaker.name", "circuit_breaker.call.outcome"}, 2)
    ]


def test_what_an_evicted_circuit_counted_is_still_counted(metric_registry: MetricRegistry) -> None:
    get_breaker("http evicted", key="0", max_keys=2)
    for key in range(10):
        get_breaker("http evicted", key=str(key)).call(int)

    assert [value for _, value in successes_of(metric_registry, "http evicted")] == [10]


def successes_of(metric_registry: MetricRegistry, name: str) -> list[tuple[dict[str, Any], Any]]:
    """The points of the metric of successful calls: their attributes and values."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metric_registry.use_meter(provider.get_meter("otel_breaker"))
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    found = [metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics]
    [calls] = [metric for metric in found if metric.name == "circuit_breaker.calls"]
    points: list[Any] = list(calls.data.data_points)
    shown = [(dict(point.attributes), point.value) for point in points]
    wanted = {"circuit_breaker.name": name, "circuit_breaker.call.outcome": "success"}
    return [(attributes, value) for attributes, value in shown if wanted.items() <= attributes.items()]
