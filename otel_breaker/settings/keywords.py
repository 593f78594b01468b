"""The settings of a breaker as keyword arguments, for type checkers and editors; see breaker_settings.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from otel_breaker.settings.mode import Mode
    from otel_breaker.settings.references import Matcher


class Keywords(TypedDict, total=False):
    """The settings as keyword arguments; the configuration file has the same names."""

    failure_threshold: int | None
    """Consecutive failures that trip; a success resets the count. Unless set, `minimum_calls` where a rate is set; none
    is off.
    """
    failure_rate: float | None
    """Share of failed calls in the window that trips."""
    slow_call_duration: float | str | timedelta | None
    """A call that takes this long is slow."""
    slow_call_rate: float | None
    """Share of slow calls in the window that trips."""
    window: int | str | timedelta
    """The calls that rates are computed over: the last N, or those of a duration."""
    minimum_calls: int
    """Calls in the window before a rate can trip; at most the window's N."""
    max_in_flight: int | Literal["auto"] | None
    """Calls in flight at once, of all circuits of the name; more are refused. `auto` finds the number."""
    recovery_time: float | str | timedelta
    """How long to stay open before probing."""
    recovery_backoff: float
    """Multiplies the open time on each relapse; reset by a recovery."""
    recovery_time_max: float | str | timedelta
    """Caps what backoff and Retry-After grow; the larger of 600 s and `recovery_time` unless set."""
    recovery_jitter: float
    """Share of random spread of the open time."""
    retry_after: str | Callable[[Any], object] | None
    """Attribute or function that reads from an exception or a failed result how long to stay open: seconds or an HTTP
    date.
    """
    half_open_calls: int
    """Probes allowed at once and in all; all must succeed to close."""
    probe_timeout: float | str | timedelta
    """A probe without an outcome for this long has failed."""
    failure_on: Matcher | tuple[Matcher, ...] | list[Matcher]
    """Exceptions that count as failures: types, or a predicate."""
    ignore: Matcher | tuple[Matcher, ...] | list[Matcher]
    """Exceptions that are no evidence about the dependency; takes precedence over `failure_on`."""
    failure_result: Callable[[Any], bool] | None
    """Predicate: this return value is a failure."""
    fallback: Callable[..., Any] | None
    """Called with the same arguments instead of raising when refused; its parameter `refusal`, if it has one, gets the
    `CircuitOpenError`.
    """
    mode: Literal["enforce", "shadow", "off"] | Mode
    """`enforce`; `shadow`: decide and report, never refuse; `off`: nothing."""
    max_keys: int
    """Circuits of one keyed breaker."""
