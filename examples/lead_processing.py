"""A service that processes leads through a circuit breaker, and a lead store that is down for a while.

Run it with `python -m examples.lead_processing`. Where an OpenTelemetry SDK is set up, every call is also a span.
"""

# ruff: noqa: INP001
from __future__ import annotations

import asyncio
from typing import TypedDict

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange


class Lead(TypedDict):
    email: str


class FlakyLeadStore:
    """Replaces a database; its first few calls fail."""

    def __init__(self, failures: int) -> None:
        self.calls = 0
        self.leads: list[Lead] = []
        self._failures = failures

    async def save(self, lead: Lead) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise ConnectionError("the lead store does not answer")
        self.leads.append(lead)
        return len(self.leads)


class LeadProcessingService:
    def __init__(self, store: FlakyLeadStore, recovery_time: float = 5) -> None:
        self._store = store
        self.circuit_breaker = CircuitBreaker(failure_threshold=3, recovery_time=recovery_time, recovery_jitter=0.2)

    async def process_lead(self, lead: Lead) -> int:
        return await self.circuit_breaker.call(self._process_lead_internal, lead)

    async def _process_lead_internal(self, lead: Lead) -> int:
        return await self._store.save(lead)


def print_change(change: StateChange) -> None:
    print(f"circuit: {change.from_state.value} -> {change.to_state.value} ({change.reason.value})")


async def process(service: LeadProcessingService, lead: Lead) -> None:
    """Process one lead, and retry until it succeeds."""
    while True:
        try:
            number = await service.process_lead(lead)
        except ConnectionError as error:
            print(f"{lead['email']}: {error}")
        except CircuitOpenError as error:
            print(f"{lead['email']}: {error}")
            await asyncio.sleep(error.retry_after or 0)
        else:
            print(f"{lead['email']}: lead number {number}")
            return


async def main(recovery_time: float = 1) -> FlakyLeadStore:
    """Process two leads while the store is down for four calls: three that trip the circuit, and the first probe."""
    store = FlakyLeadStore(failures=4)
    service = LeadProcessingService(store, recovery_time)
    service.circuit_breaker.add_listener(print_change)
    for email in ("ann@example.com", "bob@example.com"):
        await process(service, {"email": email})
    return store


if __name__ == "__main__":
    asyncio.run(main())
