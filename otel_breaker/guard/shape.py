"""A guard that shows the code of the function it guards: its parameters, file and line, its defaults and attributes.

A body (bodies.py, hot.py) takes `*args, **kwargs`. Tools that read a function's code would see those, and a function
with the right parameters round the body would cost a call more. So the body's own source is compiled once more, with
the parameters of the function in the place of `*args, **kwargs`. What it refers to are the same objects, as they are
when it is made: nothing that a body refers to may be set anew later.
"""

from __future__ import annotations

import builtins
import inspect
from contextlib import suppress
from functools import WRAPPER_ASSIGNMENTS, lru_cache
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from otel_breaker.guard.recompiled import PARTS, PREFIX, Parameters, recompiled, references

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_MADE_BY: Final = "__circuit_breaker_made_by__"
_SHOWN: Final = [
    name for name in ("co_name", "co_qualname", "co_filename", "co_firstlineno") if hasattr(CodeType, name)
]


def shape(body: F, function: Callable[..., Any], *, exact: bool, made_by: Callable[[], Any] | None = None) -> F:
    """Make a guard look like the function that it guards.

    Args:
        body: what to run; takes `*args, **kwargs`.
        function: what it guards.
        exact: whether the guard is to be called with the parameters of the function. It then no longer knows which
            were left at their defaults, or given by their names.
        made_by: makes another body like it, in whatever process.

    Returns:
        A function, with the namespace of *function* as its own; *body* when Python keeps no source of it, and for
        what is no plain function of Python.
    """
    if type(function) is not FunctionType or not isinstance(body, FunctionType):
        return body
    if made_by is not None:
        vars(body)[_MADE_BY] = made_by
    own = function.__code__
    like = own if exact else body.__code__
    parameters = Parameters.of(like)
    template = recompiled(body.__code__, parameters)
    if template is None:
        return body
    names = like.co_varnames[: parameters.total] + template.co_varnames[parameters.total :]
    code = template.replace(co_varnames=names, **{name: getattr(own, name) for name in _SHOWN})
    shaped = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, _cells(code, body))
    shaped.__kwdefaults__ = function.__kwdefaults__
    for name in WRAPPER_ASSIGNMENTS:
        if hasattr(function, name):
            setattr(shaped, name, getattr(function, name))
    shaped.__dict__ = function.__dict__  # the same: what one sets, the other has
    if not exact:
        with suppress(TypeError, ValueError):  # what a function says of itself may be no signature
            shown = vars(body)["__signature__"] = inspect.signature(function)
            shaped.__signature__ = shown  # type: ignore[attr-defined]  # as every function may
    return cast("F", shaped)


def unshaped(function: Any) -> Any:
    """The guard that a function was made of, with marks and attributes of its own; anything else itself."""
    if type(function) is FunctionType and PARTS in function.__code__.co_freevars:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        return cells[PARTS].cell_contents.guard
    return function


def release(guard: Any) -> None:
    """Take from the function what its guard has left there, when that is taken away."""
    shown = vars(unshaped(guard)).get("__signature__")
    if shown is not None and vars(guard).get("__signature__") is shown:
        del guard.__signature__


class Parts:
    """What the body of a guard refers to, by the names that it has there."""

    __slots__ = ("guard",)

    guard: FunctionType
    """The body itself, with marks and attributes of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Some tools pickle a function by value, with what it refers to: in another process the guard is made anew.
        return _parts_again, (vars(self.guard)[_MADE_BY],)


def _parts_again(make: Callable[[], FunctionType]) -> Parts:
    guard = make()
    vars(guard)[_MADE_BY] = make
    return _parts(guard)


@lru_cache
def _parts_of(body: CodeType) -> type[Parts]:
    """With a slot for each part, which is as quick to read as a closure."""
    return type("Parts", (Parts,), {"__slots__": references(body)})


def _parts(guard: FunctionType) -> Parts:
    parts: Any = _parts_of(guard.__code__)()
    parts.guard = guard
    known = dict(zip(guard.__code__.co_freevars, guard.__closure__ or (), strict=True))
    for name in type(parts).__slots__:
        if name in known:
            setattr(parts, name, known[name].cell_contents)
        elif name in guard.__globals__:
            setattr(parts, name, guard.__globals__[name])
    return cast("Parts", parts)


def _cells(code: CodeType, body: FunctionType) -> tuple[CellType, ...]:
    """What the code refers to: what is built in, and all else as parts of the guard."""
    return tuple(
        CellType(_parts(body) if name == PARTS else getattr(builtins, name.removeprefix(PREFIX)))
        for name in code.co_freevars
    )
