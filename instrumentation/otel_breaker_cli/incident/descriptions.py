"""What there is to tell of an incident and its episodes, the same in every view. Plain text, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.states import Reason
from otel_breaker_cli.incident import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_breaker_cli.incident.episode import IncidentEpisode, RecordedStateChange
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident


def summary(incident: Incident) -> str:
    """One sentence or two."""
    quiet = (
        f" {wording.count(incident.unchanged_circuits, 'other circuit')} never moved."
        if incident.unchanged_circuits
        else ""
    )
    if not incident.circuits:
        return f"No circuit moved in these files.{quiet}" if quiet else "No circuit breaker is in these files."
    start, end = incident.extent
    still_open = sum(circuit.is_open and not circuit.is_shadow for circuit in incident.circuits)
    told = [
        wording.count(len(incident.circuits), "circuit"),
        wording.count(len(incident.episodes), "episode"),
        f"within {wording.duration((end - start) / 1e9)}",
        f"{still_open:,} still open at the end" if still_open else "none open at the end",
    ]
    return f"{wording.date_time(start)}: {', '.join(told)}.{_shadow_note(incident)}{quiet}"


def _shadow_note(incident: Incident) -> str:
    shadows = sum(circuit.is_shadow for circuit in incident.circuits)
    if not shadows:
        return ""
    if shadows == len(incident.circuits):
        return " This is shadow mode: no call was refused."
    return f" {shadows:,} of them in shadow mode: no call was refused there."


def circuit_heading(circuit: CircuitTimeline) -> str:
    """What a circuit is called in headings."""
    called = wording.circuit_name(circuit.identity)
    return f"{called} in shadow mode" if circuit.is_shadow else called


def refused_calls(episode: IncidentEpisode) -> str:
    """How many calls were refused, and how it is known."""
    if episode.is_shadow:
        return "no call refused, in shadow mode"
    told, seen = episode.counted_refusals, episode.refusal_spans
    if told is None:
        return f"{wording.count(seen, 'call')} refused, as far as these files show"
    spans = f", {seen:,} of them in these files" if seen and seen != told else ""
    return f"{wording.count(told, 'call')} refused{spans}"


def episode_duration(episode: IncidentEpisode) -> str:
    if episode.closing is not None:
        return wording.duration(episode.seconds)
    return f"{wording.duration(episode.seconds)} so far"


def tripping_request(incident: Incident, episode: IncidentEpisode) -> str:
    """Which request tripped the circuit, or why that is not known."""
    if episode.is_tripped_manually:
        return "none: it was opened by hand"
    if episode.tripping_call is None:
        return "not known: neither the opening nor a refusal that links to it is in these files"
    trace_id, span_id = episode.tripping_call
    calls = (move.call for move in episode.state_changes if (move.trace_id, move.span_id) == episode.tripping_call)
    call = next((call for call in calls if call), None)
    how = wording.call_result(call.outcome, call.error_type, call.seconds) if call else wording.SPAN_NOT_FOUND
    return ", ".join(filter(None, (incident.request_name(trace_id), f"trace {trace_id}", f"span {span_id}", how)))


def change_cause(move: RecordedStateChange) -> str:
    """The reason of a move, and how the call ended that caused it, where that is the news."""
    parts = [wording.reason(move)]
    if move.reason in (Reason.PROBE_FAILED.value, Reason.PROBE_SUCCEEDED.value) and move.call is not None:
        parts.append(wording.call_result(move.call.outcome, move.call.error_type, move.call.seconds))
    elif wording.error_types(move):
        parts.append(wording.error_types(move))
    return "; ".join(parts)


def episode_details(incident: Incident, episode: IncidentEpisode) -> list[tuple[str, str]]:
    """What there is to know of an episode, by heading."""
    opening = episode.opening
    wanted = {
        "opened": wording.date_time(episode.start)
        if opening
        else f"not in these files; first seen {wording.date_time(episode.first_seen)}",
        "because": wording.reason(opening) if opening else "",
        "what failed": wording.error_types(opening) if opening else "",
        "tripped by": tripping_request(incident, episode),
        "mode": f"{episode.mode}: no call was refused" if episode.is_shadow else "",
        "lasted": episode_duration(episode),
        "refused": "" if episode.is_shadow else refused_calls(episode),
        "shadow": shadow_results(episode),
        "probes": probe_results(episode),
        "open time": f"{wording.planned_duration(opening)} planned"
        if opening and wording.planned_duration(opening)
        else "",
    }
    return [(name, text) for name, text in wanted.items() if text]


def probe_results(episode: IncidentEpisode) -> str:
    """How many probes ended how."""
    relapses = (
        f"; {wording.count(episode.relapses, 'failed recovery', 'failed recoveries')}" if episode.relapses else ""
    )
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(episode.probe_outcomes.items()))
    return f"{told}{relapses}" if told else "none in these files"


def shadow_results(episode: IncidentEpisode) -> str:
    """What shadow mode would have refused, or nothing."""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(episode.shadow_outcomes.items()))
    return f"would have refused calls that ended as {told}" if told else ""


def elide_middle(
    moves: Sequence[RecordedStateChange], head: int, tail: int
) -> Iterator[tuple[RecordedStateChange, int]]:
    """The moves; of very many the first and the last, and between them one with the number of those left out."""
    left_out = max(0, len(moves) - head - tail)
    if left_out <= 1:
        yield from ((move, 0) for move in moves)
        return
    yield from ((move, 0) for move in moves[:head])
    yield moves[head], left_out
    yield from ((move, 0) for move in moves[-tail:])
