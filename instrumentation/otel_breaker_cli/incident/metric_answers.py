"""Answers of a person on call that are in the metrics; oncall_questions.py has the questions.

An answer is a list of lines without markup; where the files do not hold the answer, a line states that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from otel_breaker.core.states import Outcome, RejectionReason
from otel_breaker.telemetry import names
from otel_breaker_cli.incident import descriptions, wording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker_cli.incident.model import Incident, MetricSeries, ServiceInstance


def how_near_to_tripping(incident: Incident) -> list[str]:
    ratios = sorted(_series(incident, names.METRIC_TRIP_RATIO), key=lambda series: -series.last)
    return [
        f"{_breaker(series)}: {series.last:.0%} of the way in the last export, {series.peak:.0%} at most"
        for series in ratios
    ] or [f"There is no {names.METRIC_TRIP_RATIO} in these files."]


def did_shadow_help(incident: Incident) -> list[str]:
    by_breaker: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for series in _series(incident, names.METRIC_SHADOW_CALLS):
        by_breaker[_breaker(series)][str(series.attributes.get(names.CALL_OUTCOME))] += int(series.last)
    return [
        f"{breaker}: it would have spared {spared:,} calls that failed, and refused {lost:,} that succeeded"
        for breaker, outcomes in sorted(by_breaker.items())
        if (spared := outcomes[Outcome.FAILURE.value]) + (lost := outcomes[Outcome.SUCCESS.value])
    ] or ["No breaker in shadow mode would have refused a call in these files."]


def which_targets_are_not_guarded(incident: Incident) -> list[str]:
    by_instance: defaultdict[str, list[str]] = defaultdict(list)
    for series in _series(incident, names.METRIC_TARGETS):
        status = wording.safe_text(series.attributes.get(names.TARGET_STATUS))
        by_instance[wording.instance_name(series.service_instance)].append(f"{series.last:,.0f} {status}")
    return [
        f"{instance}: {', '.join(sorted(counts, key=_status))}" for instance, counts in sorted(by_instance.items())
    ] or [f"There is no {names.METRIC_TARGETS} in these files."]


def does_the_limit_refuse(incident: Incident) -> list[str]:
    in_flight = {_breaker(series): series for series in _series(incident, names.METRIC_CONCURRENCY_IN_FLIGHT)}
    refused = {
        _breaker(series): series.last
        for series in _series(incident, names.METRIC_CALLS)
        if series.attributes.get(names.REJECTION_REASON) == RejectionReason.CONCURRENCY_LIMIT.value
    }
    limits = {_breaker(series): series for series in _series(incident, names.METRIC_CONCURRENCY_LIMIT)}
    lines = []
    for breaker, limit in limits.items():
        calls = f", {in_flight[breaker].peak:,.0f} in flight at most" if breaker in in_flight else ""
        lines.append(
            f"{breaker}: {wording.count(round(refused.get(breaker, 0)), 'call')} refused by the limit of calls in"
            f" flight; it is {limit.last:,.0f} in the last export, {limit.peak:,.0f} at most{calls}"
        )
    for circuit in incident.circuits:
        identity, text = circuit.identity, descriptions.limit_refusals(circuit)
        if text and _breaker_name(identity.name, identity.service_instance) not in limits:
            lines.append(f"{descriptions.full_name(circuit)}: {text}")
    return lines or ["No limit of calls in flight is in these files."]


def _series(incident: Incident, metric: str) -> Iterator[MetricSeries]:
    return (series for series in incident.metric_series if series.metric == metric)


def _breaker(series: MetricSeries) -> str:
    return _breaker_name(wording.safe_text(series.attributes.get(names.NAME)), series.service_instance)


def _breaker_name(name: str, instance: ServiceInstance) -> str:
    return f"{name} of {wording.instance_name(instance)}"


def _status(count: str) -> str:
    """The status in a count such as `3 guarded`."""
    return count.partition(" ")[2]
