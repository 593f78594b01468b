"""Each document is read in a process of its own; its tests share one, so each begins without named breakers."""

from __future__ import annotations

import pytest

from otel_breaker.registry import REGISTRY


@pytest.fixture(autouse=True)
def no_named_breakers() -> None:
    """The examples of several documents name the same breakers, and assert their counts."""
    REGISTRY.clear()
