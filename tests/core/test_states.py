from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker.core.states import MOVES, TRANSITIONS, CircuitState, Outcome, Trigger
from tests.core.harness import Harness, policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.core.machine import Transition
    from otel_breaker.core.permits import Permit

MANUAL = {Trigger.FORCE_OPEN, Trigger.FORCE_CLOSED, Trigger.RESET}
FORCED = {CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED}


class Fired:
    """A machine in some state, with permits in hand from wherever it went through."""

    def __init__(self, state: CircuitState) -> None:
        self.rig = Harness(policy())
        self.call = self.rig.admit()
        self.probe = self._first_probe()
        reach: dict[CircuitState, Callable[[], object]] = {
            CircuitState.CLOSED: lambda: self.rig.record_outcome(self.probe, Outcome.SUCCESS),
            CircuitState.OPEN: lambda: self.rig.record_outcome(self.probe, Outcome.FAILURE),
            CircuitState.HALF_OPEN: lambda: None,
            CircuitState.FORCED_OPEN: lambda: self.rig.machine.force_open(self.rig.clock()),
            CircuitState.FORCED_CLOSED: lambda: self.rig.machine.force_closed(self.rig.clock()),
        }
        reach[state]()
        assert self.rig.state is state
        if state is CircuitState.CLOSED:
            self.call = self.rig.admit()

    def _first_probe(self) -> Permit:
        self.rig.half_open()
        return self.rig.admit()

    def __call__(self, trigger: Trigger) -> Transition | None:
        rig = self.rig
        fire: dict[Trigger, Callable[[], Transition | None]] = {
            Trigger.TRIP: lambda: rig.record_outcome(self.call, Outcome.FAILURE),
            Trigger.COOL_DOWN: lambda: rig.machine.cool_down(rig.clock() + 1e6),
            Trigger.RECOVER: lambda: rig.record_outcome(self.probe, Outcome.SUCCESS),
            Trigger.RELAPSE: lambda: rig.record_outcome(self.probe, Outcome.FAILURE),
            Trigger.FORCE_OPEN: lambda: rig.machine.force_open(rig.clock()),
            Trigger.FORCE_CLOSED: lambda: rig.machine.force_closed(rig.clock()),
            Trigger.RESET: lambda: rig.machine.reset(rig.clock()),
        }
        return fire[trigger]()


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("state", CircuitState)
def test_a_trigger_leads_where_the_table_says_or_nowhere(state: CircuitState, trigger: Trigger) -> None:
    fire = Fired(state)

    moved = fire(trigger)

    target = TRANSITIONS.get((state, trigger))
    assert (moved.source, moved.target) == (state, target) if moved else target is None
    assert fire.rig.state is (target or state)


@pytest.mark.parametrize(("state", "trigger"), TRANSITIONS)
def test_every_move_begins_one_generation(state: CircuitState, trigger: Trigger) -> None:
    fire = Fired(state)
    before = fire.rig.machine.generation

    moved = fire(trigger)

    assert moved is not None
    assert moved.generation == fire.rig.machine.generation == before + 1


@pytest.mark.parametrize("state", [state for state in CircuitState if state in FORCED])
def test_only_an_operator_undoes_what_an_operator_did(state: CircuitState) -> None:
    assert {trigger for source, trigger in TRANSITIONS if source is state} <= MANUAL


@pytest.mark.parametrize("state", CircuitState)
def test_a_reset_closes_from_any_other_state(state: CircuitState) -> None:
    expected = None if state is CircuitState.CLOSED else CircuitState.CLOSED

    assert TRANSITIONS.get((state, Trigger.RESET)) is expected


def test_no_move_leads_back_to_where_it_began() -> None:
    assert all(source is not target for source, target in MOVES)


def test_moves_are_the_pairs_of_the_table_once_each() -> None:
    pairs = [(source, target) for (source, _), target in TRANSITIONS.items()]

    assert set(MOVES) == set(pairs)
    assert len(MOVES) == len(set(MOVES))


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[CircuitState.CLOSED, Trigger.RESET] = CircuitState.OPEN  # type: ignore[index]


def test_states_and_outcomes_are_called_as_telemetry_calls_them() -> None:
    assert [state.value for state in CircuitState] == ["closed", "open", "half_open", "forced_open", "forced_closed"]
    assert [outcome.value for outcome in Outcome] == ["success", "failure", "ignored", "rejected", "cancelled"]
