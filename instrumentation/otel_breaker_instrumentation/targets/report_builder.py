"""Puts together what is known of every target."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Final

from otel_breaker_instrumentation.targets.holders import holders_of
from otel_breaker_instrumentation.targets.pending import why_pending
from otel_breaker_instrumentation.targets.report import Report, Status, TargetReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction
    from otel_breaker_instrumentation.targets.holder_names import Holder
    from otel_breaker_instrumentation.targets.plan import Failure

_MOST_EXPLAINED: Final = 100
"""Modules that are looked for when a target waits for them."""


def build_report(
    targets: Sequence[Target],
    guarded: Iterable[GuardedFunction],
    failures: Iterable[Failure],
    *,
    explained: bool = True,
    searched: bool = False,
) -> Report:
    """Tell of every target.

    Args:
        targets: all of them.
        guarded: the guards in place.
        failures: why others are not.
        explained: whether remedies are wanted that take long to find.
        searched: whether to ask who calls past the guards: all objects of the process are gone through.
    """
    lines: dict[str, list[TargetReport]] = {target.function: [] for target in targets}
    guarded = list(guarded)
    # What is inherited or taken from elsewhere is meant by its own name alone: all others go past it on purpose.
    asked = [(each.wanted.function, each.wanted.value, bool(each.alias_ids)) for each in guarded]
    for each, held in zip(guarded, holders_of(asked) if searched else repeat(()), strict=False):
        if each.wanted.target.function in lines:  # another thread may be changing them
            lines[each.wanted.target.function].append(_of_guarded(each, held))
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
                wanted = explained and len(pending) < _MOST_EXPLAINED
                pending[module] = why_pending(module) if wanted else ("nobody has imported its module", "")
            reason, remedy = pending[module]
            lines[target.function].append(
                TargetReport(target.function, Status.PENDING, target.path, reason=reason, remedy=remedy)
            )
    return Report(line for target in targets for line in lines[target.function])


def _of_guarded(guarded: GuardedFunction, holders: Sequence[Holder]) -> TargetReport:
    wanted = guarded.wanted
    if guarded.is_in_place:
        return TargetReport(
            wanted.function,
            Status.GUARDED,
            wanted.target.path,
            wanted.template.name,
            aliases=tuple(guarded.aliases),
            unguarded=tuple(guarded.still_unguarded()),
            bypassed_by=tuple(holder.name for holder in holders),
            remedy=holders[0].remedy if holders else "",
        )
    return TargetReport(
        wanted.function,
        Status.MISSING,
        wanted.target.path,
        reason="something else stands there by now: the module was loaded again, or the name was set anew",
        remedy="guard after that: uninstrument() and instrument()",
    )
