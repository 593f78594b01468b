"""What other instrumentations got wrong; numbered as in the project's survey of such faults."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor, Status, report
from otel_breaker_instrumentation.patterns import Part
from tests.instrumentation.applications import calls, is_guarded

if TYPE_CHECKING:
    from tests.instrumentation.applications import Application

SHOP = """
    class Client:
        def charge(self): pass
        @classmethod
        def make(cls): pass
        @staticmethod
        def price(): pass

    class Special(Client): pass

    def charge(): pass
    async def charge_later(): pass
    def receipts(): yield
    def retried():
        for attempt in range(3):
            try:
                return fetch()
            except OSError:
                pass
        raise OSError
    def fetch(): raise OSError
"""
SEVEN = ["Client.charge", "Client.make", "Client.price", "Special.charge", "charge", "charge_later", "receipts"]


# --- patched twice


def test_two_targets_that_name_one_function_count_a_call_once(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:charge", f"{name}:c*", f"{name}:*")
    shop = importlib.import_module(name)

    shop.charge()

    assert sum(line.target == f"{name}:charge" for line in report()) == 1
    assert calls(shop, "charge") == {"success": 1}


def test_a_method_that_is_named_where_it_is_and_where_it_is_inherited_counts_once(
    application: Application,
) -> None:
    for order in (1, -1):
        name = application.write(SHOP)
        application.guard(*[f"{name}:Client.charge", f"{name}:Special.charge"][::order])
        shop = importlib.import_module(name)

        shop.Special().charge()
        assert (calls(shop, "Special.charge"), calls(shop, "Client.charge")) == ({"success": 1}, {})
        shop.Client().charge()
        assert (calls(shop, "Special.charge"), calls(shop, "Client.charge")) == ({"success": 1}, {"success": 1})
        application.instrumentor.uninstrument()


def test_instrumenting_a_second_time_guards_nothing_twice(application: Application) -> None:
    shop = application.load(SHOP, "charge")
    guard = shop.charge

    application.guard(f"{shop.__name__}:charge")

    assert shop.charge is guard


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_a_decorator_in_the_code_guards_is_not_guarded_again(application: Application, wrapped: bool) -> None:
    name = application.write(f"""
        import functools
        from otel_breaker import CircuitBreaker

        breaker = CircuitBreaker("in the code")

        @breaker
        def charge(): pass

        if {wrapped}:
            inner = charge
            charge = functools.wraps(inner)(lambda: inner())
    """)
    application.guard(f"{name}:charge")
    shop = importlib.import_module(name)

    shop.charge()

    assert [line.status for line in report()] == [Status.REFUSED]
    assert shop.breaker.snapshot().calls["success"] == 1


# --- uninstrument incomplete, and hooks that fire after it


def test_of_seven_targets_none_is_left(application: Application) -> None:
    shop = importlib.import_module(application.write(SHOP))
    owners: list[Any] = [shop, shop.Client, shop.Special]
    before = [dict(vars(owner)) for owner in owners]
    application.guard(*(f"{shop.__name__}:{named}" for named in SEVEN))
    assert report().counts[Status.GUARDED] == 7

    application.instrumentor.uninstrument()

    for owner, held in zip(owners, before, strict=True):
        assert list(vars(owner)) == list(held)
        assert all(vars(owner)[name] is value for name, value in held.items())


def test_a_hook_that_fires_after_uninstrument_does_nothing(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(*(f"{name}:{named}" for named in [*SEVEN, "*", "*.*"]))
    application.instrumentor.uninstrument()

    shop = importlib.import_module(name)

    assert not [function for function in vars(shop).values() if is_guarded(function)]
    assert report() == ()


# --- what cannot be guarded, and the others


def test_each_wrong_target_is_one_line_in_the_log_and_the_start_goes_on(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    name = application.write(SHOP + "    import datetime\n    LIMIT = 1\n    class Url:\n        url = property(len)\n")
    bad = ["charged", "Client.charged", "LIMIT", "Client", "Url.url", "datetime.date.today", "zzz*"]
    application.guard(*(f"{name}:{named}" for named in bad))

    importlib.import_module(name).charge()

    assert len(caplog.records) == len(bad)
    assert {line.status for line in report()} == {Status.MISSING, Status.REFUSED}
    assert all(line.reason and line.remedy for line in report())


def test_one_bad_target_leaves_the_others_guarded(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:charged", f"{name}:Client", *(f"{name}:{named}" for named in SEVEN))

    importlib.import_module(name)

    assert report().counts == {Status.GUARDED: 7, Status.MISSING: 1, Status.REFUSED: 1}


def test_no_fault_of_a_target_makes_instrument_raise_and_stop_other_instrumentors(
    application: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty:
        def __getattribute__(self, name: str) -> object:
            raise MemoryError(name)

    monkeypatch.setitem(sys.modules, "faulty", Faulty())

    OtelBreakerInstrumentor().instrument(targets=[{"function": "faulty:charge"}, {"function": "faulty:*"}])

    assert {line.status for line in report()} == {Status.REFUSED}
    assert len(caplog.records) == 2


def test_a_module_that_raises_when_it_is_inspected_stops_nothing(application: Application) -> None:
    faulty = application.write("""
        class Meta(type):
            def __getattribute__(cls, name):
                raise OSError(name)

        class Faulty(metaclass=Meta): pass
    """)
    importlib.import_module(faulty)
    payments = importlib.import_module(application.write(SHOP))
    api = importlib.import_module(application.write(f"from {payments.__name__} import charge"))

    application.guard(f"{payments.__name__}:charge")

    assert api.charge is payments.charge
    assert report()[0].aliases == (f"{api.__name__}:charge",)


def test_what_was_put_in_place_of_a_guard_may_be_anything(application: Application) -> None:
    class Faulty:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    shop = application.load(SHOP, "charge")
    vars(shop)["charge"] = Faulty()

    assert [line.status for line in report()] == [Status.MISSING]
    application.instrumentor.uninstrument()


# --- the order of wrappers


def test_a_guard_is_outside_of_the_wrappers_in_the_code(application: Application) -> None:
    shop = application.load(SHOP, "retried")

    with pytest.raises(OSError):
        shop.retried()

    assert calls(shop, "retried") == {"failure": 1}


def test_naming_the_inner_function_counts_each_attempt(application: Application) -> None:
    shop = application.load(SHOP, "fetch")

    with pytest.raises(OSError):
        shop.retried()

    assert calls(shop, "fetch") == {"failure": 3}


# --- the cost of a pattern


def test_a_pattern_looks_once_at_each_name_of_a_module(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    takes = Part.matches

    def count(part: Part, name: str) -> bool:
        looked.append(name)
        return takes(part, name)

    monkeypatch.setattr(Part, "matches", count)
    name = application.write("\n".join(f"def charge_{number}(): pass" for number in range(2_000)))
    application.guard(f"{name}:*")

    shop = importlib.import_module(name)

    assert report().counts == {Status.GUARDED: 2_000}
    assert len(looked) <= len(vars(shop))


def test_to_be_guarded_by_configuration_makes_no_second_breaker_of_a_name(application: Application) -> None:
    name = application.write(SHOP)
    breaker = get_breaker(f"{name}:charge")
    application.guard(f"{name}:charge")

    importlib.import_module(name).charge()

    assert isinstance(breaker, CircuitBreaker)
    assert breaker.snapshot().calls["success"] == 1
