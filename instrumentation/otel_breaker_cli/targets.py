"""`otel-breaker targets`: lists the functions of a module that a configuration can name, and how each is guarded."""

from __future__ import annotations

import re
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.guard.dispatch import kind_of
from otel_breaker_cli.application import add_current_folder, import_module
from otel_breaker_cli.command import Command, CommandFailed
from otel_breaker_instrumentation.config import parse_configuration
from otel_breaker_instrumentation.targets.bypasses import find_bypasses
from otel_breaker_instrumentation.targets.guards import guarded_by, inside, why_not
from otel_breaker_instrumentation.targets.lookup import NotThereError, ResolvedName, look_up

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from otel_breaker_instrumentation.targets.bypass_names import Bypass

_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_MAX_DEPTH: Final = 5
"""Names in a qualified name: nested classes and a method."""


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("module", metavar="MODULE", help="such as shop.payments; imported, from this folder too")


def _run(arguments: Namespace) -> int:
    if not _MODULE.fullmatch(arguments.module):
        raise CommandFailed(f"{arguments.module!r} is no module: name one such as shop.payments")
    add_current_folder()
    functions = list(_functions(arguments.module, import_module(arguments.module)))
    width = max((len(resolved.function) for resolved in functions), default=0)
    bypasses = find_bypasses([(resolved.function, resolved.value, True) for resolved in functions])
    for resolved, its_bypasses in zip(functions, bypasses, strict=True):
        sys.stdout.write(f"{resolved.function:<{width}}  {_describe(resolved, its_bypasses)}\n")
    if not functions:
        sys.stdout.write(f"{arguments.module} defines no function that can be guarded by a public name\n")
    return 0 if functions else 1


def _functions(name: str, module: Any) -> Iterator[ResolvedName]:
    """The functions that a pattern of any depth finds, and those that the module re-exports from its package."""
    for depth in range(1, _MAX_DEPTH + 1):
        yield from _resolve(f"{name}:{'.'.join('*' * depth)}", module)
    for origin, top, value in _re_exports(name, module):
        if not isinstance(value, type):
            yield from _resolve(f"{origin.__name__}:{top}", origin)
            continue
        for depth in range(1, _MAX_DEPTH):
            yield from _resolve(f"{origin.__name__}:{top}.{'.'.join('*' * depth)}", origin)


def _resolve(pattern: str, module: Any) -> Iterator[ResolvedName]:
    (target,) = parse_configuration({"targets": [{"function": pattern}]}, "").targets
    try:
        results = look_up(target, module, lambda value: value, frozenset[str]().__contains__)
    except NotThereError:
        return
    yield from (result for result in results if why_not(result.function, result.value) is None)


def _re_exports(name: str, module: Any) -> Iterator[tuple[ModuleType, str, object]]:
    """Public functions and classes that a package re-exports from its modules: defining module, name there, value."""
    exported = set(getattr(module, "__all__", ()))
    package = name.partition(".")[0]
    seen = set()
    for attribute, value in list(vars(module).items()):
        if attribute.startswith("_") or not isinstance(value, type | FunctionType):
            continue
        origin, top = sys.modules.get(value.__module__), value.__name__
        prefix = f"{package}." if attribute in exported else f"{name}."
        if origin is None or origin is module or not value.__module__.startswith(prefix):
            continue
        if vars(origin).get(top) is value and (origin, top) not in seen:
            seen.add((origin, top))
            yield origin, top, value


def _describe(resolved: ResolvedName, bypasses: Sequence[Bypass]) -> str:
    kind = kind_of(inside(resolved.value))
    if isinstance(resolved.slot.owner, type):
        how = type(resolved.value) if type(resolved.value) in (classmethod, staticmethod) else None
        kind = kind.replace("function", "method" if how is None else how.__name__)
    breaker = guarded_by(resolved.value)
    if breaker is not None:
        return f"{kind}, guarded by {breaker!r} already"
    if bypasses:
        return (
            f"{kind}, but called past its name by {', '.join(bypass.name for bypass in bypasses)}: {bypasses[0].remedy}"
        )
    return kind


COMMAND = Command(
    "Imports a module, and lists the functions and methods that it defines, or takes from other modules of its package "
    "and offers: public ones, since a pattern finds no others; a private one can be named in full.",
    _add_arguments,
    _run,
)
