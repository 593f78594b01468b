"""The instruments: all observed, so that a guarded call pays nothing for them.

What is shown is read from the circuits' own counts when a reader collects: per name, summed over the circuits of
that name (figures.py), and what a dropped circuit has counted stays in the sums. `ledger` knows the names, `series`
says which series each metric has, `instruments` answers the SDK.
"""

from otel_breaker.telemetry.metrics.registry import METRIC_REGISTRY, MetricRegistry

__all__ = ["METRIC_REGISTRY", "MetricRegistry"]
