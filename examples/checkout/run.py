"""One run: a provider and a shop of its own, with the same outage and customers, without or with the breaker.

A run collects samples, counts and files; it neither evaluates nor prints them.
"""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from examples.checkout import configuration, load, processes
from examples.checkout.operator import Operator
from examples.checkout.schedule import Phase, Schedule

WITHOUT, WITH = "without-breaker", "with-breaker"
SHOP, ASYNC_SHOP = "examples.checkout.shop", "examples.checkout.async_shop"
PROVIDER = "examples.checkout.provider"


@dataclass(frozen=True)
class Run:
    folder: Path
    schedule: Schedule
    started: int  # wall clock, nanoseconds
    samples: list[load.Sample]
    provider_requests: dict[Phase, int]
    changed_at: float = math.inf
    """When the operator changed the breakers' file, in seconds since the run started."""


def run(
    folder: Path,
    schedule: Schedule,
    *,
    shop: str,
    breaker: bool,
    collector: str | None,
    tick: Callable[[float], None],
) -> Run:
    """Run the outage once.

    Args:
        folder: where the files of the run go; those of an earlier run are deleted.
        schedule: when the provider fails.
        shop: the module of the shop.
        breaker: whether breakers are enabled.
        collector: the URL of a Collector that gets the telemetry as well, or None.
        tick: called with the elapsed seconds, again and again.

    Raises:
        DemoFailed: when a process ends by itself, or no checkout succeeds.
    """
    _empty(folder)
    operator = Operator(folder / configuration.BREAKERS, schedule)
    with processes.running(
        "payment provider", [sys.executable, "-m", PROVIDER], folder / "provider.log", configuration.clean_environment()
    ) as provider:
        payments_url = provider.address()
        environment = configuration.shop_environment(folder, payments_url, breaker=breaker, collector=collector)
        with processes.running("shop", shop_command(shop), folder / "shop.log", environment) as running:
            shop_url = running.address()

            def watch(elapsed: float) -> None:
                running.check()
                provider.check()
                operator.watch(elapsed)
                tick(elapsed)

            started = time.time_ns()
            _request("POST", f"{payments_url}/schedule", json=asdict(schedule))
            samples = load.drive(shop_url, schedule.total, watch)
            counts = _request("GET", f"{payments_url}/requests")
    if not any(sample.ok for sample in samples if sample.path == "/checkout"):
        raise processes.DemoFailed(f"Not one checkout succeeded. The shop's output is in {folder / 'shop.log'}")
    requests_by_phase = {phase: counts[phase.value] for phase in Phase}
    return Run(folder, schedule, started, samples, requests_by_phase, operator.at)


def shop_command(shop: str) -> list[str]:
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    return [str(instrument), sys.executable, "-m", shop]


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The file exporter appends to existing files.
    for old in (*folder.glob("*.jsonl"), *folder.glob("*.log"), *folder.glob("otel.yaml")):
        old.unlink()


def _request(method: str, url: str, json: dict[str, float] | None = None) -> dict[str, int]:
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(method, url, json=json, timeout=5)
    response.raise_for_status()
    counts: dict[str, int] = response.json()
    return counts
