"""The results of a run, from its files and samples: state changes, one refusal with its cause, the impact on customers.

Pure functions from records to records; `report` prints them.
"""

import math
from collections import Counter
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
    """A state change, as the event of a span has it."""

    time: int
    from_state: str
    to_state: str
    reason: str
    evidence: Attributes


@dataclass(frozen=True)
class Refusal:
    """A refused call, and the call that its span links to, which opened the circuit."""

    span: Span
    trace: list[Span]
    cause: Span
    cause_trace: list[Span]

    @property
    def seconds_after_cause(self) -> float:
        return (self.span.start - self.cause.end) / 1e9


@dataclass(frozen=True)
class Impact:
    """What customers and the provider experienced during the outage."""

    checkout_p50: float
    checkout_p99: float
    checkouts: int
    checkouts_failed: int
    products_p50: float
    provider_requests: int


def state_changes(spans: Iterable[Span]) -> list[ExportedStateChange]:
    changes = [
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
    return sorted(changes, key=lambda change: change.time)


def refusal(spans: Sequence[Span]) -> Refusal | None:
    """One refusal: from the middle of the first opening whose cause is in the files and that refused any call."""
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    refused: dict[tuple[str, str], list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        if span.attributes.get(OUTCOME) == "rejected":
            for link in span.links:
                refused.setdefault((link.trace_id, link.span_id), []).append(span)
    cause_id = next((cause for cause in refused if cause in by_id), None)
    if cause_id is None:
        return None
    cause, refusals = by_id[cause_id], refused[cause_id]
    span = refusals[len(refusals) // 2]
    return Refusal(span, _trace(spans, span), cause, _trace(spans, cause))


def calls(points: Iterable[DataPoint]) -> dict[str, int]:
    """The last count of each outcome; the counters are cumulative, and refused calls have one for each reason."""
    last = {
        tuple(sorted(point.attributes.items())): point for point in points if point.metric == "circuit_breaker.calls"
    }
    counts: Counter[str] = Counter()
    for point in last.values():
        counts[str(point.attributes[OUTCOME])] += int(point.value)
    return dict(counts)


def missing(changes: Sequence[ExportedStateChange], refusal: Refusal | None, calls: Mapping[str, int]) -> str | None:
    """The first result that the run lacks; None when it is complete."""
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
