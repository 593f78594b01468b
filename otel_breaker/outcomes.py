"""What became of a call: success, failure, ignored or cancelled? And how long does a failure ask us to wait?

Settings decide; nothing here knows a circuit. The settings' predicates are user code: what they raise is logged,
once for each judge, and never reaches the caller.
"""

from __future__ import annotations

import math
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import diagnostics
from otel_breaker.core.states import CANCELLED, FAILURE, IGNORED, SUCCESS, Outcome
from otel_breaker.errors import CircuitOpenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_breaker.settings import Settings
    from otel_breaker.settings.code import Matcher

_MOST_TYPES: Final = 100


class Judge:
    """Tells outcomes by the settings of one breaker."""

    __slots__ = (
        "_complained",
        "_failure_on",
        "_failure_result",
        "_goes_by_type",
        "_ignore",
        "_known",
        "_names_refusals",
        "_retry_after",
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
        # A type says of all its exceptions the same, unless its class has a mind of its own about instances.
        self._goes_by_type = all(type(matcher) is type for matcher in (*settings.failure_on, *settings.ignore))
        self._known: dict[type, Outcome] = {}

    @property
    def looks_at_results(self) -> bool:
        return self._failure_result is not None

    def of_result(self, result: object) -> Outcome:
        """What a call that returned became."""
        if self._failure_result is None:
            return SUCCESS
        try:
            failed = bool(self._failure_result(result))
        except Exception:
            self._complain("failure_result")
            failed = True
        return FAILURE if failed else SUCCESS

    def of_error(self, error: BaseException) -> Outcome:
        """What a call that raised became; a group is judged by its leaves."""
        kind = type(error)
        known = self._known.get(kind)
        if known is not None:
            return known
        if not isinstance(error, _group_types()):
            outcome = self._of_leaf(error)
            if self._goes_by_type and len(self._known) < _MOST_TYPES:
                self._known[kind] = outcome
            return outcome
        outcomes = {self._of_leaf(leaf) for leaf in _leaves(error)}
        if FAILURE in outcomes:
            return FAILURE
        return IGNORED if IGNORED in outcomes else CANCELLED

    def wait_asked_by(self, error: BaseException) -> float | None:
        """Seconds that a failure asks us to stay away, where the settings say how to read them."""
        if self._retry_after is None:
            return None
        for leaf in _leaves(error):
            if self._of_leaf(leaf) is FAILURE:
                try:
                    asked = self._read_wait(leaf)
                except Exception:
                    self._complain("retry_after")
                    continue
                try:
                    wait = _seconds(asked)
                except (ValueError, OverflowError, OSError):  # a date that no clock can show
                    continue
                if wait is not None:
                    return wait
        return None

    def _of_leaf(self, error: BaseException) -> Outcome:
        if _stops_the_caller(error):
            return CANCELLED
        # Another circuit's refusal says nothing about this dependency: outages must not chain.
        if isinstance(error, CircuitOpenError) and not self._names_refusals:
            return IGNORED
        for setting, matchers, outcome in (
            ("ignore", self._ignore, IGNORED),
            ("failure_on", self._failure_on, FAILURE),
        ):
            try:
                if _matches(error, matchers):
                    return outcome
            except Exception:
                # A predicate that cannot tell must not hide a failure.
                self._complain(setting)
                return FAILURE
        return IGNORED if isinstance(error, Exception) else CANCELLED

    def _read_wait(self, error: BaseException) -> object:
        if isinstance(self._retry_after, str):
            asked: object = error
            for name in self._retry_after.split("."):
                asked = getattr(asked, name, None)
            return asked
        return self._retry_after(error)

    def _complain(self, setting: str) -> None:
        if not self._complained:
            self._complained = True
            diagnostics.exception("the code given as %r raised; told once", setting)


def _matches(error: BaseException, matchers: tuple[Matcher, ...]) -> bool:
    return any(
        isinstance(error, matcher) if isinstance(matcher, type) else bool(matcher(error))  # type: ignore[operator]  # references are resolved by now
        for matcher in matchers
    )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, _group_types()):
        for inner in error.exceptions:  # type: ignore[attr-defined]
            yield from _leaves(inner)
    else:
        yield error


def _group_types() -> tuple[type, ...]:
    if sys.version_info >= (3, 11):
        return (BaseExceptionGroup,)  # noqa: F821  # built in since Python 3.11
    backport = sys.modules.get("exceptiongroup")  # where AnyIO and Trio find groups on Python 3.10
    return () if backport is None else (backport.BaseExceptionGroup,)


def _seconds(asked: object) -> float | None:
    """Seconds from a number, from text with a number, or from an HTTP date (RFC 9110, section 10.2.3)."""
    if isinstance(asked, bytes):
        asked = asked.decode("ascii", "replace")
    if isinstance(asked, str):
        asked = _number_or_date(asked.strip())
    if isinstance(asked, datetime):
        return max(0.0, asked.astimezone(timezone.utc).timestamp() - time.time())
    if isinstance(asked, bool) or not isinstance(asked, int | float) or math.isnan(asked):
        return None
    return max(0.0, float(asked))


def _number_or_date(text: str) -> float | datetime | None:
    try:
        return float(text)
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # brings half of the network library with it

    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # The oldest of the three forms of an HTTP date names no zone: it is GMT, like the others.
    return date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)


def _stops_the_caller(error: BaseException) -> bool:
    """Whether it is a cancellation or the end of the program, rather than something that went wrong."""
    if isinstance(error, Exception):
        return False
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    return (
        isinstance(error, GeneratorExit | KeyboardInterrupt | SystemExit)
        or (asyncio is not None and isinstance(error, asyncio.CancelledError))
        or (trio is not None and isinstance(error, trio.Cancelled))
    )
