"""Names that a package imports when they are first asked for."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_breaker.lazy_names import import_when_asked

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ["circuit", "guard", "settings", "telemetry.traces"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a module that has a value, and a package that fails as it is imported."""
    folder = tmp_path / "lazy_shop"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from otel_breaker.lazy_names import import_when_asked\n"
        "import_when_asked(globals(), price='goods', gone='goods', fault='faulty')\n"
    )
    (folder / "goods.py").write_text("price = object()")
    (folder / "faulty.py").write_text("raise ValueError('faulty')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("lazy_shop", "lazy_shop.goods"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "lazy_shop"


def test_a_module_is_imported_when_its_name_is_asked_for(package: str) -> None:
    shop = importlib.import_module(package)
    before = "lazy_shop.goods" in sys.modules

    price = shop.price

    assert (before, price) == (False, sys.modules["lazy_shop.goods"].price)


def test_a_name_is_an_attribute_from_then_on(package: str) -> None:
    shop = importlib.import_module(package)
    price = shop.price

    assert vars(shop)["price"] is price


def test_dir_lists_names_that_nobody_has_asked_for(package: str) -> None:
    assert "price" in dir(importlib.import_module(package))


def test_a_name_that_the_package_does_not_have_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="module 'lazy_shop' has no attribute 'prize'"):
        importlib.import_module(package).prize  # noqa: B018  # it raises


def test_what_a_module_raises_reaches_who_asks(package: str) -> None:
    with pytest.raises(ValueError, match="faulty"):
        importlib.import_module(package).fault  # noqa: B018  # it raises


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_of_a_package_can_be_imported(package: str) -> None:
    module = importlib.import_module(f"otel_breaker.{package}")

    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


def test_a_package_keeps_what_it_has_itself() -> None:
    namespace = {"__name__": "json", "own": 1}

    import_when_asked(namespace, loads="decoder")

    assert namespace["own"] == 1


def modules_after(program: str) -> set[str]:
    """The modules of this package that a program has imported at its end."""
    shown = "import sys; print(*(name for name in sys.modules if name.startswith('otel_breaker.')))"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{shown}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.processes
def test_a_process_that_makes_no_breaker_imports_neither_settings_nor_a_circuit() -> None:
    imported = modules_after("from otel_breaker import CircuitBreaker, CircuitOpenError, breakers, get_breaker")

    unused = {"circuit.circuit", "core.machine", "settings.breaker_settings", "telemetry.configuration", "new_circuits"}
    assert {f"otel_breaker.{name}" for name in unused} & imported == set()


_OUTAGE = """
import sys
from otel_breaker import CircuitBreaker, CircuitOpenError, get_breaker
now = [0.0]
breaker = CircuitBreaker("shop", failure_threshold=1, recovery_time=1, clock=lambda: now[0])
keyed = get_breaker("shops", key="one")
before = set(sys.modules)
def run():
    for value in ("1", "x", "1"):
        try:
            breaker.call(int, value)
        except (ValueError, CircuitOpenError):
            pass
    now[0] += 2
    with breaker.guard():
        pass
    permit = breaker.can_execute()
    breaker.record_failure(ValueError(), permit)
    breaker.reset(reason="over")
    breaker.snapshot()
    get_breaker("shops", key="two")
"""
_NEW = """
new = {name for name in set(sys.modules) - before if name.startswith("otel_breaker.")}
"""


@pytest.mark.processes
def test_an_outage_imports_nothing_that_the_first_breaker_has_not() -> None:
    modules_after(f"{_OUTAGE}\nrun(){_NEW}\nassert not new, new")


@pytest.mark.processes
def test_threads_may_make_the_first_breakers_together() -> None:
    modules_after("""
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from otel_breaker import CircuitBreaker, breakers, get_breaker
together = Barrier(8)
def make(number):
    together.wait()
    breaker = CircuitBreaker(f"shop {number}") if number % 2 else get_breaker("shops", key=str(number))
    return breaker, breaker.call(int, number)
with ThreadPoolExecutor(8) as pool:
    made = list(pool.map(make, range(8)))
assert [result for _, result in made] == list(range(8))
assert len(breakers()) == 8
""")


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_imports_nothing_for_an_outage() -> None:
    forked = """
import os
if not os.fork():
    run()
    NEW
    os._exit(bool(new))
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
"""
    modules_after(_OUTAGE + forked.replace("NEW", _NEW.strip()))
