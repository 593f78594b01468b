from __future__ import annotations

import pytest

from otel_breaker.core.half_open import HalfOpen
from otel_breaker.core.states import CircuitState, Outcome, Reason, Trigger
from tests.core.harness import RECOVERY, Harness, policy

NEUTRAL = [Outcome.IGNORED, Outcome.CANCELLED]


def probing(probes: int = 1) -> Harness:
    harness = Harness(policy(probes=probes))
    harness.half_open()
    return harness


@pytest.mark.parametrize("probes", [1, 2, 3])
def test_only_so_many_probes_pass_at_once(probes: int) -> None:
    harness = probing(probes)

    for _ in range(probes):
        harness.admit()

    assert harness.refuses()
    assert harness.machine.probes_in_flight == probes


@pytest.mark.parametrize("probes", [1, 2, 3])
def test_only_so_many_probes_pass_in_all(probes: int) -> None:
    harness = probing(probes)
    admitted = [harness.admit() for _ in range(probes)]

    for probe in admitted[1:]:
        harness.record_outcome(probe, Outcome.SUCCESS)

    assert harness.refuses()
    assert harness.machine.probes_in_flight == 1


def test_a_probe_that_succeeds_closes() -> None:
    harness = probing()

    transition = harness.call(Outcome.SUCCESS)

    assert transition is not None
    assert (transition.target, transition.reason, transition.open_time) == (
        CircuitState.CLOSED,
        Reason.PROBE_SUCCEEDED,
        None,
    )


@pytest.mark.parametrize("probes", [2, 3])
def test_every_probe_must_succeed_to_close(probes: int) -> None:
    harness = probing(probes)

    before = harness.call(Outcome.SUCCESS, times=probes - 1)
    transition = harness.call(Outcome.SUCCESS)

    assert before is None
    assert transition is not None
    assert transition.target is CircuitState.CLOSED


def test_one_probe_that_fails_opens_again() -> None:
    harness = probing(3)
    harness.call(Outcome.SUCCESS, times=2)

    transition = harness.call(Outcome.FAILURE)

    assert transition is not None
    assert (transition.target, transition.reason, transition.open_time) == (
        CircuitState.OPEN,
        Reason.PROBE_FAILED,
        RECOVERY,
    )
    assert transition.overdue is None


def test_a_probe_that_fails_is_one_more_failure_in_a_row() -> None:
    harness = probing()
    before = harness.machine.failure_count

    transition = harness.call(Outcome.FAILURE)

    assert transition is not None
    assert transition.counts.consecutive_failures == 2
    assert harness.machine.failure_count == before + 1


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_a_neutral_probe_frees_its_place(outcome: Outcome) -> None:
    harness = probing()

    transition = harness.call(outcome)

    assert transition is None
    assert harness.machine.probes_in_flight == 0
    assert harness.admit().deadline is not None


@pytest.mark.parametrize("outcome", NEUTRAL)
def test_a_thousand_neutral_probes_and_one_success_close(outcome: Outcome) -> None:
    harness = probing()

    harness.call(outcome, times=1_000)
    harness.call(Outcome.SUCCESS)

    assert harness.state is CircuitState.CLOSED


@pytest.mark.parametrize("outcome", Outcome)
def test_a_probe_that_is_settled_again_has_no_effect(outcome: Outcome) -> None:
    harness = probing(2)
    settled = harness.admit()
    harness.record_outcome(settled, Outcome.SUCCESS)

    transition = harness.record_outcome(settled, outcome)

    assert transition is None
    assert harness.admit().deadline is not None
    assert harness.refuses()


def test_a_period_ends_under_the_policy_it_began_with() -> None:
    harness = probing(2)
    harness.machine.adopt(policy(probes=1))

    transition = harness.call(Outcome.SUCCESS)

    assert transition is None
    assert harness.call(Outcome.SUCCESS) is not None


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
    half_open.record_outcome(succeeded, Outcome.SUCCESS)  # an interrupt loses the trigger that it returns

    probe = half_open.admit(1_000.0, None, 0)

    assert probe is not None
    assert half_open.admit(1_000.0, None, 0) is None
    assert half_open.record_outcome(probe, Outcome.SUCCESS) is Trigger.RECOVER
