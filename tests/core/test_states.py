from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker.core.states import STATE_CHANGES, TRANSITIONS, CircuitState, Outcome, Trigger
from tests.core.harness import Harness, policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.core.permits import Permit
    from otel_breaker.core.transition import Transition

MANUAL = {Trigger.FORCE_OPEN, Trigger.FORCE_CLOSED, Trigger.RESET}
FORCED = {CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED}


class Fired:
    """A machine in a state, with permits from the states before it."""

    def __init__(self, state: CircuitState) -> None:
        self.harness = Harness(policy())
        self.call = self.harness.admit()
        self.probe = self._first_probe()
        reach: dict[CircuitState, Callable[[], object]] = {
            CircuitState.CLOSED: lambda: self.harness.record_outcome(self.probe, Outcome.SUCCESS),
            CircuitState.OPEN: lambda: self.harness.record_outcome(self.probe, Outcome.FAILURE),
            CircuitState.HALF_OPEN: lambda: None,
            CircuitState.FORCED_OPEN: lambda: self.harness.machine.force_open(self.harness.clock()),
            CircuitState.FORCED_CLOSED: lambda: self.harness.machine.force_closed(self.harness.clock()),
        }
        reach[state]()
        assert self.harness.state is state
        if state is CircuitState.CLOSED:
            self.call = self.harness.admit()

    def _first_probe(self) -> Permit:
        self.harness.half_open()
        return self.harness.admit()

    def __call__(self, trigger: Trigger) -> Transition | None:
        harness = self.harness
        fire: dict[Trigger, Callable[[], Transition | None]] = {
            Trigger.TRIP: lambda: harness.record_outcome(self.call, Outcome.FAILURE),
            Trigger.COOL_DOWN: lambda: harness.machine.cool_down(harness.clock() + 1e6),
            Trigger.RECOVER: lambda: harness.record_outcome(self.probe, Outcome.SUCCESS),
            Trigger.RELAPSE: lambda: harness.record_outcome(self.probe, Outcome.FAILURE),
            Trigger.FORCE_OPEN: lambda: harness.machine.force_open(harness.clock()),
            Trigger.FORCE_CLOSED: lambda: harness.machine.force_closed(harness.clock()),
            Trigger.RESET: lambda: harness.machine.reset(harness.clock()),
        }
        return fire[trigger]()


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("state", CircuitState)
def test_a_trigger_causes_the_transition_of_the_table_or_none(state: CircuitState, trigger: Trigger) -> None:
    fire = Fired(state)

    transition = fire(trigger)

    target = TRANSITIONS.get((state, trigger))
    assert (transition.source, transition.target) == (state, target) if transition else target is None
    assert fire.harness.state is (target or state)


@pytest.mark.parametrize(("state", "trigger"), TRANSITIONS)
def test_every_transition_begins_one_generation(state: CircuitState, trigger: Trigger) -> None:
    fire = Fired(state)
    before = fire.harness.machine.generation

    transition = fire(trigger)

    assert transition is not None
    assert transition.generation == fire.harness.machine.generation == before + 1


@pytest.mark.parametrize("state", [state for state in CircuitState if state in FORCED])
def test_only_an_operator_undoes_what_an_operator_did(state: CircuitState) -> None:
    assert {trigger for source, trigger in TRANSITIONS if source is state} <= MANUAL


@pytest.mark.parametrize("state", CircuitState)
def test_a_reset_closes_from_any_other_state(state: CircuitState) -> None:
    expected = None if state is CircuitState.CLOSED else CircuitState.CLOSED

    assert TRANSITIONS.get((state, Trigger.RESET)) is expected


def test_no_transition_leads_back_to_its_source() -> None:
    assert all(source is not target for source, target in STATE_CHANGES)


def test_state_changes_are_the_pairs_of_the_table_once_each() -> None:
    pairs = [(source, target) for (source, _), target in TRANSITIONS.items()]

    assert set(STATE_CHANGES) == set(pairs)
    assert len(STATE_CHANGES) == len(set(STATE_CHANGES))


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[CircuitState.CLOSED, Trigger.RESET] = CircuitState.OPEN  # type: ignore[index]


def test_states_and_outcomes_are_called_as_telemetry_calls_them() -> None:
    assert [state.value for state in CircuitState] == ["closed", "open", "half_open", "forced_open", "forced_closed"]
    assert [outcome.value for outcome in Outcome] == ["success", "failure", "ignored", "rejected", "cancelled"]
