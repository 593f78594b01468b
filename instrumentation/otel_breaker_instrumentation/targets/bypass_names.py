"""How a caller that bypasses a guard is named, and the remedy. Frameworks have the names that their users know."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.text import printable, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST: Final = 120
_mro_of: Final = type.__dict__["__mro__"].__get__  # a metaclass may define `__mro__`
UNDER_IT: Final = "put the breaker as a decorator under what registers the function, or guard a function that it calls"
A_CALLED_ONE: Final = "guard a function that it calls"


@dataclass(frozen=True, order=True)
class Bypass:
    """A caller that holds a function itself, and so bypasses its guard."""

    name: str
    remedy: str
    is_known: bool
    """Whether it is part of a framework that is known here."""


def describe(holder: Any, function: Any, path: str) -> Bypass:
    """Name an object that holds a function.

    Args:
        holder: the object.
        function: what it holds.
        path: where the holder is found, `module:name`; empty when that is not known.
    """
    describe_known = _known(holder)
    if describe_known is not None:
        return describe_known(holder, function)
    if type(holder) is FunctionType:
        return Bypass(_short(f"the function {holder.__module__}:{holder.__qualname__}"), UNDER_IT, is_known=False)
    kind = f"a {type_name(type(holder))}"
    return Bypass(_short(f"{kind}, {path}" if path else kind), UNDER_IT, is_known=False)


def describe_container(path: str) -> Bypass:
    """Name a list, a mapping or the like that holds a function, by where it is found."""
    return Bypass(_short(f"users of {path}"), UNDER_IT, is_known=False)


def is_known(holder: Any) -> bool:
    """Whether an object is part of a framework that is known here, so that its path is not needed."""
    return _known(holder) is not None


def _known(holder: Any) -> Callable[[Any, Any], Bypass] | None:
    for base in _mro_of(type(holder)):
        describe_known = _KNOWN.get(type_name(base))
        if describe_known is not None:
            return describe_known
    return None


def is_passed_through(holder: Any) -> bool:
    """Whether the object that holds it has the better name."""
    return type_name(type(holder)) in _PARTS


def task_bypass(function: Any, target: str) -> Bypass | None:
    """Name the workers of a Celery task: they call its `run`, and never the task; None when it is no task."""
    with suppress(Exception):  # `__class__`, since Celery's proxies give that of the task; it may be a property
        if any(type_name(base) == "celery.app.task.Task" for base in _mro_of(function.__class__)):
            return Bypass(
                _short(f"Celery's workers, as the task {function.name!r}"), f"name {target}.run", is_known=True
            )
    return None


def _route(holder: Any, function: Any) -> Bypass:
    methods = " ".join(sorted(getattr(holder, "methods", None) or ()))
    name = f"route {methods} {getattr(holder, 'path', '')}".replace("  ", " ")
    endpoint = getattr(holder, "endpoint", None)
    framework = "FastAPI" if type_name(type(holder)).startswith("fastapi.") else "Starlette"
    if endpoint is function or getattr(function, "__wrapped__", None) is endpoint:
        return Bypass(_short(f"{framework}'s {name}"), UNDER_IT, is_known=True)
    return Bypass(_short(f"{framework}'s Depends in {name}"), A_CALLED_ONE, is_known=True)


def _flask(holder: Any, function: Any) -> Bypass:
    views = [name for name, view in list(holder.view_functions.items()) if view is function]
    # An instrumentor replaces Flask's class by a subclass of its own.
    kinds = (base for base in _mro_of(type(holder)) if type_name(base).startswith("flask."))
    framework = next(kinds, type(holder)).__name__
    if views:
        return Bypass(_short(f"{framework}'s view {views[0]!r}"), UNDER_IT, is_known=True)
    return Bypass(_short(f"a hook of {framework} {holder.name!r}"), UNDER_IT, is_known=True)


def _validator(holder: Any, _: Any) -> Bypass:
    model = str(holder.cls_ref).partition(":")[0]
    return Bypass(_short(f"pydantic, as {holder.cls_var_name!r} of {model}"), A_CALLED_ONE, is_known=True)


def _command(holder: Any, _: Any) -> Bypass:
    return Bypass(_short(f"click's command {holder.name!r}"), UNDER_IT, is_known=True)


def _short(name: str) -> str:
    return printable(name[:_LONGEST])


_KNOWN: Final[dict[str, Callable[[Any, Any], Bypass]]] = {
    "starlette.routing.BaseRoute": _route,
    "flask.sansio.scaffold.Scaffold": _flask,
    "pydantic._internal._decorators.Decorator": _validator,
    "click.core.Command": _command,
}
_PARTS: Final = (
    *("fastapi.dependencies.models.Dependant", "fastapi.params.Depends"),
    *("pydantic_core._pydantic_core.SchemaValidator", "pydantic._internal._decorators.PydanticDescriptorProxy"),
)
