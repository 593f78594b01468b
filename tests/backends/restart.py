"""The Collector dies in the middle of the demo's outage and comes back: does the application notice?"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from examples.checkout.configuration import ENDPOINT
from examples.checkout.run import SHOP, Run, run
from examples.checkout.schedule import Schedule
from tests.backends.answers import Answer
from tests.backends.configurations import GATEWAY
from tests.backends.demo import agreement
from tests.backends.files import run_calls
from tests.backends.servers import BackEnds, Collector

SCHEDULE = Schedule(healthy=2, down=5, recovered=4)
DIES, RETURNS = 3.0, 5.0  # seconds from the start of the run, both in the outage


def checks(folder: Path, ends: BackEnds) -> Iterator[Answer]:
    collector = Collector("restart", folder, [GATEWAY], ends)
    os.environ[ENDPOINT] = collector.url
    with ExitStack() as ending:
        first = ending.enter_context(collector.running())
        back = False

        def tick(elapsed: float) -> None:
            nonlocal back
            if elapsed >= DIES and first.process.poll() is None:
                first.process.kill()
            if elapsed >= RETURNS and not back:
                back = True
                ending.enter_context(collector.starting())

        done = run(folder / "restart", SCHEDULE, shop=SHOP, breaker=True, collector=collector.url, tick=tick)
        calls = run_calls(done)
        yield _unnoticed(done, calls, died=first.process.returncode == -signal.SIGKILL)
        yield agreement(
            "After the Collector was killed and restarted, cumulative counts are whole",
            ends.prometheus.url,
            done,
            calls,
        )


def _unnoticed(done: Run, calls: dict[str, int], *, died: bool) -> Answer:
    """Every request was answered, and each that was not served is one that the breaker counted."""
    unpaid = sum(sample.status == HTTPStatus.SERVICE_UNAVAILABLE for sample in done.samples)
    served = sum(sample.ok for sample in done.samples)
    counted = calls["failure"] + calls["rejected"]
    return Answer(
        "The Collector is killed and restarted, and the application never notices",
        "shop",
        "every request of its customers",
        f"{len(done.samples)} requests: {served} served, {unpaid} without a payment, as the breaker counted {counted}",
        holds=died and served + unpaid == len(done.samples) and unpaid == counted,
    )
