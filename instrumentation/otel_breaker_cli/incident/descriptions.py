"""Sentences about an incident and its episodes, the same in every view. Text without markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.states import Reason
from otel_breaker_cli.incident import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedRefusals, RecordedStateChange
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident


def summary(incident: Incident) -> str:
    """The whole incident in one or two sentences."""
    others = incident.unchanged_circuits
    unchanged = f" {wording.count(others, 'other circuit')} never changed state." if others else ""
    if not incident.circuits:
        return (
            f"No circuit changed state in these files.{unchanged}"
            if unchanged
            else "No circuit breaker is in these files."
        )
    start, end = incident.extent
    still_open = sum(circuit.is_open and not circuit.is_shadow for circuit in incident.circuits)
    parts = [
        wording.count(len(incident.circuits), "circuit"),
        wording.count(len(incident.episodes), "episode"),
        f"within {wording.duration((end - start) / 1e9)}",
        f"{still_open:,} still open at the end" if still_open else "none open at the end",
    ]
    over_limit = sum(circuit.limit_refusals.spans for circuit in incident.circuits)
    parts += [f"{wording.count(over_limit, 'call')} over the limit of calls in flight"] if over_limit else []
    return f"{wording.date_time(start)}: {', '.join(parts)}.{_shadow_note(incident)}{unchanged}"


def _shadow_note(incident: Incident) -> str:
    shadows = sum(circuit.is_shadow for circuit in incident.circuits)
    if not shadows:
        return ""
    if shadows == len(incident.circuits):
        return " This is shadow mode: no call was refused."
    return f" {shadows:,} of them in shadow mode: no call was refused there."


def circuit_heading(circuit: CircuitTimeline) -> str:
    name = wording.circuit_name(circuit.identity)
    return f"{name} in shadow mode" if circuit.is_shadow else name


def full_name(circuit: CircuitTimeline) -> str:
    """A circuit's heading with its service and its instance."""
    return f"{circuit_heading(circuit)} of {wording.instance_name(circuit.identity.service_instance)}"


def refused_calls(episode: IncidentEpisode) -> str:
    """The number of refused calls, and where it comes from."""
    if episode.is_shadow:
        return "no call refused, in shadow mode"
    counted, seen = episode.counted_refusals, episode.refusals.spans
    if counted is None:
        return f"{wording.count(seen, 'call')} refused, as far as these files show"
    spans = f", {seen:,} of them in these files" if seen and seen != counted else ""
    return f"{wording.count(counted, 'call')} refused{spans}"


def rejection_reasons(refusals: RecordedRefusals) -> str:
    """Why calls were refused, each reason with its number; empty where no span holds it."""
    return ", ".join(f"{text} ({number:,})" for text, number in wording.rejection_reasons(refusals.reasons))


def limit_refusals(circuit: CircuitTimeline) -> str:
    """The calls that a closed circuit refused; empty without any."""
    refusals = circuit.limit_refusals
    if not refusals.spans:
        return ""
    times = " to ".join(dict.fromkeys(map(wording.time_of_day, (refusals.first, refusals.last))))
    return (
        f"{wording.count(refusals.spans, 'call')} refused by the limit of calls in flight while it was closed, as far"
        f" as these files show, {times}"
    )


def episode_duration(episode: IncidentEpisode) -> str:
    if episode.closing is not None:
        return wording.duration(episode.seconds)
    return f"{wording.duration(episode.seconds)} so far"


def tripping_request(incident: Incident, episode: IncidentEpisode) -> str:
    """The request that tripped the circuit, or why it is unknown."""
    ids = episode.tripping_call
    if episode.is_opened_manually:
        return "none: it was opened by hand"
    if ids is None:
        return "not known: neither the opening nor a refusal that links to it is in these files"
    calls = (change.call for change in episode.state_changes if (change.trace_id, change.span_id) == ids)
    call = next((call for call in calls if call), None)
    result = wording.call_result(call.outcome, call.error_type, call.seconds) if call else wording.SPAN_NOT_FOUND
    trace_id, span_id = ids
    return ", ".join(filter(None, (incident.request_name(trace_id), f"trace {trace_id}", f"span {span_id}", result)))


def change_cause(change: RecordedStateChange) -> str:
    """The reason of a state change, and the result of a probe that caused it or the errors that were counted."""
    parts = [wording.reason(change)]
    call, errors = change.call, wording.error_types(change)
    if change.reason in (Reason.PROBE_FAILED.value, Reason.PROBE_SUCCEEDED.value) and call is not None:
        parts.append(wording.call_result(call.outcome, call.error_type, call.seconds))
    elif errors:
        parts.append(errors)
    return "; ".join(parts)


def episode_details(incident: Incident, episode: IncidentEpisode) -> list[tuple[str, str]]:
    """An episode as headings and texts; a heading without a text is left out."""
    opening = episode.opening
    planned = wording.planned_duration(opening) if opening else ""
    details = {
        "opened": wording.date_time(episode.start)
        if opening
        else f"not in these files; first seen {wording.date_time(episode.first_seen)}",
        "because": wording.reason(opening) if opening else "",
        "what failed": wording.error_types(opening) if opening else "",
        "tripped by": tripping_request(incident, episode),
        "mode": f"{episode.mode}: no call was refused" if episode.is_shadow else "",
        "lasted": episode_duration(episode),
        "refused": "" if episode.is_shadow else refused_calls(episode),
        "refused as": rejection_reasons(episode.refusals),
        "shadow": shadow_results(episode),
        "probes": probe_results(episode),
        "open time": f"{planned} planned" if planned else "",
    }
    return [(heading, text) for heading, text in details.items() if text]


def probe_results(episode: IncidentEpisode) -> str:
    """The number of probes by outcome, and of failed recoveries."""
    relapses = (
        f"; {wording.count(episode.relapses, 'failed recovery', 'failed recoveries')}" if episode.relapses else ""
    )
    counts = _counts(episode.probe_outcomes)
    return f"{counts}{relapses}" if counts else "none in these files"


def shadow_results(episode: IncidentEpisode) -> str:
    """The outcomes of calls that only shadow mode admitted; empty without any."""
    counts = _counts(episode.shadow_outcomes)
    return f"would have refused calls that ended as {counts}" if counts else ""


def _counts(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(outcomes.items()))


def elide_middle(
    changes: Sequence[RecordedStateChange], head: int, tail: int
) -> Iterator[tuple[RecordedStateChange, int]]:
    """State changes to show, each with 0; of very many, the first and the last.

    Between these comes one state change with the number of those that are omitted.
    """
    omitted = max(0, len(changes) - head - tail)
    if omitted <= 1:
        yield from ((change, 0) for change in changes)
        return
    yield from ((change, 0) for change in changes[:head])
    yield changes[head], omitted
    yield from ((change, 0) for change in changes[-tail:])
