"""Telemetry of circuits as records at chosen times, as the reader makes them of exported files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.otlp import DataPoint, Event, Link, LogRecord, Span, TelemetryRecord, TelemetrySource

if TYPE_CHECKING:
    from otel_breaker_cli.incident.episode import IncidentEpisode
    from otel_breaker_cli.incident.model import Incident

START = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
SHOP = {"service.name": "shop"}
EVIDENCE = {
    "circuit_breaker.consecutive_failures": 5,
    "circuit_breaker.threshold": 5.0,
    "circuit_breaker.error_types": ["OSError=5"],
    "circuit_breaker.open.planned_duration": 2.0,
}
CLOSING = {"circuit_breaker.open.duration": 7.0, "circuit_breaker.open.rejected_calls": 128}


def trace_of(number: int) -> str:
    return f"{number:032x}"


def span_of(number: int) -> str:
    return f"{number:016x}"


def only_episode(incident: Incident) -> IncidentEpisode:
    ((_, episode),) = incident.episodes
    return episode


@dataclass
class Telemetry:
    """Telemetry of one circuit. Each call is a trace of its own: a request with the guarded call inside."""

    name: str = "payments"
    key: str = ""
    episode: str = "e1"
    mode: str = ""
    resource: dict[str, Any] = field(default_factory=lambda: dict(SHOP))
    spans: list[TelemetryRecord] = field(default_factory=list)
    logs: list[TelemetryRecord] = field(default_factory=list)
    points: list[TelemetryRecord] = field(default_factory=list)

    @property
    def records(self) -> list[TelemetryRecord]:
        return [*self.spans, *self.logs, *self.points]

    def incident(self) -> Incident:
        return collect(self.records)

    def call(
        self,
        number: int,
        at: float,
        outcome: str,
        state: str = "closed",
        *,
        state_changes: tuple[tuple[str, str, str], ...] = (),
        link: int | None = None,
        evidence: dict[str, Any] | None = None,
        error: str | None = None,
        shadowed: bool = False,
        rejection: str | None = None,
    ) -> Telemetry:
        """Add a call that starts `at` seconds and takes half a second, with the state changes at its end."""
        end = START + round((at + 0.5) * SECOND)
        ids = {"trace_id": trace_of(number), "span_id": span_of(number)}
        attributes: dict[str, Any] = {
            **self._identity(),
            "circuit_breaker.state": state,
            "circuit_breaker.call.outcome": outcome,
        }
        attributes |= {"error.type": error} if error else {}
        attributes |= {"circuit_breaker.rejection.reason": rejection} if rejection else {}
        attributes |= {"circuit_breaker.shadow.rejected": True, "circuit_breaker.mode": "shadow"} if shadowed else {}
        if state_changes or state != "closed":
            attributes["circuit_breaker.episode"] = self.episode
        events = []
        for from_state, to_state, reason in state_changes:
            attributes["circuit_breaker.state_change.to"] = to_state
            change = self._change(from_state, to_state, reason, evidence)
            events.append(Event("circuit_breaker.state_change", end, change))
            self.logs.append(self._log(end - 300, change, **ids))
        links = (Link(trace_of(link), span_of(link)),) if link is not None else ()
        if link is not None:
            attributes["circuit_breaker.link"] = "opening"
        self.spans.append(
            Span(
                TelemetrySource(self.resource, "otel_breaker"),
                **ids,
                parent_id=span_of(number + 1_000),
                name=f"circuit_breaker {self.name}",
                kind="internal",
                start=end - SECOND // 2,
                end=end,
                attributes=attributes,
                events=tuple(events),
                links=links,
                status="unset",
            )
        )
        return self.request(number, at)

    def request(self, number: int, at: float, name: str = "POST /checkout", parent: str = "") -> Telemetry:
        start = START + round(at * SECOND)
        origin = TelemetrySource(self.resource, "flask")
        ids = (trace_of(number), span_of(number + 1_000))
        span = Span(origin, *ids, parent, name, "server", start, start + SECOND, {}, (), (), "unset")
        self.spans.append(span)
        return self

    def manual_change(self, at: float, from_state: str, to_state: str, episode: str, details: str) -> Telemetry:
        """Add a manual state change: it has no call, and only a log event reports it."""
        self.episode = episode
        change = self._change(from_state, to_state, "manual", None)
        body = f"circuit breaker 'payments': {from_state} -> {to_state} (manual {details})"
        self.logs.append(self._log(START + round(at * SECOND), change, trace_id="", span_id="", body=body))
        return self

    def point(self, metric: str, value: float, at: float = 0, *, is_delta: bool = False, **labels: str) -> Telemetry:
        attributes = {f"circuit_breaker.{name.replace('__', '.')}": value for name, value in labels.items()}
        origin, time = TelemetrySource(self.resource, "otel_breaker"), START + round(at * SECOND)
        self.points.append(DataPoint(origin, metric, "1", "gauge", is_delta, time, attributes, value))
        return self

    def _identity(self) -> dict[str, Any]:
        return {"circuit_breaker.name": self.name} | ({"circuit_breaker.key": self.key} if self.key else {})

    def _change(self, from_state: str, to_state: str, reason: str, evidence: dict[str, Any] | None) -> dict[str, Any]:
        change = {"from": from_state, "to": to_state, "reason": reason}
        attributes = {f"circuit_breaker.state_change.{name}": value for name, value in change.items()}
        episode = {"circuit_breaker.episode": self.episode} if self.episode else {}
        mode = {"circuit_breaker.mode": self.mode} if self.mode else {}
        return self._identity() | attributes | episode | mode | (evidence or {})

    def _log(
        self, time: int, change: dict[str, Any], *, trace_id: str, span_id: str, body: str = "a sentence"
    ) -> LogRecord:
        origin = TelemetrySource(self.resource, "otel_breaker")
        return LogRecord(origin, "circuit_breaker.state_change", time, 13, body, change, trace_id, span_id)


TRIP = (("closed", "open", "failure_threshold"),)
PROBING = ("open", "half_open", "recovery_time_elapsed")
FAILED = (PROBING, ("half_open", "open", "probe_failed"))
RECOVERED = (PROBING, ("half_open", "closed", "probe_succeeded"))


def outage() -> Telemetry:
    """A trip one second in, refusals, a probe that fails, another refusal, and the recovery seven seconds later."""
    telemetry = Telemetry()
    telemetry.call(1, 0, "success")
    telemetry.call(2, 0.5, "failure", state_changes=TRIP, evidence=EVIDENCE, error="OSError")
    for number in (3, 4, 5):
        telemetry.call(number, number - 1, "rejected", "open", link=2)
    telemetry.call(6, 5, "failure", "half_open", state_changes=FAILED, link=2, error="OSError")
    telemetry.call(7, 6, "rejected", "open", link=6)
    telemetry.call(8, 7.5, "success", "half_open", state_changes=RECOVERED, link=6, evidence=CLOSING)
    return telemetry


def shadow_outage() -> Telemetry:
    """The same outage of a circuit in shadow mode, which admits the calls that it would refuse."""
    telemetry = Telemetry(mode="shadow")
    telemetry.call(1, 0, "success")
    telemetry.call(2, 0.5, "failure", state_changes=TRIP, evidence=EVIDENCE, error="OSError")
    for number, outcome in ((3, "failure"), (4, "success")):
        telemetry.call(number, number - 1, outcome, "open", link=2, shadowed=True)
    telemetry.call(6, 5, "failure", "half_open", state_changes=FAILED, link=2, error="OSError")
    telemetry.call(8, 7.5, "success", "half_open", state_changes=RECOVERED, link=6, evidence=CLOSING)
    return telemetry
