"""How cost grows: with the window, the breakers in the process, the open keys, the threads, and metric collection.

Each is held against itself at its smallest, so that a line that should be flat has a ratio near one.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from otel_breaker import CircuitBreaker
from tests.bench import byhand, keys, ours, shapes
from tests.bench.children import run_python
from tests.bench.measure import Stopwatch
from tests.bench.results import Result
from tests.bench.sdks import Sdk, set_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.measure import Run

SECTION: Final = "How cost grows"
_WINDOWS: Final = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_BREAKERS: Final = (1, 10, 100, 1_000, 10_000)
_THREADS: Final = (1, 2, 4, 8, 16, 32)
_AGAIN: Final = 3  # times as many rounds
_FLAT: Final = 1.25
_COLLECTION_BAR: Final = 400  # µs
_COLLECTION_GOAL: Final = 200
_WITH_GOAL: Final = 100  # breakers, each with a name of its own
_NO_CONVOY: Final = 2.0
_SAMPLE_OF_THREADS: Final = 0.1
_TURN: Final = 0.0005  # a tenth of the default, so that a short sample has as many switches as a long one


def measure(rounds: int, sample: float) -> Iterator[Result]:
    """All measurements, starting with the shortest."""
    watch = Stopwatch(sample=sample)
    with set_up(Sdk.NONE):
        yield from _measure_part(lambda rounds: windows(watch, rounds), rounds)
        yield from _measure_part(threads, max(3, rounds // 10))
        yield from _measure_part(lambda rounds: breakers(watch, rounds), rounds)
        # Last, because its breakers stay.
        yield from _measure_part(lambda rounds: keys.asked_first(SECTION, watch, rounds), rounds)
    yield from _measure_part(lambda _: collection(), rounds)


def _measure_part(part: Callable[[int], Iterator[Result]], rounds: int) -> list[Result]:
    """The results of a part, which is measured again with more rounds if it misses a bar."""
    results = list(part(rounds))
    return results if all(result.met for result in results) else list(part(rounds * _AGAIN))


def windows(watch: Stopwatch, rounds: int) -> Iterator[Result]:
    """A full window of each size, in which one call in ten failed."""
    smallest, *larger = _WINDOWS
    reference = _filled(smallest)
    for size in larger:
        ratio = watch.compare(_filled(size), reference, rounds)
        yield Result(
            SECTION,
            f"call, window of {size:,} calls",
            f"window of {smallest}",
            ratio.median,
            "x",
            _FLAT,
            low=ratio.low,
            high=ratio.high,
            subject=ratio.subject,
            reference=ratio.reference,
        )


def _filled(size: int) -> Run:
    contender = ours.ours(failure_rate=0.5, failure_threshold=None, window=size)
    run = shapes.one_in_ten(contender).run
    run(size)
    return run


def breakers(watch: Stopwatch, rounds: int) -> Iterator[Result]:
    """One breaker is called, with others in the process."""
    run = shapes.closed(ours.ours()).run
    reference = shapes.closed(byhand.pass_through()).run
    alive: list[CircuitBreaker] = []
    single = 0.0
    for count in _BREAKERS:
        alive.extend(CircuitBreaker("bench") for _ in range(len(alive), count - 1))
        ratio = watch.compare(run, reference, rounds)
        single = single or ratio.median
        if count > 1:
            yield Result(
                SECTION,
                f"call, {count:,} breakers in the process",
                "one breaker",
                ratio.median / single,
                "x",
                _FLAT,
                subject=ratio.subject,
            )


def threads(rounds: int) -> Iterator[Result]:
    """Threads that call through one breaker, with and without a lock on the path."""
    watch, turn = Stopwatch(sample=_SAMPLE_OF_THREADS), sys.getswitchinterval()
    for name, contender in (("closed", ours.ours()), ("time window", ours.time_window())):
        run = shapes.closed(contender).run
        calls = watch.calls_for(run)
        sys.setswitchinterval(_TURN)
        times: dict[int, list[float]] = {count: [] for count in _THREADS}
        for _ in range(rounds):
            for count in _THREADS:
                times[count].append(_together(run, count, calls))
        sys.setswitchinterval(turn)
        for count in _THREADS[1:]:
            ratios = [many / one for many, one in zip(times[count], times[1], strict=True)]
            yield Result(
                SECTION,
                f"{name} call, {count} threads",
                "one thread",
                statistics.median(ratios),
                "x",
                _NO_CONVOY,
                subject=statistics.median(times[count]),
                reference=statistics.median(times[1]),
            )


def _together(run: Run, count: int, calls: int) -> float:
    """Seconds per call while several threads share the calls."""
    start = threading.Barrier(count + 1)

    def work() -> None:
        start.wait()
        run(calls // count)

    workers = [threading.Thread(target=work) for _ in range(count)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - began) / calls


def collection() -> Iterator[Result]:
    """One collection of all metrics by the SDK, in a process that has no other breakers."""
    times = {int(count): seconds for count, seconds in run_python("-m", "tests.bench.collection").items()}
    yield Result(
        SECTION,
        f"collection, {_WITH_GOAL} breakers, each of them",
        "an empty collection",
        times[_WITH_GOAL] / _WITH_GOAL * 1e6,
        "µs",
        _COLLECTION_BAR,
        _COLLECTION_GOAL,
    )
    fewest, *more = times
    for count in more:
        each, reference = times[count] / count, times[fewest] / fewest
        yield Result(
            SECTION,
            f"collection, {count:,} breakers, each of them",
            f"{fewest} breakers, each of them",
            each / reference,
            "x",
            _FLAT,
            subject=each,
            reference=reference,
        )
