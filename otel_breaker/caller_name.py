"""The name of a breaker that was made without one: the code that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def caller_name(frame: FrameType) -> str:
    """`module:qualname` of a frame's code; the same for every instance of a class that makes one breaker each."""
    code = frame.f_code
    qualified = getattr(code, "co_qualname", None)
    if qualified is None:  # Python 3.10, where a frame keeps the values that `f_locals` has returned
        owner = frame.f_locals["self"] if "self" in code.co_varnames[: code.co_argcount] else None
        qualified = code.co_name if owner is None else f"{type(owner).__qualname__}.{code.co_name}"
    return f"{frame.f_globals.get('__name__', '?')}:{qualified}"
