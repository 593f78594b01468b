"""What a circuit keeps of its story: episodes, the last failure, refusals and who forced it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.core.permits import Permit
from otel_breaker.core.rules import Counts
from otel_breaker.core.states import CircuitState, Outcome, Reason
from otel_breaker.core.transition import Transition

if TYPE_CHECKING:
    from otel_breaker.circuit.changes import PendingChange

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
FORCED_OPEN, FORCED_CLOSED = CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED


@pytest.fixture
def record() -> CircuitHistory:
    return CircuitHistory("payments", None, 100.0, [])


def move(
    record: CircuitHistory,
    source: CircuitState,
    target: CircuitState,
    reason: Reason = Reason.MANUAL,
    origin: object = None,
    overdue: Permit | None = None,
) -> PendingChange:
    transition = Transition(source, target, reason, 1, 107.0, Counts(5, 0, 0, 0), 5, 60.0, overdue)
    return record.record_state_change(transition, "enforce", origin, complete=True)


def episode_id(record: CircuitHistory) -> str:
    assert record.episode is not None
    return record.episode.id


def test_an_outage_is_one_episode_from_the_first_opening_through_a_relapse_to_the_recovery(
    record: CircuitHistory,
) -> None:
    steps = [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]

    episodes = {move(record, source, target).change.episode for source, target in steps}

    assert len(episodes) == 1
    assert None not in episodes
    assert record.episode is None


def test_each_outage_is_an_episode_of_its_own(record: CircuitHistory) -> None:
    move(record, CLOSED, OPEN)
    first = episode_id(record)
    move(record, OPEN, CLOSED)

    move(record, CLOSED, OPEN)

    assert episode_id(record) != first


def test_episodes_of_different_circuits_differ(record: CircuitHistory) -> None:
    other = CircuitHistory("payments", None, 100.0, [])

    move(record, CLOSED, OPEN)
    move(other, CLOSED, OPEN)

    assert episode_id(record) != episode_id(other)


def test_forcing_a_circuit_open_begins_an_episode(record: CircuitHistory) -> None:
    assert move(record, CLOSED, FORCED_OPEN).change.episode == episode_id(record)


def test_forcing_an_open_circuit_closed_ends_its_episode(record: CircuitHistory) -> None:
    move(record, CLOSED, OPEN)
    begun = episode_id(record)

    change = move(record, OPEN, FORCED_CLOSED).change

    assert change.episode == begun
    assert record.episode is None


def test_forcing_a_closed_circuit_closed_is_no_episode(record: CircuitHistory) -> None:
    assert move(record, CLOSED, FORCED_CLOSED).change.episode is None


def test_an_episode_points_at_the_call_that_last_opened_the_circuit(record: CircuitHistory) -> None:
    move(record, CLOSED, OPEN, origin="trip")
    move(record, OPEN, HALF_OPEN, origin="probe")
    after_the_trip = record.episode and record.episode.span_context

    move(record, HALF_OPEN, OPEN, origin="probe that failed")

    assert after_the_trip == "trip"
    assert record.episode is not None
    assert record.episode.span_context == "probe that failed"


def test_an_episode_points_at_the_culprit_rather_than_at_the_call_that_noticed(record: CircuitHistory) -> None:
    lost = Permit.of(1, HALF_OPEN)
    lost.span_context = "lost probe"

    move(record, CLOSED, OPEN, origin="noticed", overdue=lost)

    assert record.episode is not None
    assert record.episode.span_context == "lost probe"


def test_an_episode_counts_its_refusals_probes_and_failed_recoveries(record: CircuitHistory) -> None:
    move(record, CLOSED, OPEN)
    record.make_refusal(OPEN, 1.0)
    record.make_refusal(OPEN, 1.0)
    move(record, OPEN, HALF_OPEN)
    record.count_probe()
    move(record, HALF_OPEN, OPEN)
    move(record, OPEN, HALF_OPEN)
    move(record, HALF_OPEN, OPEN)

    episode = record.episode

    assert episode is not None
    assert (episode.rejected, episode.probes, episode.failed_recoveries) == (2, 1, 2)


def test_an_episode_knows_when_it_began_on_both_clocks(record: CircuitHistory) -> None:
    move(record, CLOSED, OPEN)
    move(record, OPEN, HALF_OPEN)

    assert record.episode is not None
    assert record.episode.opened_at == 107.0
    assert record.episode.opened_time == pytest.approx(time.time(), abs=5)


def test_a_refusal_is_counted_and_tells_what_is_known(record: CircuitHistory) -> None:
    record.record_failure("TimeoutError", None)
    move(record, CLOSED, OPEN)

    error = record.make_refusal(OPEN, 1.5)

    assert record.counters.calls[Outcome.REJECTED].read() == 1
    assert error.args == (
        "payments", None, "open", 1.5, episode_id(record), "TimeoutError", record.last_failure_time,
    )  # fmt: skip


def test_the_last_failure_is_known_by_its_type(record: CircuitHistory) -> None:
    record.record_failure("ValueError", None)
    record.record_failure("503", None)

    assert record.last_failure_type == "503"


def test_before_the_first_failure_there_is_no_last_one(record: CircuitHistory) -> None:
    assert (record.last_failure_type, record.last_failure_time) == (None, None)


def test_who_forced_a_circuit_and_why_is_known_until_the_next_move(record: CircuitHistory) -> None:
    forced = Transition(CLOSED, FORCED_OPEN, Reason.MANUAL, 1, 107.0, Counts(0, 0, 0, 0), None, None, None)

    change = record.record_state_change(forced, "enforce", None, complete=True, actor="ann", note="INC-1").change
    known = (record.forced_by, record.forced_reason)
    move(record, FORCED_OPEN, CLOSED)

    assert known == (change.actor, change.note) == ("ann", "INC-1")
    assert (record.forced_by, record.forced_reason) == (None, None)


def test_a_move_is_counted_with_the_time_spent_before_it(record: CircuitHistory) -> None:
    move(record, CLOSED, OPEN)

    totals = record.counters.totals(110.0)

    assert totals.changes == {(CLOSED, OPEN, "enforce"): 1}
    assert (totals.seconds[CLOSED], totals.seconds[OPEN]) == (7.0, 3.0)


def test_a_lost_probe_is_counted_as_timed_out(record: CircuitHistory) -> None:
    move(record, HALF_OPEN, OPEN, Reason.PROBE_TIMEOUT)
    record.record_probe_outcome(Outcome.FAILURE)

    assert record.counters.probes == {"timeout": 1, "failure": 1}
