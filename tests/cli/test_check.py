"""`otel-breaker check`: what is wrong with a file, and what is not; the application never runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

SHOP = """
print("imported")

class Client:
    def charge(self, tenant): pass
    @property
    def total(self): pass

def charge_later(self, tenant): pass
"""
FINE = """
breakers:
  payments: {failure_threshold: 3}
targets:
  - {function: "shop_to_check:Client.charge", breaker: "payments {tenant}", fallback: "shop_to_check:charge_later"}
  - {function: "shop_to_check:*_later"}
"""
WRONG = """
defaults: {recovery_tim: 1}
breakers:
  payments: {failure_treshold: 3, window: 0}
targets:
  - function: charge
"""
A_WINDOW = 'a number of calls of at least 1, or a duration as text such as "60s"'
A_FUNCTION = "module:qualified.name, such as shop.payments:Client.charge or shop.clients:*Client.send_*"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop_to_check.py").write_text(SHOP)
    return tmp_path


def written(folder: Path, text: str) -> str:
    file = folder / "breakers.yaml"
    file.write_text(text)
    return str(file)


def checked_by_import(folder: Path, text: str) -> tuple[int, list[str]]:
    """As an operator runs it, in the folder of the application: exit status, and the lines printed."""
    written(folder, text)
    script = Path(sys.executable).with_name("otel-breaker")
    done = subprocess.run(
        [script, "check", "--import", "breakers.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, [line for line in done.stdout.splitlines() if line != "imported"]


def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    yield from capsys.readouterr().out.splitlines()


def test_a_file_without_a_mistake_is_one_line_and_exits_with_0(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(folder, FINE)

    status = main(["check", file])

    assert (status, list(lines(capsys))) == (0, [f"{file}: nothing is wrong"])


def test_every_mistake_is_a_line_of_path_problem_and_remedy_and_it_exits_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(folder, WRONG)

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


def test_text_that_is_no_yaml_is_a_mistake_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder, "breakers: [")

    status = main(["check", file])

    [said] = lines(capsys)
    assert status == 1
    assert said.startswith(f"{file}: it cannot be understood")


def test_a_file_that_cannot_be_read_exits_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", str(folder / "none.yaml")])

    assert status == 2
    assert "there is no such file" in capsys.readouterr().err


def test_nothing_is_imported_unless_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    main(["check", written(folder, FINE)])

    assert "shop_to_check" not in sys.modules


@pytest.mark.processes
def test_with_import_all_that_is_named_is_looked_up(folder: Path) -> None:
    assert checked_by_import(folder, FINE) == (0, ["breakers.yaml: nothing is wrong"])


@pytest.mark.processes
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "targets: [{function: 'shop_to_check:Client.chrge'}]",
            "targets[0].function: there is no shop_to_check:Client.chrge: did you mean 'charge'?",
        ),
        (
            "targets: [{function: 'shop_to_chek:charge'}]",
            "targets[0].function: 'shop_to_chek' cannot be imported: ModuleNotFoundError",
        ),
        (
            "targets: [{function: 'shop_to_check:Client.total'}]",
            "targets[0].function: shop_to_check:Client.total is a property",
        ),
        ("targets: [{function: 'shop_to_check:send_*'}]", "targets[0].function: it stands for no function"),
        (
            "targets: [{function: 'shop_to_check:Client.charge', breaker: 'pay {tennant}'}]",
            "targets[0].function: breakers.yaml: targets[0].breaker: there is no parameter 'tennant'",
        ),
        (
            "breakers: {unused: {fallback: 'shop_to_check:charge_latr'}}",
            "breakers.unused.fallback: there is no 'shop_to_check:charge_latr': did you mean 'charge_later'?",
        ),
    ],
)
def test_with_import_what_names_nothing_is_a_mistake(folder: Path, text: str, said: str) -> None:
    status, printed = checked_by_import(folder, text)

    assert status == 1
    assert [line.startswith(f"breakers.yaml: {said}") for line in printed] == [True]


@pytest.mark.processes
@pytest.mark.parametrize("code", ["raise SystemExit(0)", "1 / 0", "import no_such_module"])
def test_a_module_that_cannot_be_imported_is_a_mistake_whatever_it_does(folder: Path, code: str) -> None:
    (folder / "shop_to_check.py").write_text(code)

    status, printed = checked_by_import(folder, FINE.replace(', fallback: "shop_to_check:charge_later"', ""))

    assert status == 1
    assert ["'shop_to_check' cannot be imported" in line for line in printed] == [True]


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
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(folder, DECLARED)
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
    ("said", "path"),
    [
        ("breakers: {payments: {failure_treshold: 3}}", f"{OURS}.breakers.payments.failure_treshold"),
        ("reload: 5s", f"{OURS}.reload"),
        ("breaker: {}", f"{OURS}.breaker"),
        ("5", OURS),
        ("", OURS),
    ],
)
def test_a_mistake_in_opentelemetrys_configuration_has_its_path_there(
    folder: Path, capsys: pytest.CaptureFixture[str], said: str, path: str
) -> None:
    declared, _, _ = DECLARED.partition("enabled")
    file = written(folder, f"{declared}{said}".replace("otel_breaker:\n      5", "otel_breaker: 5"))

    status = main(["check", file])

    [told] = lines(capsys)
    assert status == 1
    assert told.startswith(f"{file}: {path}: ")


def test_a_declarative_configuration_that_says_nothing_of_breakers_is_told_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(folder, 'file_format: "1.0"')

    assert main(["check", file]) == 1
    assert "says nothing of breakers: configure them under" in capsys.readouterr().out


MISSPELT = "breakers: {spelt payments: {}, spelt search: {}}\n"
MISSPELT += "targets: [{function: 'shop_to_check:charge_later', breaker: spelt payment}]"


def test_a_breaker_that_is_spelt_in_two_ways_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder, MISSPELT)

    status = main(["check", file])

    unused = "'spelt payments', 'spelt search'"
    problem = f"the breaker 'spelt payment' has no settings of its own, and no target uses those of {unused}"
    warning = f"warning: {file}: targets[0].breaker: {problem}: did you mean 'spelt payments'?"
    assert (status, list(lines(capsys))) == (0, [warning, f"{file}: nothing is wrong"])


@pytest.mark.processes
def test_with_import_a_breaker_that_code_asks_for_is_no_misspelt_one(folder: Path) -> None:
    asks = "from otel_breaker import get_breaker\nget_breaker('spelt payments')\nget_breaker('spelt search', key='a')\n"
    (folder / "shop_to_check.py").write_text(f"{asks}{SHOP}")

    assert checked_by_import(folder, MISSPELT) == (0, ["breakers.yaml: nothing is wrong"])


@pytest.mark.processes
def test_with_import_a_target_that_is_called_past_its_guard_is_a_mistake(folder: Path) -> None:
    flask = "from flask import Flask\napp = Flask('shop')\n@app.route('/pay')\ndef pay(): return ''\n"
    (folder / "shop_to_check.py").write_text(flask)

    status, [line] = checked_by_import(folder, "targets: [{function: 'shop_to_check:pay'}]")

    problem = "shop_to_check:pay is guarded, but called unguarded by Flask's view 'pay'"
    assert status == 1
    assert line.startswith(f"breakers.yaml: targets[0].function: {problem}: put the breaker as a decorator under")


@pytest.mark.processes
def test_with_import_what_is_registered_after_the_import_is_guarded_as_it_is_in_the_application(folder: Path) -> None:
    (folder / "shop_to_check.py").write_text(f"{SHOP}def plain(): pass\n")
    (folder / "bus_to_check.py").write_text("import shop_to_check\nHANDLERS = [shop_to_check.plain]\ndef run(): pass\n")

    targets = "targets: [{function: 'shop_to_check:plain'}, {function: 'bus_to_check:run'}]"

    assert checked_by_import(folder, targets) == (0, ["breakers.yaml: nothing is wrong"])
