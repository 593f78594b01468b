"""What became of every target: as data, as text, and as a metric."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_breaker_instrumentation import Report, Status, TargetReport, report
from otel_breaker_instrumentation.targets import TARGET_MANAGER, TARGET_REPORTER, metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.instrumentation.applications import Application

SHOP = """
    from functools import cached_property

    def charge(): pass
    pay = charge

    class Client:
        def charge(self): pass
        post = charge
        @property
        def url(self): pass
        @cached_property
        def session(self): pass

    class Slotted:
        __slots__ = ()
        def charge(self): pass

    slotted = Slotted()
"""


def test_without_targets_the_report_is_empty(application: Application) -> None:
    assert report() == ()
    assert str(report()) == "no targets"

    application.guard()

    assert report() == ()


def test_a_guarded_function_is_reported_with_its_breaker_and_its_other_names(application: Application) -> None:
    name = application.write(SHOP)
    application.instrumentor.instrument(
        targets=[{"function": f"{name}:charge", "breaker": "payments"}, {"function": f"{name}:Client.charge"}]
    )
    importlib.import_module(name)

    assert report() == (
        TargetReport(f"{name}:charge", Status.GUARDED, "targets[0]", "payments", aliases=(f"{name}:pay",)),
        TargetReport(
            f"{name}:Client.charge",
            Status.GUARDED,
            "targets[1]",
            f"{name}:Client.charge",
            unguarded=(f"{name}:Client.post",),
        ),
    )


@pytest.mark.parametrize(
    ("named", "status", "reason", "remedy"),
    [
        ("chrge", Status.MISSING, "there is no ", "did you mean 'charge'?"),
        ("Client.chrge", Status.MISSING, "there is no ", "did you mean 'charge'?"),
        ("x*", Status.MISSING, "it stands for no function ", "name the module that defines them"),
        ("Client.url", Status.REFUSED, "is a property", "name a function that it calls"),
        ("Client.session", Status.REFUSED, "is a property", "name a function that it calls"),
        ("Client", Status.REFUSED, "is a class", "name its methods"),
        ("slotted.charge", Status.REFUSED, "", "name another function"),
    ],
)
def test_a_target_that_is_not_guarded_is_reported_with_the_reason_and_the_remedy(
    application: Application, named: str, status: Status, reason: str, remedy: str
) -> None:
    shop = application.load(SHOP, named)

    [line] = report()

    assert (line.target, line.status, line.breaker) == (f"{shop.__name__}:{named}", status, None)
    assert reason in line.reason
    assert line.reason
    assert remedy in line.remedy


def test_a_pattern_is_reported_as_itself_until_its_functions_are_known(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:Client.*")
    assert [line.target for line in report()] == [f"{name}:Client.*"]

    importlib.import_module(name)

    assert [line.target for line in report()] == [f"{name}:Client.charge"]


def test_targets_are_reported_in_the_order_of_the_configuration(application: Application) -> None:
    first, second = application.write(SHOP), application.write(SHOP)
    named = [f"{second}:charge", f"{first}:nothing", f"{first}:charge", f"{second}:Client.charge"]
    application.guard(*named)
    importlib.import_module(first)
    importlib.import_module(second)

    assert [line.target for line in report()] == named


def test_a_report_prints_a_line_for_each_target(application: Application) -> None:
    shop = application.load(SHOP, "charge", "Client.url", "Client.charge", "nothing")
    name = shop.__name__

    assert str(report()).splitlines()[:4] == [
        "4 targets: 2 guarded, 1 missing, 1 refused",
        f"guarded {name}:charge by '{name}:charge', also as {name}:pay",
        (
            f"refused {name}:Client.url (targets[1]): {name}:Client.url is a property, which is not called: "
            "name a function that it calls"
        ),
        f"guarded {name}:Client.charge by '{name}:Client.charge', but not as {name}:Client.post",
    ]


def test_a_function_that_code_guards_already_is_not_guarded_twice(application: Application) -> None:
    name = application.write("""
        from otel_breaker import CircuitBreaker

        breaker = CircuitBreaker("payments")

        @breaker
        def charge(): pass
    """)
    application.guard(f"{name}:charge")

    shop = importlib.import_module(name)
    shop.charge()

    [line] = report()
    assert (line.status, line.reason) == (Status.REFUSED, f"{name}:charge is guarded by 'payments' already")
    assert "configure `breakers: payments:` instead" in line.remedy
    assert shop.breaker.snapshot().calls["success"] == 1


def test_a_method_that_is_named_through_two_modules_is_guarded_once(application: Application) -> None:
    payments = application.write(SHOP)
    api = application.write(f"from {payments} import Client")
    application.guard(f"{payments}:Client.charge", f"{api}:Client.charge")

    importlib.import_module(api)

    assert [line.status for line in report()] == [Status.GUARDED, Status.REFUSED]
    assert report()[1].reason == f"{api}:Client.charge is guarded as {payments}:Client.charge already"


# --- the metric


@pytest.fixture
def read() -> Iterator[Callable[[], dict[str, int]]]:
    """What a real SDK collects."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metric.create_instrument(provider.get_meter("test"), TARGET_REPORTER.count)

    def read() -> dict[str, int]:
        data: Any = reader.get_metrics_data()
        [exported] = data.resource_metrics[0].scope_metrics[0].metrics
        assert (exported.name, exported.unit, exported.data.is_monotonic) == (
            "circuit_breaker.targets",
            "{target}",
            False,
        )
        return {point.attributes["circuit_breaker.target.status"]: point.value for point in exported.data.data_points}

    yield read
    provider.shutdown()


