"""Targets that are not guarded when the program ends are logged once more, in one short record."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


def log_at_exit(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stderr


def instrument(*functions: str) -> str:
    return f"""
from otel_breaker_instrumentation import OtelBreakerInstrumentor
instrumentor = OtelBreakerInstrumentor()
instrumentor.instrument(targets=[{{"function": function}} for function in {functions!r}])
"""


def test_a_module_that_was_never_imported_is_logged_at_exit_with_the_nearest_name() -> None:
    log = log_at_exit(instrument("colorsyss:rgb_to_hsv", "colorsys:hsv_to_rgb") + "import colorsys")

    assert log == (
        "1 of 2 targets not guarded: pending colorsyss:rgb_to_hsv (targets[0]): nobody has imported its module: "
        "did you mean 'colorsys'?\n"
    )


def test_all_that_is_not_guarded_is_one_record() -> None:
    log = log_at_exit(instrument("nope:one", "colorsys:no_such", "nope:two") + "import colorsys")

    assert log.splitlines()[-1].startswith("3 of 3 targets not guarded: pending nope:one (targets[0]): ")
    assert "; missing colorsys:no_such (targets[1]): there is no colorsys:no_such: " in log
    assert "; pending nope:two (targets[2]): " in log


@pytest.mark.parametrize("end", ["import colorsys", "instrumentor.uninstrument()"])
def test_nothing_is_logged_at_exit_when_all_is_guarded_or_restored(end: str) -> None:
    assert log_at_exit(instrument("colorsys:rgb_to_hsv") + end) == ""


def test_a_module_that_runs_as_the_main_program_is_logged_as_such(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(instrument("shop:charge"))

    done = subprocess.run([sys.executable, "-m", "shop"], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert "it runs as __main__, not under its own name: move the function into a module of its own" in done.stderr


def test_a_function_of_the_main_program_that_is_not_there_yet_is_logged_as_such() -> None:
    log = log_at_exit(instrument("__main__:charge") + "def charge(): pass")

    assert "missing __main__:charge (targets[0]): there is no __main__:charge yet: move it into a module of its" in log


def test_the_log_at_exit_is_short() -> None:
    log = log_at_exit(instrument(*(f"qqqqqqqqqqqqqqqqqqqq:charge_{number}" for number in range(1000))))

    assert log.endswith("; and 990 more\n")
    assert len(log) < 2500


def test_a_script_is_logged_as_running_as_the_main_program(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"import math{instrument('main:charge')}")

    done = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert "it runs as __main__, not under its own name: move the function into a module of its own" in done.stderr


@pytest.mark.parametrize("wrong", ["mat:charge", "maths:charge", "jsom:charge", "colorsyss:rgb_to_hsv"])
def test_a_module_of_python_is_only_proposed_when_it_is_spelt_nearly_so(wrong: str) -> None:
    log = log_at_exit(f"import math, json, colorsys{instrument(wrong)}")

    assert log.endswith("did you mean 'colorsys'?\n" if wrong.startswith("colorsys") else "is it spelt right?\n")


def test_a_module_that_exists_and_is_not_imported_is_not_suspected_to_be_a_typo(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for name in ("__init__", "payments"):
        (tmp_path / "shop" / f"{name}.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "app.py").write_text(instrument("shop.payments:charge"))

    done = subprocess.run([sys.executable, "app.py"], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert done.stderr == (
        "1 of 1 targets not guarded: pending shop.payments:charge (targets[0]): nobody has imported its module, which"
        " is there: does the program import it, and by this name?\n"
    )


FORKING = """
import os
child = os.fork()
if not child:
    {work}
    raise SystemExit
os.waitpid(child, 0)
"""


def test_a_parent_of_workers_does_not_log_modules_that_they_import() -> None:
    log = log_at_exit(instrument("colorsys:rgb_to_hsv") + FORKING.format(work="import colorsys"))

    assert log == ""


def test_a_worker_that_imports_nothing_logs_that_itself_and_once() -> None:
    log = log_at_exit(instrument("colorsys:rgb_to_hsv") + FORKING.format(work="pass"))

    assert log.count("nobody has imported its module") == 1


def test_a_module_that_does_not_exist_is_logged_by_the_parent_as_well() -> None:
    log = log_at_exit(instrument("colorsyss:rgb_to_hsv") + FORKING.format(work="pass"))

    assert log.count("is it spelt right?") == 2


EXPORTED = """
import logging
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
logging.getLogger().addHandler(LoggingHandler(logger_provider=LoggerProvider()))
"""


def test_where_logs_are_only_exported_it_is_logged_on_standard_error_too_and_once() -> None:
    program = EXPORTED + instrument("colorsyss:rgb_to_hsv", "colorsys:no") + "import colorsys"

    log = log_at_exit(program).splitlines()

    assert len(log) == 2
    assert log[0].startswith("colorsys:no is not guarded: targets[1]: ")
    assert log[1].startswith("2 of 2 targets not guarded: ")


def test_where_logs_are_shown_as_well_it_is_logged_there_alone() -> None:
    shown = "logging.getLogger('otel_breaker').addHandler(logging.StreamHandler())"

    log = log_at_exit(f"{EXPORTED}{shown}{instrument('colorsyss:rgb_to_hsv')}")

    assert log.count("targets not guarded") == 1


def test_what_is_not_logged_is_not_on_standard_error() -> None:
    quiet = "logging.getLogger('otel_breaker').setLevel(logging.CRITICAL)"

    assert log_at_exit(f"{EXPORTED}{quiet}{instrument('colorsyss:rgb_to_hsv')}") == ""
