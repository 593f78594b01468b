"""What became of a call: success, failure, ignored or cancelled? And how long does a failure ask us to wait?

Settings decide; nothing here knows a circuit. The settings' predicates and the exceptions' classes are user code:
what they raise is logged, once for each judge, and never reaches the caller. Only Ctrl-C passes: it may come while
they run.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import diagnostics, requested_wait
from otel_breaker.core.states import CANCELLED, FAILURE, IGNORED, SUCCESS, Outcome
from otel_breaker.errors import CircuitOpenError
from otel_breaker.exception_groups import is_group, leaves
from otel_breaker.text import OTHER
from otel_breaker.type_inspection import derives_from
from otel_breaker.type_memo import TypeMemo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.settings import Settings
    from otel_breaker.settings.references import Matcher

_MOST_TYPES: Final = 100
_STATUSES: Final = range(100, 600)

_CANCELLATIONS: Final = (("asyncio", "CancelledError"), ("trio", "Cancelled"))
_TIMEOUTS: Final = (("gevent.timeout", "Timeout"), ("eventlet.timeout", "Timeout"))
"""Exceptions that are no `Exception`, by where a library that the application has imported keeps them."""


class OutcomeClassifier:
    """Tells outcomes by the settings of one breaker."""

    __slots__ = (
        "_complained",
        "_failure_on",
        "_failure_result",
        "_goes_by_type",
        "_ignore",
        "_memo",
        "_names_refusals",
        "_retry_after",
        "known_outcomes",
        "reads_requested_waits",
    )

    def __init__(self, settings: Settings) -> None:
        self._failure_on = settings.failure_on
        self._ignore = settings.ignore
        self._failure_result: Any = settings.failure_result
        self._retry_after: Any = settings.retry_after
        self._names_refusals = any(
            isinstance(matcher, type) and issubclass(matcher, CircuitOpenError) for matcher in settings.failure_on
        )
        self._complained = False
        # A type says of all its exceptions the same, unless a matcher has a mind of its own about instances.
        self._goes_by_type = all(type(matcher) is type for matcher in (*settings.failure_on, *settings.ignore))
        self._memo: TypeMemo[Outcome] = TypeMemo(_MOST_TYPES)
        self.known_outcomes = self._memo.by_id
        """Outcomes by `id` of the type of what was raised, where that is all there is to ask; for hot paths to read."""
        self.reads_requested_waits = settings.retry_after is not None
        """Whether failures may ask us to stay away."""

    @property
    def classifies_results(self) -> bool:
        return self._failure_result is not None

    def classify_result(self, result: object) -> Outcome:
        """What a call that returned became."""
        if self._failure_result is None:
            return SUCCESS
        try:
            failed = bool(self._failure_result(result))
        except KeyboardInterrupt:
            raise
        except BaseException:  # a predicate that exits the program must not
            self._complain("failure_result")
            failed = True
        return FAILURE if failed else SUCCESS

    def classify_error(self, error: BaseException) -> Outcome:
        """What a call that raised became; a group is judged by its leaves."""
        kind = type(error)
        known = self.known_outcomes.get(id(kind))
        if known is not None:
            return known
        if not is_group(kind):
            outcome = self._of_leaf(error)
            if self._goes_by_type:
                self._memo.add(kind, outcome)
            return outcome
        outcomes = {self._of_leaf(leaf) for leaf in leaves(error)}
        if FAILURE in outcomes:
            return FAILURE
        return IGNORED if IGNORED in outcomes else CANCELLED

    def requested_wait(self, failure: object) -> float | None:
        """Seconds that a failed call asks us to stay away, where the settings say how to read them.

        Args:
            failure: what the call raised, or the result that is a failure.
        """
        if not self.reads_requested_waits:
            return None
        for each in self._failures_in(failure):
            try:
                wait = requested_wait.asked(each, self._retry_after)
            except KeyboardInterrupt:
                raise
            except BaseException:  # as above
                self._complain("retry_after")
                continue
            if wait is not None:
                return wait
        return None

    def _failures_in(self, failure: object) -> Iterator[object]:
        if not issubclass(type(failure), BaseException):
            yield failure
            return
        for leaf in leaves(failure):  # type: ignore[arg-type]  # asked of its type, which cannot lie
            if self._of_leaf(leaf) is FAILURE:
                yield leaf

    def _of_leaf(self, error: BaseException) -> Outcome:
        kind = type(error)
        if derives_from(kind, _cancellations()):
            return CANCELLED
        # Another circuit's refusal says nothing about this dependency: outages must not chain.
        if issubclass(kind, CircuitOpenError) and not self._names_refusals:
            return IGNORED
        for setting, matchers, outcome in (
            ("ignore", self._ignore, IGNORED),
            ("failure_on", self._failure_on, FAILURE),
        ):
            try:
                if _matches(error, matchers):
                    return outcome
            except KeyboardInterrupt:
                raise
            except BaseException:  # a predicate that cannot tell must not hide a failure
                self._complain(setting)
                return FAILURE
        return FAILURE if derives_from(kind, _imported(_TIMEOUTS)) else IGNORED

    def _complain(self, setting: str) -> None:
        if not self._complained:
            self._complained = True
            diagnostics.exception("the code given as %r raised; told once", setting)


def type_of_result(result: object) -> str:
    """What `error.type` says of a result that is a failure: the HTTP status of a response, else that it has no name.

    As in OpenTelemetry's semantic conventions for HTTP, where the status stands for the error.
    """
    for attribute in ("status_code", "status"):
        try:
            status: Any = getattr(result, attribute, None)
            if isinstance(status, int) and status in _STATUSES:
                return str(int(status))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: S112  # a result answers for its attributes itself
            continue
    return OTHER


def _matches(error: BaseException, matchers: tuple[Matcher, ...]) -> bool:
    kind = type(error)
    for matcher in matchers:
        if type(matcher) is type:
            if issubclass(kind, matcher):
                return True
        elif isinstance(error, matcher) if isinstance(matcher, type) else matcher(error):  # type: ignore[operator]  # references are resolved by now
            return True
    return False


def _cancellations() -> tuple[type, ...]:
    """What is a cancellation, or the end of the program, rather than something that went wrong."""
    return (GeneratorExit, KeyboardInterrupt, SystemExit, *_imported(_CANCELLATIONS))


def _imported(places: tuple[tuple[str, str], ...]) -> tuple[type, ...]:
    """Classes of those libraries that the application has imported, maybe not to the end."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in places)
    return tuple(kind for kind in found if isinstance(kind, type))
