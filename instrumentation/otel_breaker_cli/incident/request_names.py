"""The names of the requests behind calls that matter: one for each trace that somebody wants to know of.

A trace is named after its root, or after the server's span that began first where the root is in no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_breaker_cli.incident.wording import safe_text

if TYPE_CHECKING:
    from otel_breaker_cli.otlp import Span

_ENTRIES: Final = ("server", "consumer")
_ROOT: Final = -1


class RequestNames:
    """What traces are about; remembers nothing of a trace before it is wanted."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str] | None] = {}

    def track(self, trace_id: str) -> None:
        if trace_id:
            self._found.setdefault(trace_id, None)

    def add(self, span: Span) -> None:
        """Look at a span: is it what a wanted trace is about?"""
        if span.trace_id not in self._found or (span.parent_id and span.kind not in _ENTRIES):
            return
        rank = span.start if span.parent_id else _ROOT
        known = self._found[span.trace_id]
        if known is None or rank < known[0]:
            self._found[span.trace_id] = (rank, safe_text(span.name))

    @property
    def is_incomplete(self) -> bool:
        """Whether a wanted trace has no root yet; it may have gone by before it was wanted."""
        return any(found is None or found[0] != _ROOT for found in self._found.values())

    @property
    def by_trace(self) -> dict[str, str]:
        return {trace_id: found[1] for trace_id, found in self._found.items() if found is not None}
