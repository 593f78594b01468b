"""The names of the requests whose calls are shown: one for each trace that is tracked.

A trace is named after its root, or after its first server or consumer span where the root is in no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_breaker_cli.incident.wording import safe_text

if TYPE_CHECKING:
    from otel_breaker_cli.otlp import Span

_ENTRY_KINDS: Final = ("server", "consumer")
_ROOT: Final = -1
"""The rank of a root; that of any other span is its start."""


class RequestNames:
    """Keeps nothing of a trace before it is tracked, so that memory does not grow with the number of spans."""

    def __init__(self) -> None:
        self._tracked: dict[str, tuple[int, str] | None] = {}

    def track(self, trace_id: str) -> None:
        if trace_id:
            self._tracked.setdefault(trace_id, None)

    def add(self, span: Span) -> None:
        """Take a span, and name its trace after it if it is the best one so far."""
        if span.trace_id not in self._tracked or (span.parent_id and span.kind not in _ENTRY_KINDS):
            return
        rank = span.start if span.parent_id else _ROOT
        known = self._tracked[span.trace_id]
        if known is None or rank < known[0]:
            self._tracked[span.trace_id] = (rank, safe_text(span.name))

    @property
    def is_incomplete(self) -> bool:
        """Whether a tracked trace has no root yet; the root may have come before the trace was tracked."""
        return any(entry is None or entry[0] != _ROOT for entry in self._tracked.values())

    @property
    def by_trace(self) -> dict[str, str]:
        return {trace_id: entry[1] for trace_id, entry in self._tracked.items() if entry is not None}
