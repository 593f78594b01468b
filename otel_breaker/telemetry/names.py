"""Every attribute, metric and event name in use, and nothing else."""

from __future__ import annotations

from typing import Final

SCOPE: Final = "otel_breaker"

NAME: Final = "circuit_breaker.name"
KEY: Final = "circuit_breaker.key"
STATE: Final = "circuit_breaker.state"
MODE: Final = "circuit_breaker.mode"
EPISODE: Final = "circuit_breaker.episode"
RETRY_AFTER: Final = "circuit_breaker.retry_after"
LINK: Final = "circuit_breaker.link"
CALL_OUTCOME: Final = "circuit_breaker.call.outcome"
CALL_SLOW: Final = "circuit_breaker.call.slow"
FALLBACK_USED: Final = "circuit_breaker.fallback.used"
SHADOW_REJECTED: Final = "circuit_breaker.shadow.rejected"
STATE_CHANGE_FROM: Final = "circuit_breaker.state_change.from"
STATE_CHANGE_TO: Final = "circuit_breaker.state_change.to"
STATE_CHANGE_REASON: Final = "circuit_breaker.state_change.reason"

CODE_FUNCTION_NAME: Final = "code.function.name"
ERROR_TYPE: Final = "error.type"

EVENT_STATE_CHANGE: Final = "circuit_breaker.state_change"

METRIC_CALLS: Final = "circuit_breaker.calls"
METRIC_STATE_CHANGES: Final = "circuit_breaker.state_changes"
METRIC_STATUS: Final = "circuit_breaker.status"
METRIC_STATE_TIME: Final = "circuit_breaker.state.time"
