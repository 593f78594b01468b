"""What is not guarded when the program ends is told once more, in one record and briefly."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


def last_words(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stderr


def instrument(*functions: str) -> str:
    return f"""
from otel_breaker_instrumentation import OtelBreakerInstrumentor
instrumentor = OtelBreakerInstrumentor()
instrumentor.instrument(targets=[{{"function": function}} for function in {functions!r}])
"""


def test_what_was_never_imported_is_told_at_exit_with_the_nearest_that_was() -> None:
    said = last_words(instrument("colorsyss:rgb_to_hsv", "colorsys:hsv_to_rgb") + "import colorsys")

    assert said == (
        "1 of 2 targets not guarded: pending colorsyss:rgb_to_hsv (targets[0]): nobody has imported its module: "
        "did you mean 'colorsys'?\n"
    )


def test_all_that_is_not_guarded_is_one_record() -> None:
    said = last_words(instrument("nope:one", "colorsys:no_such", "nope:two") + "import colorsys")

    assert said.splitlines()[-1].startswith("3 of 3 targets not guarded: pending nope:one (targets[0]): ")
    assert "; missing colorsys:no_such (targets[1]): there is no colorsys:no_such: " in said
    assert "; pending nope:two (targets[2]): " in said


@pytest.mark.parametrize("end", ["import colorsys", "instrumentor.uninstrument()"])
def test_nothing_is_told_when_all_is_guarded_or_was_taken_back(end: str) -> None:
    assert last_words(instrument("colorsys:rgb_to_hsv") + end) == ""


def test_a_module_that_runs_as_the_main_program_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(instrument("shop:charge"))

    done = subprocess.run([sys.executable, "-m", "shop"], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert "it runs as __main__, not under its own name: move the function into a module of its own" in done.stderr


def test_a_function_of_the_main_program_that_is_not_there_yet_is_told_so() -> None:
    said = last_words(instrument("__main__:charge") + "def charge(): pass")

    assert "missing __main__:charge (targets[0]): there is no __main__:charge yet: move it into a module of its" in said


def test_what_is_told_is_short() -> None:
    said = last_words(instrument(*(f"qqqqqqqqqqqqqqqqqqqq:charge_{number}" for number in range(1000))))

    assert said.endswith("; and 990 more\n")
    assert len(said) < 2500


def test_a_script_that_is_started_is_told_that_it_runs_as_the_main_program(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(f"import math{instrument('main:charge')}")

    done = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert "it runs as __main__, not under its own name: move the function into a module of its own" in done.stderr


@pytest.mark.parametrize("wrong", ["mat:charge", "maths:charge", "jsom:charge", "colorsyss:rgb_to_hsv"])
def test_a_module_of_python_is_only_proposed_when_it_is_spelt_nearly_so(wrong: str) -> None:
    said = last_words(f"import math, json, colorsys{instrument(wrong)}")

    assert said.endswith("did you mean 'colorsys'?\n" if wrong.startswith("colorsys") else "is it spelt right?\n")


def test_a_module_that_is_there_and_that_nobody_imports_is_not_said_to_be_spelt_wrong(tmp_path: Path) -> None:
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


def test_who_forks_workers_says_nothing_of_modules_that_are_theirs_to_import() -> None:
    said = last_words(instrument("colorsys:rgb_to_hsv") + FORKING.format(work="import colorsys"))

    assert said == ""


def test_a_worker_that_imports_nothing_says_so_itself_and_once() -> None:
    said = last_words(instrument("colorsys:rgb_to_hsv") + FORKING.format(work="pass"))

    assert said.count("nobody has imported its module") == 1


def test_a_module_that_is_nowhere_is_told_by_who_forks_as_well() -> None:
    said = last_words(instrument("colorsyss:rgb_to_hsv") + FORKING.format(work="pass"))

    assert said.count("is it spelt right?") == 2


EXPORTED = """
import logging
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
logging.getLogger().addHandler(LoggingHandler(logger_provider=LoggerProvider()))
"""


def test_where_logs_are_only_exported_it_is_told_on_standard_error_too_and_once() -> None:
    program = EXPORTED + instrument("colorsyss:rgb_to_hsv", "colorsys:no") + "import colorsys"

    said = last_words(program).splitlines()

    assert len(said) == 2
    assert said[0].startswith("colorsys:no is not guarded: targets[1]: ")
    assert said[1].startswith("2 of 2 targets not guarded: ")


def test_where_logs_are_shown_as_well_it_is_told_there_alone() -> None:
    shown = "logging.getLogger('otel_breaker').addHandler(logging.StreamHandler())"

    said = last_words(f"{EXPORTED}{shown}{instrument('colorsyss:rgb_to_hsv')}")

    assert said.count("targets not guarded") == 1


def test_what_is_not_to_be_logged_is_not_told_on_standard_error() -> None:
    quiet = "logging.getLogger('otel_breaker').setLevel(logging.CRITICAL)"

    assert last_words(f"{EXPORTED}{quiet}{instrument('colorsyss:rgb_to_hsv')}") == ""
