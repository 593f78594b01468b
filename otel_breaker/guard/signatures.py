"""Signature-preserving guards: functions with the parameters, file, line, defaults and attributes of the guarded one.

A wrapper (wrappers.py, generators.py, fast_path.py) takes `*args, **kwargs`. Tools that read the code of a function
would find those, and a function with the right parameters around the wrapper would make a call dearer. So the source of
the wrapper is compiled again with the parameters of the function (recompilation.py), and perhaps after the statements
of another function. The result refers to the objects that both refer to when it is made: none of these names may be
assigned later.
"""

from __future__ import annotations

import builtins
import inspect
from contextlib import suppress
from functools import WRAPPER_ASSIGNMENTS, lru_cache
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from otel_breaker.guard.referenced_names import PREFIX, REFERENCES, referenced_names

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_MADE_BY: Final = "__circuit_breaker_made_by__"
_FALLBACK: Final = "untimed"
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
    model = function if exact else wrapper
    code = _compiled(_parts(wrapper), model.__code__, function.__code__)
    if code is None:
        return wrapper
    cells = _cells(code, wrapper, _parts(wrapper))
    guard = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, cells)
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


def compile_after(before: FunctionType, wrapper: FunctionType) -> FunctionType | None:
    """A wrapper that runs the statements of another function first, and has the variables that these assign.

    Args:
        before: takes `*args, **kwargs`. Its last statement, which returns, is left out.
        wrapper: takes the same. A wrapper that it falls back on is called `untimed` in it, and is compiled likewise.

    Returns:
        Such a wrapper; None where a source is not available.
    """
    parts = (before, wrapper)
    code = _compiled(parts, wrapper.__code__, wrapper.__code__)
    if code is None:
        return None
    # The references are those of the wrapper that they are for, which has to exist first.
    cells = tuple(CellType() for _ in code.co_freevars)
    made = FunctionType(code, wrapper.__globals__, wrapper.__name__, None, cells)
    for cell, content in zip(cells, _cells(code, made, parts), strict=True):
        cell.cell_contents = content.cell_contents
    for name in WRAPPER_ASSIGNMENTS:
        setattr(made, name, getattr(wrapper, name))
    made.__dict__.update(wrapper.__dict__)
    return made


def _parts(wrapper: FunctionType) -> tuple[FunctionType, ...]:
    """The functions whose source a wrapper is made of, one after the other."""
    references = _references_of(wrapper)
    return (wrapper,) if references is None else references.parts


def _compiled(parts: tuple[FunctionType, ...], model: CodeType, shown: CodeType) -> CodeType | None:
    """The code of a wrapper with the parameters of one code, and the name and place of another."""
    # Only who guards a function compiles.
    from otel_breaker.guard.parameters import Parameters  # noqa: PLC0415  # as above
    from otel_breaker.guard.recompilation import flag_of_tracer, recompile  # noqa: PLC0415  # as above

    *before, wrapper = parts
    parameters = Parameters.of(model)
    template = recompile(wrapper.__code__, parameters, flag_of_tracer(wrapper), *(part.__code__ for part in before))
    if template is None:
        return None
    names = model.co_varnames[: parameters.total] + template.co_varnames[parameters.total :]
    return template.replace(co_varnames=names, **{name: getattr(shown, name) for name in _COPIED})


def inner_wrapper(function: Any) -> Any:
    """The wrapper that a guard was made of, which has the guard's own attributes; any other object itself."""
    references = _references_of(function)
    return function if references is None else references.wrapper


def _references_of(function: Any) -> References | None:
    if type(function) is FunctionType and REFERENCES in function.__code__.co_freevars:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        return cast("References", cells[REFERENCES].cell_contents)
    return None


def remove_signature(guard: Any) -> None:
    """Remove the signature that a guard has set in the namespace it shares with its function."""
    signature = vars(inner_wrapper(guard)).get("__signature__")
    if signature is not None and vars(guard).get("__signature__") is signature:
        del guard.__signature__


class References:
    """The objects that a wrapper refers to, by their names in its source."""

    __slots__ = ("parts", "wrapper")

    wrapper: FunctionType
    parts: tuple[FunctionType, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        # Some tools pickle a function by value with what it refers to: the other process makes the wrapper again.
        return _remade_references, (vars(self.wrapper)[_MADE_BY],)


def _remade_references(make: Callable[[], FunctionType]) -> References:
    wrapper = make()
    vars(wrapper)[_MADE_BY] = make
    return _references(wrapper, _parts(wrapper))


@lru_cache
def _references_type(*parts: CodeType) -> type[References]:
    """A type with a slot for each name: a slot is read as fast as a closure's variable."""
    return type("References", (References,), {"__slots__": referenced_names(*parts)})


def _references(wrapper: FunctionType, parts: tuple[FunctionType, ...]) -> References:
    references: Any = _references_type(*(part.__code__ for part in parts))()
    references.wrapper, references.parts = wrapper, parts
    names = type(references).__slots__
    for part in parts:
        cells = dict(zip(part.__code__.co_freevars, part.__closure__ or (), strict=True))
        for name in names:
            if name in cells:
                setattr(references, name, cells[name].cell_contents)
            elif name in part.__globals__ and not hasattr(references, name):
                setattr(references, name, part.__globals__[name])
    if len(parts) > 1 and _FALLBACK in parts[-1].__code__.co_freevars:
        setattr(references, _FALLBACK, compile_after(parts[0], getattr(references, _FALLBACK)))
    return cast("References", references)


def _cells(code: CodeType, wrapper: FunctionType, parts: tuple[FunctionType, ...]) -> tuple[CellType, ...]:
    """The free variables of the compiled code: builtins, and everything else as one object."""
    return tuple(
        CellType(_references(wrapper, parts) if name == REFERENCES else getattr(builtins, name.removeprefix(PREFIX)))
        for name in code.co_freevars
    )
