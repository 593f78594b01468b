"""A probe's lease: its deadline, its owner, and what passes as part of it."""

from __future__ import annotations

import pytest

from otel_breaker.core.half_open import HalfOpen
from otel_breaker.core.states import CircuitState, Outcome, Reason
from tests.core.harness import PROBE_TIMEOUT, RECOVERY, Harness, policy


def probing(probes: int = 1) -> Harness:
    rig = Harness(policy(probes=probes))
    rig.half_open()
    return rig


def test_a_probe_is_a_lease_with_a_deadline_and_an_owner() -> None:
    half_open = HalfOpen(policy(), 7)

    probe = half_open.admit(1_000.0, "somebody", 4)

    assert probe is not None
    assert (probe.generation, probe.state, probe.failure_count) == (7, CircuitState.HALF_OPEN, 4)
    assert (probe.started, probe.deadline, probe.owner) == (1_000.0, 1_000.0 + PROBE_TIMEOUT, "somebody")


def test_a_call_of_a_probe_s_owner_passes_as_part_of_that_probe() -> None:
    rig = probing()
    rig.admit("somebody")

    nested = rig.admit("somebody")

    assert (nested.deadline, nested.state) == (None, CircuitState.HALF_OPEN)
    assert rig.machine.probes_in_flight == 1


@pytest.mark.parametrize("outcome", Outcome)
def test_a_call_that_is_part_of_a_probe_has_no_effect(outcome: Outcome) -> None:
    rig = probing()
    rig.admit("somebody")
    nested = rig.admit("somebody")

    moved = rig.record_outcome(nested, outcome)

    assert moved is None
    assert rig.state is CircuitState.HALF_OPEN
    assert rig.machine.probes_in_flight == 1


def test_a_place_that_is_free_is_leased_to_an_owner_of_a_probe_too() -> None:
    rig = probing(2)
    rig.admit("somebody")

    assert rig.admit("somebody").deadline is not None


@pytest.mark.parametrize("owner", ["somebody else", None])
def test_a_stranger_does_not_pass_as_part_of_a_probe(owner: str | None) -> None:
    rig = probing()
    rig.admit("somebody")

    assert rig.refuses(owner)


def test_a_probe_without_an_owner_lets_no_caller_without_an_owner_pass() -> None:
    rig = probing()
    rig.admit(None)

    assert rig.refuses(None)


def test_an_owner_whose_probe_has_ended_is_a_stranger() -> None:
    rig = probing(2)
    rig.record_outcome(rig.admit("somebody"), Outcome.SUCCESS)
    rig.admit("somebody else")

    assert rig.refuses("somebody")


@pytest.mark.parametrize(("late", "lost"), [(-0.001, False), (0.0, True), (0.001, True)])
def test_a_probe_is_lost_at_its_deadline(late: float, lost: bool) -> None:
    rig = probing()
    rig.admit()
    rig.clock.advance(PROBE_TIMEOUT + late)

    moved = rig.expire()

    assert (moved is not None) is lost


def test_a_lost_probe_opens_again_as_of_its_deadline() -> None:
    rig = probing()
    probe = rig.admit()
    rig.clock.advance(PROBE_TIMEOUT + 7)

    moved = rig.expire()

    assert moved is not None
    assert (moved.target, moved.reason, moved.overdue) == (CircuitState.OPEN, Reason.PROBE_TIMEOUT, probe)
    assert moved.at == probe.deadline
    assert rig.machine.retry_after(rig.clock()) == RECOVERY - 7


def test_of_several_lost_probes_the_first_counts() -> None:
    rig = probing(2)
    first = rig.admit()
    rig.clock.advance(1)
    rig.admit()
    rig.clock.advance(PROBE_TIMEOUT)

    moved = rig.expire()

    assert moved is not None
    assert moved.overdue is first


def test_a_probe_that_came_back_is_not_lost() -> None:
    rig = probing(2)
    rig.call(Outcome.SUCCESS)
    rig.clock.advance(PROBE_TIMEOUT)

    assert rig.expire() is None


def test_in_a_forked_child_no_probe_of_the_parent_holds_a_place() -> None:
    rig = probing()
    parents = rig.admit("somebody")
    rig.machine.forget_calls_in_flight()

    moved = rig.record_outcome(parents, Outcome.FAILURE)

    assert moved is None
    assert rig.admit("somebody else").deadline is not None
