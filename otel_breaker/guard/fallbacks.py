"""The fallback that answers a refused call. Whether a call is refused is decided in call.py."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker.errors import CircuitOpenError
    from otel_breaker.settings import Settings


def fallback_for(refusal: CircuitOpenError, settings: Settings, *, is_trampoline: bool) -> Callable[..., Any]:
    """The function to call instead of the guarded one, with the arguments of the call.

    Args:
        refusal: passed to a fallback that has a parameter of that name.
        settings: have a fallback.
        is_trampoline: whether the first argument of the call is the function that a trampoline calls; the fallback's
            arguments are that function's.
    """
    fallback: Any = settings.fallback
    if settings.fallback_wants_refusal:
        fallback = partial(fallback, refusal=refusal)
    return (lambda _callee, *args, **kwargs: fallback(*args, **kwargs)) if is_trampoline else fallback
