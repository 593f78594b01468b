"""Interruptions: a function runs in the middle of another, at each instruction of our own code in turn.

A signal handler, a finaliser or another thread may come between any two instructions; here each such moment is tried.
"""

from __future__ import annotations

import dis
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import otel_breaker
from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, StateChange
from tests.conformance.conftest import RECOVERY, changes_of, fail, refuses, state_pairs, succeed
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Unpack

    from otel_breaker.settings import Keywords

_OURS = Path(otel_breaker.__file__).parent
_TRACED = {"signal": (str(_OURS),), "opcode": (str(_OURS / "core"), str(_OURS / "circuit"))}
"""The code with moments: each check for signals in our code, or each instruction of the code under the lock."""

_MOST_MOMENTS = 10_000


@dataclass
class Watched:
    """A breaker with a listener from its first call."""

    clock: FakeClock
    breaker: CircuitBreaker
    received: list[StateChange]

    @classmethod
    def new(cls, **settings: Unpack[Keywords]) -> Watched:
        clock = FakeClock()
        merged: Keywords = {"recovery_time": RECOVERY, **settings}
        breaker = CircuitBreaker(clock=clock, **merged)
        return cls(clock, breaker, changes_of(breaker))


def failing_once() -> Watched:
    watched = Watched.new(failure_threshold=2)
    fail(watched.breaker)
    return watched


def just_opened() -> Watched:
    watched = failing_once()
    fail(watched.breaker)
    return watched


def due_for_a_probe() -> Watched:
    watched = just_opened()
    watched.clock.advance(RECOVERY)
    return watched


def is_consistent(watched: Watched) -> str:
    """Whether listeners have received all changes, and the circuit still recovers and trips."""
    breaker = watched.breaker
    received = state_pairs(watched.received)
    sources, targets = [source for source, _ in received], [target for _, target in received]
    if ["closed", *targets] != [*sources, breaker.state.value]:
        return f"listeners received {received}, and it is {breaker.state.value}"
    breaker.reset()
    fail(breaker, 2)
    if not refuses(breaker):
        return "never trips again"
    watched.clock.advance(RECOVERY)
    succeed(breaker)
    return "" if breaker.state is CircuitState.CLOSED else "never recovers"


def quietly(call: Callable[[CircuitBreaker], None]) -> Callable[[CircuitBreaker], None]:
    def make(breaker: CircuitBreaker) -> None:
        with suppress(CircuitOpenError):
            call(breaker)

    return make


def _looks_for_signals(frame: FrameType, last: dict[FrameType, str]) -> bool:
    """Whether the instruction before this one ends with a check for signals: calls, loops and a function's start."""
    before, last[frame] = last.get(frame, "RESUME"), dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return before.startswith(("CALL", "JUMP_BACKWARD", "RESUME", "FOR_ITER"))


def interrupted(work: Callable[[], object], handler: Callable[[], object], moment: int, *, by: str = "opcode") -> str:
    """Run work, and a handler at one moment of it: just before an instruction of our own code.

    Args:
        work: the function that is interrupted.
        handler: runs at the moment, in the same thread.
        moment: the number of the instruction, from 0.
        by: "opcode" for any instruction; "signal" for those before which Python checks for signals.

    Returns:
        The place of the interruption; empty when the work ended before.
    """
    numbers = count()
    last: dict[FrameType, str] = {}
    place = ""

    def step(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal place
        if event == "exception":
            last[frame] = ""  # an instruction that raises does not come to its end
        if event == "opcode" and (by == "opcode" or _looks_for_signals(frame, last)) and next(numbers) == moment:
            place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            handler()
            sys.settrace(None)
        return step

    def enter(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(_TRACED[by]):
            return None
        frame.f_trace = step  # before the next line: since Python 3.13 that one checks
        frame.f_trace_opcodes = True
        return step

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 checks whether any frame has it, and only when tracing begins
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(before)
    return place


def at_every_moment(
    prepare: Callable[[], Watched],
    work: Callable[[CircuitBreaker], object],
    handler: Callable[[CircuitBreaker], object],
    check: Callable[[Watched], str],
    *,
    by: str = "opcode",
) -> dict[str, list[str]]:
    """What is wrong after a handler ran in the middle of work, for each moment of the work.

    Args:
        prepare: makes the breaker, anew for each moment.
        work: the function that is interrupted.
        handler: runs at each moment, in the same thread.
        check: returns what is wrong, or nothing.
        by: see `interrupted`.

    Returns:
        Each problem with the places that lead to it.
    """
    # In a thread of its own: an interrupt between two instructions can leave an exception half-handled for good.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(_try_every_moment, prepare, work, handler, check, by).result()


def _try_every_moment(
    prepare: Callable[[], Watched],
    work: Callable[[CircuitBreaker], object],
    handler: Callable[[CircuitBreaker], object],
    check: Callable[[Watched], str],
    by: str,
) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    for moment in range(_MOST_MOMENTS):
        watched = prepare()
        place, problem = "", ""
        try:
            place = interrupted(partial(work, watched.breaker), partial(handler, watched.breaker), moment, by=by)
        except Exception as error:
            place, problem = f"moment {moment}", repr(error)
        if not place:
            assert moment > 0, "nothing was interrupted"
            return problems
        problem = problem or check(watched)
        if problem and place not in problems.setdefault(problem, []):
            problems[problem].append(place)
    raise AssertionError("the work has no end")
