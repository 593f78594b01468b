"""Signature-preserving guards: functions with the parameters, file, line, defaults and attributes of the guarded one.

A wrapper (wrappers.py, generators.py, fast_path.py) takes `*args, **kwargs`. Tools that read the code of a function
would find those, and a function with the right parameters around the wrapper would make a call dearer. So the source of
the wrapper is compiled again with the parameters of the function (recompilation.py). The result refers to the objects
that the wrapper refers to when it is made: none of these names may be assigned later.
"""

from __future__ import annotations

import builtins
import inspect
from contextlib import suppress
from functools import WRAPPER_ASSIGNMENTS, lru_cache
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from otel_breaker.guard.recompilation import PREFIX, REFERENCES, Parameters, flag_of_tracer, recompile, referenced_names

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_MADE_BY: Final = "__circuit_breaker_made_by__"
_COPIED: Final = [
    name for name in ("co_name", "co_qualname", "co_filename", "co_firstlineno") if hasattr(CodeType, name)
]


def preserve_signature(
    wrapper: F, function: Callable[..., Any], *, exact: bool, made_by: Callable[[], Any] | None = None
) -> F:
    """Give a wrapper the signature and the namespace of the function that it guards.

    Args:
        wrapper: takes `*args, **kwargs`.
        function: the guarded function.
        exact: whether the guard has the parameters of the function. It then cannot tell which arguments were left at
            their defaults, or passed by keyword.
        made_by: makes another wrapper like it, in any process.

    Returns:
        A function; *wrapper* itself where its source is not available, or where *function* is no Python function.
    """
    if type(function) is not FunctionType or not isinstance(wrapper, FunctionType):
        return wrapper
    if made_by is not None:
        vars(wrapper)[_MADE_BY] = made_by
    own = function.__code__
    model = own if exact else wrapper.__code__
    parameters = Parameters.of(model)
    template = recompile(wrapper.__code__, parameters, flag_of_tracer(wrapper))
    if template is None:
        return wrapper
    names = model.co_varnames[: parameters.total] + template.co_varnames[parameters.total :]
    code = template.replace(co_varnames=names, **{name: getattr(own, name) for name in _COPIED})
    guard = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, _cells(code, wrapper))
    guard.__kwdefaults__ = function.__kwdefaults__
    for name in WRAPPER_ASSIGNMENTS:
        if hasattr(function, name):
            setattr(guard, name, getattr(function, name))
    guard.__dict__ = function.__dict__  # one namespace: an attribute that is set on either is found on both
    if not exact:
        with suppress(TypeError, ValueError):  # a function's `__signature__` may be anything
            signature = vars(wrapper)["__signature__"] = inspect.signature(function)
            guard.__signature__ = signature  # type: ignore[attr-defined]  # any function may have one
    return cast("F", guard)


def inner_wrapper(function: Any) -> Any:
    """The wrapper that a guard was made of, which has the guard's own attributes; any other object itself."""
    if type(function) is FunctionType and REFERENCES in function.__code__.co_freevars:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        return cells[REFERENCES].cell_contents.wrapper
    return function


def remove_signature(guard: Any) -> None:
    """Remove the signature that a guard has set in the namespace it shares with its function."""
    signature = vars(inner_wrapper(guard)).get("__signature__")
    if signature is not None and vars(guard).get("__signature__") is signature:
        del guard.__signature__


class References:
    """The objects that a wrapper refers to, by their names in its source."""

    __slots__ = ("wrapper",)

    wrapper: FunctionType

    def __reduce__(self) -> tuple[Any, ...]:
        # Some tools pickle a function by value with what it refers to: the other process makes the wrapper again.
        return _remade_references, (vars(self.wrapper)[_MADE_BY],)


def _remade_references(make: Callable[[], FunctionType]) -> References:
    wrapper = make()
    vars(wrapper)[_MADE_BY] = make
    return _references(wrapper)


@lru_cache
def _references_type(wrapper: CodeType) -> type[References]:
    """A type with a slot for each name: a slot is read as fast as a closure's variable."""
    return type("References", (References,), {"__slots__": referenced_names(wrapper)})


def _references(wrapper: FunctionType) -> References:
    references: Any = _references_type(wrapper.__code__)()
    references.wrapper = wrapper
    cells = dict(zip(wrapper.__code__.co_freevars, wrapper.__closure__ or (), strict=True))
    for name in type(references).__slots__:
        if name in cells:
            setattr(references, name, cells[name].cell_contents)
        elif name in wrapper.__globals__:
            setattr(references, name, wrapper.__globals__[name])
    return cast("References", references)


def _cells(code: CodeType, wrapper: FunctionType) -> tuple[CellType, ...]:
    """The free variables of the compiled code: builtins, and everything else as one object."""
    return tuple(
        CellType(_references(wrapper) if name == REFERENCES else getattr(builtins, name.removeprefix(PREFIX)))
        for name in code.co_freevars
    )
