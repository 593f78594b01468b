"""Breakers pickle by name; guards by name, or by value with the breaker of that name."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cloudpickle  # type: ignore[import-untyped]
import pytest

from otel_breaker import CircuitBreaker, breakers, get_breaker
from otel_breaker.key_template import Template
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_is_known() -> None:
    REGISTRY.clear()
    gc.collect()


def test_a_breaker_is_found_by_its_name() -> None:
    for breaker in (CircuitBreaker("own"), get_breaker("asked", failure_threshold=3), get_breaker("keyed", key="a")):
        assert pickle.loads(pickle.dumps(breaker)) is breaker


def test_a_breaker_that_is_not_there_is_made_with_the_same_settings() -> None:
    own = pickle.dumps(CircuitBreaker("own", failure_threshold=7))
    asked = pickle.dumps(get_breaker("asked", failure_threshold=8))
    keyed = pickle.dumps(get_breaker("keyed", key="a", failure_threshold=9))
    REGISTRY.clear()

    made = [pickle.loads(text) for text in (own, asked, keyed)]

    assert [(one.name, one.key, one.settings.failure_threshold) for one in made] == [
        ("own", None, 7),
        ("asked", None, 8),
        ("keyed", "a", 9),
    ]
    assert made[1] is get_breaker("asked")


def test_the_settings_of_the_other_process_count_there() -> None:
    text = pickle.dumps(get_breaker("asked", failure_threshold=8))
    REGISTRY.clear()
    there = get_breaker("asked", failure_threshold=2)

    assert pickle.loads(text) is there
    assert there.settings.failure_threshold == 2


def test_copies_of_a_breaker_are_the_breaker_itself() -> None:
    breaker = CircuitBreaker("own")

    assert copy.copy(breaker) is copy.deepcopy(breaker) is breaker


def by_decorator(function: Any) -> Any:
    return get_breaker("asked")(function)


def by_slowness(function: Any) -> Any:
    return get_breaker("asked", slow_call_duration=1, slow_call_rate=0.5)(function)


def by_a_breaker_of_its_own(function: Any) -> Any:
    return CircuitBreaker("own")(function)


def with_a_fallback(function: Any) -> Any:
    return get_breaker("asked", fallback=len)(function)


def by_key(function: Any) -> Any:
    key_of = Template("keyed {order}", "here").key_function(function)
    return guard_by_key(REGISTRY.get_keyed("keyed", {}), function, key_of)


@pytest.mark.parametrize("way", [by_decorator, by_slowness, by_a_breaker_of_its_own, with_a_fallback, by_key])
def test_a_guard_that_is_pickled_by_value_is_guarded_by_the_breaker_of_that_name(way: Callable[[Any], Any]) -> None:
    def charge(order: int) -> int:
        return order + 1

    guard = way(charge)
    # As for another process: cloudpickle pickles a local function with its references by value.
    copied = pickle.loads(cloudpickle.dumps(guard))

    assert copied is not guard
    assert (copied(1), guard(1)) == (2, 2)
    name, key = (
        ("keyed", "1") if way is by_key else ("own", None) if way is by_a_breaker_of_its_own else ("asked", None)
    )
    (breaker,) = (breaker for breaker in breakers() if (breaker.name, breaker.key) == (name, key))
    assert breaker.snapshot().calls["success"] == 2


PROGRAM = """
import sys, cloudpickle
from otel_breaker import get_breaker

@get_breaker("remote", failure_threshold=2)
def charge(order): raise OSError

with open(sys.argv[1], "wb") as file:
    cloudpickle.dump(charge, file)
"""
WORKER = """
import pickle, sys
from otel_breaker import CircuitOpenError, breakers

charge = pickle.load(open(sys.argv[1], "rb"))
seen = []
for _ in range(3):
    try:
        charge(1)
    except Exception as error:
        seen.append(type(error).__name__)
print(seen, breakers())
"""


@pytest.mark.processes
def test_a_notebooks_function_is_guarded_in_a_worker(tmp_path: Path) -> None:
    file = tmp_path / "charge.pickle"
    subprocess.run([sys.executable, "-c", PROGRAM, file], check=True)

    done = subprocess.run([sys.executable, "-c", WORKER, file], check=True, capture_output=True, text=True)

    assert done.stdout == "['OSError', 'OSError', 'CircuitOpenError'] [<CircuitBreaker 'remote' open>]\n"
