"""Targets that cannot be guarded: logged once, with the reason and a remedy; the application is not affected."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

import pytest

from otel_breaker_instrumentation import report
from tests.instrumentation.applications import calls

if TYPE_CHECKING:
    from tests.instrumentation.applications import Application

SHOP = """
    import enum
    from datetime import date
    from functools import cached_property

    LIMIT = 5

    class Client:
        __slots__ = ("__dict__", "limit")

        def charge(self):
            return "charged"

        @property
        def url(self):
            return "http://shop"

        @cached_property
        def session(self):
            return "session"

        class Session:
            def send(self):
                return "sent"

    class Stubborn:
        def __getattr__(self, name):
            raise RuntimeError("nobody looks in here")

    stubborn = Stubborn()

    class Frozen(type):
        def __setattr__(cls, name, value):
            raise RuntimeError("nobody changes this")

    class Ice(metaclass=Frozen):
        def melt(self):
            return "melted"
"""


def logged(caplog: pytest.LogCaptureFixture, *, traceback: bool = False) -> str:
    """The one record, an error of ours; with places in the code only for unforeseen exceptions."""
    [record] = caplog.records
    assert (record.name, record.levelno, " < " in record.getMessage()) == ("otel_breaker", logging.ERROR, traceback)
    return record.getMessage()


@pytest.mark.parametrize(
    ("named", "remedy"),
    [
        ("Clint.charge", "did you mean 'Client'?"),
        ("Client.chrge", "did you mean 'charge'?"),
        ("Client.Sesion.send", "did you mean 'Session'?"),
        ("Client.Session.sned", "did you mean 'send'?"),
        ("LIMT", "did you mean 'LIMIT'?"),
        ("Client.zzz", "known are "),
    ],
)
def test_a_name_that_is_not_there_is_reported_once_with_the_nearest_that_is(
    application: Application, caplog: pytest.LogCaptureFixture, named: str, remedy: str
) -> None:
    module = application.load(SHOP, named)

    message = logged(caplog)
    assert f"{module.__name__}:{named} is not guarded" in message
    assert f"there is no {module.__name__}:{named}" in message
    assert remedy in message


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("Client.url", "is a property"),
        ("Client.session", "is a property"),
        ("Client", "is a class"),
        ("Client.Session", "is a class"),
        ("LIMIT", "is int, which cannot be called"),
        ("Client.limit", "is member_descriptor, which cannot be called"),
        ("Client.__module__", "is str, which cannot be called"),
        ("enum", "is module, which cannot be called"),
    ],
)
def test_what_is_no_function_is_refused_with_the_reason(
    application: Application, caplog: pytest.LogCaptureFixture, named: str, reason: str
) -> None:
    application.load(SHOP, named)

    message = logged(caplog)
    assert reason in message
    assert "targets[0]: " in message


@pytest.mark.parametrize(
    ("owner", "named"),
    [("Client", "url"), ("Client", "session"), ("", "Client"), ("", "LIMIT"), ("date", "today"), ("Ice", "melt")],
)
def test_what_is_refused_stays_as_it_is(application: Application, owner: str, named: str) -> None:
    module = importlib.import_module(application.write(SHOP))
    namespace = getattr(module, owner) if owner else module
    before = dict(vars(namespace))

    application.guard(f"{module.__name__}:{owner}.{named}" if owner else f"{module.__name__}:{named}")

    assert before.keys() == vars(namespace).keys()
    assert all(value is before[name] for name, value in vars(namespace).items())


def test_a_method_of_an_immutable_type_is_refused_with_the_reason(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application.load(SHOP, "date.today")

    assert "immutable type 'datetime.date'" in logged(caplog)


@pytest.mark.parametrize(
    ("named", "text"), [("stubborn.call", "nobody looks in here"), ("Ice.melt", "nobody changes this")]
)
def test_an_error_of_looking_or_setting_leaves_the_import_alone_and_its_type_is_reported(
    application: Application, caplog: pytest.LogCaptureFixture, named: str, text: str
) -> None:
    module = application.load(SHOP, named)

    assert module.Client().charge() == "charged"
    message = logged(caplog, traceback=True)
    assert "RuntimeError < " in message
    assert text not in message + str(report())  # the application's messages may contain secrets


def test_a_setting_that_names_missing_code_is_reported_and_the_import_goes_on(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    name = application.write(SHOP)
    function = f"{name}:Client.charge"
    application.guard(function, breakers={function: {"ignore": [f"{name}.NoSuchError"]}})

    module = importlib.import_module(name)

    assert module.Client().charge() == "charged"
    assert f"there is no '{name}.NoSuchError'" in logged(caplog)


def test_a_setting_may_name_code_of_the_guarded_module_itself(application: Application) -> None:
    name = application.write("""
        class CardDeclined(Exception):
            pass

        def charge():
            raise CardDeclined
    """)
    application.guard(f"{name}:charge", breakers={f"{name}:charge": {"ignore": [f"{name}.CardDeclined"]}})
    module = importlib.import_module(name)

    with pytest.raises(module.CardDeclined):
        module.charge()

    assert calls(module, "charge") == {"ignored": 1}


def test_one_target_that_cannot_be_guarded_does_not_stop_the_others(application: Application) -> None:
    module = application.load(SHOP, "Client.chrge", "LIMIT", "stubborn.call", "Client.charge")

    module.Client().charge()

    assert calls(module, "Client.charge") == {"success": 1}


def test_an_import_that_fails_of_itself_fails_as_before(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    name = application.write("def charge(): pass\nraise OSError('no licence')")
    application.guard(f"{name}:charge")

    with pytest.raises(OSError, match="no licence"):
        importlib.import_module(name)

    assert caplog.records == []
