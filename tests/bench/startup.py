"""Measures the start: the import, and a configuration with a thousand targets."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.bench.children import run_python
from tests.bench.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION: Final = "Start-up"
_TARGETS: Final = 1_000
_AGAIN: Final = 3  # times as many rounds for an import that misses its bar
_IMPORT_BAR: Final = 1.4
_IMPORT_GOAL: Final = 1.2
_API: Final = "import opentelemetry.trace, opentelemetry.metrics"
# Names that applications import: to import the package alone would hide what these load.
_NAMES: Final = f"{_API}\nfrom otel_breaker import CircuitBreaker, CircuitOpenError, get_breaker"
_FIRST_BREAKER: Final = f"{_NAMES}\nCircuitBreaker('first')"

# CPU time, which excludes other programs.
_IMPORT: Final = """
import time
began = time.process_time()
{imports}
print(time.process_time() - began)
"""
_START: Final = """
import sys, time
sys.path.insert(0, {folder!r})
if {configured}:
    import os
    from otel_breaker_instrumentation import OtelBreakerInstrumentor
    os.environ["OTEL_BREAKER_CONFIG_FILE"] = {folder!r} + "/breakers.json"
began = time.process_time()
if {configured}:
    OtelBreakerInstrumentor().instrument()
import bench_shop
taken = time.process_time() - began
if {configured}:
    from otel_breaker_instrumentation.targets.guards import guarded_by
    assert guarded_by(bench_shop.function_{last})
print(taken)
"""


def measure(rounds: int) -> Iterator[Result]:
    """All measurements, in new processes that alternate."""
    imported = imports(rounds)
    yield imported if imported.met else imports(rounds * _AGAIN)
    yield first_breaker(rounds)
    yield from targets(max(3, rounds // 3))


def imports(rounds: int) -> Result:
    """Importing otel_breaker, against OpenTelemetry's API, which it needs."""
    return _against_the_api("import otel_breaker", _NAMES, rounds, bar=_IMPORT_BAR, goal=_IMPORT_GOAL)


def first_breaker(rounds: int) -> Result:
    """Importing otel_breaker and making a breaker, which imports the rest, against the same."""
    return _against_the_api("import otel_breaker, and the first breaker", _FIRST_BREAKER, rounds)


def _against_the_api(
    name: str, statements: str, rounds: int, *, bar: float | None = None, goal: float | None = None
) -> Result:
    api, both = [], []
    for _ in range(rounds):
        api.append(float(run_python("-c", _IMPORT.format(imports=_API))))
        both.append(float(run_python("-c", _IMPORT.format(imports=statements))))
    ratios = [mine / other for mine, other in zip(both, api, strict=True)]
    return Result(
        SECTION,
        name,
        _API,
        statistics.median(ratios),
        "x",
        bar,
        goal,
        subject=statistics.median(both),
        reference=statistics.median(api),
    )


def targets(rounds: int) -> Iterator[Result]:
    """A module of a thousand functions, each with a breaker of its own, against the same module unguarded."""
    names = [f"function_{number}" for number in range(_TARGETS)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_shop.py").write_text("\n".join(f"def {name}(): pass" for name in names))
        listed = [{"function": f"bench_shop:{name}"} for name in names]
        (folder / "breakers.json").write_text(json.dumps({"targets": listed}))
        guarded: list[float] = []
        unguarded: list[float] = []
        for _ in range(rounds):
            for times, configured in ((unguarded, False), (guarded, True)):
                code = _START.format(folder=str(folder), configured=configured, last=_TARGETS - 1)
                times.append(float(run_python("-c", code)))
    added = statistics.median(guarded) - statistics.median(unguarded)
    yield Result(SECTION, f"{_TARGETS:,} configured targets", "without", added * 1_000, "ms")
    yield Result(SECTION, "one configured target", "without", added / _TARGETS * 1e6, "µs")
