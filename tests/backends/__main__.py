"""All checks against the real programs, one after the other, and their table: `python -m tests.backends`.

The programs must be built, which `make e2e` sees to. What is started here has ended when this ends, however it ends.
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
from tests.backends import alerts, answers, configurations, dashboard, demo, newcomer, oncall, restart, sampling
from tests.backends.answers import Answer
from tests.backends.servers import BackEnds, Collector, back_ends

SCHEDULE = Schedule(healthy=3, down=10, recovered=5)
"""Three recoveries fail, so that there is something to alert on."""


def main() -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    interruptible()
    started = time.monotonic()
    found: list[Answer] = []
    try:
        with tempfile.TemporaryDirectory(prefix="otel-breaker-") as folder:
            for answer in _checks(Path(folder), console.print):
                found.append(answer)
                if not answer.holds:
                    console.print(f"  NO: {answer.claim}", style="red")
    except DemoFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    except Interrupted as interrupt:
        console.print("Interrupted: all programs are ended.")
        return interrupt.exit_status
    answers.show(console, found)
    failed = sum(not answer.holds for answer in found)
    console.print(f"{len(found) - failed} of {len(found)} checks hold, {time.monotonic() - started:.0f} s.")
    return 1 if failed else 0


def _checks(folder: Path, say: Callable[[str], None]) -> Iterator[Answer]:
    say("The Collector's files")
    yield from configurations.valid()
    yield from configurations.minimal(folder)
    say("Jaeger, Tempo and Prometheus start")
    with back_ends(folder) as ends:
        say(f"The demo's outage, {SCHEDULE.total:.0f} s")
        yield from _demo(folder, ends)
        say(f"Again, and the Collector is killed meanwhile, {restart.SCHEDULE.total:.0f} s")
        yield from restart.checks(folder, ends)
        say(f"{sampling.CALLS} traces through tail sampling")
        yield from sampling.checks(folder, ends)
        say("The README's first minute, in a clean environment, through each file that takes OTLP")
        yield from newcomer.checks(folder, ends)


def _demo(folder: Path, ends: BackEnds) -> Iterable[Answer]:
    collector = Collector("gateway", folder, [configurations.GATEWAY], ends)
    with collector.running():
        os.environ[ENDPOINT] = collector.url  # the demo passes on what its user has set
        with alerts.alarming(folder, collector.url):
            done = run(folder / "demo", SCHEDULE, shop=SHOP, breaker=True, collector=collector.url, tick=lambda _: None)
        yield from demo.checks(done, ends, collector)
        yield from oncall.checks(done, ends)
        yield from dashboard.checks(ends.prometheus.url)
        yield from alerts.checks(ends.prometheus.url)


if __name__ == "__main__":
    sys.exit(main())
