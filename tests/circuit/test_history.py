"""A circuit's history: episodes, the last failure, refusals, and the actor of a forced state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.core.permits import Permit
from otel_breaker.core.rules import Counts
from otel_breaker.core.states import CircuitState, Outcome, Reason, RejectionReason
from otel_breaker.core.transition import Transition
from otel_breaker.settings import Mode

if TYPE_CHECKING:
    from otel_breaker.circuit.changes import PendingChange

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
FORCED_OPEN, FORCED_CLOSED = CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED


@pytest.fixture
def history() -> CircuitHistory:
    return CircuitHistory("payments", None, 100.0, [])


def make_change(
    history: CircuitHistory,
    source: CircuitState,
    target: CircuitState,
    reason: Reason = Reason.MANUAL,
    span_context: object = None,
    overdue: Permit | None = None,
) -> PendingChange:
    transition = Transition(source, target, reason, 1, 107.0, Counts(5, 0, 0, 0), 5, 60.0, overdue)
    return history.record_state_change(transition, Mode.ENFORCE, span_context, complete=True)


def episode_id(history: CircuitHistory) -> str:
    assert history.episode is not None
    return history.episode.id


def test_an_outage_is_one_episode_from_the_first_opening_through_a_relapse_to_the_recovery(
    history: CircuitHistory,
) -> None:
    steps = [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]

    episodes = {make_change(history, source, target).change.episode for source, target in steps}

    assert len(episodes) == 1
    assert None not in episodes
    assert history.episode is None


def test_each_outage_is_an_episode_of_its_own(history: CircuitHistory) -> None:
    make_change(history, CLOSED, OPEN)
    first = episode_id(history)
    make_change(history, OPEN, CLOSED)

    make_change(history, CLOSED, OPEN)

    assert episode_id(history) != first


def test_episodes_of_different_circuits_differ(history: CircuitHistory) -> None:
    other = CircuitHistory("payments", None, 100.0, [])

    make_change(history, CLOSED, OPEN)
    make_change(other, CLOSED, OPEN)

    assert episode_id(history) != episode_id(other)


def test_forcing_a_circuit_open_begins_an_episode(history: CircuitHistory) -> None:
    assert make_change(history, CLOSED, FORCED_OPEN).change.episode == episode_id(history)


def test_forcing_an_open_circuit_closed_ends_its_episode(history: CircuitHistory) -> None:
    make_change(history, CLOSED, OPEN)
    begun = episode_id(history)

    change = make_change(history, OPEN, FORCED_CLOSED).change

    assert change.episode == begun
    assert history.episode is None


def test_forcing_a_closed_circuit_closed_is_no_episode(history: CircuitHistory) -> None:
    assert make_change(history, CLOSED, FORCED_CLOSED).change.episode is None


def test_an_episode_links_to_the_call_that_last_opened_the_circuit(history: CircuitHistory) -> None:
    make_change(history, CLOSED, OPEN, span_context="trip")
    make_change(history, OPEN, HALF_OPEN, span_context="probe")
    after_the_trip = history.episode and history.episode.span_context

    make_change(history, HALF_OPEN, OPEN, span_context="probe that failed")

    assert after_the_trip == "trip"
    assert history.episode is not None
    assert history.episode.span_context == "probe that failed"


def test_an_episode_links_to_the_expired_probe_rather_than_to_the_call_that_detected_it(
    history: CircuitHistory,
) -> None:
    expired = Permit.of(1, HALF_OPEN)
    expired.span_context = "expired probe"

    make_change(history, CLOSED, OPEN, span_context="detected", overdue=expired)

    assert history.episode is not None
    assert history.episode.span_context == "expired probe"


def test_an_episode_counts_its_refusals_probes_and_failed_recoveries(history: CircuitHistory) -> None:
    make_change(history, CLOSED, OPEN)
    history.make_refusal(OPEN, 1.0)
    history.make_refusal(OPEN, 1.0)
    make_change(history, OPEN, HALF_OPEN)
    history.count_probe()
    make_change(history, HALF_OPEN, OPEN)
    make_change(history, OPEN, HALF_OPEN)
    make_change(history, HALF_OPEN, OPEN)

    episode = history.episode

    assert episode is not None
    assert (episode.rejected, episode.probes, episode.failed_recoveries) == (2, 1, 2)


def test_an_episode_knows_when_it_began_on_both_clocks(history: CircuitHistory) -> None:
    make_change(history, CLOSED, OPEN)
    make_change(history, OPEN, HALF_OPEN)

    assert history.episode is not None
    assert history.episode.opened_at == 107.0
    assert history.episode.opened_time == pytest.approx(time.time(), abs=5)


def test_a_refusal_is_counted_and_has_the_last_failure(history: CircuitHistory) -> None:
    history.record_failure("TimeoutError", None)
    make_change(history, CLOSED, OPEN)

    error = history.make_refusal(OPEN, 1.5)

    assert history.counters.calls[RejectionReason.OPEN].read() == 1
    assert error.args == (
        "payments", None, "open", 1.5, episode_id(history), "TimeoutError", history.last_failure_time,
    )  # fmt: skip


def test_the_last_failure_is_known_by_its_type(history: CircuitHistory) -> None:
    history.record_failure("ValueError", None)
    history.record_failure("503", None)

    assert history.last_failure_type == "503"


def test_before_the_first_failure_there_is_no_last_one(history: CircuitHistory) -> None:
    assert (history.last_failure_type, history.last_failure_time) == (None, None)


def test_actor_and_reason_of_a_forced_state_are_kept_until_the_next_change(history: CircuitHistory) -> None:
    forced = Transition(CLOSED, FORCED_OPEN, Reason.MANUAL, 1, 107.0, Counts(0, 0, 0, 0), None, None, None)

    change = history.record_state_change(
        forced, Mode.ENFORCE, None, complete=True, actor="ann", manual_reason="INC-1"
    ).change
    known = (history.actor, history.reason)
    make_change(history, FORCED_OPEN, CLOSED)

    assert known == (change.actor, change.manual_reason) == ("ann", "INC-1")
    assert (history.actor, history.reason) == (None, None)


def test_a_state_change_is_counted_with_the_time_before_it(history: CircuitHistory) -> None:
    make_change(history, CLOSED, OPEN)

    totals = history.counters.totals(110.0)

    assert totals.changes == {(CLOSED, OPEN, "enforce"): 1}
    assert (totals.seconds[CLOSED], totals.seconds[OPEN]) == (7.0, 3.0)


def test_an_expired_probe_is_counted_as_timed_out(history: CircuitHistory) -> None:
    make_change(history, HALF_OPEN, OPEN, Reason.PROBE_TIMEOUT)
    history.record_probe_outcome(Outcome.FAILURE)

    assert history.counters.outages.probes == {"timeout": 1, "failure": 1}
