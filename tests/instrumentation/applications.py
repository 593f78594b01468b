"""Modules as an application brings them: written by a test, importable under a name that no other test uses."""

from __future__ import annotations

import importlib
import sys
from itertools import count
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from otel_breaker import get_breaker
from otel_breaker_instrumentation.targets.guards import guarded_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import ModuleType

    from otel_breaker_instrumentation import OtelBreakerInstrumentor

_NUMBERS = count()


class Application:
    """An application: writes its modules, has their functions guarded, and imports them."""

    def __init__(self, folder: Path, instrumentor: OtelBreakerInstrumentor) -> None:
        self._folder = folder
        self.instrumentor = instrumentor
        self._written: list[str] = []

    def write(self, source: str) -> str:
        """Write a module without importing it; returns its name."""
        name = f"application_{next(_NUMBERS)}"
        (self._folder / f"{name}.py").write_text(dedent(source))
        importlib.invalidate_caches()
        self._written.append(name)
        return name

    def guard(self, *functions: str, breakers: Mapping[str, object] | None = None) -> None:
        """Guard functions by keyword arguments."""
        targets = [{"function": function} for function in functions]
        self.instrumentor.instrument(targets=targets, breakers=breakers or {})

    def load(self, source: str, *qualified_names: str) -> ModuleType:
        """Write a module, have some of it guarded, and import it."""
        name = self.write(source)
        self.guard(*(f"{name}:{qualified_name}" for qualified_name in qualified_names))
        return importlib.import_module(name)

    def forget(self) -> None:
        for name in self._written:
            sys.modules.pop(name, None)


def is_guarded(function: object) -> bool:
    """Whether a function, or what its `__wrapped__` shows, is a guard."""
    return guarded_by(function) is not None


def evaluate(expression: str, module: ModuleType) -> Any:
    """Evaluate an expression in a module, so that calls are written as the application would write them."""
    return eval(expression, vars(module))


def calls(function: object, qualified_name: str = "") -> dict[str, int]:
    """What the breaker of a function has counted, without the zeros.

    Args:
        function: a module, or the name of the breaker.
        qualified_name: of the function in the module.
    """
    name = function if isinstance(function, str) else f"{function.__name__}:{qualified_name}"  # type: ignore[attr-defined]
    return {outcome: number for outcome, number in get_breaker(name).snapshot().calls.items() if number}
