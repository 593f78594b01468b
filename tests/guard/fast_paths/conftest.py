"""One path of the guards, and the `Call` objects that are made."""

from __future__ import annotations

from typing import Any

import pytest

from otel_breaker.guard import Call
from tests.guard.fast_paths.paths import PATHS, Path


@pytest.fixture
def path(request: pytest.FixtureRequest) -> Path:
    path = PATHS[request.param]
    if path.traced:
        request.getfixturevalue("spans")
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The `Call` objects that are made."""
    made: list[Call] = []
    before = Call.__init__

    def init(self: Call, *args: Any) -> None:
        made.append(self)
        before(self, *args)

    monkeypatch.setattr(Call, "__init__", init)
    return made
