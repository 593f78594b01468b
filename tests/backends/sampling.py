"""Sends ten thousand traces with an outage through all files at once, and checks traces and counts.

The traffic exports its metrics with delta temporality, and prints the calls and spans that it recorded itself.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otel_breaker_cli.otlp import Span
from tests.backends import queries
from tests.backends.check_results import CheckResult
from tests.backends.configurations import GATEWAY, OVERLAYS, traffic
from tests.backends.demo import TIMEOUT, counts
from tests.backends.files import records
from tests.backends.servers import BackEnds, Collector

CALLS, OUTAGE = 10_000, range(4_000, 6_000)
JOB = "traffic"
KEEP = Path(__file__).with_name("keep.yaml")


def checks(folder: Path, ends: BackEnds) -> Iterator[CheckResult]:
    collector = Collector("sampling", folder, [GATEWAY, *OVERLAYS, KEEP], ends)
    with collector.running():
        settings = {
            "OTEL_SERVICE_NAME": JOB,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "OTEL_BREAKER_DURATION_HISTOGRAM": "true",
        }
        truth = traffic(collector.url, CALLS, OUTAGE, settings)
        yield from _counted(ends.prometheus.url, truth)
    # The ended Collector has decided about every trace.
    yield from _kept(truth["spans"], list(_breaker_spans(collector.kept)))


def _counted(url: str, truth: dict[str, Any]) -> Iterator[CheckResult]:
    for claim, metric, label, expected in (
        ("deltatocumulative: delta counts are complete", "calls_total", "call_outcome", truth["calls"]),
        ("and so are the histogram's", "call_duration_seconds_count", "call_outcome", truth["calls"]),
        ("spanmetrics.yaml counts each call before sampling", "spans_calls_total", "call_outcome", truth["calls"]),
        (
            "events-to-metrics.yaml counts each state change",
            "events_state_changes_total",
            "state_change_to",
            truth["state_changes"],
        ),
    ):
        query = f'sum by (circuit_breaker_{label}) (circuit_breaker_{metric}{{job="{JOB}"}})'
        counted = {name: count for name, count in sorted(expected.items()) if count}

        def seen(query: str = query, label: str = f"circuit_breaker_{label}") -> dict[str, float]:
            return queries.by_label(queries.prometheus(url, query), label)

        answer = queries.eventually(seen, counted.__eq__, TIMEOUT)
        yield CheckResult(
            claim, "prometheus", query, f"{counts(answer)}; recorded: {counts(counted)}", answer == counted
        )


def _kept(spans: list[dict[str, Any]], kept: list[Span]) -> Iterator[CheckResult]:
    traces = {span.trace_id for span in kept}
    for kind, needed in (
        ("state change", {span["trace"] for span in spans if span["state_change_to"]}),
        ("probe", {span["trace"] for span in spans if _is_probe(span)}),
        ("failed or slow call, which a link may lead to", {span["trace"] for span in spans if _has_failed(span)}),
    ):
        missing = needed - traces
        yield _of_file(
            f"Tail sampling loses no {kind}", f"{len(needed)} needed, {len(missing)} lost", bool(needed) and not missing
        )
    refused = [span for span in kept if span.attributes["circuit_breaker.call.outcome"] == "rejected"]
    dangling = [span for span in refused if not any(link.trace_id in traces for link in span.links)]
    yield _of_file(
        "Tail sampling keeps what each kept refusal links to",
        f"{len(refused)} kept refusals, {len(dangling)} with a dangling link",
        bool(refused) and not dangling,
    )
    totals = Counter(_category(span) for span in spans)
    kept_counts = Counter(_category(span) for span in spans if span["trace"] in traces)
    shares = {name: kept_counts[name] / totals[name] for name in ("refused", "the rest")}
    yield _of_file(
        "Tail sampling keeps a share of refusals and of the rest",
        ", ".join(f"{kept_counts[name]} of {totals[name]} {name}" for name in shares),
        0 < shares["refused"] < 0.2 and 0.02 < shares["the rest"] < 0.1,  # 10 and 5 per cent, by chance
    )


def _of_file(claim: str, answer: str, holds: bool) -> CheckResult:
    return CheckResult(claim, "otelcol", f"the kept of {CALLS} traces", answer, holds)


def _breaker_spans(file: Path) -> Iterator[Span]:
    return (span for span in records(file, Span) if span.source.scope == "otel_breaker")


def _is_probe(span: dict[str, Any]) -> bool:
    return bool(span["state"] == "half_open" and span["outcome"] != "rejected")


def _has_failed(span: dict[str, Any]) -> bool:
    return bool(span["outcome"] == "failure" or span["slow"])


def _category(span: dict[str, Any]) -> str:
    if span["state_change_to"] or _is_probe(span) or _has_failed(span):
        return "needed"
    return "refused" if span["outcome"] == "rejected" else "the rest"
