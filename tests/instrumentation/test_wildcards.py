"""Targets that match many functions: which of a module they match, and by which breaker each is guarded."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import get_breaker
from otel_breaker_instrumentation import report
from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = """
    import enum
    import functools
    from functools import cached_property, partial
    from json import dumps
    from json.decoder import JSONDecoder

    import wrapt

    LIMIT = 5

    def send_order(): pass
    async def send_later(): pass
    def send_many(): yield
    @functools.lru_cache
    def send_cached(): pass
    @functools.wraps(send_order)
    def send_wrapped(): pass
    @wrapt.decorator
    def foreign(wrapped, instance, args, kwargs): return wrapped(*args, **kwargs)
    @foreign
    def send_foreign(): pass
    send_partial = partial(send_order)
    send_dumps = dumps
    def _send_private(): pass
    def __send__(): pass

    class Client:
        def __init__(self): pass
        def __call__(self): pass
        def send_order(self): pass
        @classmethod
        def send_made(cls): pass
        @staticmethod
        def send_static(): pass
        @property
        def send_url(self): pass
        @cached_property
        def send_session(self): pass
        def _send_private(self): pass
        send_dumps = dumps
        class send_class: pass
        class Session:
            def send_order(self): pass

    class Special(Client):
        def send_special(self): pass

    class _Hidden:
        def send_order(self): pass

    class Colour(enum.Enum):
        RED = 1
        def send_colour(self): pass

    class Decoder(JSONDecoder):
        pass

    client = Client()
