"""The memory of a window: constant for one of seconds, the slots of failed and slow calls for one of calls."""

from __future__ import annotations

import sys

from otel_breaker.core.windows import LastCalls, LastSeconds, Window, WindowTotals


def weight(window: Window) -> int:
    """Bytes of nested containers."""
    kept = [getattr(window, name) for cls in type(window).__mro__ for name in getattr(cls, "__slots__", ())]
    held = 0
    while kept:
        part = kept.pop()
        if hasattr(part, "__iter__"):
            held += sys.getsizeof(part)
            kept += part
    return held


def test_a_window_of_time_weighs_the_same_however_many_calls_it_holds() -> None:
    window = LastSeconds(32)
    window.add(1_000.0, 0, failed=False, slow=False)
    after_one = weight(window)

    for call in range(5_000):
        window.add(1_000.0 + call / 100, 0, failed=call % 2 == 0, slow=call % 3 == 0)

    assert weight(window) == after_one


def test_a_window_of_time_stores_nothing_before_its_first_call() -> None:
    assert weight(LastSeconds(60)) == sys.getsizeof([])


def test_a_failure_is_stored_in_its_own_window_only() -> None:
    first, second = LastCalls(10), LastCalls(10)
    assert first._failures is second._failures is second._slow

    first.add(0.0, 0, failed=True, slow=True)

    assert (first.totals(0.0, 0), second.totals(0.0, 0)) == (WindowTotals(1, 1, 1), WindowTotals(0, 0, 0))


def test_a_window_of_calls_stores_no_success() -> None:
    window = LastCalls(100_000)
    empty = weight(window)

    for _ in range(5_000):
        window.add(0.0, 0, failed=False, slow=False)

    assert weight(window) == empty


def test_a_window_of_calls_stores_no_failure_that_it_has_forgotten() -> None:
    short, long = LastCalls(10), LastCalls(10)

    for window, calls in ((short, 10), (long, 5_000)):
        for _ in range(calls):
            window.add(0.0, 0, failed=True, slow=True)

    assert weight(long) <= weight(short) * 2
