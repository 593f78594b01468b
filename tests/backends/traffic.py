"""A program that makes thousands of traced calls with an outage, and prints the calls and spans as JSON.

`traffic CALLS FROM TO`, with OTEL_* in the environment: the calls from FROM to before TO fail. The output comes from
the breaker's own snapshot and from spans in memory, so that the data of a back end can be compared with it.
"""

import json
import sys
import threading
import time
from collections import Counter
from contextlib import suppress

from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_breaker import CircuitBreaker, CircuitOpenError

PACE = 1_000  # calls a second, so that the outage is long enough for recoveries to fail
FAILURE_EVERY = 250  # one call in so many fails outside of the outage
HANG_SECONDS = 0.4  # seconds
REFUSED = 10


def main() -> None:
    calls, outage = int(sys.argv[1]), range(int(sys.argv[2]), int(sys.argv[3]))
    spans = InMemorySpanExporter()
    tracers, meters, logs = TracerProvider(), MeterProvider([_reader()]), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=100_000))
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)
    _logs.set_logger_provider(logs)
    inventory = CircuitBreaker("inventory", failure_threshold=5, recovery_time=0.25)
    warehouse = CircuitBreaker(
        "warehouse", failure_threshold=None, slow_call_duration=HANG_SECONDS / 4, slow_call_rate=1, minimum_calls=1
    )
    state_changes = Counter[str]()
    for breaker in (inventory, warehouse):
        breaker.add_listener(lambda change: state_changes.update([change.to_state.value]))
    _drive(inventory, calls, outage)
    _hang(warehouse)
    for provider in (tracers, meters, logs):
        provider.shutdown()
    truth = {
        "calls": Counter(inventory.snapshot().calls) + Counter(warehouse.snapshot().calls),
        "state_changes": state_changes,
        "spans": [_facts(span) for span in spans.get_finished_spans() if span.name.startswith("circuit_breaker ")],
    }
    print(json.dumps(truth))


def _reader() -> PeriodicExportingMetricReader:
    return PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=500)


def _drive(breaker: CircuitBreaker, calls: int, outage: range) -> None:
    tracer = trace.get_tracer("traffic")
    started = time.monotonic()

    @breaker
    def call(number: int) -> None:
        if number in outage or not (number + 1) % FAILURE_EVERY:
            raise ConnectionError

    for number in range(calls):
        time.sleep(max(0.0, started + number / PACE - time.monotonic()))
        with tracer.start_as_current_span("request"), suppress(ConnectionError, CircuitOpenError):
            call(number)


def _hang(breaker: CircuitBreaker) -> None:
    """One call hangs; the admission of the next one opens the circuit, and it is refused, as are some more."""
    tracer = trace.get_tracer("traffic")
    entered = threading.Event()

    def call() -> None:
        with tracer.start_as_current_span("request"), breaker.guard():
            entered.set()
            time.sleep(HANG_SECONDS)

    hanging = threading.Thread(target=call)
    hanging.start()
    entered.wait()
    time.sleep(HANG_SECONDS / 2)
    for _ in range(REFUSED):
        with tracer.start_as_current_span("request"), suppress(CircuitOpenError), breaker.guard():
            pass
    hanging.join()


def _facts(span: ReadableSpan) -> dict[str, object]:
    attributes = span.attributes or {}
    return {
        "trace": f"{span.context.trace_id:032x}",
        "outcome": attributes["circuit_breaker.call.outcome"],
        "state": attributes["circuit_breaker.state"],
        "state_change_to": attributes.get("circuit_breaker.state_change.to"),
        "slow": attributes.get("circuit_breaker.call.slow", False),
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
    }


if __name__ == "__main__":
    main()
