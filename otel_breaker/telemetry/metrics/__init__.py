"""The metrics of circuits: observable instruments, so that a guarded call does not pay for them.

A collection reads the circuits' own counters and sums them by name; the counts of dropped circuits stay in the sums.
`registry` holds the names and the meters, `aggregates` the sums of one name, `series` defines the series of each
metric, `instruments` answers the SDK.
"""

from otel_breaker.telemetry.metrics.registry import METRIC_REGISTRY, MetricRegistry

__all__ = ["METRIC_REGISTRY", "MetricRegistry"]
