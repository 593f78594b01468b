"""Guards of callables that are no Python functions: callables of C, other tools' wrappers, callable objects.

Each is a proxy of wrapt, which binds right, and can be copied, pickled and referenced weakly as what it wraps.
"""

from __future__ import annotations

import copy
import inspect
from functools import partial
from types import MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

from otel_breaker.keyed_guard import Bound

if TYPE_CHECKING:
    from collections.abc import Callable


class _Rebinding(type(wrapt.BoundFunctionWrapper)):  # type: ignore[misc]  # its base depends on wrapt's release
    """Makes a guard's type callable as `MethodType` is, since `weakref.WeakMethod` calls a method's type to bind it."""

    def __call__(cls, function: Any, instance: Any) -> Any:
        return getattr(instance, getattr(function, "__name__", ""), MethodType(function, instance))


class BoundProxy(wrapt.BoundFunctionWrapper, metaclass=_Rebinding):  # type: ignore[type-arg]  # wrapt 1 knows no parameters
    """A bound guard: of a method of C, or of another instrumentor's wrapper."""

    def __reduce_ex__(self, protocol: object) -> Any:
        bound_to = getattr(self.__wrapped__, "__self__", None)
        return str(self.__wrapped__.__qualname__) if bound_to is None else (getattr, (bound_to, self.__name__))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        bound_to = getattr(self.__wrapped__, "__self__", None)
        return self if bound_to is None else getattr(copy.deepcopy(bound_to, memo), self.__name__)


class Proxy(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # as above
    """A guard.

    Args:
        value: what it wraps, as its namespace holds it.
        apply: the trampoline: calls its first argument, guarded, with the arguments that follow.
        is_keyed: whether the breaker's key may need the object that a method is bound to.
    """

    # As quick as the type itself; a partial application alone would become a method.
    __bound_function_wrapper__ = staticmethod(partial(type.__call__, BoundProxy))  # type: ignore[assignment]

    def __init__(self, value: Any, apply: Callable[..., Any], *, is_keyed: bool) -> None:
        def call(wrapped: Any, _: object, args: Any, kwargs: Any) -> Any:
            return apply(wrapped, *args, **kwargs)

        def call_with_key(wrapped: Any, instance: object, args: Any, kwargs: Any) -> Any:
            # A method comes bound; a value that is called as it was found has no object among its parameters.
            is_bound = instance is not None and wrapped is not value
            return apply(Bound(wrapped, instance) if is_bound else wrapped, *args, **kwargs)

        super().__init__(value, call_with_key if is_keyed else call)
        self._self_guard = apply
        self._self_is_keyed = is_keyed

    @property
    def __signature__(self) -> inspect.Signature:
        """Of a callable object: `inspect` reads the type's `__call__`, which would be the proxy's."""
        if inspect.isroutine(self.__wrapped__) or hasattr(self.__wrapped__, "__wrapped__"):
            raise AttributeError("__signature__")
        return inspect.signature(self.__wrapped__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickles the name, or the object that it is bound to."""
        bound_to = getattr(self.__wrapped__, "__self__", None)
        if bound_to is not None and not isinstance(bound_to, ModuleType):
            return self.__wrapped__.__reduce_ex__(protocol)
        name = getattr(self.__wrapped__, "__qualname__", None)
        return self.__wrapped__.__reduce_ex__(protocol) if name is None else str(name)

    def __copy__(self) -> Any:
        return self._over(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._over(copy.deepcopy(self.__wrapped__, memo))

    def _over(self, copied: Any) -> Any:
        """The guard of a copy; a function is its own copy, and so is its guard."""
        return self if copied is self.__wrapped__ else Proxy(copied, self._self_guard, is_keyed=self._self_is_keyed)
