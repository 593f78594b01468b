from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_breaker.core.counters import PROBE_OUTCOMES, CallCounter, CallCounters, CircuitCounters
from otel_breaker.core.states import CircuitState, Outcome
from tests.conformance.interruptions import interrupted
from tests.core.harness import reproducible

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


@reproducible
@given(st.lists(st.sampled_from(["add", "total", "read", "restart"])))
def test_a_counter_counts_however_often_it_is_read(steps: list[str]) -> None:
    counter = CallCounter()
    added = since_restart = 0

    for step in steps:
        if step == "add":
            next(counter)
            added, since_restart = added + 1, since_restart + 1
        elif step == "restart":
            counter.reset()
            since_restart = 0
        elif step == "total":
            assert counter() == added
        else:
            assert counter.read() == since_restart

    assert (counter(), counter.read()) == (added, since_restart)


def test_threads_that_count_at_once_lose_nothing() -> None:
    counter = CallCounter()

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: [next(counter) for _ in range(10_000)])

    assert counter() == 80_000


def test_every_state_is_there_from_birth() -> None:
    assert CircuitCounters(1_000.0).totals(1_000.0).seconds == dict.fromkeys(CircuitState, 0.0)


def test_an_outcome_has_a_counter_from_its_first_call() -> None:
    counters = CircuitCounters(1_000.0)
    counters.totals(1_000.0)
    assert not counters.calls

    next(counters.calls[Outcome.FAILURE])

    assert list(counters.calls) == [Outcome.FAILURE]


def test_successes_have_one_counter() -> None:
    calls = CircuitCounters(1_000.0).calls

    next(calls.successes)
    next(calls[Outcome.SUCCESS])

    assert calls.read() == {Outcome.SUCCESS: 2}


def test_first_calls_that_threads_count_at_once_are_all_counted() -> None:
    counters = [CallCounters() for _ in range(500)]

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: [next(calls[Outcome.FAILURE]) for calls in counters])

    assert {calls.read()[Outcome.FAILURE] for calls in counters} == {8}


def test_a_probe_ends_like_any_admitted_call_or_times_out() -> None:
    assert set(PROBE_OUTCOMES) == {"success", "failure", "ignored", "cancelled", "timeout"}


@pytest.mark.parametrize("outcome", Outcome)
def test_calls_are_counted_by_outcome(outcome: Outcome) -> None:
    counters = CircuitCounters(1_000.0)

    next(counters.calls[outcome])

    assert +counters.totals(1_000.0).calls == {outcome: 1}


def test_state_changes_are_counted_by_source_target_and_mode() -> None:
    counters = CircuitCounters(1_000.0)

    counters.record_state_change(CLOSED, OPEN, "enforce", 1_010.0)
    counters.record_state_change(OPEN, HALF_OPEN, "shadow", 1_070.0)

    assert counters.totals(1_070.0).changes == {(CLOSED, OPEN, "enforce"): 1, (OPEN, HALF_OPEN, "shadow"): 1}


def test_time_is_added_up_by_state_with_the_stay_that_lasts() -> None:
    counters = CircuitCounters(1_000.0)
    counters.record_state_change(CLOSED, OPEN, "enforce", 1_010.0)
    counters.record_state_change(OPEN, CLOSED, "enforce", 1_070.0)

    seconds = counters.totals(1_075.0).seconds

    assert (seconds[CLOSED], seconds[OPEN], seconds[HALF_OPEN]) == (15, 60, 0)


def test_looking_twice_adds_no_time() -> None:
    counters = CircuitCounters(1_000.0)
    counters.totals(1_005.0)

    assert counters.totals(1_005.0).seconds[CLOSED] == 5


def test_the_time_in_the_current_state_is_left_out_when_the_time_is_unknown() -> None:
    counters = CircuitCounters(1_000.0)
    counters.record_state_change(CLOSED, OPEN, "enforce", 1_010.0)

    seconds = counters.totals(None).seconds

    assert (seconds[CLOSED], seconds[OPEN]) == (10, 0)


def test_a_state_change_with_an_earlier_time_takes_no_counted_seconds_away() -> None:
    counters = CircuitCounters(1_000.0)
    counters.totals(1_020.0)

    counters.record_state_change(CLOSED, OPEN, "enforce", 1_010.0)

    seconds = counters.totals(1_030.0).seconds
    assert (seconds[CLOSED], seconds[OPEN]) == (20, 10)


def test_totals_are_a_copy() -> None:
    counters = CircuitCounters(1_000.0)
    totals = counters.totals(1_000.0)

    next(counters.calls[Outcome.SUCCESS])
    counters.outages.probes["success"] += 1
    counters.outages.shadowed[Outcome.SUCCESS] += 1
    counters.record_state_change(CLOSED, OPEN, "enforce", 1_010.0)

    assert totals.calls.total() == 0
    assert (totals.changes, totals.probes, totals.shadowed) == ({}, {}, {})
    assert set(totals.seconds.values()) == {0}


def test_a_forked_child_counts_from_zero_and_keeps_the_state() -> None:
    counters = CircuitCounters(1_000.0)
    next(counters.calls[Outcome.FAILURE])
    counters.outages.probes["success"] += 1
    counters.outages.shadowed[Outcome.SUCCESS] += 1
    counters.record_state_change(CLOSED, OPEN, "enforce", 1_010.0)

    counters.reset(1_020.0)

    totals = counters.totals(1_025.0)
    assert totals.calls.total() == 0
    assert not totals.changes
    assert not totals.probes
    assert not totals.shadowed
    assert (totals.seconds[CLOSED], totals.seconds[OPEN]) == (0, 5)


def test_the_totals_of_several_circuits_add_up() -> None:
    counters = CircuitCounters(1_000.0)
    next(counters.calls[Outcome.FAILURE])
    counters.outages.probes["success"] += 2
    counters.outages.shadowed[Outcome.SUCCESS] += 3
    counters.record_state_change(CLOSED, OPEN, "enforce", 1_004.0)
    together = counters.totals(1_005.0)

    together.add(counters.totals(1_006.0))

    assert +together.calls == {Outcome.FAILURE: 2}
    assert together.probes == {"success": 4}
    assert together.shadowed == {Outcome.SUCCESS: 6}
    assert together.changes == {(CLOSED, OPEN, "enforce"): 2}
    assert (together.seconds[CLOSED], together.seconds[OPEN]) == (8, 3)


def test_a_handler_that_reads_in_the_middle_of_a_read_sees_the_same_and_so_does_the_read() -> None:
    seen: list[int] = []

    for moment in range(1_000):
        counter = CallCounter()
        for _ in range(5):
            next(counter)
        reads: list[int] = []
        place = interrupted(
            lambda counter=counter, reads=reads: reads.append(counter()),  # type: ignore[misc]
            lambda counter=counter: seen.append(counter()),  # type: ignore[misc]
            moment,
        )
        if not place:
            break
        assert (reads, seen[-1], counter()) == ([5], 5, 5), place

    assert seen
