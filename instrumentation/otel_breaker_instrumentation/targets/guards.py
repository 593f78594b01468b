"""Guards of functions: how one is made, recognised and switched off, and which functions cannot have one."""

from __future__ import annotations

from functools import cached_property
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import get_breaker
from otel_breaker.guard import inner_wrapper
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation.targets.own_dependencies import is_own_dependency
from otel_breaker_instrumentation.targets.proxies import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.key_template import Template

_MOST_LAYERS: Final = 100


def why_not(function: str, value: object) -> tuple[str, str] | None:
    """Why a value cannot be guarded, and the remedy; None when it can.

    Args:
        function: its name, `module:qualified.name`.
        value: as its namespace holds it.
    """
    if is_own_dependency(function):
        return "is called by guards themselves", "name a function of yours that calls it"
    if isinstance(value, property | cached_property):
        return "is a property, which is not called", "name a function that it calls"
    if isinstance(value, type):
        return "is a class", "name its methods, such as Client.send or Client.*"
    # A descriptor without `__set__` makes methods; one with it is an attribute, such as a slot.
    if not callable(value) and (not hasattr(type(value), "__get__") or hasattr(type(value), "__set__")):
        return f"is {type(value).__name__}, which cannot be called", "name a function or a method"
    return None


def make_guard(value: Any, template: Template, name: str) -> Any:
    """Make the guard of a function.

    Args:
        value: the function, as its namespace holds it.
        template: names the breaker, and the parameters that make its key.
        name: of the function, for spans.

    Returns:
        What its namespace shall hold instead; for a classmethod, another one.

    Raises:
        InvalidSettings: when the breaker's settings name code that is not there, or the template a parameter.
        TypeError: when a call of it cannot be guarded.
    """
    function = inside(value)
    # By `type`: a proxy gives the `__class__` of what it wraps.
    if type(function) is FunctionType:
        guard = _wrap(function, template, name, None)
        return guard if function is value else type(value)(guard)
    # Callables of C, foreign descriptors and other instrumentors' wrappers bind in ways that only wrapt gets right.
    return Proxy(value, _wrap(_apply, template, name, function), is_keyed=bool(template.fields))


def inside(value: Any) -> Any:
    """The function in a classmethod or staticmethod; any other value itself."""
    return value.__func__ if type(value) in (classmethod, staticmethod) else value


def switch_off(guard: Any) -> None:
    """Make a guard pass all calls on; for one that cannot be removed."""
    _marks(inside(guard))["__circuit_breaker_tracer__"].switch_off()


def guarded_by(value: Any) -> str | None:
    """The name of the breaker that guards a function already, by a decorator in the code or under a wrapper."""
    for layer in layers(value):
        marks = _marks(layer)
        if "__circuit_breaker_tracer__" in marks:
            return None if marks["__circuit_breaker_tracer__"].is_off else str(marks["__circuit_breaker__"].name)
    return None


def _marks(guard: Any) -> dict[str, Any]:
    try:
        return dict(vars(guard._self_guard if type(guard) is Proxy else inner_wrapper(guard)))  # noqa: SLF001  # wrapt's namespace
    except TypeError:
        return {}


def leads_to(value: Any, guard: Any) -> bool:
    """Whether a value is a guard or wraps it, as far as its `__wrapped__` shows."""
    return any(layer is guard or layer is inside(guard) for layer in layers(value))


def layers(value: Any) -> Iterator[Any]:
    """A value, and everything that it wraps, as far as its `__wrapped__` shows."""
    for _ in range(_MOST_LAYERS):
        yield value
        value = inside(value)
        yield value
        try:
            value = value.__func__ if type(value) is MethodType else getattr(inner_wrapper(value), "__wrapped__", None)
        except Exception:  # a class may define `__getattr__`
            return
        if value is None:
            return


def _wrap(
    function: Callable[..., Any], template: Template, name: str, like: Callable[..., Any] | None
) -> Callable[..., Any]:
    if template.fields:
        keyed = REGISTRY.get_keyed(template.name, {})
        key_of = template.key_function(like or function)
        return guard_by_key(keyed, function, key_of, trampoline_for=like, name=name, patched=True)
    breaker = get_breaker(template.name)
    return breaker._wrap(function, trampoline_for=like, name=name, patched=True)  # noqa: SLF001  # our own interface


def _apply(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
