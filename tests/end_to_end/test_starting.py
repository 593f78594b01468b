"""Starting the demo's shop with a configuration that a flag names, that is wrong, or whose targets are wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.otlp_receiver import receiving
from tests.end_to_end.outage import CONFIGURATION
from tests.end_to_end.shop import shop

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


def test_a_flag_of_the_command_names_the_file_as_well(tmp_path: Path) -> None:
    file = tmp_path / "breakers.yaml"
    file.write_text(CONFIGURATION.replace("failure_threshold: 3", "failure_threshold: 1").replace("500ms", "10m"))

    with receiving() as received, shop(tmp_path, received.url, ["--breaker_config_file", str(file)]) as running:
        running.let_payments_fail()
        answers = [running.checkout() for _ in range(4)]
        asked = running.payments_asked()

    outcomes = Counter(span.attributes.get("circuit_breaker.call.outcome") for span in received.spans)
    assert (answers, asked) == ([503] * 4, 1)
    assert (outcomes["failure"], outcomes["rejected"]) == (1, 3)
    assert received.encodings == {"identity"}


def test_a_wrong_file_is_one_clear_error_and_the_shop_serves_unguarded(tmp_path: Path) -> None:
    file = tmp_path / "breakers.yaml"
    file.write_text(CONFIGURATION.replace("failure_threshold: 3", "failure_treshold: 1"))

    with (
        receiving() as received,
        shop(tmp_path, received.url, environment={"OTEL_BREAKER_CONFIG_FILE": str(file)}) as running,
    ):
        paid = running.checkout()
        running.let_payments_fail()
        unpaid = [running.checkout() for _ in range(2)]
        asked = running.payments_asked()

    log = (
        f"nothing is guarded: {file}: breakers.payments.failure_treshold: there is no such setting: "
        "did you mean 'failure_threshold'?"
    )
    assert running.read_log().count(log) == 1
    assert "Traceback" not in running.read_log()
    assert (paid, unpaid, asked) == (200, [503] * 2, 2)
    assert {span.scope for span in received.spans}.isdisjoint({"otel_breaker"})


def test_targets_that_do_not_exist_are_logged_when_that_is_found_and_at_exit_with_the_nearest_name(
    tmp_path: Path,
) -> None:
    file = tmp_path / "breakers.yaml"
    file.write_text("""
targets:
  - function: examples.checkout.payments:PaymentClient.chrge
  - function: examples.checkout.paymnts:PaymentClient.charge
""")

    with (
        receiving() as received,
        shop(tmp_path, received.url, environment={"OTEL_BREAKER_CONFIG_FILE": str(file)}) as running,
    ):
        paid = running.checkout()

    log = running.read_log()
    assert paid == 200
    assert log.count("examples.checkout.payments:PaymentClient.chrge is not guarded") == 1
    assert log.count("did you mean 'charge'?") == 2
    assert log.count("2 of 2 targets not guarded: missing examples.checkout.payments:PaymentClient.chrge ") == 1
    assert log.count("pending examples.checkout.paymnts:PaymentClient.charge ") == 1
    assert log.count("did you mean 'examples.checkout.payments'?") == 1
