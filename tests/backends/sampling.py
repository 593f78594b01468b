"""Ten thousand traces with an outage inside, through all files at once: what is kept, and are the counts whole?

The traffic exports its metrics with delta temporality, and says itself what truly happened.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otel_breaker_cli.otlp import Span
from tests.backends import ask
from tests.backends.answers import Answer
from tests.backends.configurations import GATEWAY, OVERLAYS, traffic
from tests.backends.demo import SOON, counts
from tests.backends.files import records
from tests.backends.servers import BackEnds, Collector

CALLS, OUTAGE = 10_000, range(4_000, 6_000)
JOB = "traffic"
KEEP = Path(__file__).with_name("keep.yaml")


def checks(folder: Path, ends: BackEnds) -> Iterator[Answer]:
    collector = Collector("sampling", folder, [GATEWAY, *OVERLAYS, KEEP], ends)
    with collector.running():
        settings = {
            "OTEL_SERVICE_NAME": JOB,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "OTEL_BREAKER_DURATION_HISTOGRAM": "true",
        }
        truth = traffic(collector.url, CALLS, OUTAGE, settings)
        yield from _counted(ends.prometheus.url, truth)
    # Ended, it has decided about every trace.
    yield from _kept(truth["spans"], list(_breaker_spans(collector.kept)))


def _counted(url: str, truth: dict[str, Any]) -> Iterator[Answer]:
    for claim, metric, label, expected in (
        ("deltatocumulative: delta counts come out whole", "calls_total", "call_outcome", truth["calls"]),
        ("and the histogram's", "call_duration_seconds_count", "call_outcome", truth["calls"]),
        ("spanmetrics.yaml counts each call before sampling", "spans_calls_total", "call_outcome", truth["calls"]),
        ("events-to-metrics.yaml counts each move", "events_state_changes_total", "state_change_to", truth["moves"]),
    ):
        query = f'sum by (circuit_breaker_{label}) (circuit_breaker_{metric}{{job="{JOB}"}})'
        wanted = {name: count for name, count in sorted(expected.items()) if count}

        def seen(query: str = query, label: str = f"circuit_breaker_{label}") -> dict[str, float]:
            return ask.by_label(ask.prometheus(url, query), label)

        answer = ask.eventually(seen, wanted.__eq__, SOON)
        yield Answer(claim, "prometheus", query, f"{counts(answer)}; truly: {counts(wanted)}", answer == wanted)


def _kept(spans: list[dict[str, Any]], kept: list[Span]) -> Iterator[Answer]:
    traces = {span.trace_id for span in kept}
    for kind, needed in (
        ("state change", {span["trace"] for span in spans if span["moved_to"]}),
        ("probe", {span["trace"] for span in spans if _is_probe(span)}),
        ("failed or slow call, which a link may lead to", {span["trace"] for span in spans if _has_failed(span)}),
    ):
        lost = needed - traces
        yield _of_file(
            f"Tail sampling loses no {kind}", f"{len(needed)} needed, {len(lost)} lost", bool(needed) and not lost
        )
    refused = [span for span in kept if span.attributes["circuit_breaker.call.outcome"] == "rejected"]
    nowhere = [span for span in refused if not any(link.trace_id in traces for link in span.links)]
    yield _of_file(
        "Tail sampling keeps what each kept refusal links to",
        f"{len(refused)} kept refusals, {len(nowhere)} lead nowhere",
        bool(refused) and not nowhere,
    )
    totals = Counter(_share_of(span) for span in spans)
    of = Counter(_share_of(span) for span in spans if span["trace"] in traces)
    shares = {name: of[name] / totals[name] for name in ("refused", "the rest")}
    yield _of_file(
        "Tail sampling keeps a share of refusals and of the rest",
        ", ".join(f"{of[name]} of {totals[name]} {name}" for name in shares),
        0 < shares["refused"] < 0.2 and 0.02 < shares["the rest"] < 0.1,  # 10 and 5 per cent, by chance
    )


def _of_file(claim: str, answer: str, holds: bool) -> Answer:
    return Answer(claim, "otelcol", f"the kept of {CALLS} traces", answer, holds)


def _breaker_spans(file: Path) -> Iterator[Span]:
    return (span for span in records(file, Span) if span.source.scope == "otel_breaker")


def _is_probe(span: dict[str, Any]) -> bool:
    return bool(span["state"] == "half_open" and span["outcome"] != "rejected")


def _has_failed(span: dict[str, Any]) -> bool:
    return bool(span["outcome"] == "failure" or span["slow"])


def _share_of(span: dict[str, Any]) -> str:
    if span["moved_to"] or _is_probe(span) or _has_failed(span):
        return "needed"
    return "refused" if span["outcome"] == "rejected" else "the rest"
