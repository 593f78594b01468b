"""The settings of a breaker: names, defaults, meanings, and the policy of a circuit that they make."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.policy import Policy
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, Rule, SlowCallRate
from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import readers, references
from otel_breaker.settings.fields import SettingsFields, join, setting
from otel_breaker.settings.messages import allowed
from otel_breaker.settings.mode import Mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from typing_extensions import Self

    from otel_breaker.settings.references import Matcher, Reference

_UNSET: Final[Any] = object()
"""The default where a setting is absent, when None is a value of its own."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings(SettingsFields):
    """All settings of one breaker, checked. Durations are kept in seconds.

    Raises:
        InvalidSettings: naming the setting, its value and what is allowed.
    """

    failure_threshold: int | None = setting(
        _UNSET,
        readers.optional(readers.whole(1)),
        "Consecutive failures that trip; a success resets the count. Unless set, `minimum_calls` where a rate is set;"
        " none is off.",
        "3",
    )
    """Consecutive failures that trip; a success resets the count. Unless set, `minimum_calls` where a rate is set; none
    is off.
    """
    failure_rate: float | None = setting(
        None, readers.optional(readers.share), "Share of failed calls in the window that trips.", "0.5"
    )
    """Share of failed calls in the window that trips."""
    slow_call_duration: float | None = setting(
        None, readers.optional(readers.duration), "A call that takes this long is slow.", "2s"
    )
    """A call that takes this long is slow."""
    slow_call_rate: float | None = setting(
        None,
        readers.optional(readers.share),
        "Share of slow calls in the window that trips.",
        "0.8",
        slow_call_duration="2s",
    )
    """Share of slow calls in the window that trips."""
    window: int | timedelta = setting(
        100,
        readers.window,
        "The calls that rates are computed over: the last N, or those of a duration.",
        "60s",
        failure_rate="0.5",
    )
    """The calls that rates are computed over: the last N, or those of a duration."""
    minimum_calls: int = setting(
        10,
        readers.whole(1),
        "Calls in the window before a rate can trip; at most the window's N.",
        "20",
        failure_rate="0.5",
    )
    """Calls in the window before a rate can trip; at most the window's N."""
    max_in_flight: int | str | None = setting(
        None,
        readers.optional(readers.whole_or_auto),
        "Calls in flight at once, of all circuits of the name; more are refused. `auto` finds the number.",
        "auto",
    )
    """Calls in flight at once, of all circuits of the name; more are refused. `auto` finds the number."""
    recovery_time: float = setting(60.0, readers.duration, "How long to stay open before probing.", "5s")
    """How long to stay open before probing."""
    recovery_backoff: float = setting(
        1.0, readers.factor, "Multiplies the open time on each relapse; reset by a recovery.", "2"
    )
    """Multiplies the open time on each relapse; reset by a recovery."""
    recovery_time_max: float = setting(
        None,
        readers.optional(readers.duration),
        "Caps what backoff and Retry-After grow; the larger of 600 s and `recovery_time` unless set.",
        "5m",
    )
    """Caps what backoff and Retry-After grow; the larger of 600 s and `recovery_time` unless set."""
    recovery_jitter: float = setting(0.0, readers.share_or_zero, "Share of random spread of the open time.", "0.2")
    """Share of random spread of the open time."""
    retry_after: str | Callable[[Any], object] | Reference | None = setting(
        None,
        readers.optional(references.wait),
        "Attribute or function that reads from an exception or a failed result how long to stay open: seconds or an "
        "HTTP date.",
        "response.headers.Retry-After",
    )
    """Attribute or function that reads from an exception or a failed result how long to stay open: seconds or an HTTP
    date.
    """
    half_open_calls: int = setting(
        1, readers.whole(1), "Probes allowed at once and in all; all must succeed to close.", "3"
    )
    """Probes allowed at once and in all; all must succeed to close."""
    probe_timeout: float = setting(
        60.0, readers.duration, "A probe without an outcome for this long has failed.", "20s"
    )
    """A probe without an outcome for this long has failed."""
    failure_on: tuple[Matcher, ...] = setting(
        (Exception,),
        references.matchers,
        "Exceptions that count as failures: types, or a predicate.",
        "[ConnectionError, TimeoutError]",
    )
    """Exceptions that count as failures: types, or a predicate."""
    ignore: tuple[Matcher, ...] = setting(
        (),
        references.matchers,
        "Exceptions that are no evidence about the dependency; takes precedence over `failure_on`.",
        "[json.JSONDecodeError]",
    )
    """Exceptions that are no evidence about the dependency; takes precedence over `failure_on`."""
    failure_result: Callable[[Any], bool] | Reference | None = setting(
        None, readers.optional(references.function), "Predicate: this return value is a failure.", "operator:not_"
    )
    """Predicate: this return value is a failure."""
    fallback: Callable[..., Any] | Reference | None = setting(
        None,
        readers.optional(references.function),
        "Called with the same arguments instead of raising when refused; its parameter `refusal`, if it has one,"
        " gets the `CircuitOpenError`.",
        "builtins:dict",
    )
    """Called with the same arguments instead of raising when refused; its parameter `refusal`, if it has one, gets the
    `CircuitOpenError`.
    """
    mode: Mode = setting(
        Mode.ENFORCE,
        readers.choice(Mode),
        "`enforce`; `shadow`: decide and report, never refuse; `off`: nothing.",
        "shadow",
    )
    """`enforce`; `shadow`: decide and report, never refuse; `off`: nothing."""

    max_keys: int = setting(1000, readers.whole(1), "Circuits of one keyed breaker.", "200")
    """Circuits of one keyed breaker."""

    def _read(self, path: str) -> None:
        keeps_default = self.failure_threshold is _UNSET
        if keeps_default:
            self._keep("failure_threshold", 5)
        super()._read(path)
        if keeps_default and _has_rate(self):
            # What suffices to evaluate a rate, all of it failed, does not wait for the rest of the window.
            self._keep("failure_threshold", _calls_before_rates(self))
        if self.slow_call_rate is not None and self.slow_call_duration is None:
            where = join(path, "slow_call_rate")
            raise InvalidSettings(where, "nothing says which calls are slow", "set slow_call_duration, too")
        if self.recovery_time_max is None:
            self._keep("recovery_time_max", max(600.0, self.recovery_time))
        if self.recovery_time_max < self.recovery_time:
            where = join(path, "recovery_time_max")
            raise allowed(where, self.recovery_time_max, f"at least recovery_time ({self.recovery_time:g} s)")

    @property
    def fallback_wants_refusal(self) -> bool:
        """Whether the fallback has a parameter `refusal`."""
        return self.derived(_fallback_wants_refusal)

    @property
    def policy(self) -> Policy:
        """The rules, the window and the recovery of a circuit with these settings."""
        return self.derived(_policy)

    def resolved(self) -> Self:
        """The same settings with every reference imported.

        Raises:
            InvalidSettings: when a name cannot be imported, or refers to an object of the wrong kind.
        """
        if not self.derived(_has_unresolved_references):  # asked for each key of a breaker
            return self
        return type(self).from_mapping({spec.name: references.load(getattr(self, spec.name)) for spec in fields(self)})


