"""What a guard itself calls, and so cannot guard: each call of it would be one more guarded call, without end.

It goes by the module that a target names, since it is that module's name which guards look up. A name that another
module has from there, such as `from time import sleep`, is that module's own, and can be guarded.
"""

from __future__ import annotations

from typing import Final

_PACKAGES: Final = frozenset(
    {
        *("otel_breaker", "otel_breaker_cli", "otel_breaker_instrumentation", "wrapt"),
        *("_abc", "_asyncio", "_collections_abc", "_contextvars", "_sre", "_thread", "_warnings", "_weakref"),
        *(
            "_weakrefset",
            "abc",
            "sre_compile",
            "sre_constants",
            "sre_parse",
            "builtins",
            "collections",
            "contextlib",
            "contextvars",
            "copy",
            "dataclasses",
            "enum",
        ),
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
"""What telemetry is sent by, and what other libraries are guarded through; a guard passes calls of the former by."""
_USED_ALL_THE_SAME: Final = "opentelemetry.instrumentation.utils"


def is_own_dependency(function: str) -> bool:
    """Whether guards call what is to be guarded, given as `module:qualified.name`."""
    module = function.partition(":")[0]
    package = module.partition(".")[0]
    if package == _TELEMETRY:
        return module == _USED_ALL_THE_SAME or not module.startswith(_ABOVE_TELEMETRY)
    return package in _PACKAGES or module in _MODULES or function in _FUNCTIONS
