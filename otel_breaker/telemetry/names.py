"""The name of every attribute, metric and event in use, and nothing else."""

from __future__ import annotations

from typing import Final

SCOPE: Final = "otel_breaker"

NAME: Final = "circuit_breaker.name"
KEY: Final = "circuit_breaker.key"
STATE: Final = "circuit_breaker.state"
MODE: Final = "circuit_breaker.mode"
EPISODE: Final = "circuit_breaker.episode"
RETRY_AFTER: Final = "circuit_breaker.retry_after"
REJECTION_REASON: Final = "circuit_breaker.rejection.reason"
LINK: Final = "circuit_breaker.link"
CALL_OUTCOME: Final = "circuit_breaker.call.outcome"
PROBE_OUTCOME: Final = "circuit_breaker.probe.outcome"
CALL_SLOW: Final = "circuit_breaker.call.slow"
FALLBACK_USED: Final = "circuit_breaker.fallback.used"
SHADOW_REJECTED: Final = "circuit_breaker.shadow.rejected"
STATE_CHANGE_FROM: Final = "circuit_breaker.state_change.from"
STATE_CHANGE_TO: Final = "circuit_breaker.state_change.to"
STATE_CHANGE_REASON: Final = "circuit_breaker.state_change.reason"
TARGET_STATUS: Final = "circuit_breaker.target.status"

CONSECUTIVE_FAILURES: Final = "circuit_breaker.consecutive_failures"
WINDOW_CALLS: Final = "circuit_breaker.window.calls"
WINDOW_FAILURES: Final = "circuit_breaker.window.failures"
WINDOW_SLOW_CALLS: Final = "circuit_breaker.window.slow_calls"
THRESHOLD: Final = "circuit_breaker.threshold"
ERROR_TYPES: Final = "circuit_breaker.error_types"
OPEN_PLANNED_DURATION: Final = "circuit_breaker.open.planned_duration"
OPEN_DURATION: Final = "circuit_breaker.open.duration"
OPEN_REJECTED_CALLS: Final = "circuit_breaker.open.rejected_calls"
OPEN_PROBES: Final = "circuit_breaker.open.probes"

CODE_FUNCTION_NAME: Final = "code.function.name"
ERROR_TYPE: Final = "error.type"

EVENT_STATE_CHANGE: Final = "circuit_breaker.state_change"

METRIC_CALLS: Final = "circuit_breaker.calls"
METRIC_STATE_CHANGES: Final = "circuit_breaker.state_changes"
METRIC_STATUS: Final = "circuit_breaker.status"
METRIC_PROBES: Final = "circuit_breaker.probes"
METRIC_TRIP_RATIO: Final = "circuit_breaker.trip_ratio"
METRIC_SHADOW_CALLS: Final = "circuit_breaker.shadow.calls"
METRIC_CONCURRENCY_LIMIT: Final = "circuit_breaker.concurrency.limit"
METRIC_CONCURRENCY_IN_FLIGHT: Final = "circuit_breaker.concurrency.in_flight"
METRIC_CALL_DURATION: Final = "circuit_breaker.call.duration"
METRIC_STATE_TIME: Final = "circuit_breaker.state.time"
METRIC_TARGETS: Final = "circuit_breaker.targets"
