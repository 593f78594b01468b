"""`otel-breaker check --import`: resolves every name of a file in the modules of the application."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shop_to_check import MISSPELT, SHOP, VALID, written

pytestmark = pytest.mark.processes


def checked_by_import(shop_folder: Path, text: str) -> tuple[int, list[str]]:
    """Run the command in the folder of the application; returns the exit status and the printed lines."""
    written(shop_folder, text)
    script = Path(sys.executable).with_name("otel-breaker")
    done = subprocess.run(
        [script, "check", "--import", "breakers.yaml"],
        cwd=shop_folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, [line for line in done.stdout.splitlines() if line != "imported"]


def test_with_import_every_name_is_resolved(shop_folder: Path) -> None:
    assert checked_by_import(shop_folder, VALID) == (0, ["breakers.yaml: nothing is wrong"])


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_with_import_a_name_that_resolves_to_nothing_is_a_mistake(shop_folder: Path, text: str, message: str) -> None:
    status, printed = checked_by_import(shop_folder, text)

    assert status == 1
    assert [line.startswith(f"breakers.yaml: {message}") for line in printed] == [True]


@pytest.mark.parametrize("code", ["raise SystemExit(0)", "1 / 0", "import no_such_module"])
def test_a_module_that_cannot_be_imported_is_a_mistake_for_any_reason(shop_folder: Path, code: str) -> None:
    (shop_folder / "shop_to_check.py").write_text(code)

    status, printed = checked_by_import(shop_folder, VALID.replace(', fallback: "shop_to_check:charge_later"', ""))

    assert status == 1
    assert ["'shop_to_check' cannot be imported" in line for line in printed] == [True]


def test_with_import_a_breaker_that_code_gets_is_not_misspelt(shop_folder: Path) -> None:
    gets = "from otel_breaker import get_breaker\nget_breaker('spelt payments')\nget_breaker('spelt search', key='a')\n"
    (shop_folder / "shop_to_check.py").write_text(f"{gets}{SHOP}")

    assert checked_by_import(shop_folder, MISSPELT) == (0, ["breakers.yaml: nothing is wrong"])


def test_with_import_a_target_that_is_called_past_its_guard_is_a_mistake(shop_folder: Path) -> None:
    flask = "from flask import Flask\napp = Flask('shop')\n@app.route('/pay')\ndef pay(): return ''\n"
    (shop_folder / "shop_to_check.py").write_text(flask)

    status, [line] = checked_by_import(shop_folder, "targets: [{function: 'shop_to_check:pay'}]")

    problem = "shop_to_check:pay is guarded, but called unguarded by Flask's view 'pay'"
    assert status == 1
    assert line.startswith(f"breakers.yaml: targets[0].function: {problem}: put the breaker as a decorator under")


def test_with_import_a_function_that_is_registered_after_the_import_is_guarded_as_in_the_application(
    shop_folder: Path,
) -> None:
    (shop_folder / "shop_to_check.py").write_text(f"{SHOP}def handle(): pass\n")
    (shop_folder / "bus_to_check.py").write_text(
        "import shop_to_check\nHANDLERS = [shop_to_check.handle]\ndef run(): pass\n"
    )

    targets = (
        "targets: [{function: 'shop_to_check:handle'}, {function: 'bus_to_check:run'}]\ndefaults: {recovery_time: 5s}"
    )

    assert checked_by_import(shop_folder, targets) == (0, ["breakers.yaml: nothing is wrong"])
