"""The path of promtool, if it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.backends.programs import binary, named

if TYPE_CHECKING:
    from pathlib import Path


def promtool() -> Path | None:
    found = binary(named("promtool"))
    return found if found.is_file() else None
