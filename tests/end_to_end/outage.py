"""The shop through an outage of its payments, and what a Collector has received of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.end_to_end.otlp_receiver import Received, receiving
from tests.end_to_end.shop import shop, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.otlp_records import Span

CONFIGURATION = """
breakers:
  payments: {failure_threshold: 3, recovery_time: 500ms}
targets:
  - function: examples.checkout.payments:PaymentClient.charge
    breaker: payments
"""
SUCCESSES, FAILURES = 2, 3


@dataclass(frozen=True)
class Outage:
    """Two paid checkouts, three failed ones, some refused, the probe that recovers, and one more."""

    received: Received
    refusals: int

    @property
    def calls(self) -> list[Span]:
        """The spans of the guarded calls, in the order of the calls."""
        calls = [span for span in self.received.spans if span.name == "circuit_breaker payments"]
        return sorted(calls, key=lambda span: span.start)

    @property
    def trip(self) -> Span:
        return self.calls[SUCCESSES + FAILURES - 1]

    @property
    def refused(self) -> list[Span]:
        return self.calls[SUCCESSES + FAILURES : -2]

    @property
    def probe(self) -> Span:
        return self.calls[-2]

    def children(self, parent: Span) -> list[Span]:
        return [span for span in self.received.spans if span.parent_id == parent.span_id]


def run_an_outage(folder: Path, protocol: str, **more: str) -> Outage:
    """Drive the shop over HTTP until its circuit has opened, refused and recovered; then stop it.

    Args:
        folder: for its files.
        protocol: of its exporters.
        **more: environment variables.
    """
    file = folder / "breakers.yaml"
    file.write_text(CONFIGURATION)
    environment = {"OTEL_BREAKER_CONFIG_FILE": str(file), "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
    environment |= {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, **more}
    refusals = 0

    def recovered() -> bool:
        nonlocal refusals
        paid = running.checkout() == 200
        refusals += not paid  # payments work again: what is not paid was refused
        return paid

    with receiving(protocol) as received, shop(folder, received.url, environment=environment) as running:
        assert [running.checkout() for _ in range(SUCCESSES)] == [200] * SUCCESSES
        running.let_payments_fail()
        assert [running.checkout() for _ in range(FAILURES)] == [503] * FAILURES
        running.let_payments_work()
        until(recovered)
        assert running.checkout() == 200
    return Outage(received, refusals)