def _has_unresolved_references(settings: Settings) -> bool:
    return any(references.is_unresolved(getattr(settings, spec.name)) for spec in fields(settings))


def _fallback_wants_refusal(settings: Settings) -> bool:
    return references.has_parameter(settings.fallback, "refusal")


def _has_rate(settings: Settings) -> bool:
    return settings.failure_rate is not None or settings.slow_call_rate is not None


def _calls_before_rates(settings: Settings) -> int:
    window, minimum = settings.window, settings.minimum_calls
    return min(minimum, window) if isinstance(window, int) else minimum


def _policy(settings: Settings) -> Policy:
    rules: list[Rule] = []
    minimum = _calls_before_rates(settings)
    if settings.failure_threshold is not None:
        rules.append(ConsecutiveFailures(settings.failure_threshold))
    if settings.failure_rate is not None:
        rules.append(FailureRate(settings.failure_rate, minimum))
    if settings.slow_call_rate is not None:
        rules.append(SlowCallRate(settings.slow_call_rate, minimum))
    window = settings.window if _has_rate(settings) else None
    return Policy(
        rules=tuple(rules),
        window_calls=window if isinstance(window, int) else None,
        window_seconds=None if window is None or isinstance(window, int) else window.total_seconds(),
        slow_call_duration=settings.slow_call_duration,
        recovery_time=settings.recovery_time,
        recovery_backoff=settings.recovery_backoff,
        recovery_time_max=settings.recovery_time_max,
        recovery_jitter=settings.recovery_jitter,
        half_open_calls=settings.half_open_calls,
        probe_timeout=settings.probe_timeout,
        is_limited=settings.max_in_flight is not None,
    )
