"""Puts together what is known of every target."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from otel_breaker.settings.values import nearest
from otel_breaker_instrumentation.targets.imports import is_complete
from otel_breaker_instrumentation.targets.reports import Report, Status, TargetReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.guarded import Guarded
    from otel_breaker_instrumentation.targets.plan import Failure


def tell(
    targets: Sequence[Target], guarded: Iterable[Guarded], failures: Iterable[Failure], *, explained: bool = True
) -> Report:
    """Tell of every target.

    Args:
        targets: all of them.
        guarded: the guards in place.
        failures: why others are not.
        explained: whether remedies are wanted that take long to find.
    """
    lines: dict[str, list[TargetReport]] = {target.function: [] for target in targets}
    for each in guarded:
        if each.wanted.target.function in lines:  # another thread may be changing them
            lines[each.wanted.target.function].append(_of_guarded(each))
    for failure in failures:
        if failure.target.function in lines:
            lines[failure.target.function].append(
                TargetReport(
                    failure.function,
                    failure.status,
                    failure.target.path,
                    reason=failure.reason,
                    remedy=failure.remedy,
                )
            )
    pending: dict[str, tuple[str, str]] = {}
    for target in targets:
        if not lines[target.function]:
            module = target.pattern.module
            if module not in pending:
                pending[module] = _why_pending(module) if explained else ("", "")
            reason, remedy = pending[module]
            lines[target.function].append(
                TargetReport(target.function, Status.PENDING, target.path, reason=reason, remedy=remedy)
            )
    return Report(line for target in targets for line in lines[target.function])


def _of_guarded(guarded: Guarded) -> TargetReport:
    wanted = guarded.wanted
    if guarded.stands:
        return TargetReport(
            wanted.function,
            Status.GUARDED,
            wanted.target.path,
            wanted.template.name,
            aliases=tuple(guarded.aliases),
            unguarded=tuple(guarded.still_unguarded()),
        )
    return TargetReport(
        wanted.function,
        Status.MISSING,
        wanted.target.path,
        reason="something else stands there by now: the module was loaded again, or the name was set anew",
        remedy="guard after that: uninstrument() and instrument()",
    )


def _why_pending(module: str) -> tuple[str, str]:
    if is_complete(module):
        return "it came without being imported, or just when it was asked for", "uninstrument() and instrument()"
    if module in sys.modules:
        return "its import is not finished", "wait until it is"
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name == module:
        return "it runs as __main__, not under its own name", "move the function into a module of its own"
    # Among hundreds of modules, only those that can be meant: looking for the nearest takes long.
    package = module.rpartition(".")[0]
    known = [name for name in list(sys.modules) if name.rpartition(".")[0] == package]
    return "nobody has imported its module", nearest(module, known)
