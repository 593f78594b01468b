"""A probe's permit is a lease: whoever is never heard of does not keep the circuit half-open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitOpenError, CircuitState
from tests.conformance.conftest import RECOVERY, Broken, due, elsewhere, finish, hold, moves, refuses, succeed, told

if TYPE_CHECKING:
    from tests.fakes import FakeClock

LEASE = 60.0


def test_a_probe_keeps_its_place_until_its_deadline(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    hold(breaker)

    clock.advance(LEASE - 0.001)

    assert elsewhere(lambda: refuses(breaker))
    assert breaker.state is CircuitState.HALF_OPEN


def test_a_probe_that_is_never_heard_of_has_failed_at_its_deadline(clock: FakeClock) -> None:
    # Required was that the next caller becomes the probe; the design re-opens first, counted from the deadline.
    breaker = due(clock, probe_timeout=LEASE)
    changes = told(breaker)
    hold(breaker)

    clock.advance(LEASE + 4)
    with pytest.raises(CircuitOpenError) as refusal:
        succeed(breaker)

    assert moves(changes) == [("open", "half_open"), ("half_open", "open")]
    assert changes[-1].reason.value == "probe_timeout"
    assert refusal.value.retry_after == RECOVERY - 4


def test_the_recovery_time_after_a_lost_probe_another_is_admitted(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    hold(breaker)

    clock.advance(LEASE + RECOVERY)
    succeed(breaker)

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("end", [None, Broken()], ids=["success", "failure"])
def test_what_a_lost_probe_says_later_moves_nothing(clock: FakeClock, end: Exception | None) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    lost = hold(breaker)
    clock.advance(LEASE + RECOVERY)

    with breaker.guard():
        finish(lost, end)
        during = breaker.state
        refused = elsewhere(lambda: refuses(breaker))

    assert during is CircuitState.HALF_OPEN
    assert refused


def test_a_probe_that_answers_after_its_deadline_is_lost_even_if_nobody_noticed_before(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    late = hold(breaker)

    clock.advance(LEASE)
    finish(late)

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().retry_after == RECOVERY


def test_a_permit_that_was_asked_for_and_forgotten_runs_out_too(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    breaker.can_execute()

    clock.advance(LEASE + RECOVERY)

    assert elsewhere(lambda: not refuses(breaker))
