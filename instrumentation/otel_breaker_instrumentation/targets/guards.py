"""What is put in place of a function: its guard, and how one is recognised."""

from __future__ import annotations

from functools import cached_property
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import get_breaker
from otel_breaker.guard import inner_wrapper
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation.targets.own_dependencies import is_own_dependency
from otel_breaker_instrumentation.targets.proxies import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.key_template import Template

_MOST_LAYERS: Final = 100


def why_not(function: str, found: object) -> tuple[str, str] | None:
    """Why what a name stands for cannot be guarded, and what to do about it; None when it can."""
    if is_own_dependency(function):
        return "is called by guards themselves", "name a function of yours that calls it"
    if isinstance(found, property | cached_property):
        return "is a property, which is not called", "name a function that it calls"
    if isinstance(found, type):
        return "is a class", "name its methods, such as Client.send or Client.*"
    # A descriptor that makes a method will do; one that can be set is an attribute, such as a slot.
    if not callable(found) and (not hasattr(type(found), "__get__") or hasattr(type(found), "__set__")):
        return f"is {type(found).__name__}, which cannot be called", "name a function or a method"
    return None


def make_guard(found: Any, template: Template, name: str) -> Any:
    """What to put in place of a function, as it stands in its namespace: of a classmethod, another one.

    Raises:
        InvalidSettings: when the breaker's settings name code that is not there, or the template a parameter.
        TypeError: when a call of it cannot be guarded.
    """
    inner = inside(found)
    # By `type`: a proxy says that it is what it stands for.
    if type(inner) is FunctionType:
        guard = _wrap(inner, template, name, None)
        return guard if inner is found else type(found)(guard)
    # Callables of C, foreign descriptors and other instrumentors' wrappers bind in ways that only wrapt gets right.
    return Proxy(found, _wrap(_apply, template, name, inner), is_keyed=bool(template.fields))


def inside(found: Any) -> Any:
    """The function in a classmethod or staticmethod; anything else itself."""
    return found.__func__ if type(found) in (classmethod, staticmethod) else found


def switch_off(guard: Any) -> None:
    """Make a guard do nothing where it stands; for one that cannot be taken away."""
    _marks(inside(guard))["__circuit_breaker_site__"].switch_off()


def guarded_by(found: Any) -> str | None:
    """The name of the breaker that guards a function already, by a decorator in the code or under a wrapper."""
    for layer in layers(found):
        marks = _marks(layer)
        if "__circuit_breaker_site__" in marks:
            return None if marks["__circuit_breaker_site__"].is_off else str(marks["__circuit_breaker__"].name)
    return None


def _marks(guard: Any) -> dict[str, Any]:
    try:
        return dict(vars(guard._self_guard if type(guard) is Proxy else inner_wrapper(guard)))  # noqa: SLF001  # wrapt's namespace
    except TypeError:
        return {}


def leads_to(found: Any, guard: Any) -> bool:
    """Whether a guard is what stands there, or is wrapped by that, as far as it says so."""
    return any(layer is guard or layer is inside(guard) for layer in layers(found))


def layers(found: Any) -> Iterator[Any]:
    """What stands there, and all that it says it wraps."""
    for _ in range(_MOST_LAYERS):
        yield found
        found = inside(found)
        yield found
        try:
            found = found.__func__ if type(found) is MethodType else getattr(inner_wrapper(found), "__wrapped__", None)
        except Exception:  # an object may answer for names itself
            return
        if found is None:
            return


def _wrap(
    function: Callable[..., Any], template: Template, name: str, like: Callable[..., Any] | None
) -> Callable[..., Any]:
    if template.fields:
        keyed = REGISTRY.get_keyed(template.name, {})
        return keyed.wrap(function, template, like=like, name=name, patched=True)
    return get_breaker(template.name).wrap(function, like=like, name=name, patched=True)


def _apply(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
