"""Fixtures for the tests of applications that use breakers; pytest loads them where otel-breaker is installed.

pytest loads this module in every project, so otel_breaker is imported only when a fixture is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.testing import FakeClock


@pytest.fixture
def breaker_clock() -> Iterator[FakeClock]:
    """One clock for all breakers during the test: `breaker_clock.advance(seconds)`."""
    from otel_breaker.testing import fake_clock  # noqa: PLC0415  # see above

    with fake_clock() as clock:
        yield clock


@pytest.fixture
def no_breakers() -> Iterator[None]:
    """All breakers off during the test."""
    from otel_breaker.testing import breakers_off  # noqa: PLC0415  # see above

    with breakers_off():
        yield


@pytest.fixture
def fresh_breakers() -> Iterator[None]:
    """All breakers closed, with no count and no settings from code, before and after the test."""
    from otel_breaker.testing import reset  # noqa: PLC0415  # see above

    reset()
    yield
    reset()
