"""Measures the memory of a breaker, and the growth after calls, in bytes: `python -m tests.bench.memory`."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from typing import TYPE_CHECKING, Final

from otel_breaker import CircuitBreaker, get_breaker
from tests.bench import callees, ours, shapes
from tests.bench.children import run_python
from tests.bench.results import Result
from tests.bench.sdks import Sdk, set_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECTION: Final = "Memory"
_MANY: Final = 1_000
_WARM_UP: Final = 1_000
_NOTHING: Final = 4_096  # for counters with more digits, and the interpreter's own caches
_LIMITS: Final = {"one idle breaker": (3_072, 2_048), "one key of a keyed breaker": (2_048, 1_024)}
"""Bars and goals of sizes."""
_RETAINED: Final = (
    ("1,000,000 calls", shapes.closed, Sdk.NONE, 1_000_000),
    ("20,000 calls, one failure in ten", shapes.one_in_ten, Sdk.NONE, 20_000),
    ("20,000 blocks", shapes.entered, Sdk.NONE, 20_000),
    ("20,000 refusals", shapes.refused, Sdk.NONE, 20_000),
    ("10,000 traced calls", shapes.closed, Sdk.SAMPLED, 10_000),
    ("10,000 traced refusals", shapes.refused, Sdk.SAMPLED, 10_000),
)


def measure() -> Iterator[Result]:
    """All measurements, in a process of its own, in which nothing else allocates."""
    sizes, retained = run_python("-m", "tests.bench.memory")
    for name, size in sizes.items():
        yield Result(SECTION, name, "", size, "B", *_LIMITS.get(name, (None, None)))
    for name, size in retained.items():
        yield Result(SECTION, f"kept after {name}", "nothing", size, "B", _NOTHING)


def sizes() -> dict[str, float]:
    """Bytes per object, averaged over many."""
    kept: list[object] = []

    def make_breakers() -> None:
        kept.extend(CircuitBreaker(f"bench {number}") for number in range(_MANY))

    def make_keys() -> None:
        kept.extend(get_breaker("bench keyed", key=str(number)) for number in range(_MANY))

    def guard_functions() -> None:
        breaker = get_breaker("bench")
        kept.extend(breaker(callees.work) for _ in range(_MANY))

    return {
        "one idle breaker": _grown(make_breakers) / _MANY,
        "one key of a keyed breaker": _grown(make_keys) / _MANY,
        "one guarded function": _grown(guard_functions) / _MANY,
    }


def retained() -> dict[str, float]:
    """Bytes that are still allocated after the calls."""
    found = {}
    for name, shape, sdk, calls in _RETAINED:
        with set_up(sdk) as settle:
            run = shape(ours.ours()).run
            run(_WARM_UP)
            settle()

            def call(
                run: Callable[[int], int] = run, calls: int = calls, settle: Callable[[], object] = settle
            ) -> None:
                run(calls)
                settle()

            found[name] = _grown(call)
    return found


def _grown(act: Callable[[], None]) -> float:
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    act()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


if __name__ == "__main__":
    CircuitBreaker("bench first")  # allocates what all breakers share
    get_breaker("bench first keyed", key="first")
    tracemalloc.start()
    json.dump((sizes(), retained()), sys.stdout)
