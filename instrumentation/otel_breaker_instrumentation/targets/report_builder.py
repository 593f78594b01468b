"""Builds the report: what is known of every target, in the order of the configuration."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Final

from otel_breaker_instrumentation.targets.bypasses import find_bypasses
from otel_breaker_instrumentation.targets.pending import why_pending
from otel_breaker_instrumentation.targets.report import Report, Status, TargetReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_breaker_instrumentation.entries import Target
    from otel_breaker_instrumentation.targets.bypass_names import Bypass
    from otel_breaker_instrumentation.targets.failure import TargetFailure
    from otel_breaker_instrumentation.targets.guarded_function import GuardedFunction

_MOST_EXPLAINED: Final = 100
"""Modules that are looked for when a target waits for them."""


def build_report(
    targets: Sequence[Target],
    guarded: Iterable[GuardedFunction],
    failures: Iterable[TargetFailure],
    *,
    explained: bool = True,
    searched: bool = False,
) -> Report:
    """Build the report.

    Args:
        targets: all of them.
        guarded: the guards in place.
        failures: why others are not.
        explained: whether to look for the reason why a target is pending, which takes long.
        searched: whether to search for what bypasses the guards, which goes through all objects of the process.
    """
    lines: dict[str, list[TargetReport]] = {target.function: [] for target in targets}
    for target, line in (*_guarded_lines(list(guarded), searched=searched), *_failure_lines(failures)):
        if target.function in lines:  # another thread may change the targets meanwhile
            lines[target.function].append(line)
    for target, line in _pending_lines([target for target in targets if not lines[target.function]], explained):
        lines[target.function].append(line)
    return Report(line for target in targets for line in lines[target.function])


def _guarded_lines(guarded: Sequence[GuardedFunction], *, searched: bool) -> Iterator[tuple[Target, TargetReport]]:
    # A target that has no aliases means one name alone, such as an inherited one: calls by others are no bypass.
    named = [(each.wanted.function, each.wanted.value, bool(each.alias_ids)) for each in guarded]
    for each, bypasses in zip(guarded, find_bypasses(named) if searched else repeat(()), strict=False):
        yield each.wanted.target, _guarded_line(each, bypasses)


def _failure_lines(failures: Iterable[TargetFailure]) -> Iterator[tuple[Target, TargetReport]]:
    for failure in failures:
        yield (
            failure.target,
            TargetReport(
                failure.function, failure.status, failure.target.path, reason=failure.reason, remedy=failure.remedy
            ),
        )


def _pending_lines(targets: Iterable[Target], explained: bool) -> Iterator[tuple[Target, TargetReport]]:
    pending: dict[str, tuple[str, str]] = {}
    for target in targets:
        module = target.pattern.module
        if module not in pending:
            wanted = explained and len(pending) < _MOST_EXPLAINED
            pending[module] = why_pending(module) if wanted else ("nobody has imported its module", "")
        reason, remedy = pending[module]
        yield target, TargetReport(target.function, Status.PENDING, target.path, reason=reason, remedy=remedy)


def _guarded_line(guarded: GuardedFunction, bypasses: Sequence[Bypass]) -> TargetReport:
    wanted = guarded.wanted
    if guarded.is_in_place:
        return TargetReport(
            wanted.function,
            Status.GUARDED,
            wanted.target.path,
            wanted.template.name,
            aliases=tuple(guarded.aliases),
            unguarded=tuple(guarded.still_unguarded()),
            bypassed_by=tuple(bypass.name for bypass in bypasses),
            remedy=bypasses[0].remedy if bypasses else "",
        )
    return TargetReport(
        wanted.function,
        Status.MISSING,
        wanted.target.path,
        reason="the name is another object by now: the module was loaded again, or the name was set again",
        remedy="guard after that: uninstrument() and instrument()",
    )
