from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_breaker.core.windows import LastCalls, LastSeconds, WindowTotals
from tests.core.harness import reproducible


@dataclass
class CountedCall:
    """One call in the list of the reference."""

    failed: bool
    slow: bool
    at: float = 0.0
    slot: int | None = None


def total(calls: list[CountedCall]) -> WindowTotals:
    return WindowTotals(len(calls), sum(call.failed for call in calls), sum(call.slow for call in calls))


@dataclass
class Unreported:
    """Unreported successes."""

    calls: int


@dataclass
class Add:
    failed: bool
    slow: bool
    after: float = 0.0
    """Seconds since the previous call."""


@dataclass
class Fail:
    """A call that was counted some calls ago fails."""

    ago: int
    after: float = 0.0


@dataclass
class Resize:
    size: int


@dataclass
class CheckedWindow:
    """LastCalls, beside a list of the calls that it should hold."""

    window: LastCalls
    calls: list[CountedCall] = field(default_factory=list)
    unreported: int = 0

    def take(self, step: Unreported | Add | Fail | Resize) -> None:
        reported = [call for call in self.calls if call.slot is not None and not call.failed]
        if isinstance(step, Unreported):
            self.unreported += step.calls
            self.calls += [CountedCall(failed=False, slow=False) for _ in range(step.calls)]
        elif isinstance(step, Add):
            slot = self.window.add(0.0, self.unreported, failed=step.failed, slow=step.slow)
            self.calls.append(CountedCall(step.failed, step.slow, slot=slot))
        elif isinstance(step, Resize):
            self.window.resize(step.size)
        elif reported:
            late = reported[-1 - step.ago % len(reported)]
            assert late.slot is not None
            self.window.mark_failed(late.slot, 0.0, self.unreported)
            late.failed = True
        self.calls = self.calls[-self.window.size :]


adds = st.builds(Add, st.booleans(), st.booleans())
fails = st.builds(Fail, st.integers(0, 12))
steps = adds | fails | st.builds(Unreported, st.integers(0, 12)) | st.builds(Resize, st.integers(1, 10))


@reproducible
@given(st.integers(1, 10), st.lists(steps, max_size=60))
def test_the_last_calls_are_exact(size: int, taken: list[Unreported | Add | Fail | Resize]) -> None:
    checked = CheckedWindow(LastCalls(size))

    for step in taken:
        checked.take(step)

        assert checked.window.totals(0.0, checked.unreported) == total(checked.calls)


@reproducible
@given(st.integers(1, 10), st.lists(adds | fails, max_size=60))
def test_the_last_calls_are_exact_however_seldom_they_are_read(size: int, taken: list[Add | Fail]) -> None:
    checked = CheckedWindow(LastCalls(size))

    for step in taken:
        checked.take(step)

    assert checked.window.totals(0.0, 0) == total(checked.calls)


def test_a_late_failure_of_a_forgotten_call_changes_nothing() -> None:
    window = LastCalls(3)
    forgotten = window.add(0.0, 0, failed=False, slow=True)
    for _ in range(3):
        window.add(0.0, 0, failed=False, slow=False)

    window.mark_failed(forgotten, 0.0, 0)

    assert window.totals(0.0, 0) == WindowTotals(3, 0, 0)


def test_a_wider_window_does_not_remember_what_was_forgotten() -> None:
    window = LastCalls(2)
    for _ in range(5):
        window.add(0.0, 0, failed=True, slow=False)

    window.resize(10)

    assert window.totals(0.0, 0) == WindowTotals(2, 2, 0)


WIDTH: Final = 0.25
SECONDS: Final = WIDTH * LastSeconds.BUCKETS
pauses = st.floats(0, 3 * WIDTH) | st.floats(0, 3 * SECONDS) | st.integers(0, 70).map(lambda count: count * WIDTH / 2)
timed = st.builds(Add, st.booleans(), st.booleans(), pauses) | st.builds(Fail, st.integers(0, 12), pauses)


def between(least: WindowTotals, seen: WindowTotals, most: WindowTotals) -> bool:
    return all(low <= is_ <= high for low, is_, high in zip(least, seen, most, strict=True))


@reproducible
@given(st.floats(0, 1e6), st.lists(timed, max_size=60))
def test_the_last_seconds_are_off_by_at_most_one_bucket(began: float, taken: list[Add | Fail]) -> None:
    window, now = LastSeconds(SECONDS), began
    calls: list[CountedCall] = []

    for step in taken:
        now += step.after
        if isinstance(step, Add):
            calls.append(
                CountedCall(step.failed, step.slow, now, window.add(now, 0, failed=step.failed, slow=step.slow)),
            )
        elif open_ := [call for call in calls if not call.failed]:
            late = open_[-1 - step.ago % len(open_)]
            assert late.slot is not None
            window.mark_failed(late.slot, now, 0)
            late.failed = True
        certain = total([call for call in calls if now - call.at < SECONDS - WIDTH])
        possible = total([call for call in calls if now - call.at <= SECONDS])

        assert between(certain, window.totals(now, 0), possible)


@pytest.mark.parametrize(("after", "held"), [(0.0, 1), (SECONDS - WIDTH, 1), (SECONDS, 0), (1e12, 0)])
def test_a_call_is_held_for_the_length_of_the_window(after: float, held: int) -> None:
    window = LastSeconds(SECONDS)
    window.add(1_000.0, 0, failed=True, slow=True)

    totals = window.totals(1_000.0 + after, 0)

    assert totals == WindowTotals(held, held, held)


@pytest.mark.parametrize("buckets", [1, 2, 3, 16, 31, 32, 33, 63, 64, 100])
def test_a_window_that_turns_by_any_number_of_buckets_holds_what_is_within_it(buckets: int) -> None:
    window = LastSeconds(SECONDS)

    for call in range(200):
        window.add(call * buckets * WIDTH, 0, failed=False, slow=False)

    held = sum(ago * buckets < LastSeconds.BUCKETS for ago in range(200))
    assert window.totals(199 * buckets * WIDTH, 0) == WindowTotals(held, 0, 0)


def test_an_earlier_time_that_arrives_late_does_not_turn_the_window_back() -> None:
    window = LastSeconds(SECONDS)
    window.add(1_010.0, 0, failed=True, slow=False)

    window.add(1_000.0, 0, failed=True, slow=False)

    assert window.totals(1_010.0, 0) == WindowTotals(2, 2, 0)
    assert window.totals(1_010.0 + SECONDS - WIDTH, 0) == WindowTotals(2, 2, 0)


def test_unreported_successes_are_held_for_the_length_of_the_window() -> None:
    window = LastSeconds(SECONDS)
    window.add(1_000.0, 0, failed=True, slow=False)

    held = [window.totals(1_000.0 + after, 50) for after in (0, SECONDS - WIDTH, SECONDS)]

    assert held == [WindowTotals(51, 1, 0), WindowTotals(51, 1, 0), WindowTotals(0, 0, 0)]


def test_unreported_successes_are_counted_once() -> None:
    window = LastSeconds(SECONDS)

    held = [window.totals(1_000.0 + step * WIDTH, step * 10).calls for step in range(4)]

    assert held == [0, 10, 20, 30]


def test_a_window_of_time_needs_no_report_before_its_slice_ends() -> None:
    window = LastSeconds(SECONDS)
    before = window.turns_at

    window.totals(1_000.0, 0)

    assert before < 1_000.0 < window.turns_at <= 1_000.0 + WIDTH