ZEROS = {"guarded": 0, "pending": 0, "missing": 0, "refused": 0}


def test_the_metric_is_zero_for_every_status_from_birth(read: Callable[[], dict[str, int]]) -> None:
    assert read() == ZEROS


def test_the_metric_counts_targets_by_status(application: Application, read: Callable[[], dict[str, int]]) -> None:
    application.load(SHOP, "charge", "Client.charge", "Client.url", "nothing")
    assert read() == {"guarded": 2, "pending": 0, "missing": 1, "refused": 1}

    application.instrumentor.uninstrument()
    assert read() == ZEROS


def test_the_metric_counts_what_is_pending(application: Application, read: Callable[[], dict[str, int]]) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:*", "nobody_imports_this:charge")
    assert read() == {**ZEROS, "pending": 2}

    importlib.import_module(name)
    assert read() == {**ZEROS, "pending": 1, "guarded": 1}


PROGRAM = """
import json, os, sys
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_breaker_instrumentation import OtelBreakerInstrumentor

reader = InMemoryMetricReader()
provider = MeterProvider([reader], shutdown_on_exit=False)

def read():
    metrics = [metric for resource in reader.get_metrics_data().resource_metrics for scope in resource.scope_metrics
               for metric in scope.metrics if metric.name == "circuit_breaker.targets"]
    print(json.dumps([{point.attributes["circuit_breaker.target.status"]: point.value
                       for point in metric.data.data_points} for metric in metrics]), flush=True)

def instrument():
    OtelBreakerInstrumentor().instrument(targets=[{"function": "colorsys:rgb_to_hsv"}, {"function": "colorsys:no"}])

"""


def counted(program: str) -> list[list[dict[str, int]]]:
    """The metric as a program reads it, each time."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM + program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.processes
@pytest.mark.parametrize(
    "steps",
    [
        "metrics.set_meter_provider(provider); instrument()",
        "instrument(); metrics.set_meter_provider(provider)",
        "instrument(); OtelBreakerInstrumentor().uninstrument(); metrics.set_meter_provider(provider); instrument()",
    ],
)
def test_one_instrument_is_made_whenever_the_sdk_is_set_up(steps: str) -> None:
    assert counted(f"{steps}; read(); import colorsys; read()") == [
        [{**ZEROS, "pending": 2}],
        [{**ZEROS, "guarded": 1, "missing": 1}],
    ]


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_counts_its_own_targets() -> None:
    program = """
metrics.set_meter_provider(provider)
instrument()
if os.fork() == 0:
    import colorsys
    read()
    os._exit(0)
os.wait()
read()
"""
    assert counted(program) == [[{**ZEROS, "guarded": 1, "missing": 1}], [{**ZEROS, "pending": 2}]]


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_while_targets_are_changed_can_change_them(application: Application) -> None:
    shop = application.load(SHOP, "charge")
    guard = shop.charge
    with TARGET_MANAGER._lock:
        child = os.fork()
        if child == 0:
            import threading  # noqa: PLC0415  # the thread that held the lock was another one

            thread = threading.Thread(target=TARGET_MANAGER.change, args=((),), daemon=True)
            thread.start()
            thread.join(10)
            os._exit(int(shop.charge is guard))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_summary_at_exit_is_one_line_and_short() -> None:
    lines = [TargetReport(f"shop:charge_{number}", Status.PENDING, "targets[0]") for number in range(20)]

    summary = Report(lines).problem_summary()

    assert summary is not None
    assert summary.startswith("20 of 20 targets not guarded: pending shop:charge_0 ")
    assert summary.endswith("; and 10 more")
    assert Report([TargetReport("shop:charge", Status.GUARDED, "targets[0]", "payments")]).problem_summary() is None
