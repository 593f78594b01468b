"""The demo's outage, asked of each back end: Jaeger, Tempo, Prometheus and the file of log events.

What is true is read from the shop's own files, its customers and its payment provider, which none of them has seen.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from examples.checkout import results
from examples.checkout.results import Refusal
from examples.checkout.run import Run
from otel_breaker_cli.otlp import LogRecord, Span
from tests.backends import ask
from tests.backends.answers import Answer
from tests.backends.ask import Json, eventually
from tests.backends.files import records, run_calls, run_spans
from tests.backends.servers import BackEnds, Collector

REJECTED = {"circuit_breaker.call.outcome": "rejected"}
OPENED = {"circuit_breaker.state_change.to": "open"}
SOON = 30.0
"""Seconds until a trace must be found: Tempo searches what has been idle for a while."""

METRICS = (
    "circuit_breaker_calls_total",
    "circuit_breaker_probes_total",
    "circuit_breaker_shadow_calls_total",
    "circuit_breaker_state_changes_total",
    "circuit_breaker_state_time_seconds_total",
    "circuit_breaker_status",
    "circuit_breaker_targets",
    "circuit_breaker_trip_ratio",
)


def checks(run: Run, ends: BackEnds, collector: Collector) -> Iterator[Answer]:
    spans, calls = run_spans(run), run_calls(run)
    refusal = results.refusal(spans)
    if problem := results.missing(results.state_changes(spans), refusal, calls):
        yield Answer("the demo tells its story", "shop", str(run.folder), problem, holds=False)
    if refusal:
        yield from _jaeger(ends.jaeger.url, spans, refusal)
        yield from _tempo(ends.tempo.url, spans, refusal)
    yield from _prometheus(ends.prometheus.url, run, calls)
    yield _events(collector.events, len(results.state_changes(spans)))
    status = ask.health(collector.health)
    yield Answer(
        "gateway.yaml tells an orchestrator that it is well", "otelcol", "GET /", status, "available" in status
    )


def _jaeger(url: str, spans: list[Span], refusal: Refusal) -> Iterator[Answer]:
    for claim, tags in (("finds each refused call", REJECTED), ("finds each trip and relapse", OPENED)):
        expected = len(_having(spans, tags))

        def found(tags: dict[str, str] = tags) -> int:
            traces = ask.jaeger(url, "shop", tags)
            return sum(_tags(span).items() >= tags.items() for trace in traces for span in trace["spans"])

        yield _count(f"Jaeger {claim} by tag", "jaeger", _logfmt(tags), found, expected)
    cause = {span["spanID"]: span for span in ask.jaeger_trace(url, refusal.cause.trace_id)}
    tree = _ancestry(cause, refusal.cause.span_id)
    query = f"/api/traces/{refusal.cause.trace_id}"
    yield Answer(
        "Jaeger shows the tree of a guarded call",
        "jaeger",
        query,
        " > ".join(tree),
        holds=tree == ["POST /checkout", "circuit_breaker payments", "POST"],
    )
    refused = {span["spanID"]: span for span in ask.jaeger_trace(url, refusal.span.trace_id)}
    links = [
        one for one in refused.get(refusal.span.span_id, {}).get("references", ()) if one["refType"] == "FOLLOWS_FROM"
    ]
    led_to = [_tags(cause.get(one["spanID"], {"tags": []})) for one in links]
    yield Answer(
        "Jaeger: a refused call's link leads to the call that opened the circuit",
        "jaeger",
        f"/api/traces/{refusal.span.trace_id}",
        f"FOLLOWS_FROM {', '.join(one['spanID'] for one in links)}, where circuit_breaker.state_change.to=open",
        holds=len(led_to) == 1 and led_to[0].items() >= OPENED.items(),
    )


def _tempo(url: str, spans: list[Span], refusal: Refusal) -> Iterator[Answer]:
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
            return sum(trace["spanSet"]["matched"] for trace in ask.tempo(url, query))

        yield _count(claim, "tempo", query, found, expected)


def _prometheus(url: str, run: Run, calls: dict[str, int]) -> Iterator[Answer]:
    query = 'count by (__name__) ({__name__=~"circuit_breaker_.+", job="shop"})'
    names = eventually(
        lambda: tuple(ask.by_label(ask.prometheus(url, query), "__name__")), lambda names: names == METRICS, SOON
    )
    yield Answer(
        "Prometheus holds each metric under its documented name",
        "prometheus",
        query,
        "\n".join(names),
        names == METRICS,
    )
    yield agreement("Prometheus agrees with the breaker, to the last call", url, run, calls)
    asked = calls["success"] + calls["failure"]
    provider = sum(run.provider_requests.values())
    yield Answer(
        "The payment provider was asked as often as calls were let through",
        "provider",
        "GET /requests",
        f"{provider} requests, {asked} calls",
        holds=provider == asked,
    )


def agreement(claim: str, url: str, run: Run, calls: dict[str, int]) -> Answer:
    """That Prometheus has the counts of a run's breaker, which are those in the shop's own file."""
    expected = {outcome: count for outcome, count in sorted(calls.items()) if count}
    query = (
        "sum by (circuit_breaker_call_outcome) (circuit_breaker_calls_total"
        f' * on (job, instance) group_left () target_info{{demo_run="{run.folder.name}"}})'
    )
    seen = eventually(
        lambda: ask.by_label(ask.prometheus(url, query), "circuit_breaker_call_outcome"),
        lambda seen: seen == expected,
        SOON,
    )
    return Answer(claim, "prometheus", query, f"{counts(seen)}; the breaker: {counts(expected)}", seen == expected)


def _events(file: Path, expected: int) -> Answer:
    def kept() -> int:
        return sum(log.event_name == results.STATE_CHANGE for log in records(file, LogRecord))

    claim = "gateway.yaml keeps each log event"
    return _count(claim, "otelcol", f"{file.name}: eventName = {results.STATE_CHANGE}", kept, expected)


def _count(claim: str, program: str, query: str, ask_for: Callable[[], int], expected: int) -> Answer:
    started = time.monotonic()
    found = eventually(ask_for, lambda found: found == expected, SOON)
    waited = time.monotonic() - started
    return Answer(claim, program, query, f"{found} of {expected}, {waited:.0f} s later", found == expected)


def _having(spans: list[Span], attributes: dict[str, str]) -> list[Span]:
    return [span for span in spans if span.attributes.items() >= attributes.items()]


def _tags(span: Json) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def _ancestry(spans: dict[str, Json], span_id: str) -> list[str]:
    """The names from the root to this span, and the first of its children."""
    names = [span["operationName"] for span in spans.values() if _parent(span) == span_id][:1]
    while span := spans.get(span_id):
        names.insert(0, span["operationName"])
        span_id = _parent(span)
    return names


def _parent(span: Json) -> str:
    return next((one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"), "")


def _logfmt(tags: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in tags.items())


def counts(counts: dict[str, float] | dict[str, int]) -> str:
    return ", ".join(f"{name} {count:.0f}" for name, count in counts.items()) or "nothing"
