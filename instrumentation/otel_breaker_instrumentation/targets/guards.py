"""What is put in place of a function: its guard, which binds, pickles and is looked into as the function itself."""

from __future__ import annotations

from functools import cached_property
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_breaker import get_breaker
from otel_breaker.guard import unshaped
from otel_breaker.key_template import Bound
from otel_breaker.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker.key_template import Template

_MOST_LAYERS: Final = 100


def why_not(found: object) -> tuple[str, str] | None:
    """Why what a name stands for cannot be guarded, and what to do about it; None when it can."""
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
    return _Wrapper(found, _wrap(_apply, template, name, inner), is_keyed=bool(template.fields))


def inside(found: Any) -> Any:
    """The function in a classmethod or staticmethod; anything else itself."""
    return found.__func__ if type(found) in (classmethod, staticmethod) else found


def switch_off(guard: Any) -> None:
    """Make a guard do nothing where it stands; for one that cannot be taken away."""
    _marks(inside(guard))["__circuit_breaker_site__"].switch_off()


def guarded_by(found: Any) -> str | None:
    """The name of the breaker that guards a function already, by a decorator in the code or under a wrapper."""
    for layer in _layers(found):
        marks = _marks(layer)
        if "__circuit_breaker_site__" in marks:
            return None if marks["__circuit_breaker_site__"].is_off else str(marks["__circuit_breaker__"].name)
    return None


def _marks(guard: Any) -> dict[str, Any]:
    try:
        return dict(vars(guard._self_guard if type(guard) is _Wrapper else unshaped(guard)))  # noqa: SLF001  # wrapt's namespace
    except TypeError:
        return {}


def leads_to(found: Any, guard: Any) -> bool:
    """Whether a guard is what stands there, or is wrapped by that, as far as it says so."""
    return any(layer is guard or layer is inside(guard) for layer in _layers(found))


def _layers(found: Any) -> Iterator[Any]:
    """What stands there, and all that it says it wraps."""
    for _ in range(_MOST_LAYERS):
        yield found
        found = inside(found)
        yield found
        try:
            found = found.__func__ if type(found) is MethodType else getattr(unshaped(found), "__wrapped__", None)
        except Exception:  # an object may answer for names itself
            return
        if found is None:
            return


class _BoundWrapper(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 knows no parameters
    """A method of C or of another instrumentor that pickles as any method does."""

    def __reduce_ex__(self, protocol: object) -> Any:
        bound_to = getattr(self.__wrapped__, "__self__", None)
        return str(self.__wrapped__.__qualname__) if bound_to is None else (getattr, (bound_to, self.__name__))


class _Wrapper(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # as above
    """A guard that pickles as what it stands for does: by its name, or by the object it is bound to."""

    __bound_function_wrapper__ = _BoundWrapper

    def __init__(self, found: Any, apply: Callable[..., Any], *, is_keyed: bool) -> None:
        def call(wrapped: Any, _: object, args: Any, kwargs: Any) -> Any:
            return apply(wrapped, *args, **kwargs)

        def call_with_key(wrapped: Any, instance: object, args: Any, kwargs: Any) -> Any:
            # Of a class it comes bound; what is called as it was found has no object among its parameters.
            is_bound = instance is not None and wrapped is not found
            return apply(Bound(wrapped, instance) if is_bound else wrapped, *args, **kwargs)

        super().__init__(found, call_with_key if is_keyed else call)
        self._self_guard = apply

    def __reduce_ex__(self, protocol: Any) -> Any:
        bound_to = getattr(self.__wrapped__, "__self__", None)
        if bound_to is not None and not isinstance(bound_to, ModuleType):
            return self.__wrapped__.__reduce_ex__(protocol)
        name = getattr(self.__wrapped__, "__qualname__", None)
        return self.__wrapped__.__reduce_ex__(protocol) if name is None else str(name)


def _wrap(
    function: Callable[..., Any], template: Template, name: str, like: Callable[..., Any] | None
) -> Callable[..., Any]:
    if template.fields:
        keyed = REGISTRY.get_keyed(template.name, {})
        return keyed.wrap(function, template, like=like, name=name, patched=True)
    return get_breaker(template.name).wrap(function, like=like, name=name, patched=True)


def _apply(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
