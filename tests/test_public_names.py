"""What `import otel_breaker` offers, and what it does not touch."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from inspect import isfunction

import pytest

import otel_breaker


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_public_names_are_sorted_and_exist() -> None:
    names = otel_breaker.__all__

    assert names == sorted(names)
    assert [name for name in names if not hasattr(otel_breaker, name)] == []


def test_nothing_is_public_by_accident() -> None:
    modules = {name for name in vars(otel_breaker) if f"otel_breaker.{name}" in sys.modules}
    found = {name for name in vars(otel_breaker) if not name.startswith("_")} - modules

    assert found == {name for name in otel_breaker.__all__ if not name.startswith("_")}


@pytest.mark.processes
def test_all_public_names_can_be_imported_with_a_star() -> None:
    names = run("from otel_breaker import *; print(*sorted(name for name in dir() if name[:1].isalpha()))")

    assert names == [name for name in otel_breaker.__all__ if name[:1].isalpha()]


# An alias of a type has a docstring in the source only.
@pytest.mark.parametrize("name", [name for name in otel_breaker.__all__ if name != "Listener"])
def test_a_public_name_has_a_docstring(name: str) -> None:
    assert getattr(otel_breaker, name).__doc__


def attributes() -> list[str]:
    """The public methods and properties that the public classes define themselves."""
    classes = [value for name in otel_breaker.__all__ if isinstance(value := getattr(otel_breaker, name), type)]
    return [
        f"{kind.__name__}.{name}"
        for kind in classes
        for name, value in vars(kind).items()
        if not name.startswith("_") and (isinstance(value, property | classmethod) or isfunction(value))
    ]


@pytest.mark.parametrize("path", attributes())
def test_a_public_member_of_a_public_class_has_a_docstring(path: str) -> None:
    kind, _, name = path.partition(".")

    assert inspect.getdoc(getattr(getattr(otel_breaker, kind), name))


def test_the_version_is_that_of_the_distribution() -> None:
    assert otel_breaker.__version__ == version("otel-breaker")


@pytest.mark.processes
def test_importing_starts_no_thread() -> None:
    assert run("import otel_breaker, threading; print(threading.active_count())") == ["1"]


@pytest.mark.processes
def test_importing_needs_no_more_than_the_api_of_opentelemetry() -> None:
    unwanted = "('opentelemetry.sdk', 'wrapt', 'yaml', 'opentelemetry.instrumentation', 'otel_breaker_instrumentation')"

    loaded = run(f"import otel_breaker, sys; print(*[name for name in sys.modules if name.startswith({unwanted})])")

    assert loaded == []


@pytest.mark.processes
def test_importing_sets_up_no_provider() -> None:
    program = """
import otel_breaker
from opentelemetry import trace
from opentelemetry._logs import _internal as logs
from opentelemetry.metrics import _internal as metrics
print(trace._TRACER_PROVIDER, metrics._METER_PROVIDER, logs._LOGGER_PROVIDER)
"""

    assert run(program) == ["None"] * 3


def test_the_package_is_typed() -> None:
    assert files("otel_breaker").joinpath("py.typed").is_file()
