"""An interrupt at any moment of a call leaves no place of a limit of calls in flight taken."""

from __future__ import annotations

import weakref
from contextlib import suppress
from itertools import count, product
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from tests.conformance.conftest import RECOVERY, Broken, down, fail
from tests.conformance.interruptions import Watched, at_every_moment
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Spans

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),  # it was interrupted before
]

PROBE_TIMEOUT = 30.0
NUMBERS = count()


def press_ctrl_c(breaker: CircuitBreaker) -> None:
    raise KeyboardInterrupt


def answer() -> None:
    """A fallback."""


def work() -> None:
    pass


async def work_later() -> None:
    pass


def numbers() -> Iterator[int]:
    yield 1


GUARDED = (work_later, numbers)


def limited(**settings: Any) -> Watched:
    settings = {"max_in_flight": 2, "probe_timeout": PROBE_TIMEOUT, "fallback": answer, **settings}
    clock = FakeClock()
    breaker = CircuitBreaker(
        f"interrupted {next(NUMBERS)}", failure_threshold=2, recovery_time=RECOVERY, clock=clock, **settings
    )
    # Neither guards nor trampolines are made in the call that is interrupted.
    vars(breaker)["guards"] = {each: breaker(each) for each in GUARDED}
    with suppress(Broken):
        breaker.call(down)
    breaker.call(work)  # the next call may take the fast path
    return Watched(clock, breaker, [])


def adaptive() -> Watched:
    watched = limited(max_in_flight="auto")
    watched.clock.advance(1)  # the next call is a sample
    return watched


def full() -> Watched:
    watched = limited(max_in_flight=1)
    watched.breaker.can_execute()
    return watched


def with_an_expired_place() -> Watched:
    watched = full()
    watched.clock.advance(PROBE_TIMEOUT)
    return watched


def due_for_a_probe() -> Watched:
    watched = limited()
    fail(watched.breaker, 2)
    watched.clock.advance(RECOVERY)
    return watched


def guard_of(breaker: CircuitBreaker, function: object) -> Any:
    return vars(breaker)["guards"][function]


def function(breaker: CircuitBreaker) -> None:
    breaker.call(work)  # no decorated one: that is compiled in the place of its function, and has no moments


def failing_function(breaker: CircuitBreaker) -> None:
    breaker.call(down)


def block(breaker: CircuitBreaker) -> None:
    with breaker.guard():
        pass


def coroutine(breaker: CircuitBreaker) -> None:
    with suppress(StopIteration):
        guard_of(breaker, work_later)().send(None)


def generator(breaker: CircuitBreaker) -> None:
    list(guard_of(breaker, numbers)())


def two_steps(breaker: CircuitBreaker) -> None:
    breaker.record_success(breaker.can_execute())


def or_be_interrupted(call: Callable[[CircuitBreaker], None]) -> Callable[[CircuitBreaker], None]:
    def make(breaker: CircuitBreaker) -> None:
        with suppress(KeyboardInterrupt, Broken, CircuitOpenError):
            call(breaker)

    return make


def places_left(watched: Watched) -> str:
    """Whether a place is taken that neither the end of its holder nor time gives back.

    A holder may live as long as this thread: what interrupts a call here can leave its exception half-handled.
    """
    limit = watched.breaker._circuit.fast_path.limit
    assert limit is not None
    limit.take_back_expired(watched.clock() + PROBE_TIMEOUT)
    kept = [holder for holder in limit.in_flight.values() if not isinstance(holder, weakref.ref)]
    return f"{len(limit.in_frames) + len(kept)} places are taken" if limit.in_frames or kept else ""


@pytest.mark.parametrize(
    ("prepare", "call"),
    [
        *product(
            [limited, adaptive, full, with_an_expired_place, due_for_a_probe],
            [function, failing_function, block, coroutine, two_steps],
        ),
        (limited, generator),
    ],
)
def test_an_interrupt_anywhere_leaves_no_place_taken(
    prepare: Callable[[], Watched], call: Callable[[CircuitBreaker], None]
) -> None:
    problems = at_every_moment(prepare, or_be_interrupted(call), press_ctrl_c, places_left, by="signal")

    assert problems == {}


@pytest.mark.parametrize("call", [function, block])
def test_an_interrupt_anywhere_in_a_traced_call_leaves_no_place_taken(
    spans: Spans, call: Callable[[CircuitBreaker], None]
) -> None:
    problems = at_every_moment(limited, or_be_interrupted(call), press_ctrl_c, places_left, by="signal")

    assert problems == {}
