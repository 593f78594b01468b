"""Runs in a library's own environment: lists its functions, or runs its tests with all of them guarded.

    python guard.py list PACKAGE LISTING [MODULE TO LEAVE OUT ...]
    python guard.py run unguarded|names|wildcards LISTING OUTCOMES [ARGUMENT OF PYTEST ...]

All files are JSON. No other module of this folder is imported here, since a library's tests have modules of the same
names. These guards never refuse a call: the tests check only that a guarded call behaves like an unguarded one.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import warnings
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import ModuleType

NEVER: Final = 1_000_000_000
"""More failures in a row than a suite can cause."""


def main(arguments: list[str]) -> int:
    sys.path[0] = os.getcwd()  # noqa: PTH109  # as for `python -m pytest`, instead of this file's folder
    if arguments[0] == "list":
        package, listing, *left_out = arguments[1:]
        Path(listing).write_text(json.dumps(functions_by_module(package, left_out)))
        return 0
    how, listing, outcomes, *options = arguments[1:]
    return run(how, json.loads(Path(listing).read_text()), Path(outcomes), options)


def functions_by_module(package: str, left_out: Collection[str]) -> dict[str, list[str]]:
    """The qualified names of all functions and methods that each module of a package defines."""
    found = {}
    for name in modules(package):
        if name.rpartition(".")[2] == "__main__" or any(f"{name}.".startswith(f"{each}.") for each in left_out):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some modules are deprecated
            try:
                module = importlib.import_module(name)
            except ImportError:  # it needs a library that is not installed
                continue
        found[name] = list(functions(module, name, ()))
    return found


def modules(package: str) -> Iterator[str]:
    yield package
    for each in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.", lambda _: None):
        yield each.name


def functions(owner: ModuleType | type, module: str, path: tuple[str, ...]) -> Iterator[str]:
    """The functions that a module defines, also where its package changes their `__module__` or re-exports them."""
    package = module.partition(".")[0]
    for name, value in list(vars(owner).items()):
        inner = value.__func__ if type(value) in (classmethod, staticmethod) else value
        if type(inner) is FunctionType and name.isidentifier() and defining_module(inner, package) == module:
            yield ".".join((*path, name))
        elif isinstance(value, type) and value.__qualname__ == ".".join((*path, name)):  # not an alias of a class
            yield from functions(value, module, (*path, name))


def defining_module(function: FunctionType, package: str) -> str:
    """The module that defines a function; where a decorator of another package wraps it, `__module__` names it."""
    name = str(function.__globals__["__name__"])
    return name if name.partition(".")[0] == package else function.__module__


def run(how: str, listing: dict[str, list[str]], outcomes: Path, options: list[str]) -> int:
    if how != "unguarded":
        instrument(targets(how, listing))
    import pytest  # noqa: PLC0415  # after the guards are installed, as in an application

    with outcomes.open("w") as file:
        status = pytest.main(options, plugins=[Outcomes(file)])
        if how != "unguarded":
            file.write(json.dumps({"targets": target_counts()}) + "\n")
    return int(status)


def targets(how: str, listing: dict[str, list[str]]) -> list[dict[str, str]]:
    if how == "names":
        names = [f"{module}:{name}" for module, functions in listing.items() for name in functions]
    else:
        names = [f"{module}:{pattern}" for module in listing for pattern in ("*", "*.*")]
    return [{"function": name} for name in names]


def instrument(targets: list[dict[str, str]]) -> None:
    from otel_breaker_instrumentation import OtelBreakerInstrumentor  # noqa: PLC0415  # not installed for guards in an unguarded run

    OtelBreakerInstrumentor().instrument(defaults={"failure_threshold": NEVER}, targets=targets)


def target_counts() -> dict[str, int]:
    from otel_breaker_instrumentation import report  # noqa: PLC0415  # as above

    return {status.value: count for status, count in report().counts.items()}


class Outcomes:
    """A plugin of pytest that writes the outcome of each test, a line as soon as it is known."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._write(report, report.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or not report.passed:
            self._write(report, report.nodeid)

    def _write(self, report: Any, test: str) -> None:
        text = report.longreprtext if report.failed else ""
        self._file.write(json.dumps({"test": test, "outcome": report.outcome, "text": text}) + "\n")
        self._file.flush()  # a suite may end its own process, or hang


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
