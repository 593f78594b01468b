"""What is said of who holds a function, and what to write instead: frameworks by what their users call it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.text import printable, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST: Final = 120
_mro_of: Final = type.__dict__["__mro__"].__get__  # past what a metaclass makes of it
UNDER_IT: Final = "put the breaker as a decorator under what registers the function, or guard a function that it calls"
A_CALLED_ONE: Final = "guard a function that it calls"


@dataclass(frozen=True, order=True)
class Holder:
    """Somebody who calls a function unguarded."""

    name: str
    remedy: str
    is_known: bool
    """Whether it is of a framework that is known here."""


def describe(holder: Any, function: Any, place: str) -> Holder:
    """Say who it is.

    Args:
        holder: who holds the function.
        function: what is held.
        place: where the holder is to be had, `module:name`; empty when that is not known.
    """
    tell = _known(holder)
    if tell is not None:
        return tell(holder, function)
    if type(holder) is FunctionType:
        return Holder(_short(f"the function {holder.__module__}:{holder.__qualname__}"), UNDER_IT, is_known=False)
    kind = f"a {type_name(type(holder))}"
    return Holder(_short(f"{kind}, {place}" if place else kind), UNDER_IT, is_known=False)


def named(name: str) -> Holder:
    """Say that it is a list, a mapping or the like that stands under a name."""
    return Holder(_short(f"whoever has it from {name}"), UNDER_IT, is_known=False)


def is_known(holder: Any) -> bool:
    """Whether it is of a framework that is known here, so that it needs no other name."""
    return _known(holder) is not None


def _known(holder: Any) -> Callable[[Any, Any], Holder] | None:
    for base in _mro_of(type(holder)):
        tell = _KNOWN.get(type_name(base))
        if tell is not None:
            return tell
    return None


def is_passed_through(holder: Any) -> bool:
    """Whether what holds it is the better name."""
    return type_name(type(holder)) in _PARTS


def task_holder(function: Any, target: str) -> Holder | None:
    """Of a Celery task: its workers call `run`, and never the task."""
    with suppress(Exception):  # by what it says it is, and that may be anything: Celery puts proxies there
        if any(type_name(base) == "celery.app.task.Task" for base in _mro_of(function.__class__)):
            return Holder(
                _short(f"Celery's workers, as the task {function.name!r}"), f"name {target}.run", is_known=True
            )
    return None


def _route(holder: Any, function: Any) -> Holder:
    methods = " ".join(sorted(getattr(holder, "methods", None) or ()))
    name = f"route {methods} {getattr(holder, 'path', '')}".replace("  ", " ")
    endpoint = getattr(holder, "endpoint", None)
    framework = "FastAPI" if type_name(type(holder)).startswith("fastapi.") else "Starlette"
    if endpoint is function or getattr(function, "__wrapped__", None) is endpoint:
        return Holder(_short(f"{framework}'s {name}"), UNDER_IT, is_known=True)
    return Holder(_short(f"{framework}'s Depends in {name}"), A_CALLED_ONE, is_known=True)


def _flask(holder: Any, function: Any) -> Holder:
    views = [name for name, view in list(holder.view_functions.items()) if view is function]
    # An instrumentor puts a class of its own in the place of Flask.
    kinds = (base for base in _mro_of(type(holder)) if type_name(base).startswith("flask."))
    framework = next(kinds, type(holder)).__name__
    if views:
        return Holder(_short(f"{framework}'s view {views[0]!r}"), UNDER_IT, is_known=True)
    return Holder(_short(f"a hook of {framework} {holder.name!r}"), UNDER_IT, is_known=True)


def _validator(holder: Any, _: Any) -> Holder:
    model = str(holder.cls_ref).partition(":")[0]
    return Holder(_short(f"pydantic, as {holder.cls_var_name!r} of {model}"), A_CALLED_ONE, is_known=True)


def _command(holder: Any, _: Any) -> Holder:
    return Holder(_short(f"click's command {holder.name!r}"), UNDER_IT, is_known=True)


def _short(name: str) -> str:
    return printable(name[:_LONGEST])


_KNOWN: Final[dict[str, Callable[[Any, Any], Holder]]] = {
    "starlette.routing.BaseRoute": _route,
    "flask.sansio.scaffold.Scaffold": _flask,
    "pydantic._internal._decorators.Decorator": _validator,
    "click.core.Command": _command,
}
_PARTS: Final = (
    *("fastapi.dependencies.models.Dependant", "fastapi.params.Depends"),
    *("pydantic_core._pydantic_core.SchemaValidator", "pydantic._internal._decorators.PydanticDescriptorProxy"),
)
