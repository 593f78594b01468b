"""The eleven questions of a person on call, answered from exported telemetry; docs/oncall.md has one section for each.

An answer is a list of lines without markup; where the files do not hold the answer, a line states that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CircuitState
from otel_breaker_cli.incident import descriptions, metric_answers, wording
from otel_breaker_cli.incident.descriptions import full_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.incident.model import CircuitTimeline, Incident

MAX_EPISODES: Final = 5
"""How many episodes, the latest ones, an answer covers."""
_FLAPPING_TRIPS: Final = 3
_FLAPPING_TIME: Final = 15 * 60 * 1_000_000_000
"""In nanoseconds: a circuit that trips so many times within this time is flapping, as for the alert."""


@dataclass(frozen=True)
class OnCallQuestion:
    """One question, and the function that answers it."""

    anchor: str
    """Stable: alerts link to it."""
    text: str
    answer: Callable[[Incident], list[str]]


def _which_are_open(incident: Incident) -> list[str]:
    lines = []
    for circuit in incident.circuits:
        if circuit.is_open:
            since = circuit.episodes[-1].start if circuit.episodes else circuit.state_changes[-1].time
            is_shadow = circuit.is_shadow or (circuit.episodes and circuit.episodes[-1].is_shadow)
            mode = ", in shadow mode: no call is refused" if is_shadow else ""
            lines.append(
                f"{full_name(circuit)}: {wording.STATE_NAMES[circuit.state]} since {wording.date_time(since)}{mode}"
            )
    if lines:
        return lines
    closed = [f"{full_name(circuit)}: closed again; {_open_time(episode)}" for circuit, episode in _latest(incident)]
    return ["None is open at the end of these files.", *closed]


def _why_did_it_open(incident: Incident) -> list[str]:
    lines = []
    for circuit, episode in _latest(incident):
        opening = episode.opening
        if opening is None:
            lines.append(f"{full_name(circuit)}: the opening of episode {episode.id} is not in these files")
            continue
        failures, planned = wording.error_types(opening), wording.planned_duration(opening)
        lines.append(f"{full_name(circuit)}, {wording.date_time(opening.time)}: {wording.reason(opening)}")
        lines += [f"  what failed: {failures}"] if failures else []
        lines += [f"  it was to stay open for {planned}"] if planned else []
    return lines or _NO_OPENING


def _which_request_tripped_it(incident: Incident) -> list[str]:
    return [
        f"{full_name(circuit)}: {descriptions.tripping_request(incident, episode)}"
        for circuit, episode in _latest(incident)
    ] or _NO_OPENING


def _what_caused_this_refusal(incident: Incident) -> list[str]:
    lines = []
    for _, episode in _latest(incident):
        refused = next((call for call in episode.refusals.samples if call.linked_span), None)
        if refused is None or refused.linked_span is None:
            continue
        trace_id, span_id = refused.linked_span
        cause = next(
            (change for change in episode.state_changes if (change.trace_id, change.span_id) == refused.linked_span),
            None,
        )
        ago = f", {wording.duration((refused.start - cause.time) / 1e9)} before" if cause else ""
        lines += [
            f"{incident.request_name(refused.trace_id) or 'A call'}, trace {refused.trace_id}, was refused",
            f"  its link leads to trace {trace_id}, span {span_id}, which opened the circuit{ago}",
        ]
    for circuit in incident.circuits:
        for call in circuit.limit_refusals.samples[:1]:
            lines += [
                f"{incident.request_name(call.trace_id) or 'A call'}, trace {call.trace_id}, was refused",
                f"  {full_name(circuit)} was closed: too many calls were in flight",
            ]
    return lines or ["No refused call in these files links to a cause."]


def _how_many_were_refused(incident: Incident) -> list[str]:
    lines = []
    for circuit, episode in _latest(incident):
        reasons = descriptions.rejection_reasons(episode.refusals)
        lines.append(f"{full_name(circuit)}, episode {episode.id}: {descriptions.refused_calls(episode)}")
        lines += [f"  as {reasons}"] if reasons else []
    return lines or _NO_OPENING


def _how_do_the_probes_end(incident: Incident) -> list[str]:
    lines = []
    for circuit, episode in _latest(incident):
        lines.append(f"{full_name(circuit)}, episode {episode.id}: {descriptions.probe_results(episode)}")
        lines += [
            f"  {wording.time_of_day(probe.time)}  {wording.probe_result(probe)}"
            for probe in episode.probes[-MAX_EPISODES:]
        ]
    return lines or _NO_OPENING


def _is_one_flapping(incident: Incident) -> list[str]:
    trip = (CircuitState.CLOSED.value, CircuitState.OPEN.value)
    lines = []
    for circuit in incident.circuits:
        trips = [change.time for change in circuit.state_changes if (change.from_state, change.to_state) == trip]
        relapses = sum(episode.relapses for episode in circuit.episodes)
        if not trips and not relapses:
            continue
        is_flapping = any(
            last - first <= _FLAPPING_TIME for first, last in zip(trips, trips[_FLAPPING_TRIPS - 1 :], strict=False)
        )
        verdict = (
            f"flapping: {_FLAPPING_TRIPS} trips within {wording.duration(_FLAPPING_TIME / 1e9)}"
            if is_flapping
            else "not flapping"
        )
        in_all = (
            f"{wording.count(len(trips), 'trip')}, {wording.count(relapses, 'failed recovery', 'failed recoveries')}"
        )
        lines.append(f"{full_name(circuit)}: {verdict}; {in_all} in all")
    return lines or _NO_OPENING


_NO_OPENING: Final = ["No circuit opened in these files."]

QUESTIONS: Final = (
    OnCallQuestion("q1-which-circuits-are-open", "Which circuits are open, where, since when?", _which_are_open),
    OnCallQuestion("q2-why-did-it-open", "Why did this one open?", _why_did_it_open),
    OnCallQuestion("q3-which-request-tripped-it", "Which request tripped it?", _which_request_tripped_it),
    OnCallQuestion("q4-cause-of-a-refusal", "From this refused request, show me the cause", _what_caused_this_refusal),
    OnCallQuestion("q5-how-many-refused", "How many requests were refused in this episode?", _how_many_were_refused),
    OnCallQuestion("q6-recovery-probes", "Are the recovery probes failing, and how?", _how_do_the_probes_end),
    OnCallQuestion("q7-how-near", "How near is each circuit to tripping?", metric_answers.how_near_to_tripping),
    OnCallQuestion("q8-flapping", "Is one flapping?", _is_one_flapping),
    OnCallQuestion("q9-shadow", "Would this shadow breaker have helped or hurt?", metric_answers.did_shadow_help),
    OnCallQuestion(
        "q10-not-guarded", "Which configured targets are not guarded?", metric_answers.which_targets_are_not_guarded
    ),
    OnCallQuestion(
        "q11-concurrency-limit",
        "Does the limit of calls in flight refuse calls?",
        metric_answers.does_the_limit_refuse,
    ),
)


def _latest(incident: Incident) -> list[tuple[CircuitTimeline, IncidentEpisode]]:
    return incident.episodes[-MAX_EPISODES:]


def _open_time(episode: IncidentEpisode) -> str:
    if episode.end is None:
        return f"open from {wording.date_time(episode.start)}, its end is not in these files"
    return f"it was open from {wording.date_time(episode.start)} for {descriptions.episode_duration(episode)}"
