"""What the files and samples of a run say: how the circuit moved, what one refusal tells, what customers felt.

Pure: from records to records. Printing them is `story`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from examples.checkout.load import Sample
from examples.checkout.operator import AFTER, SETTING
from examples.checkout.run import Run
from examples.checkout.schedule import Phase
from otel_breaker_cli.otlp import Attributes, DataPoint, Span

OUTCOME = "circuit_breaker.call.outcome"
STATE_CHANGE = "circuit_breaker.state_change"
THRESHOLD = "circuit_breaker.threshold"


@dataclass(frozen=True)
class ExportedStateChange:
    time: int
    from_state: str
    to_state: str
    reason: str
    evidence: Attributes


@dataclass(frozen=True)
class Refusal:
    """A call that was refused and the call that its span links to: the one that opened the circuit."""

    span: Span
    trace: list[Span]
    cause: Span
    cause_trace: list[Span]

    @property
    def seconds_after_cause(self) -> float:
        return (self.span.start - self.cause.end) / 1e9


@dataclass(frozen=True)
class Impact:
    """What the outage did to those who came while it lasted."""

    checkout_p50: float
    checkout_p99: float
    checkouts: int
    checkouts_failed: int
    products_p50: float
    provider_requests: int


def state_changes(spans: Iterable[Span]) -> list[ExportedStateChange]:
    found = [
        ExportedStateChange(
            event.time,
            event.attributes[f"{STATE_CHANGE}.from"],
            event.attributes[f"{STATE_CHANGE}.to"],
            event.attributes[f"{STATE_CHANGE}.reason"],
            event.attributes,
        )
        for span in spans
        for event in span.events
        if event.name == STATE_CHANGE
    ]
    return sorted(found, key=lambda change: change.time)


def refusal(spans: Sequence[Span]) -> Refusal | None:
    """One refusal to look at: from the middle of the first opening that has any whose cause is in the files too."""
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    refused: dict[tuple[str, str], list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        if span.attributes.get(OUTCOME) == "rejected":
            for link in span.links:
                refused.setdefault((link.trace_id, link.span_id), []).append(span)
    known = next((cause for cause in refused if cause in by_id), None)
    if known is None:
        return None
    cause, those = by_id[known], refused[known]
    span = those[len(those) // 2]
    return Refusal(span, _trace(spans, span), cause, _trace(spans, cause))


def calls(points: Iterable[DataPoint]) -> dict[str, int]:
    """The last count of each outcome; the counters are cumulative."""
    return {
        str(point.attributes[OUTCOME]): int(point.value) for point in points if point.metric == "circuit_breaker.calls"
    }


def missing(changes: Sequence[ExportedStateChange], refusal: Refusal | None, calls: Mapping[str, int]) -> str | None:
    """Why this run does not tell the story, if it does not."""
    if not any(change.to_state == "open" for change in changes):
        return "The circuit never opened"
    if not any(change.evidence.get(THRESHOLD) == AFTER for change in changes):
        return f"No circuit opened at the operator's {SETTING}"
    if changes[-1].to_state != "closed":
        return "The circuit opened but did not close again"
    if refusal is None:
        return "No refused call links to what opened the circuit"
    if not calls.get("rejected"):
        return "The metric circuit_breaker.calls counts no refusal"
    return None


def impact(run: Run) -> Impact:
    during = [sample for sample in run.samples if run.schedule.phase(sample.at) is Phase.DOWN]
    checkouts = [sample for sample in during if sample.path == "/checkout"]
    return Impact(
        checkout_p50=percentile(_latencies(during, "/checkout"), 0.50),
        checkout_p99=percentile(_latencies(during, "/checkout"), 0.99),
        checkouts=len(checkouts),
        checkouts_failed=sum(not sample.ok for sample in checkouts),
        products_p50=percentile(_latencies(during, "/products"), 0.50),
        provider_requests=run.provider_requests[Phase.DOWN],
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: always one of the values."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _latencies(samples: Iterable[Sample], path: str) -> list[float]:
    return [sample.seconds for sample in samples if sample.path == path]


def _trace(spans: Iterable[Span], member: Span) -> list[Span]:
    return sorted((span for span in spans if span.trace_id == member.trace_id), key=lambda span: span.start)
