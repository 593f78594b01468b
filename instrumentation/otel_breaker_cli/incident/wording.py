"""How things are said, the same in every view: times, durations, names, reasons. Plain text, never markup."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CircuitState, Reason
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_cli.incident.episode import RecordedProbe, RecordedStateChange
    from otel_breaker_cli.incident.model import CircuitIdentity, ServiceInstance
    from otel_breaker_cli.otlp import Attributes

STATE_NAMES: Final = {
    CircuitState.CLOSED.value: "closed",
    CircuitState.OPEN.value: "open",
    CircuitState.HALF_OPEN.value: "half-open",
    CircuitState.FORCED_OPEN.value: "forced open",
    CircuitState.FORCED_CLOSED.value: "forced closed",
}
SPAN_NOT_FOUND: Final = "its span is not in these files: not sampled, or exported elsewhere"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LONGEST: Final = 200


def safe_text(value: object) -> str:
    """Text out of telemetry, which anybody may have put there: bounded, and without what a terminal would obey."""
    text = str(value)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return (
        text
        if text.isprintable()
        else "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    )


def date_time(nanoseconds: int) -> str:
    """Day and time, for the first time in a list."""
    return f"{_EPOCH + timedelta(microseconds=nanoseconds // 1000):%Y-%m-%d} {time_of_day(nanoseconds)} UTC"


def time_of_day(nanoseconds: int) -> str:
    """The time of day, to the millisecond."""
    return (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat(timespec="milliseconds")[11:23]


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.3g} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def circuit_name(identity: CircuitIdentity) -> str:
    return f"{identity.name} for {identity.key}" if identity.key else identity.name


def state_name(said: str, *, is_shadow: bool) -> str:
    """A state; in shadow mode none is quite what it is called."""
    name = STATE_NAMES.get(said, said)
    return f"{name} in shadow mode" if is_shadow else name


def service_name(place: ServiceInstance) -> str:
    service = place.name or "an unnamed service"
    return f"{service}, instance {place.id}" if place.id else service


def reason(move: RecordedStateChange) -> str:
    """What moved the circuit, with the figures."""
    said = move.evidence
    if move.reason == Reason.FAILURE_THRESHOLD.value and names.CONSECUTIVE_FAILURES in said:
        return f"{count(said[names.CONSECUTIVE_FAILURES], 'failure')} in a row{_threshold(said, '{:.0f}')}"
    if move.reason == Reason.FAILURE_RATE.value and names.WINDOW_FAILURES in said:
        return (
            f"{said[names.WINDOW_FAILURES]} of {said.get(names.WINDOW_CALLS)} calls failed{_threshold(said, '{:.0%}')}"
        )
    if move.reason == Reason.SLOW_CALL_RATE.value and names.WINDOW_SLOW_CALLS in said:
        slow = said[names.WINDOW_SLOW_CALLS]
        return f"{slow} of {said.get(names.WINDOW_CALLS)} calls were slow{_threshold(said, '{:.0%}')}"
    if move.reason == Reason.MANUAL.value:
        # Who and why stand only in the sentence of the log event: "... (manual by ann: INC-4711)".
        told = move.message.partition(f"({move.reason}")[2].rpartition(")")[0].strip(": ")
        return f"by hand, {safe_text(told)}" if told else "by hand"
    return _REASONS.get(move.reason, safe_text(move.reason) or "the reason is not in these files")


_REASONS: Final[Mapping[str, str]] = {
    Reason.RECOVERY_TIME_ELAPSED.value: "the open time had passed",
    Reason.PROBE_SUCCEEDED.value: "every probe succeeded",
    Reason.PROBE_FAILED.value: "a probe failed",
    Reason.PROBE_TIMEOUT.value: "a probe was not heard of in time",
}


def _threshold(said: Attributes, form: str) -> str:
    return f", the threshold is {form.format(said[names.THRESHOLD])}" if names.THRESHOLD in said else ""


def error_types(move: RecordedStateChange) -> str:
    """What failed, or nothing."""
    told: list[Any] = move.evidence.get(names.ERROR_TYPES) or []
    parts = (safe_text(entry).rpartition("=") for entry in told)
    return ", ".join(f"{error} ({number})" if error else number for error, _, number in parts)


def planned_duration(move: RecordedStateChange) -> str:
    """How long it meant to stay open, or nothing."""
    said = move.evidence.get(names.OPEN_PLANNED_DURATION)
    return "" if said is None else duration(float(said))


def call_result(outcome: str, error_type: str, seconds: float | None) -> str:
    text = outcome if seconds is None else f"{outcome} after {duration(seconds)}"
    return f"{text} ({error_type})" if error_type else text


def probe_result(probe: RecordedProbe) -> str:
    return call_result(probe.outcome, probe.error_type, probe.seconds)
