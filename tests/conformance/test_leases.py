"""A probe's permit is a lease: a probe without an outcome does not keep the circuit half-open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitOpenError, CircuitState
from tests.conformance.conftest import (
    RECOVERY,
    Broken,
    changes_of,
    due,
    elsewhere,
    finish,
    hold,
    refuses,
    state_pairs,
    succeed,
)

if TYPE_CHECKING:
    from tests.fakes import FakeClock

LEASE = 60.0


def test_a_probe_keeps_its_lease_until_its_deadline(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    hold(breaker)

    clock.advance(LEASE - 0.001)

    assert elsewhere(lambda: refuses(breaker))
    assert breaker.state is CircuitState.HALF_OPEN


def test_a_probe_without_an_outcome_has_failed_at_its_deadline(clock: FakeClock) -> None:
    # The next caller is no probe: an expired probe opens the circuit again, counted from its deadline.
    breaker = due(clock, probe_timeout=LEASE)
    changes = changes_of(breaker)
    hold(breaker)

    clock.advance(LEASE + 4)
    with pytest.raises(CircuitOpenError) as refusal:
        succeed(breaker)

    assert state_pairs(changes) == [("open", "half_open"), ("half_open", "open")]
    assert changes[-1].reason.value == "probe_timeout"
    assert refusal.value.retry_after == RECOVERY - 4


def test_the_recovery_time_after_an_expired_probe_another_is_admitted(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    hold(breaker)

    clock.advance(LEASE + RECOVERY)
    succeed(breaker)

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("end", [None, Broken()], ids=["success", "failure"])
def test_a_later_outcome_of_an_expired_probe_has_no_effect(clock: FakeClock, end: Exception | None) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    lost = hold(breaker)
    clock.advance(LEASE + RECOVERY)

    with breaker.guard():
        finish(lost, end)
        during = breaker.state
        refused = elsewhere(lambda: refuses(breaker))

    assert during is CircuitState.HALF_OPEN
    assert refused


def test_a_probe_that_ends_after_its_deadline_has_expired_even_without_a_call_in_between(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    late = hold(breaker)

    clock.advance(LEASE)
    finish(late)

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().retry_after == RECOVERY


def test_a_two_step_permit_that_is_never_settled_expires_too(clock: FakeClock) -> None:
    breaker = due(clock, probe_timeout=LEASE)
    breaker.can_execute()

    clock.advance(LEASE + RECOVERY)

    assert elsewhere(lambda: not refuses(breaker))
