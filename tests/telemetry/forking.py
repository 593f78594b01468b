"""A server whose metric reader collects all the time while it forks: `python -m tests.telemetry.forking WAY`.

Prints how many workers made their guarded call, and how many hung.
"""

# ruff: noqa: PLC0415  # some workers are the first to import the packages

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WORKERS = 10
SECONDS_TO_HANG = 25


def busy(_: CallbackOptions) -> Iterable[Observation]:
    """Slow, like a callback that reads /proc: the SDK's lock is held meanwhile."""
    time.sleep(0.005)
    return [Observation(1)]


def work() -> int:
    return 1


def decorated() -> int:
    from otel_breaker import CircuitBreaker

    return CircuitBreaker("decorated")(work)()


def by_name() -> int:
    from otel_breaker import get_breaker

    return get_breaker("by name").call(work)


def by_key() -> int:
    from otel_breaker import get_breaker

    with get_breaker("by key", key="a").guard():
        return work()


def in_two_steps() -> int:
    from otel_breaker import CircuitBreaker

    breaker = CircuitBreaker("in two steps")
    permit = breaker.can_execute()
    breaker.record_success(permit)
    return work() if permit else 0


def timed() -> int:
    from otel_breaker import CircuitBreaker, configure

    configure(duration_histogram=True)
    return CircuitBreaker("timed").call(work)


def with_meter_provider() -> int:
    from otel_breaker import CircuitBreaker, configure

    configure(meter_provider=metrics.get_meter_provider())
    return CircuitBreaker("with meter provider").call(work)


def instrumented() -> int:
    from otel_breaker_instrumentation import OtelBreakerInstrumentor

    OtelBreakerInstrumentor().instrument(targets=[{"function": "colorsys:rgb_to_hsv", "breaker": "instrumented"}])
    import colorsys

    colorsys.rgb_to_hsv(0, 0, 0)
    return work()


WAYS: dict[str, Callable[[], int]] = {
    way.__name__: way for way in (decorated, by_name, by_key, in_two_steps, timed, with_meter_provider, instrumented)
}


def serve(call: Callable[[], int]) -> Counter[str]:
    """Fork workers that each make one call."""
    workers = []
    for _ in range(WORKERS):
        time.sleep(0.005)
        workers.append(os.fork() or work_once(call))
    return Counter("served" if os.waitpid(worker, 0)[1] == 0 else "hung" for worker in workers)


def work_once(call: Callable[[], int]) -> int:
    signal.alarm(SECONDS_TO_HANG)
    os._exit(0 if call() == 1 else 1)


def main(way: str, imported: str) -> None:
    reader: Any = PeriodicExportingMetricReader(
        ConsoleMetricExporter(out=Path(os.devnull).open("w")),  # noqa: SIM115  # for as long as the process lives
        export_interval_millis=1,
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    provider.get_meter("application").create_observable_gauge("busy", [busy])
    if imported == "imported-before":
        import otel_breaker_instrumentation  # noqa: F401
    time.sleep(0.05)
    sys.stdout.write(str(dict(serve(WAYS[way]))))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