"""


def guarded(application: Application, pattern: str, **entry: Any) -> set[str]:
    """The qualified names of what a pattern has guarded in a shop."""
    name = application.write(SHOP)
    entry["exclude"] = [f"{name}:{excluded}" for excluded in entry.get("exclude", ())]
    application.instrumentor.instrument(targets=[{"function": f"{name}:{pattern}", **entry}])
    importlib.import_module(name)
    return {line.target.partition(":")[2] for line in report() if line.status.value == "guarded"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("send_*", {"send_order", "send_later", "send_many", "send_cached", "send_foreign", "send_wrapped"}),
        ("*_later", {"send_later"}),
        ("_send*", {"_send_private"}),
        ("Client.*", {"Client.send_order", "Client.send_made", "Client.send_static"}),
        ("Client._*", {"Client._send_private"}),
        ("Client.__call__", {"Client.__call__"}),
        ("C*.__call__", {"Client.__call__"}),
        ("Spec*.*", {"Special.send_special"}),
        ("*.send_order", {"Client.send_order"}),
        ("_*.send_order", {"_Hidden.send_order"}),
        ("*.*.send_*", {"Client.Session.send_order"}),
        ("Colour.*", {"Colour.send_colour"}),
    ],
)
def test_a_pattern_takes_functions_and_methods_that_the_module_defines(
    application: Application, pattern: str, expected: set[str]
) -> None:
    assert guarded(application, pattern) == expected


@pytest.mark.parametrize("pattern", ["dump*", "J*.*", "Decoder.*", "LIM*", "client.*", "partial.*"])
def test_a_pattern_takes_nothing_that_is_imported_or_inherited_or_no_function(
    application: Application, caplog: pytest.LogCaptureFixture, pattern: str
) -> None:
    assert guarded(application, pattern) == set()

    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "it stands for no function that the module defines" in record.getMessage()


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ("Client.send_order", {"Client.send_made", "Client.send_static"}),
        ("Client.send_*d*", {"Client.send_static"}),
    ],
)
def test_what_is_excluded_is_not_guarded(application: Application, excluded: str, expected: set[str]) -> None:
    assert guarded(application, "Client.*", exclude=[excluded]) == expected


def test_a_class_is_excluded_with_all_that_is_in_it(application: Application) -> None:
    assert guarded(application, "*.send_*", exclude=["Client", "Col*"]) == {"Special.send_special"}


def test_each_function_has_a_breaker_of_its_own_named_after_it(application: Application) -> None:
    name = application.write(SHOP)
    application.guard(f"{name}:Client.*")
    shop = importlib.import_module(name)

    shop.Client().send_order()
    shop.Client.send_made()

    assert calls(shop, "Client.send_order") == {"success": 1}
    assert calls(shop, "Client.send_made") == {"success": 1}


def test_functions_of_a_pattern_share_the_breaker_that_it_names(application: Application) -> None:
    name = application.write(SHOP)
    application.instrumentor.instrument(targets=[{"function": f"{name}:Client.*", "breaker": f"{name} all"}])
    shop = importlib.import_module(name)

    shop.Client().send_order()
    shop.Client.send_made()

    assert calls(f"{name} all") == {"success": 2}


def test_functions_of_a_pattern_share_the_keys_that_it_names(application: Application) -> None:
    name = application.write("def send_order(tenant): pass\ndef send_receipt(order, tenant): pass")
    application.instrumentor.instrument(targets=[{"function": f"{name}:*", "breaker": f"{name} {{tenant}}"}])
    shop = importlib.import_module(name)

    shop.send_order("eu")
    shop.send_receipt(1, tenant="eu")

    assert get_breaker(name, key="eu").snapshot().calls["success"] == 2


def test_a_breaker_named_after_a_function_has_the_settings_of_the_pattern(application: Application) -> None:
    name = application.write(SHOP)
    breakers = {f"{name}:send_later": {"recovery_time": 7}}
    target = {"function": f"{name}:send_*", "failure_threshold": 3}
    application.instrumentor.instrument(targets=[target], breakers=breakers, defaults={"recovery_time": 9})
    importlib.import_module(name)

    order, later = (get_breaker(f"{name}:{function}").settings for function in ("send_order", "send_later"))

    assert (order.failure_threshold, order.recovery_time) == (3, 9)
    assert (later.failure_threshold, later.recovery_time) == (3, 7)


def test_settings_of_the_code_do_not_win_over_those_of_a_pattern(application: Application) -> None:
    name = application.write("def charge(): pass")
    breaker = get_breaker(f"{name}:charge", failure_threshold=9)
    application.instrumentor.instrument(targets=[{"function": f"{name}:*", "failure_threshold": 3}])

    importlib.import_module(name)

    assert breaker.settings.failure_threshold == 3


@pytest.mark.parametrize("order", [1, -1])
def test_a_function_that_is_named_in_full_is_left_out_of_every_pattern(application: Application, order: int) -> None:
    name = application.write(SHOP)
    targets = [{"function": f"{name}:send_*", "breaker": f"{name} all"}, {"function": f"{name}:send_order"}][::order]
    application.instrumentor.instrument(targets=targets)
    shop = importlib.import_module(name)

    shop.send_order()

    assert calls(shop, "send_order") == {"success": 1}
    assert calls(f"{name} all") == {}


def test_of_two_patterns_the_first_guards_a_function(application: Application) -> None:
    name = application.write(SHOP)
    targets = [{"function": f"{name}:{pattern}", "breaker": f"{name} {pattern}"} for pattern in ("send_o*", "send_*")]
    application.instrumentor.instrument(targets=targets)
    shop = importlib.import_module(name)

    shop.send_order()

    assert calls(f"{name} send_o*") == {"success": 1}
    assert calls(f"{name} send_*") == {}


def test_a_class_of_several_names_is_guarded_once_under_the_first(application: Application) -> None:
    name = application.write("class Client:\n    def send(self): pass\nOther = Client")
    shop = importlib.import_module(name)
    original = shop.Client.send
    application.guard(f"{name}:*.*", f"{name}:O*.*")

    shop.Client().send()

    assert calls(shop, "Client.send") == {"success": 1}
    assert [line.status.value for line in report()] == ["guarded", "missing"]
    application.instrumentor.uninstrument()
    assert shop.Client.send is original


@pytest.mark.parametrize("order", [1, -1])
def test_a_method_that_is_named_in_full_is_left_out_of_patterns_under_every_name(
    application: Application, order: int
) -> None:
    name = application.write("class Client:\n    def send(self): pass\nOther = Client")
    application.guard(*[f"{name}:Cl*.*", f"{name}:Other.send"][::order])
    shop = importlib.import_module(name)

    shop.Client().send()

    assert calls(shop, "Other.send") == {"success": 1}
    assert calls(shop, "Client.send") == {}


@pytest.mark.parametrize("expression", ["send()", "post()", "Client().send()", "Client().post()"])
def test_a_function_of_several_names_is_guarded_once_under_the_first(application: Application, expression: str) -> None:
    name = application.write("""
        class Client:
            def send(self): pass
            post = send

        def send(): pass
        post = send
    """)
    application.guard(f"{name}:*", f"{name}:*.*")
    shop = importlib.import_module(name)

    evaluate(expression, shop)

    assert calls(shop, expression.replace("()", "").replace("post", "send")) == {"success": 1}
    assert get_breaker(f"{name}:post").snapshot().calls["success"] == 0


def test_a_method_that_calls_the_one_it_overrides_is_guarded_as_both(application: Application) -> None:
    name = application.write("""
        class Base:
            def send(self): return 1

        class Client(Base):
            def send(self): return super().send() + 1
    """)
    application.guard(f"{name}:*.send")
    shop = importlib.import_module(name)

    assert shop.Client().send() == 2
    assert calls(shop, "Client.send") == calls(shop, "Base.send") == {"success": 1}


def test_to_look_for_functions_wakes_no_lazy_object(application: Application) -> None:
    name = application.write("""
        class Lazy:
            __module__ = None

            @property
            def __class__(self):
                raise AssertionError("woken")

            def __getattr__(self, name):
                raise AssertionError("woken")

        settings = Lazy()

        def send(): pass
    """)
    application.guard(f"{name}:*", f"{name}:*.*")

    importlib.import_module(name)

    assert [line.status.value for line in report()] == ["guarded", "missing"]


def test_callable_objects_that_are_no_functions_are_not_guarded(application: Application) -> None:
    source = """
        import functools
        import unittest.mock
        import pytest

        class Descriptor:
            def __get__(self, instance, owner): return self
            def __call__(self): pass

        class Sender:
            def __call__(self): pass

        @pytest.fixture
        def send_fixture(): pass
        send_mock = unittest.mock.Mock(__module__=__name__)
        send_object = Sender()
        def send_order(): pass

        class Client:
            @pytest.fixture
            def send_fixture(self): pass
            send_descriptor = Descriptor()
            send_partial = functools.partialmethod(send_order)
            @functools.singledispatchmethod
            def send_by_kind(self, order): pass
            def send_order(self): pass
    """
    application.load(source, "*", "*.*")

    assert {line.target.partition(":")[2] for line in report()} == {"send_order", "Client.send_order"}


def test_functions_of_a_module_of_c_are_taken(application: Application) -> None:
    import zlib  # noqa: PLC0415  # nobody else needs it here

    original = zlib.crc32
    application.guard("zlib:crc*")

    assert zlib.crc32(b"") == 0
    assert calls("zlib:crc32") == {"success": 1}
    application.instrumentor.uninstrument()
    assert zlib.crc32 is original


def test_methods_of_a_type_of_c_are_refused_one_by_one(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application.guard("datetime:date.to*")

    assert {line.target: line.status.value for line in report()} == {
        "datetime:date.today": "refused",
        "datetime:date.toordinal": "refused",
    }
    assert all("immutable type 'datetime.date'" in record.getMessage() for record in caplog.records)


def restored(module: ModuleType) -> dict[str, object]:
    return {f"{holder}.{name}": value for holder in ("", "Client", "Special", "Colour")
            for name, value in vars(getattr(module, holder) if holder else module).items()}  # fmt: skip


def test_what_patterns_have_guarded_is_restored(application: Application) -> None:
    name = application.write(SHOP)
    shop = importlib.import_module(name)
    before = restored(shop)
    application.guard(f"{name}:*", f"{name}:*.*", f"{name}:_*")
    assert shop.send_order is not before[".send_order"]

    application.instrumentor.uninstrument()

    after = restored(shop)
    assert list(after) == list(before)
    assert all(after[key] is value for key, value in before.items())
