"""`otel-breaker targets`: what in a module a configuration can name, and how it would be guarded."""

from __future__ import annotations

import re
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.guard.dispatch import kind_of
from otel_breaker_cli.application import import_from_here, import_module
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
_DEEPEST: Final = 5
"""Classes within each other, and a method."""


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("module", metavar="MODULE", help="such as shop.payments; imported, from this folder too")


def _run(arguments: Namespace) -> int:
    if not _MODULE.fullmatch(arguments.module):
        raise CommandFailed(f"{arguments.module!r} is no module: name one such as shop.payments")
    import_from_here()
    found = list(_functions(arguments.module, import_module(arguments.module)))
    width = max((len(each.function) for each in found), default=0)
    bypasses = find_bypasses([(each.function, each.value, True) for each in found])
    for each, bypassed in zip(found, bypasses, strict=True):
        sys.stdout.write(f"{each.function:<{width}}  {_describe(each, bypassed)}\n")
    if not found:
        sys.stdout.write(f"{arguments.module} defines no function that can be guarded by a public name\n")
    return 0 if found else 1


def _functions(name: str, module: Any) -> Iterator[ResolvedName]:
    """All that a pattern of any depth would find, and what the module offers of others in its package."""
    for depth in range(1, _DEEPEST + 1):
        yield from _found(f"{name}:{'.'.join('*' * depth)}", module)
    for origin, top, value in _taken_over(name, module):
        if not isinstance(value, type):
            yield from _found(f"{origin.__name__}:{top}", origin)
            continue
        for depth in range(1, _DEEPEST):
            yield from _found(f"{origin.__name__}:{top}.{'.'.join('*' * depth)}", origin)


def _found(pattern: str, module: Any) -> Iterator[ResolvedName]:
    (target,) = parse_configuration({"targets": [{"function": pattern}]}, "").targets
    try:
        found = look_up(target, module, lambda value: value, frozenset[str]().__contains__)
    except NotThereError:
        return
    yield from (each for each in found if why_not(each.function, each.value) is None)


def _taken_over(name: str, module: Any) -> Iterator[tuple[ModuleType, str, object]]:
    """Public functions and classes that a package takes from its modules to offer them: from where, and as what."""
    offered = set(getattr(module, "__all__", ()))
    package = name.partition(".")[0]
    seen = set()
    for attribute, value in list(vars(module).items()):
        if attribute.startswith("_") or not isinstance(value, type | FunctionType):
            continue
        origin, top = sys.modules.get(value.__module__), value.__name__
        within = f"{package}." if attribute in offered else f"{name}."
        if origin is None or origin is module or not value.__module__.startswith(within):
            continue
        if vars(origin).get(top) is value and (origin, top) not in seen:
            seen.add((origin, top))
            yield origin, top, value


def _describe(found: ResolvedName, bypasses: Sequence[Bypass]) -> str:
    kind = kind_of(inside(found.value))
    if isinstance(found.slot.owner, type):
        how = type(found.value) if type(found.value) in (classmethod, staticmethod) else None
        kind = kind.replace("function", "method" if how is None else how.__name__)
    breaker = guarded_by(found.value)
    if breaker is not None:
        return f"{kind}, guarded by {breaker!r} already"
    if bypasses:
        return f"{kind}, but called past its name by {', '.join(each.name for each in bypasses)}: {bypasses[0].remedy}"
    return kind


COMMAND = Command(
    "Imports a module, and lists the functions and methods that it defines, or takes from other modules of its package "
    "and offers: public ones, since a pattern finds no others; a private one can be named in full.",
    _add_arguments,
    _run,
)
