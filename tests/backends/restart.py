"""Kills the Collector during the demo's outage and restarts it: the application must not be affected."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from examples.checkout.configuration import ENDPOINT
from examples.checkout.run import SHOP, Run, run
from examples.checkout.schedule import Schedule
from tests.backends.check_results import CheckResult
from tests.backends.configurations import GATEWAY
from tests.backends.demo import agreement
from tests.backends.files import run_calls
from tests.backends.servers import BackEnds, Collector

SCHEDULE = Schedule(healthy=2, down=4, recovered=4)
KILLED_AT, RESTARTED_AT = 3.0, 5.0
"""Seconds from the start of the run, both during the outage."""


def checks(folder: Path, ends: BackEnds) -> Iterator[CheckResult]:
    collector = Collector("restart", folder, [GATEWAY], ends)
    os.environ[ENDPOINT] = collector.url
    with ExitStack() as cleanup:
        first = cleanup.enter_context(collector.running())
        is_restarted = False

        def tick(elapsed: float) -> None:
            nonlocal is_restarted
            if elapsed >= KILLED_AT and first.process.poll() is None:
                first.process.kill()
            if elapsed >= RESTARTED_AT and not is_restarted:
                is_restarted = True
                cleanup.enter_context(collector.started())

        done = run(folder / "restart", SCHEDULE, shop=SHOP, breaker=True, collector=collector.url, tick=tick)
        calls = run_calls(done)
        yield _unaffected(done, calls, is_killed=first.process.returncode == -signal.SIGKILL)
        yield agreement(
            "After the Collector was killed and restarted, cumulative counts are whole",
            ends.prometheus.url,
            done,
            calls,
        )


def _unaffected(done: Run, calls: dict[str, int], *, is_killed: bool) -> CheckResult:
    """Whether every request got a response, and the breaker counted each that was not served."""
    unpaid = sum(sample.status == HTTPStatus.SERVICE_UNAVAILABLE for sample in done.samples)
    served = sum(sample.ok for sample in done.samples)
    counted = calls["failure"] + calls["rejected"]
    return CheckResult(
        "The Collector is killed and restarted, and the application is not affected",
        "shop",
        "every request of its customers",
        f"{len(done.samples)} requests: {served} served, {unpaid} without a payment, as the breaker counted {counted}",
        holds=is_killed and served + unpaid == len(done.samples) and unpaid == counted,
    )
