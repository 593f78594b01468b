"""How calls hold their places among the calls in flight of a limit. Which limit a circuit has is not known here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from otel_breaker.core.concurrency import ConcurrencyLimit
    from otel_breaker.core.permits import Permit


def held_by(holder: object, permit: Permit, limit: ConcurrencyLimit) -> object:
    """What a limit keeps with a permit, so that its place is given back when its holder is collected."""
    # Called back as `pop(permit, reference)`: one atomic step, because it comes at any moment.
    return ref(holder, partial(limit.in_flight.pop, permit))
