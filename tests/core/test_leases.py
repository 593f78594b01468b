"""A probe's lease: its deadline, its owner, and the nested calls that pass as part of the probe."""

from __future__ import annotations

import pytest

from otel_breaker.core.half_open import HalfOpen
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import PROBE_TIMEOUT, RECOVERY, Harness, policy


def probing(probes: int = 1) -> Harness:
    harness = Harness(policy(probes=probes))
    harness.half_open()
    return harness


def test_a_probe_is_a_lease_with_a_deadline_and_an_owner() -> None:
    half_open = HalfOpen(policy(), 7)

    probe = half_open.admit(1_000.0, "one task", 4)

    assert probe is not None
    assert (probe.generation, probe.state, probe.failure_count) == (7, CircuitState.HALF_OPEN, 4)
    assert (probe.started, probe.deadline, probe.owner) == (1_000.0, 1_000.0 + PROBE_TIMEOUT, "one task")


def test_a_call_of_a_probe_s_owner_passes_as_part_of_that_probe() -> None:
    harness = probing()
    harness.admit("one task")

    nested = harness.admit("one task")

    assert (nested.deadline, nested.state) == (None, CircuitState.HALF_OPEN)
    assert harness.machine.probes_in_flight == 1


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_that_is_part_of_a_probe_has_no_effect(outcome: Outcome) -> None:
    harness = probing()
    harness.admit("one task")
    nested = harness.admit("one task")

    transition = harness.record_outcome(nested, outcome)

    assert transition is None
    assert harness.state is CircuitState.HALF_OPEN
    assert harness.machine.probes_in_flight == 1


def test_a_place_that_is_free_is_leased_to_an_owner_of_a_probe_too() -> None:
    harness = probing(2)
    harness.admit("one task")

    assert harness.admit("one task").deadline is not None


@pytest.mark.parametrize("owner", ["another task", None])
def test_a_stranger_does_not_pass_as_part_of_a_probe(owner: str | None) -> None:
    harness = probing()
    harness.admit("one task")

    assert harness.refuses(owner)


def test_a_probe_without_an_owner_lets_no_caller_without_an_owner_pass() -> None:
    harness = probing()
    harness.admit(None)

    assert harness.refuses(None)


def test_an_owner_whose_probe_has_ended_is_a_stranger() -> None:
    harness = probing(2)
    harness.record_outcome(harness.admit("one task"), Outcome.SUCCESS)
    harness.admit("another task")

    assert harness.refuses("one task")


@pytest.mark.parametrize(("late", "expires"), [(-0.001, False), (0.0, True), (0.001, True)])
def test_a_probe_expires_at_its_deadline(late: float, expires: bool) -> None:
    harness = probing()
    harness.admit()
    harness.clock.advance(PROBE_TIMEOUT + late)

    transition = harness.expire()

    assert (transition is not None) is expires


def test_an_expired_probe_opens_the_circuit_as_of_its_deadline() -> None:
    harness = probing()
    probe = harness.admit()
    harness.clock.advance(PROBE_TIMEOUT + 7)

    transition = harness.expire()

    assert transition is not None
    assert (transition.target, transition.reason, transition.overdue) == (
        CircuitState.OPEN,
        Reason.PROBE_TIMEOUT,
        probe,
    )
    assert transition.at == probe.deadline
    assert harness.machine.retry_after(harness.clock()) == RECOVERY - 7


def test_of_several_expired_probes_the_first_counts() -> None:
    harness = probing(2)
    first = harness.admit()
    harness.clock.advance(1)
    harness.admit()
    harness.clock.advance(PROBE_TIMEOUT)

    transition = harness.expire()

    assert transition is not None
    assert transition.overdue is first


def test_a_probe_that_has_ended_does_not_expire() -> None:
    harness = probing(2)
    harness.call(Outcome.SUCCESS)
    harness.clock.advance(PROBE_TIMEOUT)

    assert harness.expire() is None


def test_in_a_forked_child_no_probe_of_the_parent_holds_a_place() -> None:
    harness = probing()
    parents = harness.admit("one task")
    harness.machine.forget_calls_in_flight()

    transition = harness.record_outcome(parents, Outcome.FAILURE)

    assert transition is None
    assert harness.admit("another task").deadline is not None
