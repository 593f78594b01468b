"""Whole libraries whose functions and methods are all guarded: their users see no difference, and all is restored."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker_instrumentation import Status, report
from tests.instrumentation.library_programs import modules_of

if TYPE_CHECKING:
    from otel_breaker_instrumentation import OtelBreakerInstrumentor

ROOT = Path(__file__).parents[2]


def seen(*arguments: str) -> dict[str, Any]:
    """The observations of a program that uses a library in many ways."""
    command = [sys.executable, "-m", "tests.instrumentation.library_programs", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.processes
@pytest.mark.parametrize("library", ["requests", "httpx", "urllib3"])
def test_users_of_a_library_that_is_guarded_throughout_see_what_they_saw(library: str) -> None:
    unguarded, guarded = seen(library, "unguarded"), seen(library, "guarded")

    assert guarded["seen"] == unguarded["seen"]
    assert len(unguarded["seen"]) > 100
    assert guarded["guarded"] > 100
    assert guarded["called"] > 500
    assert unguarded["guarded"] == unguarded["called"] == 0


def everything() -> dict[tuple[int, str], object]:
    """All attributes of the application's modules, and of the classes in them, by owner and name."""
    # hypothesis keeps a global of how long the garbage collector has taken.
    ours = ("hypothesis", "opentelemetry", "otel_breaker", "otel_breaker_instrumentation", "wrapt")
    owners: dict[int, Any] = {
        id(module): module
        for name, module in sys.modules.items()
        if type(module) is ModuleType and name.partition(".")[0] not in ours
    }
    for module in list(owners.values()):  # not by `isinstance`: a proxy in a module may import what it wraps
        owners.update({id(value): value for value in vars(module).values() if issubclass(type(value), type)})
    return {(id(owner), name): value for owner in owners.values() for name, value in vars(owner).items()}


@pytest.mark.slow
@pytest.mark.parametrize("library", ["requests", "httpx", "urllib3"])
def test_every_namespace_of_the_process_is_as_it_was(instrumentor: OtelBreakerInstrumentor, library: str) -> None:
    importlib.import_module(f"tests.instrumentation.users_of_{library}")
    patterns = [f"{module}:{part}" for module in modules_of(library) for part in ("*", "*.*", "_*", "*._*")]
    before = everything()

    instrumentor.instrument(targets=[{"function": pattern} for pattern in patterns])
    assert report().counts[Status.GUARDED] > 100
    assert sum(value is not before.get(key) for key, value in everything().items()) > 100
    instrumentor.uninstrument()

    after = everything()
    assert after.keys() == before.keys()
    assert all(after[key] is value for key, value in before.items())
