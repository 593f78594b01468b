"""Other targets in a running process: what is new is guarded, what is gone restored, and the rest left untouched."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitState, get_breaker
from otel_breaker.registry import REGISTRY
from otel_breaker_instrumentation import Status, report
from otel_breaker_instrumentation.config import parse_configuration
from otel_breaker_instrumentation.targets import TARGET_MANAGER
from tests.instrumentation.applications import calls, is_guarded

if TYPE_CHECKING:
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = """
    def charge(): pass
    def refund(): pass
    def audit(): pass
    pay = charge

    class Client:
        def charge(self): pass
"""


@pytest.fixture
def shop(application: Application) -> ModuleType:
    application.guard()  # nothing yet
    return importlib.import_module(application.write(SHOP))


def change(shop: ModuleType, *targets: str | dict[str, Any]) -> None:
    """Name what is to be guarded in a shop from now on, as a file that was changed does."""
    listed = [{"function": target} if isinstance(target, str) else target for target in targets]
    listed = [{**target, "function": f"{shop.__name__}:{target['function']}"} for target in listed]
    configuration = parse_configuration({"targets": listed}, "")
    REGISTRY.configure(configuration.breakers)
    TARGET_MANAGER.change(configuration.targets)


def guarded() -> list[str]:
    return [line.target.partition(":")[2] for line in report() if line.status is Status.GUARDED]


def test_what_is_new_is_guarded_and_what_is_gone_is_restored(shop: ModuleType) -> None:
    charge, refund = shop.charge, shop.refund
    change(shop, "charge")

    change(shop, "refund")
    shop.charge()
    shop.refund()

    assert shop.charge is charge
    assert shop.refund is not refund
    assert guarded() == ["refund"]
    assert calls(shop, "charge") == {}
    assert calls(shop, "refund") == {"success": 1}


def test_what_stays_is_the_same_object_and_its_circuit_keeps_its_state(shop: ModuleType) -> None:
    change(shop, "charge", "refund")
    guard = shop.charge
    get_breaker(f"{shop.__name__}:charge").force_open()

    change(shop, "audit", {"function": "charge", "recovery_time": 7})

    assert shop.charge is guard
    breaker = get_breaker(f"{shop.__name__}:charge")
    assert breaker.state is CircuitState.FORCED_OPEN
    assert breaker.settings.recovery_time == 7


def test_what_a_pattern_has_guarded_takes_its_new_settings(shop: ModuleType) -> None:
    change(shop, {"function": "*", "failure_threshold": 3})
    guard = shop.charge

    change(shop, {"function": "*", "failure_threshold": 4})

    assert shop.charge is guard
    assert get_breaker(f"{shop.__name__}:charge").settings.failure_threshold == 4


def test_another_breaker_is_another_guard(shop: ModuleType) -> None:
    change(shop, "charge")

    change(shop, {"function": "charge", "breaker": f"{shop.__name__} payments"})
    shop.charge()

    assert calls(shop, "charge") == {}
    assert calls(f"{shop.__name__} payments") == {"success": 1}


def test_a_function_that_is_named_in_full_now_leaves_its_pattern_and_comes_back(shop: ModuleType) -> None:
    everything = {"function": "*", "breaker": f"{shop.__name__} all"}
    change(shop, everything)
    audit = shop.audit

    change(shop, everything, "charge")
    shop.charge()
    assert calls(shop, "charge") == {"success": 1}

    change(shop, everything)
    shop.charge()
    assert calls(shop, "charge") == {"success": 1}
    assert calls(f"{shop.__name__} all") == {"success": 1}
    assert shop.audit is audit


def test_what_is_excluded_now_is_restored(shop: ModuleType) -> None:
    charge = shop.charge
    change(shop, "*")

    change(shop, {"function": "*", "exclude": [f"{shop.__name__}:charge"]})

    assert shop.charge is charge
    assert guarded() == ["refund", "audit", "pay"]


def test_an_alias_that_is_named_now_has_a_guard_of_its_own_and_loses_it_again(shop: ModuleType) -> None:
    change(shop, "charge")

    change(shop, "charge", "pay")
    shop.pay()
    assert calls(shop, "pay") == {"success": 1}
    assert report()[0].aliases == ()

    change(shop, "charge")
    shop.pay()
    assert calls(shop, "charge") == {"success": 1}
    assert report()[0].aliases == (f"{shop.__name__}:pay",)


def test_all_is_restored_after_any_change(shop: ModuleType) -> None:
    before, client = dict(vars(shop)), dict(vars(shop.Client))
    change(shop, "charge", "Client.charge")
    change(shop, "pay", "*.*", "r*")
    change(shop, "*")

    change(shop)

    assert all(value is before[name] for name, value in vars(shop).items())
    assert all(value is client[name] for name, value in vars(shop.Client).items())
    assert report() == ()


def test_a_target_that_is_gone_before_its_module_comes_is_not_guarded(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:charge", f"{name}:refund")

    TARGET_MANAGER.change(parse_configuration({"targets": [{"function": f"{name}:refund"}]}, "").targets)
    shop = importlib.import_module(name)

    assert not is_guarded(shop.charge)
    assert guarded() == ["refund"]


def test_what_another_tool_has_wrapped_since_is_left_as_it_is(shop: ModuleType) -> None:
    import functools  # noqa: PLC0415  # what the other tool uses

    change(shop, "charge")
    guard = shop.charge
    vars(shop)["charge"] = wrapper = functools.wraps(guard)(lambda: guard())  # noqa: PLW0108  # a wrapper

    change(shop, "charge", "refund")
    shop.charge()

    assert shop.charge is wrapper
    assert calls(shop, "charge") == {"success": 1}


def test_what_another_tool_has_wrapped_since_is_still_known_for_what_it_was(shop: ModuleType) -> None:
    import functools  # noqa: PLC0415  # what the other tool uses

    original = shop.Client.charge
    change(shop, "Client.charge")
    guard = shop.Client.charge
    shop.Client.charge = functools.wraps(guard)(lambda self: guard(self))  # noqa: PLW0108  # a wrapper
    change(shop, "Client.charge", "refund")

    shop.Client.charge = guard  # the other tool goes
    change(shop)

    assert shop.Client.charge is original


def test_other_names_are_found_of_what_another_tool_has_wrapped_since(shop: ModuleType) -> None:
    import functools  # noqa: PLC0415  # what the other tool uses

    change(shop, "charge", "pay")
    guard = shop.charge
    vars(shop)["charge"] = functools.wraps(guard)(lambda: guard())  # noqa: PLW0108  # a wrapper
    change(shop, "charge", "pay", "refund")

    change(shop, "charge")
    shop.pay()

    assert report()[0].aliases == (f"{shop.__name__}:pay",)
    assert calls(shop, "charge") == {"success": 1}


def test_a_failure_is_logged_once_however_often_targets_change(
    shop: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    for others in ([], ["charge"], ["refund"]):
        change(shop, "nothing", *others)

    assert len(caplog.records) == 1


def test_a_change_while_a_module_is_imported_leaves_what_was_wanted_last(application: Application) -> None:
    names = [application.write(SHOP) for _ in range(10)]
    application.guard()
    both = [parse_configuration({"targets": [{"function": f"{name}:{function}"} for name in names]}, "").targets
            for function in ("charge", "refund")]  # fmt: skip
    importer = threading.Thread(target=lambda: [importlib.import_module(name) for name in names])
    importer.start()
    while importer.is_alive():
        for targets in both:
            TARGET_MANAGER.change(targets)
    importer.join()

    TARGET_MANAGER.change(both[1])

    modules = [importlib.import_module(name) for name in names]
    assert [is_guarded(module.charge) for module in modules] == [False] * 10
    assert [is_guarded(module.refund) for module in modules] == [True] * 10
