"""A program ends as it would unguarded: its objects are finalised while their modules are whole."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

SHOP = """
import os

class Client:
    def close(self): os.write(1, b"closed\\n")
    def __del__(self): os.write(1, b"finalised\\n"); self.close()

class Loop:
    def __init__(self): self.itself = self
    def __del__(self): os.write(1, b"loop finalised\\n")

client, loop = Client(), Loop()
def charge(): return 1
def later(): return 2
def wrong(result): return False
"""
TARGETS = {
    "another function": [{"function": "shop:charge"}],
    "the finaliser itself": [{"function": "shop:Client.__del__"}, {"function": "shop:Loop.__del__"}],
    "what the finaliser calls": [{"function": "shop:Client.close", "slow_call_duration": 1, "slow_call_rate": 0.5}],
    "with a fallback": [{"function": "shop:charge", "fallback": "shop:later"}],
    "with a predicate": [{"function": "shop:charge", "failure_result": "shop:wrong"}],
    "by a key": [{"function": "shop:Client.close", "breaker": "shop {self}"}],
    "by a pattern": [{"function": "shop:*"}, {"function": "shop:*.*"}],
}
TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
DECORATED = """
from otel_breaker import get_breaker
import shop
shop.Client.__del__ = get_breaker("shop", fallback=shop.later)(shop.Client.__del__)
shop.charge = get_breaker("other", failure_result=shop.wrong)(shop.charge)
"""


def end_of(program: str, folder: Path) -> tuple[str, str]:
    (folder / "shop.py").write_text(SHOP)
    program += "\nimport shop\nshop.charge()\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def instrument(targets: object) -> str:
    made = "from otel_breaker_instrumentation import OtelBreakerInstrumentor\n"
    return f"{made}OtelBreakerInstrumentor().instrument(targets={targets!r})"


@pytest.mark.parametrize("before", ["", TRACED], ids=["untraced", "traced"])
@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_finalisers_find_their_globals(targets: object, before: str, tmp_path: Path) -> None:
    assert end_of(before + instrument(targets), tmp_path) == end_of(before, tmp_path)


@pytest.mark.parametrize("before", ["", TRACED], ids=["untraced", "traced"])
def test_finalisers_find_their_globals_beside_what_is_decorated(before: str, tmp_path: Path) -> None:
    assert end_of(before + DECORATED, tmp_path) == end_of(before, tmp_path)


def test_targets_that_were_not_guarded_are_logged_and_can_still_be_reported_later(tmp_path: Path) -> None:
    asked = "import atexit, otel_breaker_instrumentation as o\natexit.register(lambda: print(o.report().counts))\n"

    out, err = end_of(asked + instrument([{"function": "shop:charge"}, {"function": "shop:chrge"}]), tmp_path)

    assert "1 of 2 targets not guarded: missing shop:chrge" in err
    assert "<Status.GUARDED: 'guarded'>: 1, <Status.MISSING: 'missing'>: 1" in out
