"""Times, durations, names and reasons as text, the same in every view, without markup."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CircuitState, Reason, RejectionReason
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
_MAX_LENGTH: Final = 200


def safe_text(value: object) -> str:
    """A value of telemetry as bounded text without control characters: anybody may have written it."""
    text = str(value)
    if len(text) > _MAX_LENGTH:
        text = text[: _MAX_LENGTH - 1] + "…"
    return (
        text
        if text.isprintable()
        else "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    )


def date_time(nanoseconds: int) -> str:
    """The date and the time of day."""
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


def state_name(state: str, *, is_shadow: bool) -> str:
    """The name of a state; marked in shadow mode, in which no call is refused."""
    name = STATE_NAMES.get(state, state)
    return f"{name} in shadow mode" if is_shadow else name


def instance_name(instance: ServiceInstance) -> str:
    service = instance.name or "an unnamed service"
    return f"{service}, instance {instance.id}" if instance.id else service


def reason(change: RecordedStateChange) -> str:
    """The reason of a state change, with its evidence."""
    evidence = change.evidence
    if change.reason == Reason.FAILURE_THRESHOLD.value and names.CONSECUTIVE_FAILURES in evidence:
        return f"{count(evidence[names.CONSECUTIVE_FAILURES], 'failure')} in a row{_threshold(evidence, '{:.0f}')}"
    if change.reason == Reason.FAILURE_RATE.value and names.WINDOW_FAILURES in evidence:
        failures, calls = evidence[names.WINDOW_FAILURES], evidence.get(names.WINDOW_CALLS)
        return f"{failures} of {calls} calls failed{_threshold(evidence, '{:.0%}')}"
    if change.reason == Reason.SLOW_CALL_RATE.value and names.WINDOW_SLOW_CALLS in evidence:
        slow, calls = evidence[names.WINDOW_SLOW_CALLS], evidence.get(names.WINDOW_CALLS)
        return f"{slow} of {calls} calls were slow{_threshold(evidence, '{:.0%}')}"
    if change.reason == Reason.MANUAL.value:
        # Only the message has the actor and the operator's reason: "... (manual by ann: INC-4711)".
        details = change.message.partition(f"({change.reason}")[2].rpartition(")")[0].strip(": ")
        return f"by hand, {safe_text(details)}" if details else "by hand"
    return _REASONS.get(change.reason, safe_text(change.reason) or "the reason is not in these files")


_REASONS: Final[Mapping[str, str]] = {
    Reason.RECOVERY_TIME_ELAPSED.value: "the open time had passed",
    Reason.PROBE_SUCCEEDED.value: "every probe succeeded",
    Reason.PROBE_FAILED.value: "a probe failed",
    Reason.PROBE_TIMEOUT.value: "a probe did not end in time",
}


_REJECTION_REASONS: Final[Mapping[str, str]] = {
    RejectionReason.OPEN.value: "it was open",
    RejectionReason.HALF_OPEN.value: "its probes were in flight",
    RejectionReason.FORCED_OPEN.value: "an operator refuses all calls",
    RejectionReason.CONCURRENCY_LIMIT.value: "too many calls were in flight",
}


def rejection_reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The known reasons among those of refused calls, as text, each with its number."""
    return [(text, counts[reason]) for reason, text in _REJECTION_REASONS.items() if counts.get(reason)]


def _threshold(evidence: Attributes, form: str) -> str:
    return f", the threshold is {form.format(evidence[names.THRESHOLD])}" if names.THRESHOLD in evidence else ""


def error_types(change: RecordedStateChange) -> str:
    """The errors that were counted, each with its number; empty without any."""
    recorded: list[Any] = change.evidence.get(names.ERROR_TYPES) or []
    parts = (safe_text(entry).rpartition("=") for entry in recorded)
    return ", ".join(f"{error} ({number})" if error else number for error, _, number in parts)


def planned_duration(change: RecordedStateChange) -> str:
    """How long the circuit was to stay open; empty when it is unknown."""
    seconds = change.evidence.get(names.OPEN_PLANNED_DURATION)
    return "" if seconds is None else duration(float(seconds))


def call_result(outcome: str, error_type: str, seconds: float | None) -> str:
    """An outcome with its duration, where that is known, and its error."""
    text = outcome if seconds is None else f"{outcome} after {duration(seconds)}"
    return f"{text} ({error_type})" if error_type else text


def probe_result(probe: RecordedProbe) -> str:
    return call_result(probe.outcome, probe.error_type, probe.seconds)
