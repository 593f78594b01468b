"""An operator changes the file while the shop runs: what the shop does, and what arrives at a Collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.otlp_receiver import Received, receiving
from tests.end_to_end.shop import Shop, shop, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.otlp_records import Log

pytestmark = pytest.mark.processes

TARGETS = "targets: [{function: 'examples.checkout.payments:PaymentClient.charge', breaker: payments}]\n"
NO_TARGETS = "targets: []\n"


def state_changes(received: Received) -> list[Log]:
    return [log for log in received.logs if log.event == "circuit_breaker.state_change"]


def changed(file: Path, payments: str, targets: str = TARGETS) -> None:
    """Replace the file by a rename, as careful editors do."""
    new = file.with_suffix(".new")
    new.write_text(f"reload: 100ms\nbreakers: {{payments: {{{payments}}}}}\n{targets}")
    new.replace(file)


def answers(running: Shop, status: int) -> Callable[[], bool]:
    """Whether a checkout is answered so by now."""
    return lambda: running.checkout() == status


def test_settings_states_and_targets_change_while_the_shop_runs(tmp_path: Path) -> None:
    file = tmp_path / "breakers.yaml"
    changed(file, "failure_threshold: 100")
    environment = {"OTEL_BREAKER_CONFIG_FILE": str(file)}

    with receiving() as received, shop(tmp_path, received.url, environment=environment) as running:
        assert running.checkout() == 200

        changed(file, "failure_threshold: 100, state: forced_open, reason: INC-4711")
        until(answers(running, 503))
        running.let_payments_work()  # counts from zero
        assert running.checkout() == 503
        asked_while_forced = running.payments_asked()

        changed(file, "failure_threshold: 1, recovery_time: 10m")
        until(answers(running, 200))
        running.let_payments_fail()
        assert [running.checkout() for _ in range(3)] == [503] * 3
        asked_while_failing = running.payments_asked()

        changed(file, "failure_treshold: 1")
        until(lambda: "there is no such setting: did you mean 'failure_threshold'?" in running.read_log())
        assert running.checkout() == 503

        running.let_payments_work()
        changed(file, "failure_threshold: 1", NO_TARGETS)
        until(answers(running, 200))

    assert (asked_while_forced, asked_while_failing) == (0, 1)
    assert running.read_log().count("the circuit breakers stay configured as they were") == 1
    exported = [
        tuple(log.attributes[f"circuit_breaker.state_change.{name}"] for name in ("from", "to", "reason"))
        for log in state_changes(received)
    ]
    assert exported == [
        ("closed", "forced_open", "manual"),
        ("forced_open", "closed", "manual"),
        ("closed", "open", "failure_threshold"),
    ]
    assert f"(manual by {file}: INC-4711)" in state_changes(received)[0].body
    assert state_changes(received)[2].attributes["circuit_breaker.threshold"] == 1.0
