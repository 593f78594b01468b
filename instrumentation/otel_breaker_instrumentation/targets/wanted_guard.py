"""A guard that a target asks for: of which function, in which slots, by which breaker. Nothing is guarded here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_breaker.key_template import Template
    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.patch import AttributeSlot


@dataclass(eq=False)
class WantedGuard:
    """A function to guard."""

    function: str
    """Its name: `module:qualified.name`."""
    target: Target
    template: Template
    value: Any
    """The function, as its namespace holds it: a classmethod is one."""
    module: Any
    slots: list[AttributeSlot]
    """Where a target names it; more than one when a pattern matches several names of one function."""
