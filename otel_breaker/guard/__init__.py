"""The bodies of a guarded call: function, coroutine function, generators, `with` block.

Each asks the circuit, starts the span, runs the user's code, and says what became of it (`call`); what a circuit
decides and what a span says is not known here. The kind of callable is settled when it is wrapped (`kinds`), never
per call, and so are the parameters that a guard shows (`shape`).
"""

from otel_breaker.guard.block import Block
from otel_breaker.guard.call import Call
from otel_breaker.guard.dispatch import guard, guard_each
from otel_breaker.guard.shape import release, shape, unshaped
from otel_breaker.guard.unbegun import end_what_was_given_up

__all__ = ["Block", "Call", "end_what_was_given_up", "guard", "guard_each", "release", "shape", "unshaped"]
