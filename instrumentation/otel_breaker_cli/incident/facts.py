"""What there is to tell of an incident and its episodes, the same in every view. Plain text, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_breaker.core.states import Reason
from otel_breaker_cli.incident import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_breaker_cli.incident.episode import Episode, Move
    from otel_breaker_cli.incident.model import Circuit, Incident


def summary(incident: Incident) -> str:
    """One sentence or two."""
    quiet = f" {words.count(incident.quiet, 'other circuit')} never moved." if incident.quiet else ""
    if not incident.circuits:
        return f"No circuit moved in these files.{quiet}" if quiet else "No circuit breaker is in these files."
    start, end = incident.extent
    still_open = sum(circuit.is_open and not circuit.is_shadow for circuit in incident.circuits)
    told = [
        words.count(len(incident.circuits), "circuit"),
        words.count(len(incident.episodes), "episode"),
        f"within {words.duration((end - start) / 1e9)}",
        f"{still_open:,} still open at the end" if still_open else "none open at the end",
    ]
    return f"{words.moment(start)}: {', '.join(told)}.{_shadows(incident)}{quiet}"


def _shadows(incident: Incident) -> str:
    shadows = sum(circuit.is_shadow for circuit in incident.circuits)
    if not shadows:
        return ""
    if shadows == len(incident.circuits):
        return " This is shadow mode: no call was refused."
    return f" {shadows:,} of them in shadow mode: no call was refused there."


def name(circuit: Circuit) -> str:
    """What a circuit is called in headings."""
    called = words.circuit(circuit.identity)
    return f"{called} in shadow mode" if circuit.is_shadow else called


def refused(episode: Episode) -> str:
    """How many calls were refused, and how it is known."""
    if episode.is_shadow:
        return "no call refused, in shadow mode"
    told, seen = episode.refused_told, episode.refused_seen
    if told is None:
        return f"{words.count(seen, 'call')} refused, as far as these files show"
    spans = f", {seen:,} of them in these files" if seen and seen != told else ""
    return f"{words.count(told, 'call')} refused{spans}"


def lasted(episode: Episode) -> str:
    if episode.closing is not None:
        return words.duration(episode.seconds)
    return f"{words.duration(episode.seconds)} so far"


def trip(incident: Incident, episode: Episode) -> str:
    """Which request tripped the circuit, or why that is not known."""
    if episode.trip_is_manual:
        return "none: it was opened by hand"
    if episode.trip is None:
        return "not known: neither the opening nor a refusal that links to it is in these files"
    trace_id, span_id = episode.trip
    calls = (move.call for move in episode.moves if (move.trace_id, move.span_id) == episode.trip)
    call = next((call for call in calls if call), None)
    how = words.ended(call.outcome, call.error_type, call.seconds) if call else words.NOT_HERE
    return ", ".join(filter(None, (incident.request(trace_id), f"trace {trace_id}", f"span {span_id}", how)))


def what_happened(move: Move) -> str:
    """The reason of a move, and how the call ended that caused it, where that is the news."""
    parts = [words.why(move)]
    if move.reason in (Reason.PROBE_FAILED.value, Reason.PROBE_SUCCEEDED.value) and move.call is not None:
        parts.append(words.ended(move.call.outcome, move.call.error_type, move.call.seconds))
    elif words.failures(move):
        parts.append(words.failures(move))
    return "; ".join(parts)


def facts(incident: Incident, episode: Episode) -> list[tuple[str, str]]:
    """What there is to know of an episode, by heading."""
    opening = episode.opening
    wanted = {
        "opened": words.moment(episode.start)
        if opening
        else f"not in these files; first seen {words.moment(episode.first_seen)}",
        "because": words.why(opening) if opening else "",
        "what failed": words.failures(opening) if opening else "",
        "tripped by": trip(incident, episode),
        "mode": f"{episode.mode}: no call was refused" if episode.is_shadow else "",
        "lasted": lasted(episode),
        "refused": "" if episode.is_shadow else refused(episode),
        "shadow": shadowed(episode),
        "probes": probed(episode),
        "open time": f"{words.planned(opening)} planned" if opening and words.planned(opening) else "",
    }
    return [(name, text) for name, text in wanted.items() if text]


def probed(episode: Episode) -> str:
    """How many probes ended how."""
    relapses = f"; {words.count(episode.relapses, 'failed recovery', 'failed recoveries')}" if episode.relapses else ""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(episode.probe_outcomes.items()))
    return f"{told}{relapses}" if told else "none in these files"


def shadowed(episode: Episode) -> str:
    """What shadow mode would have refused, or nothing."""
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(episode.shadowed.items()))
    return f"would have refused calls that ended as {told}" if told else ""


def thinned(moves: Sequence[Move], head: int, tail: int) -> Iterator[tuple[Move, int]]:
    """The moves; of very many the first and the last, and between them one with the number of those left out."""
    left_out = max(0, len(moves) - head - tail)
    if left_out <= 1:
        yield from ((move, 0) for move in moves)
        return
    yield from ((move, 0) for move in moves[:head])
    yield moves[head], left_out
    yield from ((move, 0) for move in moves[-tail:])
