"""Classifies calls: success, failure, ignored or cancelled; and reads how long a failure asks to wait.

The settings decide; nothing here knows a circuit. The predicates in the settings and the classes of exceptions are user
code: what they raise is logged, once per classifier, and never reaches the caller. Only KeyboardInterrupt does, because
Ctrl-C may come while they run.
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

_MOST_TYPES: Final = 1_000
_STATUSES: Final = range(100, 600)

_CANCELLATIONS: Final = (("asyncio", "CancelledError"), ("trio", "Cancelled"))
_TIMEOUTS: Final = (("gevent.timeout", "Timeout"), ("eventlet.timeout", "Timeout"))
"""Exceptions that do not derive from `Exception`, by the module and name in a library that may be imported."""


class OutcomeClassifier:
    """Classifies the calls of all breakers with the same settings."""

    __slots__ = (
        "_decides_by_type",
        "_failure_on",
        "_failure_result",
        "_fault_is_reported",
        "_ignore",
        "_lists_refusals",
        "_memo",
        "_retry_after",
        "known_outcomes",
        "reads_requested_waits",
    )

    def __init__(self, settings: Settings) -> None:
        self._failure_on = settings.failure_on
        self._ignore = settings.ignore
        self._failure_result: Any = settings.failure_result
        self._retry_after: Any = settings.retry_after
        self._lists_refusals = any(
            isinstance(matcher, type) and issubclass(matcher, CircuitOpenError) for matcher in settings.failure_on
        )
        self._fault_is_reported = False
        # The type alone decides, unless a matcher is a predicate, or a class whose metaclass may define `isinstance`.
        self._decides_by_type = all(type(matcher) is type for matcher in (*settings.failure_on, *settings.ignore))
        self._memo: TypeMemo[Outcome] = TypeMemo(_MOST_TYPES)
        self.known_outcomes = self._memo.by_id
        """Outcomes by the `id` of an exception's type, where the type alone decides; read by `Circuit.record_error`."""
        self.reads_requested_waits = settings.retry_after is not None
        """Whether failures may ask to wait."""

    @property
    def classifies_results(self) -> bool:
        return self._failure_result is not None

    def classify_result(self, result: object) -> Outcome:
        """The outcome of a call that returned."""
        if self._failure_result is None:
            return SUCCESS
        try:
            failed = bool(self._failure_result(result))
        except KeyboardInterrupt:
            raise
        except BaseException:  # a predicate must not end the program
            self._report_fault("failure_result")
            failed = True
        return FAILURE if failed else SUCCESS

    def classify_error(self, error: BaseException) -> Outcome:
        """The outcome of a call that raised; that of a group is decided by its leaves."""
        kind = type(error)
        known = self.known_outcomes.get(id(kind))
        if known is not None:
            return known
        if not is_group(kind):
            outcome = self._classify_leaf(error)
            if self._decides_by_type:
                self._memo.add(kind, outcome)
            return outcome
        outcomes = {self._classify_leaf(leaf) for leaf in leaves(error)}
        if FAILURE in outcomes:
            return FAILURE
        return IGNORED if IGNORED in outcomes else CANCELLED

    @staticmethod
    def type_of_result(result: object) -> str:
        """The value of `error.type` for a result that is a failure: the HTTP status of a response, else `_OTHER`.

        OpenTelemetry's semantic conventions for HTTP set the status there, too.
        """
        for attribute in ("status_code", "status"):
            try:
                status: Any = getattr(result, attribute, None)
                if isinstance(status, int) and status in _STATUSES:
                    return str(int(status))
            except KeyboardInterrupt:
                raise
            except BaseException:  # noqa: S112  # an attribute of a result may be user code
                continue
        return OTHER

    def requested_wait(self, failure: object) -> float | None:
        """Seconds that a failed call asks to wait; None when it does not, or when no setting reads them.

        Args:
            failure: the exception that the call raised, or the result that is a failure.
        """
        if not self.reads_requested_waits:
            return None
        for each in self._failures_in(failure):
            try:
                wait = requested_wait.read(each, self._retry_after)
            except KeyboardInterrupt:
                raise
            except BaseException:  # as above
                self._report_fault("retry_after")
                continue
            if wait is not None:
                return wait
        return None

    def _failures_in(self, failure: object) -> Iterator[object]:
        if not issubclass(type(failure), BaseException):
            yield failure
            return
        for leaf in leaves(failure):  # type: ignore[arg-type]  # `isinstance` would ask the exception itself
            if self._classify_leaf(leaf) is FAILURE:
                yield leaf

    def _classify_leaf(self, error: BaseException) -> Outcome:
        kind = type(error)
        if derives_from(kind, _cancellations()):
            return CANCELLED
        # Another circuit's refusal is no failure of this dependency: outages must not chain.
        if issubclass(kind, CircuitOpenError) and not self._lists_refusals:
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
            except BaseException:  # a faulty predicate must not hide a failure
                self._report_fault(setting)
                return FAILURE
        return FAILURE if derives_from(kind, _imported_types(_TIMEOUTS)) else IGNORED

    def _report_fault(self, setting: str) -> None:
        if not self._fault_is_reported:
            self._fault_is_reported = True
            diagnostics.exception("the code given as %r raised; logged once", setting)


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
    """Exceptions that cancel a call or end the program."""
    return (GeneratorExit, KeyboardInterrupt, SystemExit, *_imported_types(_CANCELLATIONS))


def _imported_types(names: tuple[tuple[str, str], ...]) -> tuple[type, ...]:
    """The classes of those libraries that are imported; one that is still being imported may lack its class."""
    values = (getattr(sys.modules.get(module), name, None) for module, name in names)
    return tuple(value for value in values if isinstance(value, type))
