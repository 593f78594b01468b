import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from examples import lead_processing
from examples.lead_processing import FlakyLeadStore, LeadProcessingService
from otel_breaker import CircuitOpenError, CircuitState

LEAD: lead_processing.Lead = {"email": "ann@example.com"}


async def test_after_three_failures_the_store_is_not_called() -> None:
    store = FlakyLeadStore(failures=100)
    service = LeadProcessingService(store)

    for _ in range(3):
        with pytest.raises(ConnectionError):
            await service.process_lead(LEAD)
    with pytest.raises(CircuitOpenError):
        await service.process_lead(LEAD)

    assert (store.calls, service.circuit_breaker.state) == (3, CircuitState.OPEN)


async def test_a_lead_is_processed_when_the_store_answers() -> None:
    service = LeadProcessingService(FlakyLeadStore(failures=0))

    assert await service.process_lead(LEAD) == 1


def test_no_lead_is_lost_and_the_circuit_is_closed_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    store = asyncio.run(lead_processing.main(recovery_time=0.01))

    lines = capsys.readouterr().out.splitlines()
    assert store.leads == [{"email": "ann@example.com"}, {"email": "bob@example.com"}]
    assert [line for line in lines if line.startswith("circuit: ")] == [
        "circuit: closed -> open (failure_threshold)",
        "circuit: open -> half_open (recovery_time_elapsed)",
        "circuit: half_open -> open (probe_failed)",
        "circuit: open -> half_open (recovery_time_elapsed)",
        "circuit: half_open -> closed (probe_succeeded)",
    ]
    assert lines[-2:] == ["ann@example.com: lead number 1", "bob@example.com: lead number 2"]


@pytest.mark.processes
def test_the_example_runs_as_a_module() -> None:
    root = Path(lead_processing.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.lead_processing"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "bob@example.com: lead number 2" in done.stdout
