"""The counts of a breaker, as tests of guards compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_breaker import CircuitBreaker


def counted(breaker: CircuitBreaker) -> dict[str, int]:
    """Calls by outcome, without the outcomes that no call had."""
    return {outcome: count for outcome, count in breaker.snapshot().calls.items() if count}
