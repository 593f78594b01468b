"""Functions that guards call, and so cannot guard: each call of one would be another guarded call, without end.

The module that a target names decides, since guards look the function up there. A name that another module has from
it, by `from time import sleep`, is looked up in that module alone, and can be guarded.
"""

from __future__ import annotations

from typing import Final

OWN_PACKAGES: Final = ("otel_breaker", "otel_breaker_cli", "otel_breaker_instrumentation")
"""The packages whose modules hold guards, and are no users of functions."""
_PACKAGES: Final = frozenset(
    {
        *(*OWN_PACKAGES, "wrapt"),
        *("_abc", "_asyncio", "_collections_abc", "_contextvars", "_sre", "_thread", "_warnings", "_weakref"),
        *("_weakrefset", "abc", "builtins", "collections", "contextlib", "contextvars", "copy", "dataclasses", "enum"),
        *("sre_compile", "sre_constants", "sre_parse"),
        *("functools", "genericpath", "greenlet", "inspect", "itertools", "ntpath", "operator", "posixpath", "random"),
        *("re", "reprlib", "string", "sys", "threading", "time", "types", "typing", "typing_extensions", "warnings"),
        "weakref",
    }
)
_MODULES: Final = frozenset({"asyncio.events", "asyncio.tasks", "logging", "os.path"})
_FUNCTIONS: Final = frozenset(
    {
        *("asyncio:current_task", "asyncio:get_running_loop", "asyncio:iscoroutine", "asyncio:iscoroutinefunction"),
        *("multiprocessing:current_process", "multiprocessing.process:current_process"),
        *("math:isfinite", "os:fspath", "os:getpid", "os:urandom", "posix:fspath", "posix:getpid", "posix:urandom"),
        *("trio:current_task", "trio.lowlevel:current_task"),
    }
)
_TELEMETRY: Final = "opentelemetry"
_ABOVE_TELEMETRY: Final = ("opentelemetry.exporter.", "opentelemetry.instrumentation.")
"""Modules that call telemetry and are not called by it. While an exporter runs, instrumentation is suppressed, and
guards pass its calls on."""
_CALLED_BY_GUARDS: Final = "opentelemetry.instrumentation.utils"


def is_own_dependency(function: str) -> bool:
    """Whether guards call a function, given as `module:qualified.name`."""
    module = function.partition(":")[0]
    package = module.partition(".")[0]
    if package == _TELEMETRY:
        return module == _CALLED_BY_GUARDS or not module.startswith(_ABOVE_TELEMETRY)
    return package in _PACKAGES or module in _MODULES or function in _FUNCTIONS
