"""Checks the demo's outage in each back end: Jaeger, Tempo, Prometheus and the file of log events.

The expected values come from the shop's own files, its customers and its payment provider, not from a back end.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from examples.checkout import results
from examples.checkout.results import Refusal
from examples.checkout.run import Run
from otel_breaker_cli.otlp import LogRecord, Span
from tests.backends import queries
from tests.backends.check_results import CheckResult
from tests.backends.files import records, run_calls, run_spans
from tests.backends.queries import Json, eventually
from tests.backends.servers import BackEnds, Collector

REJECTED = {"circuit_breaker.call.outcome": "rejected"}
OPENED = {"circuit_breaker.state_change.to": "open"}
TIMEOUT = 30.0
"""Seconds until a trace must be found: Tempo searches only traces that were idle for a while."""

METRICS = (
    "circuit_breaker_calls_total",
    "circuit_breaker_probes_total",
    "circuit_breaker_state_changes_total",
    "circuit_breaker_state_time_seconds_total",
    "circuit_breaker_status",
    "circuit_breaker_targets",
    "circuit_breaker_trip_ratio",
)


def checks(run: Run, ends: BackEnds, collector: Collector) -> Iterator[CheckResult]:
    spans, calls = run_spans(run), run_calls(run)
    refusal = results.refusal(spans)
    if problem := results.missing(results.state_changes(spans), refusal, calls):
        yield CheckResult("the demo is complete", "shop", str(run.folder), problem, holds=False)
    if refusal:
        yield from _jaeger(ends.jaeger.url, spans, refusal)
        yield from _tempo(ends.tempo.url, spans, refusal)
    yield from _prometheus(ends.prometheus.url, run, calls)
    yield _events(collector.events, len(results.state_changes(spans)))
    status = queries.health(collector.health)
    yield CheckResult(
        "gateway.yaml reports its health to an orchestrator", "otelcol", "GET /", status, "available" in status
    )


def _jaeger(url: str, spans: list[Span], refusal: Refusal) -> Iterator[CheckResult]:
    for claim, tags in (("finds each refused call", REJECTED), ("finds each trip and relapse", OPENED)):
        expected = len(_having(spans, tags))

        def found(tags: dict[str, str] = tags) -> int:
            traces = queries.jaeger(url, "shop", tags)
            return sum(_tags(span).items() >= tags.items() for trace in traces for span in trace["spans"])

        yield _count(f"Jaeger {claim} by tag", "jaeger", _logfmt(tags), found, expected)
    cause = {span["spanID"]: span for span in queries.jaeger_trace(url, refusal.cause.trace_id)}
    tree = _ancestry(cause, refusal.cause.span_id)
    query = f"/api/traces/{refusal.cause.trace_id}"
    yield CheckResult(
        "Jaeger shows the tree of a guarded call",
        "jaeger",
        query,
        " > ".join(tree),
        holds=tree == ["POST /checkout", "circuit_breaker payments", "POST"],
    )
    refused = {span["spanID"]: span for span in queries.jaeger_trace(url, refusal.span.trace_id)}
    links = [
        link
        for link in refused.get(refusal.span.span_id, {}).get("references", ())
        if link["refType"] == "FOLLOWS_FROM"
    ]
    linked_spans = [_tags(cause.get(link["spanID"], {"tags": []})) for link in links]
    yield CheckResult(
        "Jaeger: a refused call's link leads to the call that opened the circuit",
        "jaeger",
        f"/api/traces/{refusal.span.trace_id}",
        f"FOLLOWS_FROM {', '.join(link['spanID'] for link in links)}, where circuit_breaker.state_change.to=open",
        holds=len(linked_spans) == 1 and linked_spans[0].items() >= OPENED.items(),
    )


def _tempo(url: str, spans: list[Span], refusal: Refusal) -> Iterator[CheckResult]:
    cause = (
        f'{{ span.circuit_breaker.episode = "{refusal.span.attributes["circuit_breaker.episode"]}" '
        '&& span.circuit_breaker.state_change.to = "open" && span.circuit_breaker.state = "closed" }'
    )
    for claim, query, expected in (
        (
            "Tempo finds each refused call",
            '{ span.circuit_breaker.call.outcome = "rejected" }',
            len(_having(spans, REJECTED)),
        ),
        (
            "Tempo finds each state change by its event",
            '{ event:name = "circuit_breaker.state_change" }',
            sum(any(event.name == results.STATE_CHANGE for event in span.events) for span in spans),
        ),
        (
            "Tempo finds each trip and relapse by its event",
            '{ event.circuit_breaker.state_change.to = "open" }',
            len(_having(spans, OPENED)),
        ),
        ("Tempo joins a refused call to its cause by the episode", cause, 1),
    ):

        def found(query: str = query) -> int:
            return sum(trace["spanSet"]["matched"] for trace in queries.tempo(url, query))

        yield _count(claim, "tempo", query, found, expected)


def _prometheus(url: str, run: Run, calls: dict[str, int]) -> Iterator[CheckResult]:
    query = 'count by (__name__) ({__name__=~"circuit_breaker_.+", job="shop"})'
    names = eventually(
        lambda: tuple(queries.by_label(queries.prometheus(url, query), "__name__")),
        lambda names: names == METRICS,
        TIMEOUT,
    )
    yield CheckResult(
        "Prometheus holds each metric of a breaker that enforces, under its documented name",
        "prometheus",
        query,
        "\n".join(names),
        names == METRICS,
    )
    yield agreement("Prometheus agrees with the breaker, to the last call", url, run, calls)
    admitted = calls["success"] + calls["failure"]
    provider = sum(run.provider_requests.values())
    yield CheckResult(
        "The payment provider got as many requests as calls were admitted",
        "provider",
        "GET /requests",
        f"{provider} requests, {admitted} calls",
        holds=provider == admitted,
    )


def agreement(claim: str, url: str, run: Run, calls: dict[str, int]) -> CheckResult:
    """Whether Prometheus has the counts of a run's breaker, as in the shop's own file."""
    expected = {outcome: count for outcome, count in sorted(calls.items()) if count}
    query = (
        "sum by (circuit_breaker_call_outcome) (circuit_breaker_calls_total"
        f' * on (job, instance) group_left () target_info{{demo_run="{run.folder.name}"}})'
    )
    seen = eventually(
        lambda: queries.by_label(queries.prometheus(url, query), "circuit_breaker_call_outcome"),
        lambda seen: seen == expected,
        TIMEOUT,
    )
    return CheckResult(claim, "prometheus", query, f"{counts(seen)}; the breaker: {counts(expected)}", seen == expected)


def _events(file: Path, expected: int) -> CheckResult:
    def kept_events() -> int:
        return sum(log.event_name == results.STATE_CHANGE for log in records(file, LogRecord))

    claim = "gateway.yaml keeps each log event"
    return _count(claim, "otelcol", f"{file.name}: eventName = {results.STATE_CHANGE}", kept_events, expected)


def _count(claim: str, program: str, query: str, query_count: Callable[[], int], expected: int) -> CheckResult:
    started = time.monotonic()
    found = eventually(query_count, lambda found: found == expected, TIMEOUT)
    waited = time.monotonic() - started
    return CheckResult(claim, program, query, f"{found} of {expected}, {waited:.0f} s later", found == expected)


def _having(spans: list[Span], attributes: dict[str, str]) -> list[Span]:
    return [span for span in spans if span.attributes.items() >= attributes.items()]


def _tags(span: Json) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def _ancestry(spans: dict[str, Json], span_id: str) -> list[str]:
    """The names of the spans from the root to this one, and of its first child."""
    names = [span["operationName"] for span in spans.values() if _parent(span) == span_id][:1]
    while span := spans.get(span_id):
        names.insert(0, span["operationName"])
        span_id = _parent(span)
    return names


def _parent(span: Json) -> str:
    return next((link["spanID"] for link in span["references"] if link["refType"] == "CHILD_OF"), "")


def _logfmt(tags: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in tags.items())


def counts(counts: dict[str, float] | dict[str, int]) -> str:
    return ", ".join(f"{name} {count:.0f}" for name, count in counts.items()) or "nothing"
