"""Targets whose module nobody has imported when the program ends are told, briefly."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("undo", "reports"), [("", 1), ("instrumentor.uninstrument()", 0)])
def test_what_was_never_imported_is_reported_at_exit_unless_it_was_taken_back(undo: str, reports: int) -> None:
    program = f"""
from otel_breaker_instrumentation import OtelBreakerInstrumentor
instrumentor = OtelBreakerInstrumentor()
functions = ["colorsyss:rgb_to_hsv", "colorsys:hsv_to_rgb"]
instrumentor.instrument(targets=[{{"function": function}} for function in functions])
import colorsys
{undo}
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.count("colorsyss:rgb_to_hsv was never guarded") == reports
    assert done.stderr.count("did you mean 'colorsys'?") == reports
    assert len(done.stderr.splitlines()) == reports


def test_the_report_of_a_module_unlike_any_other_is_short() -> None:
    program = """
from otel_breaker_instrumentation import OtelBreakerInstrumentor
OtelBreakerInstrumentor().instrument(targets=[{"function": "qqqqqqqqqqqqqqqqqqqq:charge"}])
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "qqqqqqqqqqqqqqqqqqqq:charge was never guarded" in done.stderr
    assert len(done.stderr) < 500
