"""`otel-breaker targets`: what in a module a configuration can name, and how it would be guarded."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.guard.kinds import kind_of
from otel_breaker_instrumentation.cli.application import import_from_here, import_module
from otel_breaker_instrumentation.cli.command import Command, CommandFailed
from otel_breaker_instrumentation.config import understand
from otel_breaker_instrumentation.targets.guards import guarded_by, inside, why_not
from otel_breaker_instrumentation.targets.lookup import Found, NotThereError, look_up

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

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
    for each in found:
        sys.stdout.write(f"{each.function:<{width}}  {_describe(each)}\n")
    if not found:
        sys.stdout.write(f"{arguments.module} defines no function that can be guarded by a public name\n")
    return 0 if found else 1


def _functions(name: str, module: Any) -> Iterator[Found]:
    """All that a pattern of any depth would find, in the order in which it stands there."""
    for depth in range(1, _DEEPEST + 1):
        pattern = f"{name}:{'.'.join('*' * depth)}"
        (target,) = understand({"targets": [{"function": pattern}]}, "").targets
        try:
            found = look_up(target, module, lambda value: value, frozenset[str]().__contains__)
        except NotThereError:
            continue
        yield from (each for each in found if why_not(each.function, each.value) is None)


def _describe(found: Found) -> str:
    kind = kind_of(inside(found.value))
    if isinstance(found.place.owner, type):
        how = type(found.value) if type(found.value) in (classmethod, staticmethod) else None
        kind = kind.replace("function", "method" if how is None else how.__name__)
    breaker = guarded_by(found.value)
    return kind if breaker is None else f"{kind}, guarded by {breaker!r} already"


COMMAND = Command(
    "targets",
    "list what in a module can be guarded, by the names to write into a configuration",
    "Imports a module, and lists the functions and methods that it defines: public ones, since a pattern finds no "
    "others; a private one can be named in full.",
    _add_arguments,
    _run,
)
