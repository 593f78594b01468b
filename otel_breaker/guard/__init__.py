"""Guarded calls: the wrappers of functions, coroutine functions and generators, and the `with` block.

A wrapper acquires a permit from a circuit, starts a span, runs the user's code and records the outcome (`call`). The
kind of wrapper is chosen once, when a callable is guarded (`dispatch`), and so is the signature that the guard shows
(`signatures`). No rule, threshold or attribute of a span is known here.
"""

from typing import TYPE_CHECKING

from otel_breaker.lazy_names import import_when_asked

if TYPE_CHECKING:
    from otel_breaker.guard.block import Block
    from otel_breaker.guard.call import Call
    from otel_breaker.guard.dispatch import guard, guard_by_choice, kind_of, refuse_uncallable
    from otel_breaker.guard.signatures import inner_wrapper, preserve_signature, remove_signature
    from otel_breaker.guard.unstarted import cancel_abandoned_calls

__all__ = [
    "Block",
    "Call",
    "cancel_abandoned_calls",
    "guard",
    "guard_by_choice",
    "inner_wrapper",
    "kind_of",
    "preserve_signature",
    "refuse_uncallable",
    "remove_signature",
]

import_when_asked(
    globals(),
    Block="block",
    Call="call",
    cancel_abandoned_calls="unstarted",
    guard="dispatch",
    guard_by_choice="dispatch",
    inner_wrapper="signatures",
    kind_of="dispatch",
    preserve_signature="signatures",
    refuse_uncallable="dispatch",
    remove_signature="signatures",
)
