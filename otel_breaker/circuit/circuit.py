"""A machine made safe to share: decisions under the lock, announcements after it.

The one thing done without the lock is a success in a plainly closed circuit: whoever sees its own permit still
standing in `standing_permit` only adds one to `count_success`.

A signal handler or a finaliser may make a guarded call at any instruction, also while its own thread is in here
half-way through a move. The lock would let it in (it is re-entrant): it is a passer-by, which is admitted or refused
by the state as it stands, is counted, and moves nothing. What it commands is done as soon as the move is.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from otel_breaker.circuit.mark import Mark
from otel_breaker.circuit.owners import running_owner
from otel_breaker.circuit.record import Episode, Record
from otel_breaker.circuit.snapshot import Snapshot
from otel_breaker.circuit.world import WORLD
from otel_breaker.core.machine import Machine, Transition
from otel_breaker.core.permits import NO_GENERATION, Permit
from otel_breaker.core.states import CircuitState, Outcome
from otel_breaker.errors import UNNAMED, CircuitOpenError
from otel_breaker.outcomes import Judge
from otel_breaker.settings import Mode, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from otel_breaker.circuit.changes import Listener, Notice
    from otel_breaker.circuit.world import Clock
    from otel_breaker.core.tally import Totals

Command: TypeAlias = "tuple[Callable[[float], Transition | None], str | None, str | None, object]"

_PASSING: Final = (CircuitState.CLOSED, CircuitState.FORCED_CLOSED)


class Circuit:
    """One circuit.

    Args:
        name: the breaker's name.
        key: which circuit of a keyed breaker, or None.
        settings: what it lives by, without unresolved names.
        listeners: told of each move; a living sequence that may change.
        clock: monotonic seconds; the world's unless given.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_commands",
        "_lock",
        "_machine",
        "_mark",
        "count_success",
        "judge",
        "record",
        "settings",
        "standing_permit",
    )

    def __init__(
        self,
        name: str,
        key: str | None,
        settings: Settings,
        listeners: Iterable[Listener] = (),
        clock: Clock | None = None,
    ) -> None:
        clock = clock or WORLD.clock
        now = clock()
        self.record = Record(name, key, now, listeners)
        successes = self.record.tally.calls[Outcome.SUCCESS]
        self.count_success = successes.add
        self.standing_permit: Permit | None = None
        self._clock = clock
        self._commands: deque[Command] = deque()
        self._lock = threading.RLock()
        self._machine = Machine(settings.policy, now, successes.total)
        self._mark = Mark()
        self._live_by(settings)
        WORLD.add(self)

    @property
    def state(self) -> CircuitState:
        return self._machine.state

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it."""
        return self._machine.is_idle

    @property
    def is_off(self) -> bool:
        """Whether calls pass as if there were no breaker."""
        return self.settings.mode is Mode.OFF or WORLD.off

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to say of a call in a closed state but that state."""
        return self.settings.mode is Mode.ENFORCE and self.record.key is None

    @property
    def episode(self) -> Episode | None:
        return self.record.episode

    def ask(self, *, alone: bool = False) -> tuple[Permit | CircuitOpenError, Sequence[Notice]]:
        """Decide about one call.

        Args:
            alone: the permit must be the caller's own, to be settled by hand.

        Returns:
            A permit, or the refusal to raise; and the moves that deciding brought about, which the caller must give
            to `announce` once it knows its own span.
        """
        now = self._clock()
        if self._is_inside():
            return self._pass_by(now), ()
        with self._lock:
            try:
                moves = self._catch_up(now)
                permit = self._admit(now, alone)
                decision = permit or self._refuse(now)
            finally:
                self._publish()
        self._obey()
        return decision, moves

    def announce(self, moves: Sequence[Notice], origin: object) -> None:
        """Tell the listeners of the moves that a decision brought about.

        Args:
            moves: what `ask` returned.
            origin: the span context of the call that asked, or None.
        """
        if moves:
            with self._lock:
                self.record.caused(moves, origin)
            self._obey()
            self.record.announcer.deliver()

    def settle(
        self,
        permit: Permit,
        outcome: Outcome,
        *,
        error: BaseException | None = None,
        error_type: str | None = None,
        origin: object = None,
    ) -> Sequence[Notice]:
        """Take in what became of an admitted call.

        Args:
            permit: what the call was admitted with.
            outcome: what became of it.
            error: what it raised, if it did; not kept.
            error_type: what to call a failure that raised nothing.
            origin: the span context of the call.

        Returns:
            The moves that it brought about, already announced.
        """
        failed = outcome is Outcome.FAILURE
        retry_after = self.judge.wait_asked_by(error) if failed and error is not None else None
        now = self._clock()
        if self._is_inside():
            self.record.tally.calls[outcome].add()
            return ()
        with self._lock:
            try:
                if failed:
                    failure = error_type or (type(error) if error is not None else UNNAMED)
                    self.record.failed(failure, origin, first=self._machine.starts_afresh)
                moves = self._judge(permit, outcome, error, now, retry_after, origin)
            finally:
                self._publish()
        self._obey()
        if moves:
            self.record.announcer.deliver()
        return moves

    def suspend(self, permit: Permit) -> bool:
        """A call of several steps waits for its consumer.

        Returns:
            Whether the step was slow.
        """
        now = self._clock()
        if self._is_inside():
            return False
        with self._lock:
            try:
                slow = self._machine.policy.is_slow(permit.started, now)
                permit.owner = None
                moves = self._moved(self._machine.suspend(permit, now, _jitter()), permit.origin, complete=True)
            finally:
                self._publish()
        self._obey()
        if moves:
            self.record.announcer.deliver()
        return slow

    def resume(self, permit: Permit) -> None:
        """A call of several steps goes on, maybe elsewhere."""
        now = self._clock()
        with self._lock:
            if permit.deadline is not None:
                permit.owner = running_owner()
            self._machine.resume(permit, now)
        self._obey()

    def permit_for_stranger(self) -> Permit:
        """For the result of a call that nobody asked leave for: it counts only while the circuit is closed."""
        with self._lock:
            state, now = self._machine.state, self._clock()
            permit = self._machine.admit(now) if state is CircuitState.CLOSED else None
        self._obey()
        return permit or Permit(NO_GENERATION, state, started=now)

    def settle_error(self, permit: Permit, error: BaseException) -> None:
        """Take in that a call raised, where nobody follows it with a span."""
        self.settle(permit, self.judge.of_error(error), error=error)

    def is_slow(self, permit: Permit) -> bool:
        """Whether a call that ends now was slow."""
        return self.settings.slow_call_duration is not None and self._machine.policy.is_slow(
            permit.started, self._clock()
        )

    def force_open(self, reason: str | None, actor: str | None, origin: object) -> None:
        """Refuse all calls until an operator says otherwise."""
        self._operate(self._machine.force_open, reason, actor, origin)

    def force_closed(self, reason: str | None, actor: str | None, origin: object) -> None:
        """Let all calls pass, unjudged, until an operator says otherwise."""
        self._operate(self._machine.force_closed, reason, actor, origin)

    def reset(self, reason: str | None, actor: str | None, origin: object) -> None:
        """Close, and forget what was counted."""
        self._operate(self._machine.reset, reason, actor, origin)

    def adopt(self, settings: Settings) -> None:
        """Live by other settings from now on; state, counts and identity are kept."""
        with self._lock:
            self._machine.adopt(settings.policy)
            self._live_by(settings)
        self._obey()

    def snapshot(self) -> Snapshot:
        now = self._clock()
        with self._lock:
            snapshot = Snapshot.of(self._machine, self.record, self.settings.mode.value, now)
        self._obey()
        return snapshot

    def totals(self) -> Totals:
        """What was counted so far."""
        now = self._clock()
        with self._lock:
            totals = self.record.tally.totals(now)
        self._obey()
        return totals

    def start_afresh(self) -> None:
        """In a forked child: no other thread lives, no call in flight will end, nothing was counted here."""
        self._lock = threading.RLock()
        self._mark = Mark()
        self._machine.forget_calls_in_flight()
        self.record.announcer.start_afresh()
        self.record.tally.restart(self._clock())

    def live_in(self, before: Clock, clock: Clock) -> None:
        """Follow a change of the world."""
        with self._lock:
            if self._clock is before:
                self._clock = clock
            self._publish()

    def _live_by(self, settings: Settings) -> None:
        self.settings = settings
        self.judge = Judge(settings)
        self._publish()

    def _is_inside(self) -> bool:
        """Whether this very thread is half-way through a decision already."""
        return self._lock._is_owned()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # what Condition asks

    def _publish(self) -> None:
        self.standing_permit = None  # the safe side, should an interrupt come now
        plain = self.settings.mode is Mode.ENFORCE and not self.judge.looks_at_results and WORLD.plain
        self.standing_permit = self._machine.standing_permit if plain else None

    def _moved(self, transition: Transition | None, origin: object, *, complete: bool) -> list[Notice]:
        if transition is None:
            return []
        return [self.record.moved(transition, self.settings.mode.value, origin, complete=complete)]

    def _catch_up(self, now: float) -> list[Notice]:
        """What time alone has brought about since the last call."""
        machine, moves = self._machine, []
        if machine.state is CircuitState.CLOSED:
            return self._moved(machine.sweep(now, _jitter()), None, complete=False)
        if machine.state is CircuitState.HALF_OPEN:
            moves = self._moved(machine.expire(now, _jitter()), None, complete=False)
        return moves + self._moved(machine.cool_down(now), None, complete=False)

    def _admit(self, now: float, alone: bool) -> Permit | None:
        owner = running_owner() if self._machine.state is CircuitState.HALF_OPEN and not alone else None
        permit = self._machine.admit(now, owner, alone=alone)
        if permit is not None and permit.deadline is not None:
            self.record.probing()
        return permit

    def _refuse(self, now: float) -> Permit | CircuitOpenError:
        if self.settings.mode is Mode.SHADOW:
            permit = Permit(NO_GENERATION, self._machine.state, started=now)
            permit.shadowed = True
            return permit
        return self.record.refused(self._machine.state, self._machine.retry_after(now))

    def _pass_by(self, now: float) -> Permit | CircuitOpenError:
        if self._machine.state in _PASSING:
            return Permit(NO_GENERATION, self._machine.state, started=now)
        return self._refuse(now)

    def _judge(
        self,
        permit: Permit,
        outcome: Outcome,
        error: BaseException | None,
        now: float,
        retry_after: float | None,
        origin: object,
    ) -> list[Notice]:
        machine, record, jitter = self._machine, self.record, _jitter()
        if permit.shadowed:
            record.tally.shadowed[outcome] += 1
        # A probe that ends after its deadline is lost; calls in flight may be overdue.
        moves = self._moved(machine.expire(now, jitter), origin, complete=True)
        moves += self._moved(machine.sweep(now, jitter), origin, complete=True)
        if permit.deadline is not None and permit.generation == machine.generation:
            record.probed(outcome)
        # Together with settling: in between, a success would stand in the window twice.
        record.tally.calls[outcome].add()
        if error is not None and outcome is Outcome.FAILURE and not self._mark.is_news(error, permit, machine):
            outcome = Outcome.IGNORED
        settled = machine.settle(permit, outcome, now, jitter, retry_after)
        return moves + self._moved(settled, origin, complete=True)

    def _operate(
        self, act: Callable[[float], Transition | None], reason: str | None, actor: str | None, origin: object
    ) -> None:
        self._commands.append((act, reason, actor, origin))
        self._obey()

    def _obey(self) -> None:
        """Do what operators have commanded in the meantime, in that order."""
        if not self._commands or self._is_inside():
            return
        while self._commands:
            with self._lock:
                if not self._commands:  # somebody else has obeyed
                    break
                act, reason, actor, origin = self._commands.popleft()
                transition = act(self._clock())
                self._publish()
                if transition is not None:
                    mode = self.settings.mode.value
                    self.record.moved(transition, mode, origin, complete=True, actor=actor, note=reason)
        self.record.announcer.deliver()


def _jitter() -> float:
    return random.random()  # noqa: S311  # spreads retries, guards no secret
