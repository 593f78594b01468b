"""Configuration files as the instrumentor reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker_instrumentation.files import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_file(name: str) -> Mapping[str, object]:
    return parse(read_text(name), name)
