"""What a breaker has counted, as tests of guards compare it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_breaker import CircuitBreaker


def counted(breaker: CircuitBreaker) -> dict[str, int]:
    """Calls by outcome, without outcomes that nothing had."""
    return {outcome: count for outcome, count in breaker.snapshot().calls.items() if count}
