"""The command where a library that it needs is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from otel_breaker.__main__ import main

# With None in `sys.modules` an import fails as if the library were not installed.
WITHOUT = "import sys, runpy; sys.modules[{library!r}] = None; runpy.run_module('otel_breaker', run_name='__main__')"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("library", "extra", "command"),
    [
        ("rich", "cli", "incident"),
        ("jinja2", "cli", "incident"),
        ("wrapt", "auto", "check"),
        ("opentelemetry.instrumentation", "auto", "check"),
    ],
)
def test_a_library_that_is_missing_is_one_line_that_names_the_extra(library: str, extra: str, command: str) -> None:
    program = [sys.executable, "-c", WITHOUT.format(library=library), command, "no-such-file"]

    done = subprocess.run(program, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(f"otel-breaker: there is no {library}")
    assert done.stderr.endswith(f": pip install 'otel-breaker[{extra}]'\n")
    assert done.stderr.count("\n") == 1


def test_a_module_of_our_own_that_is_missing_is_a_fault_and_not_blamed_on_an_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "otel_breaker_cli.main", None)

    with pytest.raises(ModuleNotFoundError):
        main()


@pytest.mark.processes
def test_the_command_is_a_module_as_well() -> None:
    done = subprocess.run([sys.executable, "-m", "otel_breaker", "--help"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("usage: otel-breaker")
    assert "incident" in done.stdout
