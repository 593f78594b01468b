"""`otel-breaker check`: reports the problems of a file; the application never runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.main import main
from tests.cli.shop_to_check import MISSPELT, VALID, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INVALID = """
defaults: {recovery_tim: 1}
breakers:
  payments: {failure_treshold: 3, window: 0}
targets:
  - function: charge
"""
A_WINDOW = 'a number of calls of at least 1, or a duration as text such as "60s"'
A_FUNCTION = "module:qualified.name, such as shop.payments:Client.charge or shop.clients:*Client.send_*"


def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    yield from capsys.readouterr().out.splitlines()


def test_a_file_without_a_mistake_is_one_line_and_exits_with_0(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(shop_folder, VALID)

    status = main(["check", file])

    assert (status, list(lines(capsys))) == (0, [f"{file}: nothing is wrong"])


def test_every_mistake_is_a_line_of_path_problem_and_remedy_and_it_exits_with_1(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(shop_folder, INVALID)

    status = main(["check", file])

    assert (status, list(lines(capsys))) == (
        1,
        [
            f"{file}: defaults.recovery_tim: there is no such setting: did you mean 'recovery_time'?",
            f"{file}: breakers.payments.failure_treshold: there is no such setting: did you mean 'failure_threshold'?",
            f"{file}: breakers.payments.window: 0 is not allowed: {A_WINDOW}",
            f"{file}: targets[0].function: 'charge' is not allowed: {A_FUNCTION}",
        ],
    )


def test_text_that_is_no_yaml_is_a_mistake_as_well(shop_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(shop_folder, "breakers: [")

    status = main(["check", file])

    [line] = lines(capsys)
    assert status == 1
    assert line.startswith(f"{file}: it cannot be understood")


def test_a_file_that_cannot_be_read_exits_with_2(shop_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", str(shop_folder / "none.yaml")])

    assert status == 2
    assert "there is no such file" in capsys.readouterr().err


def test_nothing_is_imported_without_the_option(shop_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop_folder)

    main(["check", written(shop_folder, VALID)])

    assert "shop_to_check" not in sys.modules


DECLARED = """
file_format: "1.0"
attributes: &attributes {deployment: production}
resource: {attributes: [*attributes]}
instrumentation/development:
  python:
    otel_breaker:
      enabled: true
      breakers:
        payments:
          failure_threshold: ${PAYMENTS_THRESHOLD:-3}
          recovery_time: "${RECOVERY}s"
      targets: [{function: "shop_to_check:Client.charge", breaker: payments}]
"""
OURS = "instrumentation/development.python.otel_breaker"


def test_opentelemetrys_declarative_configuration_is_checked_with_its_variables(
    shop_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(shop_folder, DECLARED)
    monkeypatch.setenv("RECOVERY", "30")
    right = main(["check", file]), list(lines(capsys))
    monkeypatch.setenv("PAYMENTS_THRESHOLD", "0")
    monkeypatch.setenv("RECOVERY", "a few ")

    wrong = main(["check", file]), [line.rpartition(":")[0].rpartition(":")[0] for line in lines(capsys)]

    assert right == (0, [f"{file}: nothing is wrong"])
    assert wrong == (
        1,
        [f"{file}: {OURS}.breakers.payments.{name}" for name in ("failure_threshold", "recovery_time")],
    )


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("breakers: {payments: {failure_treshold: 3}}", f"{OURS}.breakers.payments.failure_treshold"),
        ("reload: 5s", f"{OURS}.reload"),
        ("breaker: {}", f"{OURS}.breaker"),
        ("5", OURS),
        ("", OURS),
    ],
)
def test_a_mistake_in_opentelemetrys_configuration_has_its_path_there(
    shop_folder: Path, capsys: pytest.CaptureFixture[str], content: str, path: str
) -> None:
    declared, _, _ = DECLARED.partition("enabled")
    file = written(shop_folder, f"{declared}{content}".replace("otel_breaker:\n      5", "otel_breaker: 5"))

    status = main(["check", file])

    [line] = lines(capsys)
    assert status == 1
    assert line.startswith(f"{file}: {path}: ")


def test_a_declarative_configuration_without_breakers_is_reported(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(shop_folder, 'file_format: "1.0"')

    assert main(["check", file]) == 1
    assert "says nothing of breakers: configure them under" in capsys.readouterr().out


def test_a_breaker_that_is_spelt_in_two_ways_is_a_warning(
    shop_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(shop_folder, MISSPELT)

    status = main(["check", file])

    unused = "'spelt payments', 'spelt search'"
    problem = f"the breaker 'spelt payment' has no settings of its own, and no target uses those of {unused}"
    warning = f"warning: {file}: targets[0].breaker: {problem}: did you mean 'spelt payments'?"
    assert (status, list(lines(capsys))) == (0, [warning, f"{file}: nothing is wrong"])
