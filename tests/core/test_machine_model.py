"""Walks the machine and a naive circuit through the same life, as circuit.py would, and compares them all the way."""

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
from tests.core.reference_model import Move, Naive

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
WORDS = {
    CircuitState.FORCED_OPEN: "force_open",
    CircuitState.FORCED_CLOSED: "force_closed",
    CircuitState.CLOSED: "reset",
}
FORCED = (CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED)
SELDOM = 10

policies = st.sampled_from(list(POLICIES))
owners = st.sampled_from([None, "one", "another"])
randoms = st.sampled_from([0.0, 0.5, 0.999])
verdicts = st.sampled_from([Outcome.SUCCESS, Outcome.FAILURE, Outcome.FAILURE, Outcome.IGNORED, Outcome.CANCELLED])
waits = st.sampled_from([None, None, 0.0, 5.0, 1e6])


def is_plain(machine: Machine) -> bool:
    return machine.period is not None and machine.period.has_no_history


def is_quiet(machine: Machine, now: float) -> bool:
    """Whether a call that nobody times may succeed without being told."""
    return machine.period is not None and machine.period.is_shared and now < machine.period.quiet_until


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.successes = 0
        self.untouched = 0
        """Calls since somebody last laid hands on it."""
        self.outstanding: list[tuple[Permit, Call]] = []
        """Calls that may end; also once more, but where the circuit is closed: each call ends once for breaker.py."""
        self.waiting: list[Call] = []

    @initialize(lives_by=policies)
    def begin(self, lives_by: str) -> None:
        self.machine = Machine(POLICIES[lives_by], lambda: self.successes)
        self.naive = Naive(POLICIES[lives_by])

    # --- what may happen

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, 7.75, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(which=st.integers(0, 5), side=st.sampled_from([-math.inf, None, math.inf]))
    def time_passes_up_to_a_deadline(self, which: int, side: float | None) -> None:
        deadlines = [time for time in self._deadlines() if time > self.now]
        if deadlines:
            exactly = deadlines[which % len(deadlines)]
            self.now = max(self.now, exactly if side is None else math.nextafter(exactly, side))

    @rule(owner=owners, alone=st.booleans(), random=randoms)
    def a_call_asks(self, owner: str | None, alone: bool, random: float) -> None:
        self._ask(owner, random, alone=alone)

    @rule(owner=owners, times=st.integers(1, 4), outcome=verdicts, random=randoms)
    def calls_come_and_go(self, owner: str | None, times: int, outcome: Outcome, random: float) -> None:
        for _ in range(times):
            self._call(owner, outcome, random)

    @precondition(lambda self: self.naive.state is CircuitState.CLOSED)
    @rule(failures=st.integers(2, 6), random=randoms)
    def the_dependency_fails_for_a_while(self, failures: int, random: float) -> None:
        for _ in range(failures):
            self._call(None, Outcome.FAILURE, random)
        self.now = max(self.now, self.naive.retry_at or 0.0)

    @rule(calls=st.integers(1, 4), random=randoms)
    def calls_hang(self, calls: int, random: float) -> None:
        for _ in range(calls):
            self._ask(None, random, alone=False)
        self.now += SLOW

    @precondition(lambda self: self.outstanding)
    @rule(which=st.integers(0, 9), outcome=verdicts, random=randoms, wait=waits)
    def a_call_ends(self, which: int, outcome: Outcome, random: float, wait: float | None) -> None:
        self._settle(-1 - which % len(self.outstanding), outcome, random, wait)

    @precondition(lambda self: self.outstanding)
    @rule(which=st.integers(0, 9), random=randoms)
    def a_call_waits_for_its_consumer_or_goes_on(self, which: int, random: float) -> None:
        permit, call = self.outstanding[-1 - which % len(self.outstanding)]
        if permit.is_shared:
            return
        if call in self.waiting:
            self.waiting.remove(call)
            self.machine.resume(permit, self.now)
            self.naive.go_on(call, self.now)
        else:
            self.waiting.append(call)
            moved = self.machine.suspend(permit, self.now, random)
            self.naive.pause(call, self.now, random)
            self._agree([moved])

    @precondition(lambda self: is_quiet(self.machine, self.now))
    @rule(calls=st.integers(1, 6))
    def calls_succeed_that_are_only_counted(self, calls: int) -> None:
        self.successes += calls
        for _ in range(calls):
            self.naive.succeed_plainly(self.now)

    @precondition(lambda self: self.naive.state in FORCED or self.untouched >= SELDOM)
    @rule(to=st.sampled_from(list(WORDS)))
    def somebody_moves_it_by_hand(self, to: CircuitState) -> None:
        self.untouched = 0
        moved = getattr(self.machine, WORDS[to])(self.now)
        self.naive.operate(to, self.now)
        self._agree([moved])

    @precondition(lambda self: self.untouched >= SELDOM)
    @rule(lives_by=policies)
    def settings_are_replaced(self, lives_by: str) -> None:
        self.untouched = 0
        self._look()
        self.machine.adopt(POLICIES[lives_by])
        self.naive.adopt(POLICIES[lives_by], self.now)
        self._look()

    @rule()
    def somebody_looks(self) -> None:
        self._look()

    # --- what always holds

    @invariant()
    def both_are_in_the_same_state(self) -> None:
        machine, naive = self.machine, self.naive
        assert (machine.state, machine.generation) == (naive.state, naive.generation)
        assert (machine.retry_at, machine.failure_count) == (naive.retry_at, naive.failures_ever)
        assert machine.probes_in_flight == len(naive.leases) <= naive.probing_under.half_open_calls

    @invariant()
    def a_permit_stands_only_on_the_plain_closed_path(self) -> None:
        assert is_plain(self.machine) is self.naive.is_plain

    @invariant()
    def what_is_left_to_wait_is_true(self) -> None:
        wait = self.machine.retry_after(self.now)
        if self.naive.state is CircuitState.FORCED_OPEN:
            assert wait is None
        else:
            assert wait == max(0.0, (self.naive.retry_at or 0.0) - self.now)

    # --- how circuit.py does it

    def _ask(self, owner: Hashable, random: float, *, alone: bool) -> None:
        machine, now = self.machine, self.now
        self.untouched += 1
        if machine.state is CircuitState.CLOSED:
            moves = [machine.sweep(now, random)]
        else:
            moves = [machine.expire(now, random), machine.cool_down(now)]
        permit = machine.admit(now, owner, exclusive=alone)
        self.naive.watch(now, random)
        call = self.naive.ask(now, owner, alone=alone)
        self._agree(moves)
        assert (permit is None) == (call is None)
        if permit is not None and call is not None:
            assert (permit.state, permit.failure_count) == (self.naive.state, self.naive.failures_ever)
            assert permit.deadline == call.deadline
            self.outstanding.append((permit, call))

    def _call(self, owner: Hashable, outcome: Outcome, random: float) -> None:
        before = len(self.outstanding)
        self._ask(owner, random, alone=False)
        if len(self.outstanding) > before:
            self._settle(-1, outcome, random, None)

    def _settle(self, index: int, outcome: Outcome, random: float, wait: float | None) -> None:
        permit, call = self.outstanding.pop(index)
        moves = [self.machine.expire(self.now, random), self.machine.sweep(self.now, random)]
        # Not before the sweep: until it is settled, nobody has heard of this success.
        self.successes += outcome is Outcome.SUCCESS
        moves.append(self.machine.record_outcome(permit, outcome, self.now, random, wait))
        self.naive.watch(self.now, random)
        if self.naive.state is not CircuitState.CLOSED or call.generation != self.naive.generation:
            self.outstanding.insert(0, (permit, call))  # to be settled again, some day
        self.naive.settle(call, outcome, self.now, random, wait)
        self._agree(moves)

    def _agree(self, moves: Iterable[Transition | None]) -> None:
        seen = [move for move in moves if move is not None]
        expected, self.naive.moves = self.naive.moves, []
        assert [(move.source, move.target) in STATE_CHANGES for move in seen] == [True] * len(expected)
        assert [self._as_move(move) for move in seen] == expected

    def _as_move(self, move: Transition) -> Move:
        overdue = next((call for permit, call in self.outstanding if permit is move.overdue), None)
        assert (overdue is None) == (move.overdue is None)
        return Move._make([*(getattr(move, name) for name in Move._fields[:-1]), overdue])

    def _look(self) -> None:
        assert self.machine.counts(self.now) == self.naive.counts(self.now)

    def _deadlines(self) -> list[float]:
        """When time alone will matter next."""
        naive, limit = self.naive, self.naive.policy.slow_call_duration or SLOW
        overdue = [call.started + limit for call in naive.watched if call.started is not None]
        return [time for time in (naive.retry_at, *(probe.deadline for probe in naive.leases), *overdue) if time]


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=600, stateful_step_count=50, derandomize=True, deadline=None, report_multiple_bugs=False
)
