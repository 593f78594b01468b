"""Callees: what `call` remembers of the functions that it is given, by their code.

No function, closure or instance is kept alive, and none is called here: all closures of one `def` share their code.
"""

from __future__ import annotations

import inspect
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.guard import kind_of, refuse_uncallable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

_MOST_CALLEES: Final = 1_000


class Callee:
    """The functions of one code, one name and one kind.

    Args:
        code: theirs; None where they have none.
        qualified_name: theirs.
        kind: as `kind_of` names it.
    """

    __slots__ = ("awaited", "code", "is_coroutine_function", "is_function", "is_nested", "kind", "qualified_name")

    def __init__(self, code: CodeType | None, qualified_name: str | None, kind: str) -> None:
        self.code = code
        self.qualified_name = qualified_name
        self.kind = kind
        self.is_nested = code is not None and bool(code.co_flags & inspect.CO_NESTED)
        """Whether functions of other names may have the same code."""
        self.is_function = kind == "function"
        """Whether a call runs the function, and no later step."""
        self.is_coroutine_function = kind == "coroutine function"
        self.awaited: Callable[..., Any] | None = None
        """A coroutine function of that name, which makes a guarded call."""


_CALLEES: Final[dict[tuple[int, str, bool], Callee]] = {}
"""By the `id` of their code, which they keep alive, their name, and whether they are marked as coroutine functions."""


def callee_of(function: Any) -> Callee:
    """The callee of a callable; that of a method or of a `functools.partial` is the function's.

    Raises:
        TypeError: when it cannot be called.
    """
    called = function
    while type(called) is partial:
        called = called.func
    if type(called) is MethodType:
        called = called.__func__
    if type(called) is not FunctionType:
        refuse_uncallable(function)
        return Callee(None, None, kind_of(function))
    # A mark is an attribute of one function, whatever its code.
    is_marked = bool(called.__dict__) and inspect.iscoroutinefunction(called)
    code, name = called.__code__, called.__qualname__
    key = id(code), name, is_marked
    callee = _CALLEES.get(key)
    if callee is None:
        if len(_CALLEES) >= _MOST_CALLEES:
            _CALLEES.clear()
        callee = _CALLEES[key] = Callee(code, name, kind_of(called))
    return callee
