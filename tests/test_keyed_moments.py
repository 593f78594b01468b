"""A key is asked for while another is: by a signal handler, a finaliser, or another thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.registry import Registry
from otel_breaker.settings import Settings
from tests.conformance.conftest import fail
from tests.conformance.interruptions import interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOM = 3


def full(*, idle: bool) -> KeyedBreaker:
    keyed = KeyedBreaker("keyed", Settings(max_keys=ROOM).resolved())
    for number in range(ROOM):
        breaker = keyed.for_key(f"old {number}")
        if not idle:
            fail(breaker)
    if not idle:  # the last one only
        keyed.for_key(f"old {ROOM - 1}").reset()
    return keyed


def moments(work: Callable[[KeyedBreaker], object], handler: Callable[[KeyedBreaker], object]) -> Iterator[str]:
    """The errors after each moment at which Python runs signal handlers."""
    for idle in (True, False):
        for moment in range(10_000):
            keyed = full(idle=idle)
            try:
                place = interrupted(lambda: work(keyed), lambda: handler(keyed), moment, by="signal")  # noqa: B023  # at once
            except Exception as error:
                yield f"moment {moment}: {error!r}"
                continue
            if not place:
                assert moment > 0
                break
            keyed.for_key(
                "last"
            )  # where a handler has taken the place that was just found, its circuit is one too many
            if len(keyed) > ROOM:
                yield f"{place}: {len(keyed)} circuits"


@pytest.mark.parametrize("asked", ["old 0", "new"])
@pytest.mark.parametrize("meanwhile", ["old 0", "old 1", "new", "newer"])
def test_a_signal_handler_can_ask_for_a_key_while_its_thread_asks_for_one(asked: str, meanwhile: str) -> None:
    def handle(keyed: KeyedBreaker) -> None:
        for number in range(ROOM):
            keyed.for_key(f"{meanwhile} {number}" if meanwhile == "newer" else meanwhile)

    assert list(moments(lambda keyed: keyed.for_key(asked), handle)) == []


def test_a_handler_and_its_thread_that_ask_for_the_same_new_key_get_the_same_breaker() -> None:
    for moment in range(10_000):
        keyed, found = full(idle=True), list[object]()
        ask = lambda: found.append(keyed.for_key("new"))  # noqa: B023, E731  # called at once
        if not interrupted(ask, ask, moment, by="signal"):
            break
        assert found[0] is found[1]
    assert moment > 0


def test_a_signal_handler_can_ask_for_a_name_and_its_keys_while_its_thread_does() -> None:
    for moment in range(0, 10_000, 11):  # every one would take long: reading settings has a lot of them
        registry, found = Registry(), list[object]()

        def ask() -> None:
            found.append(registry.get("plain", {"failure_threshold": 2}))  # noqa: B023  # called at once
            found.append(registry.get_keyed("keyed", {"max_keys": ROOM}))  # noqa: B023  # as above

        if not interrupted(ask, ask, moment, by="signal"):
            break
        assert len({id(each) for each in found}) == 2
    assert moment > 100


def test_a_signal_handler_can_ask_for_a_key_while_settings_are_replaced() -> None:
    settings = Settings(max_keys=ROOM, failure_threshold=7).resolved()
    for moment in range(10_000):
        keyed = full(idle=True)
        change = lambda: keyed._replace_settings(settings)  # noqa: B023, E731  # called at once
        if not interrupted(change, lambda: keyed.for_key("new"), moment, by="signal"):  # noqa: B023  # as above
            break
        assert {breaker.settings.failure_threshold for breaker in keyed._all()} == {7}
    assert moment > 0


def test_a_call_of_a_new_key_and_one_that_a_signal_handler_makes_meanwhile_are_counted_by_one_circuit() -> None:
    def charge(key: str) -> str:
        return key

    for moment in range(10_000):
        keyed = full(idle=True)
        call = partial(guard_by_key(keyed, charge, charge), "new")
        if not interrupted(call, call, moment, by="signal"):
            break
        assert keyed.for_key("new").snapshot().calls["success"] == 2
        assert len(keyed) <= ROOM
    assert moment > 0


def test_an_evicted_breaker_is_finalised_without_the_lock() -> None:
    """The breaker may hold the last reference to a listener, whose finaliser runs code of the application."""
    held: list[bool] = []

    class Listener:
        def __call__(self, _: object) -> None:
            pass

        def __del__(self) -> None:
            held.append(keyed._lock._is_owned())  # type: ignore[attr-defined]

    keyed = KeyedBreaker("keyed", Settings(max_keys=1).resolved())
    keyed.for_key("old").add_listener(Listener())

    keyed.for_key("new")

    assert held == [False]
