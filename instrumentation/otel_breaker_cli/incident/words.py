"""How things are said, the same in every view: times, durations, names, reasons. Plain text, never markup."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CircuitState, Reason
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_cli.incident.episode import Move, Probe
    from otel_breaker_cli.incident.model import Identity, Place
    from otel_breaker_cli.otlp import Attributes

STATES: Final = {
    CircuitState.CLOSED.value: "closed",
    CircuitState.OPEN.value: "open",
    CircuitState.HALF_OPEN.value: "half-open",
    CircuitState.FORCED_OPEN.value: "forced open",
    CircuitState.FORCED_CLOSED.value: "forced closed",
}
NOT_HERE: Final = "its span is not in these files: not sampled, or exported elsewhere"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LONGEST: Final = 200


def printable(value: object) -> str:
    """Text out of telemetry, which anybody may have put there: bounded, and without what a terminal would obey."""
    text = str(value)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return (
        text
        if text.isprintable()
        else "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    )


def moment(nanoseconds: int) -> str:
    """Day and time, for the first time in a list."""
    return f"{_EPOCH + timedelta(microseconds=nanoseconds // 1000):%Y-%m-%d} {clock(nanoseconds)} UTC"


def clock(nanoseconds: int) -> str:
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


def circuit(identity: Identity) -> str:
    return f"{identity.name} for {identity.key}" if identity.key else identity.name


def state(said: str, *, is_shadow: bool) -> str:
    """A state; in shadow mode none is quite what it is called."""
    name = STATES.get(said, said)
    return f"{name} in shadow mode" if is_shadow else name


def where(place: Place) -> str:
    service = place.service or "an unnamed service"
    return f"{service}, instance {place.instance}" if place.instance else service


def why(move: Move) -> str:
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
        told = move.sentence.partition(f"({move.reason}")[2].rpartition(")")[0].strip(": ")
        return f"by hand, {printable(told)}" if told else "by hand"
    return _REASONS.get(move.reason, printable(move.reason) or "the reason is not in these files")


_REASONS: Final[Mapping[str, str]] = {
    Reason.RECOVERY_TIME_ELAPSED.value: "the open time had passed",
    Reason.PROBE_SUCCEEDED.value: "every probe succeeded",
    Reason.PROBE_FAILED.value: "a probe failed",
    Reason.PROBE_TIMEOUT.value: "a probe was not heard of in time",
}


def _threshold(said: Attributes, form: str) -> str:
    return f", the threshold is {form.format(said[names.THRESHOLD])}" if names.THRESHOLD in said else ""


def failures(move: Move) -> str:
    """What failed, or nothing."""
    told: list[Any] = move.evidence.get(names.ERROR_TYPES) or []
    parts = (printable(entry).rpartition("=") for entry in told)
    return ", ".join(f"{error} ({number})" if error else number for error, _, number in parts)


def planned(move: Move) -> str:
    """How long it meant to stay open, or nothing."""
    said = move.evidence.get(names.OPEN_PLANNED_DURATION)
    return "" if said is None else duration(float(said))


def ended(outcome: str, error_type: str, seconds: float | None) -> str:
    text = outcome if seconds is None else f"{outcome} after {duration(seconds)}"
    return f"{text} ({error_type})" if error_type else text


def probe(probe: Probe) -> str:
    return ended(probe.outcome, probe.error_type, probe.seconds)
