"""Putting guards in place of functions, and taking them away again: one list of patch points serves both.

A target is looked up when the application imports its module and never before. Whatever goes wrong is reported and
leaves that target unguarded; the application's import never fails because of us.
"""

from __future__ import annotations

import atexit
import logging
import sys
from dataclasses import dataclass
from functools import cached_property, partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_breaker import InvalidSettings, get_breaker
from otel_breaker.registry import REGISTRY
from otel_breaker.settings.values import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from otel_breaker_instrumentation.entries import Target

_log = logging.getLogger("otel_breaker")

_MISSING: Final = object()


@dataclass(frozen=True)
class PatchPoint:
    """Where a guard stands, and what stood there."""

    owner: Any
    attribute: str
    original: Any
    """What was set on the owner itself; _MISSING when it was inherited."""
    guard: Any

    def restore(self) -> bool:
        """Put back what was there; False when somebody has wrapped the guard since."""
        if vars(self.owner).get(self.attribute) is not self.guard:
            return False
        if self.original is _MISSING:
            delattr(self.owner, self.attribute)
        else:
            setattr(self.owner, self.attribute, self.original)
        return True


class Patches:
    """The guards of one configuration."""

    def __init__(self) -> None:
        self._points: list[PatchPoint] = []
        self._pending: dict[Target, None] = {}
        self._in_force = True

    def add(self, targets: Iterable[Target]) -> None:
        """Guard each target as soon as its module is imported, or now when it has been."""
        atexit.register(self._report_pending)
        for target in targets:
            self._pending[target] = None
            wrapt.register_post_import_hook(partial(self._imported, target), target.pattern.module)

    def undo(self) -> None:
        """Leave every namespace as it was; import hooks that have not fired yet will do nothing."""
        self._in_force = False
        atexit.unregister(self._report_pending)
        while self._points:
            point = self._points.pop()
            try:
                if not point.restore():
                    _log.warning("%s.%s stays guarded: something has wrapped it since", point.owner, point.attribute)
            except Exception:
                _log.exception("%s.%s stays guarded", point.owner, point.attribute)

    def _report_pending(self) -> None:
        for target in self._pending:
            remedy = nearest(target.pattern.module, list(sys.modules))
            _log.warning("%s was never guarded: nobody imported its module: %s", target, remedy)

    def _imported(self, target: Target, module: ModuleType) -> None:
        if not self._in_force:
            return
        del self._pending[target]
        try:
            self._guard(target, module)
        except InvalidSettings as error:
            _log.error("%s is not guarded: %s", target, error)
        except Exception as error:
            # An import hook that raises breaks the application's import.
            _log.exception("%s is not guarded: %s", target, error)

    def _guard(self, target: Target, module: ModuleType) -> None:
        owner, attribute, found = _resolve(target, module)
        reason = _why_not(found)
        if reason is not None:
            raise InvalidSettings(target.path, f"{target} {reason}", "name a function or a method")
        try:
            guard = _guard_for(target, found)
            original = vars(owner).get(attribute, _MISSING)
            setattr(owner, attribute, guard)
        except TypeError as error:
            raise InvalidSettings(target.path, str(error), "name another function") from error
        self._points.append(PatchPoint(owner, attribute, original, vars(owner)[attribute]))


def _resolve(target: Target, module: ModuleType) -> tuple[Any, str, Any]:
    try:
        found: tuple[Any, str, Any] = wrapt.resolve_path(module, target.pattern.qualified_name)
    except AttributeError:
        owner: object = module
        for part in target.pattern.qualified_name.split("."):
            if not hasattr(owner, part):
                known = [name for name in dir(owner) if not name.startswith("__")]
                raise InvalidSettings(target.path, f"there is no {target}", nearest(part, known)) from None
            owner = getattr(owner, part)
        raise
    return found


def _why_not(found: object) -> str | None:
    if isinstance(found, property | cached_property):
        return "is a property, which is not called"
    if isinstance(found, type):
        return "is a class"
    if not callable(found) and not hasattr(type(found), "__get__"):  # what makes a method will do
        return f"is {type(found).__name__}, which cannot be called"
    return None


def _guard_for(target: Target, found: Any) -> Any:
    inner = found.__func__ if type(found) in (classmethod, staticmethod) else found
    # By `type`: a proxy says that it is what it stands for.
    if type(inner) is FunctionType:
        guard = _wrap(target, inner, None)
        return guard if inner is found else type(found)(guard)
    # Callables of C, foreign descriptors and other instrumentors' wrappers bind in ways that only wrapt gets right.
    apply = _wrap(target, _apply, inner)
    return _Wrapper(found, lambda wrapped, _instance, args, kwargs: apply(wrapped, *args, **kwargs))


class _Wrapper(wrapt.FunctionWrapper[Any, Any]):
    """A guard that pickles by name, as what it stands for does."""

    def __reduce_ex__(self, protocol: object) -> str:
        return str(self.__wrapped__.__qualname__)


def _wrap(target: Target, function: Callable[..., Any], like: Callable[..., Any] | None) -> Callable[..., Any]:
    name = f"{target.pattern.module}.{target.pattern.qualified_name}"
    template = target.template(target.function)
    if template.fields:
        keyed = REGISTRY.get_keyed(template.name, {})
        return keyed.wrap(function, template, like=like, name=name, patched=True)
    return get_breaker(template.name).wrap(function, like=like, name=name, patched=True)


def _apply(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
