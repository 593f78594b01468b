"""Callees: what `call` remembers of the functions that it is given, by their code.

All closures of one `def` share its code, so no function, closure or instance is kept alive. None is called here.
"""

from __future__ import annotations

import inspect
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.guard import kind_of, refuse_uncallable
from otel_breaker.telemetry.traces import code_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

HAS_MARKS: Final = hasattr(inspect, "markcoroutinefunction")
"""Whether a function may be marked as a coroutine function, since Python 3.12; the mark is one of its attributes."""
_MOST: Final = 1_000


class Callee:
    """The functions of one code, one name and one kind.

    Args:
        kind: as `kind_of` names it.
        name_in_spans: theirs, with their module.
        code: theirs; None where they have none.
        names: their `__name__` and `__qualname__`.
        is_marked: whether they are marked as coroutine functions.
    """

    __slots__ = ("awaited", "code", "is_function", "key", "names", "shares_code")

    def __init__(
        self,
        kind: str,
        name_in_spans: str,
        code: CodeType | None = None,
        names: tuple[str, str] = ("", ""),
        *,
        is_marked: bool = False,
    ) -> None:
        self.code = code
        self.names = names
        self.key = kind, name_in_spans
        """One trampoline calls all functions that have it in common."""
        self.is_function = kind == "function"
        """Whether a call runs the function, and no later step does."""
        self.shares_code = is_marked or (code is not None and bool(code.co_flags & inspect.CO_NESTED))
        """Whether functions of other names, or without the mark, may have the same code."""
        self.awaited: Callable[..., Any] | None = None
        """For coroutine functions: one of their name, which makes a guarded call of the one that it is given."""

    @property
    def is_coroutine_function(self) -> bool:
        return self.key[0] == "coroutine function"


_CALLEES: Final[dict[tuple[int, tuple[str, str], str | None, bool], Callee]] = {}
"""By the `id` of their code, which they keep alive, their names, and whether they are marked."""


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
        return _callee_without_code(function)
    code, names = called.__code__, (called.__name__, called.__qualname__)
    is_marked = HAS_MARKS and bool(called.__dict__) and inspect.iscoroutinefunction(called)
    key = id(code), names, called.__module__, is_marked
    try:
        callee = _CALLEES.get(key)
    except TypeError:  # its module may be any object
        return _callee_without_code(function)
    if callee is None:
        if len(_CALLEES) >= _MOST:
            _CALLEES.clear()
        callee = _CALLEES[key] = Callee(kind_of(called), code_name(called), code, names, is_marked=is_marked)
    return callee


def _callee_without_code(function: Any) -> Callee:
    refuse_uncallable(function)
    kind = "function" if type(function) is BuiltinFunctionType else kind_of(function)
    return Callee(kind, code_name(function))
