"""What answers instead of a refused call."""

from __future__ import annotations

import inspect
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.errors import CircuitOpenError


def bind(fallback: Callable[..., Any], refusal: CircuitOpenError) -> Callable[..., Any]:
    """The fallback, told why it is asked when it has a parameter `refusal`."""
    return partial(fallback, refusal=refusal) if _wants_reason(fallback) else fallback


@lru_cache(maxsize=1_000)
def _wants_reason(fallback: Callable[..., Any]) -> bool:
    try:
        return "refusal" in inspect.signature(fallback).parameters
    except (TypeError, ValueError):
        return False  # a callable of C does not always tell
