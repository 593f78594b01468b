"""Waits until a module is complete: it may be already, or be imported later, or be in the middle of its import.

Nothing is imported here. A callback must not raise: an exception in an import hook breaks the import.
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
    """Is called with the module, and whether it comes from one import that has just ended."""

_LAZY: Final[Any] = importlib.util._LazyModule  # type: ignore[attr-defined]  # noqa: SLF001  # it has no public name


def when_imported(name: str, callback: Callback) -> None:
    """Call back once, as soon as a module is complete.

    Args:
        name: of the module.
        callback: called now, or by the import.
    """
    module = sys.modules.get(name)
    if module is None:
        _wait_for_import(name, callback)
    elif type(module) is _LAZY:
        _wait_for_loading(module, callback)
    elif not _wait_for_end(name, module, callback):
        callback(module, False)


def is_complete(name: str) -> bool:
    """Whether a module has been imported, and has run its code."""
    module = sys.modules.get(name)
    return module is not None and type(module) is not _LAZY and not is_under_way(module)


def is_under_way(module: ModuleType) -> bool:
    """Whether a module's own code is still running."""
    return issubclass(type(module), ModuleType) and bool(
        getattr(namespace(module).get("__spec__"), "_initializing", False)
    )


def namespace(module: ModuleType) -> dict[str, Any]:
    """The namespace of a module; reading it loads no lazy module."""
    attributes: dict[str, Any] = ModuleType.__getattribute__(module, "__dict__")
    return attributes


def _wait_for_import(name: str, callback: Callback) -> None:
    registering, missed = True, False

    def imported(module: ModuleType) -> None:
        nonlocal missed
        if registering:
            missed = True  # another thread was faster, and may not have finished
        else:
            callback(sys.modules.get(name, module), True)

    wrapt.register_post_import_hook(imported, name)
    registering = False
    if missed:
        when_imported(name, callback)


class _Loader(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 knows no parameters
    """Wraps the loader of a lazy module, and calls back when it has loaded the module."""

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
    """The spec of a module whose import is under way: calls back when the import ends.

    Python sets `_initializing` in the spec while an import is under way, and clears it however the import ends.
    Nothing else shows the end: the loader, which could be wrapped, is running already.
    """

    _otel_breaker_callback: Callable[[], None]

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "_initializing" and not value:
            _stop_waiting(self)


def _wait_for_end(name: str, module: ModuleType, callback: Callback) -> bool:
    """Wait for the end of an import that is under way; False when there is none to wait for."""
    if not is_under_way(module):
        return False
    spec: Any = namespace(module)["__spec__"]
    if type(spec) is not ModuleSpec:
        return False

    def ended() -> None:
        if sys.modules.get(name) is module:
            callback(module, False)
        else:
            when_imported(name, callback)  # the import has failed; another may follow

    vars(spec)["_otel_breaker_callback"] = ended
    spec.__class__ = _Spec
    if not is_under_way(module):  # another thread has just finished
        _stop_waiting(spec)
    return True


def _stop_waiting(spec: ModuleSpec) -> None:
    spec.__class__ = ModuleSpec
    callback = vars(spec).pop("_otel_breaker_callback", None)
    if callback is not None:
        callback()
