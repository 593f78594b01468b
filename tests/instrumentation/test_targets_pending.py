"""What is not guarded when the program ends is told once more, in one record and briefly."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


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
