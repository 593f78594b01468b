"""Shared state stays consistent while threads change it, with frequent switches."""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, breakers, get_breaker
from otel_breaker.core.states import STATE_CHANGES
from otel_breaker.registry import REGISTRY
from tests.conformance.conftest import changes_of, fail, succeed, together
from tests.conformance.interruptions import interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker import StateChange

pytestmark = pytest.mark.usefixtures("restless")


def test_the_changes_of_many_threads_form_one_chain_of_transitions_of_the_table() -> None:
    ticks = itertools.count()
    breaker = CircuitBreaker(
        failure_threshold=2, recovery_time=5, probe_timeout=3, half_open_calls=2, clock=lambda: next(ticks)
    )
    changes = changes_of(breaker)
    acts: list[Callable[[], object]] = [
        lambda: fail(breaker, 3),
        lambda: succeed(breaker),
        breaker.can_execute,
        breaker.force_open,
        lambda: fail(breaker, 2),
        breaker.force_closed,
        breaker.reset,
    ]

    def act(number: int) -> None:
        for step in range(2_000):
            with suppress(CircuitOpenError):
                acts[(number + step * 3) % len(acts)]()

    together(8, act)

    assert {(change.from_state, change.to_state) for change in changes} <= set(STATE_CHANGES)
    assert is_one_chain(changes)
    assert changes[-1].to_state is breaker.state
    assert len(changes) > 1_000


def is_one_chain(changes: list[StateChange]) -> bool:
    return all(before.to_state is after.from_state for before, after in itertools.pairwise(changes))


def test_a_snapshot_is_consistent_while_threads_change_the_state() -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    over = threading.Event()

    def change_state() -> list[bool]:
        for _ in range(2_000):
            fail(breaker)
            breaker.reset()
        over.set()
        return []

    def read() -> list[bool]:
        whole = []
        while not over.is_set():
            seen = breaker.snapshot()
            opened = seen.state.value == "open"
            whole.append(opened == (seen.episode is not None) == (seen.opened_at is not None))
        return whole

    seen = together(2, lambda number: read() if number else change_state())

    assert len(seen[1]) > 10
    assert all(seen[1])


def test_breakers_can_be_listed_while_others_are_made_and_dropped() -> None:
    kept = [CircuitBreaker(f"test_threads {number}") for number in range(100)]
    over = threading.Event()

    def make() -> int:
        for _ in range(2_000):
            CircuitBreaker("test_threads dropped")
        over.set()
        return len(kept)

    def read() -> int:
        fewest = len(kept)
        while not over.is_set():
            fewest = min(fewest, len(set(breakers()) & set(kept)))
        return fewest

    assert together(2, lambda number: read() if number else make()) == [len(kept)] * 2


def test_threads_that_get_a_new_name_at_once_get_one_breaker() -> None:
    for number in range(100):
        breakers = together(8, lambda _, name=f"test_threads at once {number}": get_breaker(name))  # type: ignore[misc]

        assert len(set(breakers)) == 1


@pytest.mark.slow
def test_the_settings_of_one_caller_are_kept_when_another_passes_none_at_the_same_moment() -> None:
    lost: list[str] = []

    for moment in itertools.count():
        name = f"test_shared_state {moment}"
        given: list[CircuitBreaker] = []
        place = interrupted(partial(get_breaker, name), partial(give_settings, name, given), moment, by="signal")
        if not place:
            break
        if given and get_breaker(name).settings.failure_threshold != 3:
            lost.append(place)

    assert moment > 10
    assert lost == []


def give_settings(name: str, given: list[CircuitBreaker]) -> None:
    """Pass settings from another thread, unless the registry or its settings are locked."""
    if not any(owner._lock._is_owned() for owner in (REGISTRY, REGISTRY._settings)):  # type: ignore[attr-defined]
        given.append(get_breaker(name, failure_threshold=3))
