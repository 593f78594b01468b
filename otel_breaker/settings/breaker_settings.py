"""The settings of a breaker: names, defaults, meanings, and what they amount to for a circuit."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from otel_breaker.core.policy import Policy
from otel_breaker.core.rules import ConsecutiveFailures, FailureRate, Rule, SlowCallRate
from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import readers, references

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from otel_breaker.settings.references import Matcher, Reference

_UNSET: Final[Any] = object()
"""Stands for "nobody said", where that differs from the default."""


class Mode(Enum):
    """How much a breaker does."""

    ENFORCE = "enforce"
    """Decide, report, and refuse."""
    SHADOW = "shadow"
    """Decide and report, but never refuse."""
    OFF = "off"
    """Nothing at all: no decision, span or count."""


class Keywords(TypedDict, total=False):
    """The settings as keyword arguments; the same names stand in the configuration file."""

    failure_threshold: int | None
    failure_rate: float | None
    slow_call_duration: float | str | timedelta | None
    slow_call_rate: float | None
    window: int | str | timedelta
    minimum_calls: int
    recovery_time: float | str | timedelta
    recovery_backoff: float
    recovery_time_max: float | str | timedelta
    recovery_jitter: float
    retry_after: str | Callable[[Any], object] | None
    half_open_calls: int
    probe_timeout: float | str | timedelta
    failure_on: Matcher | tuple[Matcher, ...] | list[Matcher]
    ignore: Matcher | tuple[Matcher, ...] | list[Matcher]
    failure_result: Callable[[Any], bool] | None
    fallback: Callable[..., Any] | None
    mode: Literal["enforce", "shadow", "off"] | Mode
    max_keys: int


@readers.reads(enum=[*(mode.value for mode in Mode), False])
def _mode(value: object, path: str) -> Mode:
    if value is False:  # YAML 1.1 reads a bare `off` so
        return Mode.OFF
    try:
        return Mode(value)
    except ValueError:
        raise readers.allowed(path, value, "one of enforce, shadow, off") from None


def _setting(default: object, read: readers.Reader[object], meaning: str, example: str, **needs: str) -> Any:
    """A field with its reader, what it means, and an example as YAML with what that needs beside it."""
    return field(default=default, metadata={"read": read, "meaning": meaning, "example": example, "needs": needs})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one breaker, checked. Durations are kept in seconds.

    Raises:
        InvalidSettings: naming the setting, its value and what is allowed.
    """

    failure_threshold: int | None = _setting(
        _UNSET,
        readers.optional(readers.whole(1)),
        "Consecutive failures that trip; a success resets the count. Off when a rate is set and this is not.",
        "3",
    )
    failure_rate: float | None = _setting(
        None, readers.optional(readers.share), "Share of failed calls in the window that trips.", "0.5"
    )
    slow_call_duration: float | None = _setting(
        None, readers.optional(readers.duration), "A call that takes this long is slow.", "2s"
    )
    slow_call_rate: float | None = _setting(
        None,
        readers.optional(readers.share),
        "Share of slow calls in the window that trips.",
        "0.8",
        slow_call_duration="2s",
    )
    window: int | timedelta = _setting(
        100, readers.window, "What rates are judged over: the last N calls, or a duration.", "60s", failure_rate="0.5"
    )
    minimum_calls: int = _setting(
        10,
        readers.whole(1),
        "Calls in the window before a rate is judged; at most the window's N.",
        "20",
        failure_rate="0.5",
    )
    recovery_time: float = _setting(60.0, readers.duration, "How long to stay open before probing.", "30s")
    recovery_backoff: float = _setting(
        1.0, readers.factor, "Multiplies the open time on each relapse; reset by a recovery.", "2"
    )
    recovery_time_max: float = _setting(
        None,
        readers.optional(readers.duration),
        "Caps what backoff and Retry-After grow; the larger of 600 s and `recovery_time` unless set.",
        "5m",
    )
    recovery_jitter: float = _setting(0.0, readers.share_or_zero, "Share of random spread of the open time.", "0.2")
    retry_after: str | Callable[[Any], object] | Reference | None = _setting(
        None,
        readers.optional(references.wait),
        "Attribute or function that reads from an exception or a failed result how long to stay open: seconds or an "
        "HTTP date.",
        "response.headers.Retry-After",
    )
    half_open_calls: int = _setting(
        1, readers.whole(1), "Probes allowed at once and in all; all must succeed to close.", "3"
    )
    probe_timeout: float = _setting(60.0, readers.duration, "A probe unheard of for this long has failed.", "20s")
    failure_on: tuple[Matcher, ...] = _setting(
        (Exception,),
        references.matchers,
        "Exceptions that count as failures: types, or a predicate.",
        "[ConnectionError, TimeoutError]",
    )
    ignore: tuple[Matcher, ...] = _setting(
        (),
        references.matchers,
        "Exceptions that tell nothing about the dependency; beats `failure_on`.",
        "[json.JSONDecodeError]",
    )
    failure_result: Callable[[Any], bool] | Reference | None = _setting(
        None, readers.optional(references.function), "Predicate: this return value is a failure.", "operator:not_"
    )
    fallback: Callable[..., Any] | Reference | None = _setting(
        None,
        readers.optional(references.function),
        "Called with the same arguments instead of raising when refused; its parameter `refusal`, if it has one,"
        " gets the `CircuitOpenError`.",
        "builtins:dict",
    )
    mode: Mode = _setting(
        Mode.ENFORCE, _mode, "`enforce`; `shadow`: decide and report, never refuse; `off`: nothing.", "shadow"
    )

    max_keys: int = _setting(1000, readers.whole(1), "Circuits of one keyed breaker.", "200")

    def __post_init__(self) -> None:
        self._read("")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], path: str = "") -> Self:
        """Read settings as they are written in a file or as keyword arguments.

        Args:
            mapping: names to values; durations may be text with a unit, code a dotted name.
            path: where the mapping stands, for errors.

        Raises:
            InvalidSettings: for a name that is not known, or a value that is not allowed.
        """
        _check_names(mapping, path)
        settings = object.__new__(cls)
        for spec in fields(cls):
            object.__setattr__(settings, spec.name, mapping.get(spec.name, spec.default))
        settings._read(path)
        return settings

    @classmethod
    def read_values(cls, mapping: Mapping[str, object], path: str = "") -> dict[str, object]:
        """Check some settings, each on its own, that will make a whole with others.

        Args:
            mapping: as for `from_mapping`, which takes what is returned, too.
            path: where the mapping stands, for errors.

        Raises:
            InvalidSettings: for a name that is not known, or a value that is not allowed.
        """
        _check_names(mapping, path)
        read = {spec.name: spec.metadata["read"] for spec in fields(cls)}
        return {name: read[name](value, _join(path, name)) for name, value in mapping.items()}

    def _read(self, path: str) -> None:
        def keep(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        rated = self.failure_rate is not None or self.slow_call_rate is not None
        if self.failure_threshold is _UNSET:
            keep("failure_threshold", None if rated else 5)
        for spec in fields(self):
            keep(spec.name, spec.metadata["read"](getattr(self, spec.name), _join(path, spec.name)))
        if self.slow_call_rate is not None and self.slow_call_duration is None:
            where = _join(path, "slow_call_rate")
            raise InvalidSettings(where, "nothing says which calls are slow", "set slow_call_duration, too")
        if self.recovery_time_max is None:
            keep("recovery_time_max", max(600.0, self.recovery_time))
        if self.recovery_time_max < self.recovery_time:
            where = _join(path, "recovery_time_max")
            raise readers.allowed(where, self.recovery_time_max, f"at least recovery_time ({self.recovery_time:g} s)")

    @property
    def fallback_wants_refusal(self) -> bool:
        """Whether the fallback has a parameter for the reason why it is asked."""
        # Not `cached_property`: until Python 3.12 that locks, and a forked child may find the lock taken for ever.
        wants: bool | None = self.__dict__.get("_wants_refusal")
        if wants is None:
            wants = self.__dict__["_wants_refusal"] = references.has_parameter(self.fallback, "refusal")
        return wants

    @property
    def policy(self) -> Policy:
        """What the settings amount to for a circuit."""
        rules: list[Rule] = []
        calls = self.window if isinstance(self.window, int) else None
        minimum = self.minimum_calls if calls is None else min(self.minimum_calls, calls)
        if self.failure_threshold is not None:
            rules.append(ConsecutiveFailures(self.failure_threshold))
        if self.failure_rate is not None:
            rules.append(FailureRate(self.failure_rate, minimum))
        if self.slow_call_rate is not None:
            rules.append(SlowCallRate(self.slow_call_rate, minimum))
        rated = self.failure_rate is not None or self.slow_call_rate is not None
        return Policy(
            rules=tuple(rules),
            window_calls=calls if rated else None,
            window_seconds=self.window.total_seconds() if rated and isinstance(self.window, timedelta) else None,
            slow_call_duration=self.slow_call_duration,
            recovery_time=self.recovery_time,
            recovery_backoff=self.recovery_backoff,
            recovery_time_max=self.recovery_time_max,
            recovery_jitter=self.recovery_jitter,
            half_open_calls=self.half_open_calls,
            probe_timeout=self.probe_timeout,
        )

    def resolved(self) -> Self:
        """The same settings with every dotted name replaced by what it stands for.

        Raises:
            InvalidSettings: when a name cannot be imported, or stands for the wrong kind of thing.
        """
        if not any(references.is_unresolved(getattr(self, spec.name)) for spec in fields(self)):
            return self
        return type(self).from_mapping({spec.name: references.load(getattr(self, spec.name)) for spec in fields(self)})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _check_names(mapping: Mapping[str, object], path: str) -> None:
    known = {spec.name for spec in fields(Settings)}
    for name in mapping:
        if name not in known:
            problem = "there is no such setting"
            raise InvalidSettings(readers.below(path, name), problem, readers.nearest(name, known))
