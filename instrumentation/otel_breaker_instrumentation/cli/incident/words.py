"""How things are said, the same in every view: times, durations, names, reasons. Plain text, never markup."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.core.states import CircuitState, Reason
from otel_breaker.settings import Mode
from otel_breaker.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker_instrumentation.cli.incident.model import Episode, Identity, Incident, Move, Place, Probe
    from otel_breaker_instrumentation.cli.otlp import Attributes

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
        # Who and why stand only in the sentence of the log event, in brackets.
        return "by hand" if not move.sentence else printable(move.sentence.partition("(")[2].rpartition(")")[0])
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


def refused(episode: Episode) -> str:
    """How many calls were refused, and how it is known."""
    told, seen = episode.refused_told, episode.refused_seen
    if told is None:
        return f"{count(seen, 'call')} refused, as far as these files show"
    spans = f", {seen:,} of them in these files" if seen and seen != told else ""
    return f"{count(told, 'call')} refused{spans}"


def lasted(episode: Episode) -> str:
    if episode.closing is not None:
        return duration(episode.seconds)
    return f"{duration(episode.seconds)} so far"


def trip(incident: Incident, episode: Episode) -> str:
    """Which request tripped the circuit, or why that is not known."""
    if episode.trip_is_manual:
        return "none: it was opened by hand"
    if episode.trip is None:
        return "not known: neither the opening nor a refusal that links to it is in these files"
    trace_id, span_id = episode.trip
    calls = (move.call for move in episode.moves if (move.trace_id, move.span_id) == episode.trip)
    call = next((call for call in calls if call), None)
    how = ended(call.outcome, call.error_type, call.seconds) if call else NOT_HERE
    return ", ".join(filter(None, (incident.request(trace_id), f"trace {trace_id}", f"span {span_id}", how)))


def ended(outcome: str, error_type: str, seconds: float | None) -> str:
    text = outcome if seconds is None else f"{outcome} after {duration(seconds)}"
    return f"{text} ({error_type})" if error_type else text


def probe(probe: Probe) -> str:
    return ended(probe.outcome, probe.error_type, probe.seconds)


def what_happened(move: Move) -> str:
    """The reason of a move, and how the call ended that caused it, where that is the news."""
    parts = [why(move)]
    if move.reason in (Reason.PROBE_FAILED.value, Reason.PROBE_SUCCEEDED.value) and move.call is not None:
        parts.append(ended(move.call.outcome, move.call.error_type, move.call.seconds))
    elif failures(move):
        parts.append(failures(move))
    return "; ".join(parts)


def facts(incident: Incident, episode: Episode) -> list[tuple[str, str]]:
    """What there is to know of an episode, by heading."""
    opening = episode.opening
    wanted = {
        "opened": moment(episode.start) if opening else f"not in these files; first seen {moment(episode.first_seen)}",
        "because": why(opening) if opening else "",
        "what failed": failures(opening) if opening else "",
        "tripped by": trip(incident, episode),
        "lasted": lasted(episode),
        "refused": refused(episode) if episode.mode != Mode.SHADOW.value else "",
        "shadow": shadowed(episode),
        "probes": probed(episode),
        "planned": f"to stay open for {planned(opening)}" if opening and planned(opening) else "",
    }
    return [(name, text) for name, text in wanted.items() if text]


def probed(episode: Episode) -> str:
    """How many probes ended how."""
    relapses = f"; {count(episode.relapses, 'failed recovery', 'failed recoveries')}" if episode.relapses else ""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(episode.probe_outcomes.items()))
    return f"{told}{relapses}" if told else "none in these files"


def shadowed(episode: Episode) -> str:
    """What shadow mode would have refused, or nothing."""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(episode.shadowed.items()))
    return f"would have refused calls that ended as {told}" if told else ""
