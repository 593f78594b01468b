"""A program that causes alerts: one circuit flaps, one flaps in shadow mode, one stays closed while calls fail, one has
too many calls in flight, and a target is missing.

The checks run it with OTEL_* in the environment.
"""

import time
from contextlib import suppress

from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from otel_breaker import CircuitBreaker, CircuitOpenError
from otel_breaker_instrumentation import OtelBreakerInstrumentor

SECONDS = 17
"""More than the longest window of the rules, in which the checks turn each minute into a second."""
PAUSE = 0.05
FAILING = 4
"""One call in so many fails where the circuit is to stay closed."""
TRIPS, OPEN = 2, 0.4
CYCLE = 30
"""Calls from one outage of a flapping circuit to the next, far more than its open time takes."""


def main() -> None:
    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=1000)])
    metrics.set_meter_provider(provider)
    OtelBreakerInstrumentor().instrument(targets=[{"function": "json:no_such_function", "breaker": "missing"}])
    failing = CircuitBreaker("failing", failure_threshold=5)
    flapping = CircuitBreaker("flapping", failure_threshold=TRIPS, recovery_time=OPEN)
    shadow = CircuitBreaker("shadow", failure_threshold=TRIPS, recovery_time=OPEN, mode="shadow")
    limited = CircuitBreaker("limited", max_in_flight=1)
    for number in range(round(SECONDS / PAUSE)):
        _call(failing, fails=number % FAILING == 0)
        _call(flapping, fails=number % CYCLE < TRIPS)
        _call(shadow, fails=number % CYCLE < TRIPS)
        with limited.guard():
            _call(limited, fails=False)
        time.sleep(PAUSE)
    provider.shutdown()


def _call(breaker: CircuitBreaker, *, fails: bool) -> None:
    with suppress(ConnectionError, CircuitOpenError), breaker.guard():
        if fails:
            raise ConnectionError


if __name__ == "__main__":
    main()
