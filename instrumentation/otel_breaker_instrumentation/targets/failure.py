"""Why a target is not guarded, and how that is logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_breaker import diagnostics
from otel_breaker.text import type_name
from otel_breaker_instrumentation.targets.report import Status

if TYPE_CHECKING:
    from otel_breaker_instrumentation.entries import Target


@dataclass(frozen=True)
class TargetFailure:
    """Why a function is not guarded, or none of those that a target names."""

    target: Target
    function: str
    reason: str
    remedy: str
    status: Status = Status.REFUSED
    is_logged: bool = False

    @classmethod
    def unforeseen(cls, target: Target, function: str, error: Exception) -> TargetFailure:
        """For an exception that the application's code raises.

        It is logged here, with its traceback, since the failure does not keep the traceback.
        """
        diagnostics.exception("%s is not guarded: %s", function, target.path)
        reason = f"guarding it raised {type_name(type(error))}"
        return cls(target, function, reason, "name another function", is_logged=True)

    def log(self) -> None:
        """Log it, unless `unforeseen` has."""
        if not self.is_logged:
            diagnostics.error(
                "%s is not guarded: %s: %s: %s", self.function, self.target.path, self.reason, self.remedy
            )
