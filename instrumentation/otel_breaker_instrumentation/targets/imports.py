"""When a module can be looked at: at once, after its import, or after the rest of an import that is under way.

Nothing is imported here, and what is called back must not raise: an import hook that does breaks the import.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable

    Callback: TypeAlias = Callable[[ModuleType, bool], None]
    """Is given the module, and whether it was being imported until now, by one import alone."""

_LAZY: Final[Any] = importlib.util._LazyModule  # type: ignore[attr-defined]  # noqa: SLF001  # it has no public name


def when_imported(name: str, callback: Callback) -> None:
    """Call back once, as soon as a module is there and complete."""
    module = sys.modules.get(name)
    if module is None:
        _wait_for_import(name, callback)
    elif type(module) is _LAZY:
        _wait_for_loading(module, callback)
    elif not _wait_for_the_rest(name, module, callback):
        callback(module, False)


def is_complete(name: str) -> bool:
    """Whether a module is there, and has run its code."""
    module = sys.modules.get(name)
    return module is not None and type(module) is not _LAZY and not is_under_way(module)


def is_under_way(module: ModuleType) -> bool:
    """Whether a module's own code is still running."""
    return issubclass(type(module), ModuleType) and bool(
        getattr(namespace(module).get("__spec__"), "_initializing", False)
    )


def namespace(module: ModuleType) -> dict[str, Any]:
    """What a module holds, without loading a lazy one."""
    held: dict[str, Any] = ModuleType.__getattribute__(module, "__dict__")
    return held


def _wait_for_import(name: str, callback: Callback) -> None:
    registering, missed = True, False

    def imported(module: ModuleType) -> None:
        nonlocal missed
        if registering:
            missed = True  # another thread was faster, and may not be through yet
        else:
            callback(sys.modules.get(name, module), True)

    wrapt.register_post_import_hook(imported, name)
    registering = False
    if missed:
        when_imported(name, callback)


class _Loader(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 knows no parameters
    """Loads a module as another loader does, and calls back."""

    def __init__(self, loader: Any, callback: Callback) -> None:
        super().__init__(loader)
        self._self_callback = callback

    def exec_module(self, module: ModuleType) -> None:
        namespace(module)["__spec__"].loader = self.__wrapped__
        self.__wrapped__.exec_module(module)
        self._self_callback(module, False)


def _wait_for_loading(module: ModuleType, callback: Callback) -> None:
    spec = namespace(module)["__spec__"]
    spec.loader = _Loader(spec.loader, callback)


class _Spec(ModuleSpec):
    """The specification of a module whose import is under way: says when it is through.

    Python marks in the specification that an import is under way, and takes the mark away, whatever becomes of it.
    There is no other sign: the loader, where a hook could stand, is at work already.
    """

    _otel_breaker_callback: Callable[[], None]

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_initializing" and not value:
            _stop_waiting(self)


def _wait_for_the_rest(name: str, module: ModuleType, callback: Callback) -> bool:
    """Whether there is something to wait for."""
    if not is_under_way(module):
        return False
    spec: Any = namespace(module)["__spec__"]
    if type(spec) is not ModuleSpec:
        return False

    def through() -> None:
        if sys.modules.get(name) is module:
            callback(module, False)
        else:
            when_imported(name, callback)  # that import has failed; there may be another

    vars(spec)["_otel_breaker_callback"] = through
    spec.__class__ = _Spec
    if not is_under_way(module):  # another thread has just finished
        _stop_waiting(spec)
    return True


def _stop_waiting(spec: ModuleSpec) -> None:
    spec.__class__ = ModuleSpec
    through = vars(spec).pop("_otel_breaker_callback", None)
    if through is not None:
        through()
