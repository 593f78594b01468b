"""Times one run against another on a machine that has other work, too.

Only ratios are comparable between machines, and only adjacent samples have the same load. So the two runs alternate
in short rounds, each round has one ratio, and the result is the median of these. Nothing here depends on a breaker.
"""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Run: TypeAlias = Callable[[int], int]
    """Makes at least a number of calls, one after the other; returns how many it made."""
    Timer: TypeAlias = Callable[[], float]

_MOST_CALLS: Final = 1_000_000
_FINE_ENOUGH: Final = 1e-6


def best_timer() -> Timer:
    """This thread's CPU time where its resolution is fine, because it excludes the load of other programs."""
    exact = hasattr(time, "thread_time") and time.get_clock_info("thread_time").resolution <= _FINE_ENOUGH
    return time.thread_time if exact else time.perf_counter


@dataclass(frozen=True)
class Ratio:
    """How much longer one call takes than another."""

    median: float
    low: float
    """The first quartile of the rounds."""
    high: float
    """The third quartile of the rounds."""
    subject: float
    """Seconds a call, median."""
    reference: float
    """Seconds a call, median."""
    rounds: int


class Stopwatch:
    """Times runs.

    Args:
        timer: returns seconds.
        sample: seconds of one sample.
        between: runs, untimed, before each sample, so that none includes deferred work of the one before it.
    """

    def __init__(
        self, timer: Timer | None = None, sample: float = 0.002, between: Callable[[], object] = lambda: None
    ) -> None:
        self._timer = timer or best_timer()
        self._sample = sample
        self._between = between

    def calls_for(self, run: Run) -> int:
        """The number of calls in one sample."""
        calls = 1
        while calls < _MOST_CALLS:
            each = self._per_call(run, calls)
            if calls * each >= self._sample / 2:
                return max(1, round(self._sample / each))
            calls *= 2
        return calls

    def compare(self, subject: Run, reference: Run, rounds: int) -> Ratio:
        """Time one run against another.

        Args:
            subject: the run to measure.
            reference: the run that it is compared with.
            rounds: how often each is timed.
        """
        with _undisturbed():
            calls = {run: self.calls_for(run) for run in (subject, reference)}
            times: dict[Run, list[float]] = {subject: [], reference: []}
            for number in range(rounds):
                # The second run of a round has warmer caches, so the order alternates, too.
                for run in (subject, reference) if number % 2 else (reference, subject):
                    times[run].append(self._per_call(run, calls[run]))
        ratios = [mine / other for mine, other in zip(times[subject], times[reference], strict=True)]
        low, high = _quartiles(ratios)
        return Ratio(
            statistics.median(ratios),
            low,
            high,
            statistics.median(times[subject]),
            statistics.median(times[reference]),
            rounds,
        )

    def rank(self, runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
        """Seconds a call of each of several runs, medians of interleaved rounds, the fastest first."""
        with _undisturbed():
            calls = {name: self.calls_for(run) for name, run in runs.items()}
            times: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(rounds):
                for name, run in runs.items():
                    times[name].append(self._per_call(run, calls[name]))
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        return dict(sorted(medians.items(), key=lambda item: item[1]))

    def _per_call(self, run: Run, calls: int) -> float:
        self._between()
        started = self._timer()
        made = run(calls)
        return (self._timer() - started) / made


def _quartiles(values: list[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4)
    return first, third


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector out of single samples."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
