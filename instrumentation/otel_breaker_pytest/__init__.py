"""Fixtures for the tests of applications that use breakers; pytest finds them where otel-breaker is installed.

pytest loads this in every project, so nothing is imported here that a project without breakers would pay for.
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
    """All breakers closed and forgotten before and after the test."""
    from otel_breaker.testing import reset  # noqa: PLC0415  # see above

    reset()
    yield
    reset()
