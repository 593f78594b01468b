from __future__ import annotations

import pytest

from otel_breaker.core.half_open import HalfOpen
from otel_breaker.core.states import CircuitState, Outcome, Reason, Trigger
from tests.core.harness import RECOVERY, Harness, policy

NEUTRAL = [Outcome.IGNORED, Outcome.CANCELLED]


def probing(probes: int = 1) -> Harness:
    rig = Harness(policy(probes=probes))
    rig.half_open()
    return rig


@pytest.mark.parametrize("probes", [1, 2, 3])
def test_only_so_many_probes_pass_at_once(probes: int) -> None:
    rig = probing(probes)

    for _ in range(probes):
        rig.admit()

    assert rig.refuses()
    assert rig.machine.probes_in_flight == probes


@pytest.mark.parametrize("probes", [1, 2, 3])
def test_only_so_many_probes_pass_in_all(probes: int) -> None:
    rig = probing(probes)
    admitted = [rig.admit() for _ in range(probes)]

    for probe in admitted[1:]:
        rig.record_outcome(probe, Outcome.SUCCESS)

    assert rig.refuses()
    assert rig.machine.probes_in_flight == 1


def test_a_probe_that_succeeds_closes() -> None:
    rig = probing()

    moved = rig.call(Outcome.SUCCESS)

    assert moved is not None
    assert (moved.target, moved.reason, moved.open_time) == (CircuitState.CLOSED, Reason.PROBE_SUCCEEDED, None)


@pytest.mark.parametrize("probes", [2, 3])
def test_every_probe_must_succeed_to_close(probes: int) -> None:
    rig = probing(probes)

    before = rig.call(Outcome.SUCCESS, times=probes - 1)
    moved = rig.call(Outcome.SUCCESS)

    assert before is None
    assert moved is not None
    assert moved.target is CircuitState.CLOSED


def test_one_probe_that_fails_opens_again() -> None:
    rig = probing(3)
    rig.call(Outcome.SUCCESS, times=2)

    moved = rig.call(Outcome.FAILURE)

    assert moved is not None
    assert (moved.target, moved.reason, moved.open_time) == (CircuitState.OPEN, Reason.PROBE_FAILED, RECOVERY)
    assert moved.overdue is None


def test_a_probe_that_fails_is_one_more_failure_in_a_row() -> None:
    rig = probing()
    before = rig.machine.failure_count

    moved = rig.call(Outcome.FAILURE)

    assert moved is not None
    assert moved.counts.consecutive_failures == 2
    assert rig.machine.failure_count == before + 1


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_a_neutral_probe_frees_its_place(outcome: Outcome) -> None:
    rig = probing()

    moved = rig.call(outcome)

    assert moved is None
    assert rig.machine.probes_in_flight == 0
    assert rig.admit().deadline is not None


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_a_thousand_neutral_probes_and_one_success_close(outcome: Outcome) -> None:
    rig = probing()

    rig.call(outcome, times=1_000)
    rig.call(Outcome.SUCCESS)

    assert rig.state is CircuitState.CLOSED


@pytest.mark.parametrize("outcome", Outcome)
def test_a_probe_that_was_settled_changes_nothing_any_more(outcome: Outcome) -> None:
    rig = probing(2)
    settled = rig.admit()
    rig.record_outcome(settled, Outcome.SUCCESS)

    moved = rig.record_outcome(settled, outcome)

    assert moved is None
    assert rig.admit().deadline is not None
    assert rig.refuses()


def test_a_period_ends_under_the_policy_it_began_with() -> None:
    rig = probing(2)
    rig.machine.adopt(policy(probes=1))

    moved = rig.call(Outcome.SUCCESS)

    assert moved is None
    assert rig.call(Outcome.SUCCESS) is not None


@pytest.mark.parametrize(
    ("outcome", "trigger"),
    [(Outcome.SUCCESS, Trigger.RECOVER), (Outcome.FAILURE, Trigger.RELAPSE), (Outcome.IGNORED, None)],
)
def test_the_end_of_a_probe_pulls_one_trigger_or_none(outcome: Outcome, trigger: Trigger | None) -> None:
    half_open = HalfOpen(policy(), 7)
    probe = half_open.admit(1_000.0, None, 0)

    assert probe is not None
    assert half_open.record_outcome(probe, outcome) is trigger


def test_a_recovery_that_an_interrupt_prevented_needs_one_more_probe() -> None:
    half_open = HalfOpen(policy(), 7)
    succeeded = half_open.admit(1_000.0, None, 0)
    assert succeeded is not None
    half_open.record_outcome(succeeded, Outcome.SUCCESS)  # and nobody comes to act on what it returns

    probe = half_open.admit(1_000.0, None, 0)

    assert probe is not None
    assert half_open.admit(1_000.0, None, 0) is None
    assert half_open.record_outcome(probe, Outcome.SUCCESS) is Trigger.RECOVER
