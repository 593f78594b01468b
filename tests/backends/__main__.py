"""Runs all checks against the real programs, and prints a table of the results: `python -m tests.backends`.

The programs must be built; `make e2e` does that. No process outlives this one.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console

from examples.checkout.configuration import ENDPOINT
from examples.checkout.processes import DemoFailed, Interrupted, interruptible
from examples.checkout.run import SHOP, run
from examples.checkout.schedule import Schedule
from tests.backends import (
    alerts,
    check_results,
    configurations,
    dashboard,
    demo,
    first_minute,
    oncall,
    restart,
    sampling,
)
from tests.backends.check_results import CheckResult
from tests.backends.servers import BackEnds, Collector, back_ends

SCHEDULE = Schedule(healthy=3, down=22, recovered=7)
"""Long enough for three recoveries to fail, so that alerts fire."""


def main() -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    interruptible()
    started = time.monotonic()
    results: list[CheckResult] = []
    try:
        with tempfile.TemporaryDirectory(prefix="otel-breaker-") as folder:
            for result in _checks(Path(folder), console.print):
                results.append(result)
                if not result.holds:
                    console.print(f"  NO: {result.claim}", style="red")
    except DemoFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    except Interrupted as interrupt:
        console.print("Interrupted: all programs are ended.")
        return interrupt.exit_status
    check_results.show(console, results)
    failed = sum(not result.holds for result in results)
    console.print(f"{len(results) - failed} of {len(results)} checks hold, {time.monotonic() - started:.0f} s.")
    return 1 if failed else 0


def _checks(folder: Path, report: Callable[[str], None]) -> Iterator[CheckResult]:
    report("The Collector's files")
    yield from configurations.valid()
    yield from configurations.minimal(folder)
    report("Jaeger, Tempo and Prometheus start")
    with back_ends(folder) as ends:
        report(f"The demo's outage, {SCHEDULE.total:.0f} s")
        yield from _demo(folder, ends)
        report(f"Again, and the Collector is killed meanwhile, {restart.SCHEDULE.total:.0f} s")
        yield from restart.checks(folder, ends)
        report(f"{sampling.CALLS} traces through tail sampling")
        yield from sampling.checks(folder, ends)
        report("The README's first minute, in a clean environment, through each file that takes OTLP")
        yield from first_minute.checks(folder, ends)


def _demo(folder: Path, ends: BackEnds) -> Iterable[CheckResult]:
    collector = Collector("gateway", folder, [configurations.GATEWAY], ends)
    with collector.running():
        os.environ[ENDPOINT] = collector.url  # the demo passes the user's setting on
        with alerts.alarming(folder, collector.url):
            done = run(folder / "demo", SCHEDULE, shop=SHOP, breaker=True, collector=collector.url, tick=lambda _: None)
        yield from demo.checks(done, ends, collector)
        yield from oncall.checks(done, ends)
        yield from dashboard.checks(ends.prometheus.url)
        yield from alerts.checks(ends.prometheus.url)


if __name__ == "__main__":
    sys.exit(main())
