"""Drives the machine and the reference model through the same steps, as a circuit does, and compares them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_breaker.core.machine import Machine
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, SlowCallRate
from otel_breaker.core.states import STATE_CHANGES, CircuitState, Outcome
from tests.core.harness import SLOW, policy
from tests.core.reference_model import ExpectedTransition, ReferenceModel

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from otel_breaker.core.permits import Permit
    from otel_breaker.core.transition import Transition
    from tests.core.reference_memory import Call

ALL = (ConsecutiveFailures(4), FailureRate(0.7, 4), SlowCallRate(0.7, 4))
POLICIES = {
    "streak": policy(ConsecutiveFailures(2)),
    "streak, timed": policy(ConsecutiveFailures(2), slow=SLOW),
    "streak, growing": policy(ConsecutiveFailures(3), probes=3, backoff=2, longest=200, jitter=0.2),
    "rate of calls": policy(FailureRate(0.5, 3), calls=5, probes=2),
    "rate of few calls": policy(FailureRate(0.5, 3), calls=3, backoff=2),
    "rate of seconds": policy(FailureRate(0.5, 3), seconds=8, jitter=0.5),
    "slow calls": policy(SlowCallRate(0.5, 2), calls=5, slow=SLOW),
    "slow seconds": policy(SlowCallRate(0.5, 2), seconds=16, slow=SLOW, probes=2),
    "all of calls": policy(*ALL, calls=6, slow=SLOW, probes=3),
    "all of seconds": policy(*ALL, seconds=8, slow=SLOW),
}
COMMANDS = {
    CircuitState.FORCED_OPEN: "force_open",
    CircuitState.FORCED_CLOSED: "force_closed",
    CircuitState.CLOSED: "reset",
}
FORCED = (CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED)
CALLS_BETWEEN_COMMANDS = 10

policies = st.sampled_from(list(POLICIES))
owners = st.sampled_from([None, "one", "another"])
randoms = st.sampled_from([0.0, 0.5, 0.999])
outcomes = st.sampled_from([Outcome.SUCCESS, Outcome.FAILURE, Outcome.FAILURE, Outcome.IGNORED, Outcome.CANCELLED])
waits = st.sampled_from([None, None, 0.0, 5.0, 1e6])


def has_no_history(machine: Machine) -> bool:
    return machine.period is not None and machine.period.has_no_history


def is_quiet(machine: Machine, now: float) -> bool:
    """Whether the success of a call that is not timed needs no record."""
    return machine.period is not None and machine.period.is_shared and now < machine.period.quiet_until


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.successes = 0
        self.calls_since_command = 0
        """Calls since the last command or change of settings."""
        self.outstanding: list[tuple[Permit, Call]] = []
        """Calls that may end; also twice, except in the same closed period: a breaker ends each call once."""
        self.waiting: list[Call] = []

    @initialize(policy_name=policies)
    def begin(self, policy_name: str) -> None:
        self.machine = Machine(POLICIES[policy_name], lambda: self.successes)
        self.reference = ReferenceModel(POLICIES[policy_name])

    # --- steps

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 7.75, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(which=st.integers(0, 5), side=st.sampled_from([-math.inf, None, math.inf]))
    def time_passes_up_to_a_deadline(self, which: int, side: float | None) -> None:
        deadlines = [time for time in self._deadlines() if time > self.now]
        if deadlines:
            exactly = deadlines[which % len(deadlines)]
            self.now = max(self.now, exactly if side is None else math.nextafter(exactly, side))

    @rule(owner=owners, exclusive=st.booleans(), random=randoms)
    def a_call_is_admitted_or_refused(self, owner: str | None, exclusive: bool, random: float) -> None:
        self._admit(owner, random, exclusive=exclusive)

    @rule(owner=owners, times=st.integers(1, 4), outcome=outcomes, random=randoms)
    def calls_begin_and_end(self, owner: str | None, times: int, outcome: Outcome, random: float) -> None:
        for _ in range(times):
            self._call(owner, outcome, random)

    @precondition(lambda self: self.reference.state is CircuitState.CLOSED)
    @rule(failures=st.integers(2, 6), random=randoms)
    def the_dependency_fails_for_a_while(self, failures: int, random: float) -> None:
        for _ in range(failures):
            self._call(None, Outcome.FAILURE, random)
        self.now = max(self.now, self.reference.retry_at or 0.0)

    @rule(calls=st.integers(1, 4), random=randoms)
    def calls_hang(self, calls: int, random: float) -> None:
        for _ in range(calls):
            self._admit(None, random, exclusive=False)
        self.now += SLOW

    @precondition(lambda self: self.outstanding)
    @rule(which=st.integers(0, 9), outcome=outcomes, random=randoms, wait=waits)
    def a_call_ends(self, which: int, outcome: Outcome, random: float, wait: float | None) -> None:
        self._record(-1 - which % len(self.outstanding), outcome, random, wait)

    @precondition(lambda self: self.outstanding)
    @rule(which=st.integers(0, 9), random=randoms)
    def a_call_is_suspended_or_resumed(self, which: int, random: float) -> None:
        permit, call = self.outstanding[-1 - which % len(self.outstanding)]
        if permit.is_shared:
            return
        if call in self.waiting:
            self.waiting.remove(call)
            self.machine.resume(permit, self.now)
            self.reference.resume(call, self.now)
        else:
            self.waiting.append(call)
            transition = self.machine.suspend(permit, self.now, random)
            self.reference.suspend(call, self.now, random)
            self._agree([transition])

    @precondition(lambda self: is_quiet(self.machine, self.now))
    @rule(calls=st.integers(1, 6))
    def calls_succeed_that_are_only_counted(self, calls: int) -> None:
        self.successes += calls
        for _ in range(calls):
            self.reference.count_success(self.now)

    @precondition(lambda self: self.reference.state in FORCED or self.calls_since_command >= CALLS_BETWEEN_COMMANDS)
    @rule(to=st.sampled_from(list(COMMANDS)))
    def an_operator_forces_a_state(self, to: CircuitState) -> None:
        self.calls_since_command = 0
        transition = getattr(self.machine, COMMANDS[to])(self.now)
        self.reference.force(to, self.now)
        self._agree([transition])

    @precondition(lambda self: self.calls_since_command >= CALLS_BETWEEN_COMMANDS)
    @rule(policy_name=policies)
    def settings_are_replaced(self, policy_name: str) -> None:
        self.calls_since_command = 0
        self._compare_counts()
        self.machine.adopt(POLICIES[policy_name])
        self.reference.adopt(POLICIES[policy_name], self.now)
        self._compare_counts()

    @rule()
    def the_counts_are_read(self) -> None:
        self._compare_counts()

    # --- invariants

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        machine, reference = self.machine, self.reference
        assert (machine.state, machine.generation) == (reference.state, reference.generation)
        assert (machine.retry_at, machine.failure_count) == (reference.retry_at, reference.failure_count)
        assert machine.probes_in_flight == len(reference.leases) <= reference.probing_under.half_open_calls

    @invariant()
    def both_have_no_history_at_once(self) -> None:
        assert has_no_history(self.machine) is self.reference.has_no_history

    @invariant()
    def retry_after_is_the_rest_of_the_open_time(self) -> None:
        wait = self.machine.retry_after(self.now)
        if self.reference.state is CircuitState.FORCED_OPEN:
            assert wait is None
        else:
            assert wait == max(0.0, (self.reference.retry_at or 0.0) - self.now)

    # --- as a circuit does it

    def _admit(self, owner: Hashable, random: float, *, exclusive: bool) -> None:
        machine, now = self.machine, self.now
        self.calls_since_command += 1
        if machine.state is CircuitState.CLOSED:
            transitions = [machine.sweep(now, random)]
        else:
            transitions = [machine.expire(now, random), machine.cool_down(now)]
        permit = machine.admit(now, owner, exclusive=exclusive)
        self.reference.apply_time(now, random)
        call = self.reference.admit(now, owner, exclusive=exclusive)
        self._agree(transitions)
        assert (permit is None) == (call is None)
        if permit is not None and call is not None:
            assert (permit.state, permit.failure_count) == (self.reference.state, self.reference.failure_count)
            assert permit.deadline == call.deadline
            self.outstanding.append((permit, call))

    def _call(self, owner: Hashable, outcome: Outcome, random: float) -> None:
        before = len(self.outstanding)
        self._admit(owner, random, exclusive=False)
        if len(self.outstanding) > before:
            self._record(-1, outcome, random, None)

    def _record(self, index: int, outcome: Outcome, random: float, wait: float | None) -> None:
        permit, call = self.outstanding.pop(index)
        transitions = [self.machine.expire(self.now, random), self.machine.sweep(self.now, random)]
        # Not before the sweep: until it is recorded, this success is not counted.
        self.successes += outcome is Outcome.SUCCESS
        transitions.append(self.machine.record_outcome(permit, outcome, self.now, random, wait))
        self.reference.apply_time(self.now, random)
        if self.reference.state is not CircuitState.CLOSED or call.generation != self.reference.generation:
            self.outstanding.insert(0, (permit, call))  # to be settled a second time
        self.reference.record_outcome(call, outcome, self.now, random, wait)
        self._agree(transitions)

    def _agree(self, transitions: Iterable[Transition | None]) -> None:
        seen = [transition for transition in transitions if transition is not None]
        expected, self.reference.transitions = self.reference.transitions, []
        assert [(transition.source, transition.target) in STATE_CHANGES for transition in seen] == [True] * len(
            expected
        )
        assert [self._as_expected(transition) for transition in seen] == expected

    def _as_expected(self, transition: Transition) -> ExpectedTransition:
        overdue = next((call for permit, call in self.outstanding if permit is transition.overdue), None)
        assert (overdue is None) == (transition.overdue is None)
        return ExpectedTransition._make(
            [*(getattr(transition, name) for name in ExpectedTransition._fields[:-1]), overdue]
        )

    def _compare_counts(self) -> None:
        assert self.machine.counts(self.now) == self.reference.counts(self.now)

    def _deadlines(self) -> list[float]:
        """The times at which time alone has an effect."""
        reference, limit = self.reference, self.reference.policy.slow_call_duration or SLOW
        overdue = [call.started + limit for call in reference.in_flight if call.started is not None]
        return [
            time for time in (reference.retry_at, *(probe.deadline for probe in reference.leases), *overdue) if time
        ]


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=600, stateful_step_count=50, derandomize=True, deadline=None, report_multiple_bugs=False
)
