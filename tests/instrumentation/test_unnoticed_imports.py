"""Modules that come by a finder in front of the one that calls import hooks are noticed, and guarded."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from typeguard import install_import_hook

from otel_breaker import CircuitBreaker
from otel_breaker_instrumentation import Status, report
from otel_breaker_instrumentation.targets import TARGET_REPORTER, metric
from tests.instrumentation.applications import calls, is_guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = "def charge(): raise OSError"


class Finder(importlib.abc.MetaPathFinder):
    """Finds modules as Python does, ahead of the finder that calls import hooks."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.PathFinder.find_spec(name)


def by_a_finder_of_its_own() -> Callable[[], None]:
    finder = Finder()
    sys.meta_path.insert(0, finder)
    return lambda: sys.meta_path.remove(finder)


def by_typeguard() -> Callable[[], None]:
    return install_import_hook(packages=None).uninstall


@pytest.fixture(params=[by_a_finder_of_its_own, by_typeguard])
def shop(application: Application, request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """A module whose import called no hook."""
    name = application.write(SHOP)
    application.guard(f"{name}:charge")
    leave = request.param()
    try:
        yield importlib.import_module(name)
    finally:
        leave()


def test_it_is_noticed_at_the_first_guarded_call(shop: ModuleType) -> None:
    CircuitBreaker("other").call(int)

    with pytest.raises(OSError):
        shop.charge()

    assert calls(shop, "charge") == {"failure": 1}


def test_it_is_noticed_when_another_target_is_imported(shop: ModuleType, application: Application) -> None:
    application.instrumentor.uninstrument()
    other = application.write(SHOP)
    sys.modules.pop(shop.__name__)
    application.guard(f"{shop.__name__}:charge", f"{other}:charge")
    sys.modules[shop.__name__] = shop
    finders = sys.meta_path[:]
    sys.meta_path[:] = finders[1:]

    importlib.import_module(other)

    sys.meta_path[:] = finders
    assert is_guarded(shop.charge)


def test_it_is_noticed_when_a_report_is_asked_for(shop: ModuleType) -> None:
    assert [line.status for line in report()] == [Status.GUARDED]
    assert is_guarded(shop.charge)


def test_it_is_noticed_when_metrics_are_collected(shop: ModuleType) -> None:
    """Not in the collecting thread: it holds a lock of the SDK, which the instruments of a first breaker need, too."""
    reader = InMemoryMetricReader()
    metric.create_instrument(MeterProvider([reader]).get_meter("test"), TARGET_REPORTER.count)
    reader.collect()
    for thread in threading.enumerate():
        if thread.name == "otel_breaker-targets":
            thread.join()

    assert is_guarded(shop.charge)
    assert TARGET_REPORTER.count()[Status.GUARDED] == 1


def test_a_module_that_is_still_being_imported_is_left_to_itself(application: Application) -> None:
    name = application.write("import otel_breaker_instrumentation as o\nreported = str(o.report())\ndef charge(): pass")
    application.guard(f"{name}:charge")
    leave = by_a_finder_of_its_own()
    try:
        shop = importlib.import_module(name)
    finally:
        leave()

    assert "its import is not finished" in shop.reported
    assert [line.status for line in report()] == [Status.GUARDED]


def test_after_uninstrument_it_is_not_noticed(shop: ModuleType, application: Application) -> None:
    application.instrumentor.uninstrument()

    CircuitBreaker("other").call(int)

    assert not is_guarded(shop.charge)
