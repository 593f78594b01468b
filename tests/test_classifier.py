from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from abc import ABCMeta
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import gevent
import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_breaker.classifier import OutcomeClassifier
from otel_breaker.core.states import Outcome
from otel_breaker.errors import CircuitOpenError
from otel_breaker.settings import Settings

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAILURE, IGNORED, CANCELLED = Outcome.FAILURE, Outcome.IGNORED, Outcome.CANCELLED


def classifier(**settings: object) -> OutcomeClassifier:
    return OutcomeClassifier(Settings.from_mapping(settings).resolved())


class Declined(Exception):
    pass


class Insufficient(Declined):
    pass


class Abstract(Exception, metaclass=ABCMeta):
    """A type that can be called, and is no predicate."""


Abstract.register(ZeroDivisionError)


class Timeout(BaseException):
    """Like gevent's: neither an Exception nor a cancellation."""


def trio_cancelled() -> BaseException:
    """One that the interpreter raised; it cannot be made."""
    caught: list[BaseException] = []

    async def cancelled() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                caught.append(error)
                raise

    trio.run(cancelled)
    return caught[0]


CANCELLATIONS = [asyncio.CancelledError(), trio_cancelled(), GeneratorExit(), KeyboardInterrupt(), SystemExit(1)]
BROKEN = [lambda _: 1 / 0, lambda _: NotImplemented.no_such, lambda: True]
"""Predicates that raise, or whose result has no truth value."""


@pytest.mark.parametrize(
    ("settings", "error", "outcome"),
    [
        ({}, ValueError(), FAILURE),
        ({"failure_on": OSError}, ConnectionError(), FAILURE),
        ({"failure_on": [OSError, KeyError]}, KeyError(), FAILURE),
        ({"failure_on": OSError}, ValueError(), IGNORED),
        ({"failure_on": []}, ValueError(), IGNORED),
        ({"failure_on": "OSError"}, ConnectionError(), FAILURE),
        ({"failure_on": lambda error: "503" in str(error)}, OSError("503"), FAILURE),
        ({"failure_on": lambda error: "503" in str(error)}, OSError("404"), IGNORED),
        ({"ignore": Declined}, Insufficient(), IGNORED),
        ({"ignore": [KeyError, Declined]}, Declined(), IGNORED),
        ({"ignore": Insufficient}, Declined(), FAILURE),
        ({"ignore": lambda error: "404" in str(error)}, OSError("404"), IGNORED),
        ({"ignore": lambda error: "404" in str(error)}, OSError("503"), FAILURE),
        ({"ignore": Insufficient, "failure_on": Declined}, Insufficient(), IGNORED),
        ({"ignore": Declined, "failure_on": Insufficient}, Insufficient(), IGNORED),
    ],
)
def test_settings_decide_which_exceptions_are_failures_and_which_are_ignored(
    settings: dict[str, object], error: BaseException, outcome: Outcome
) -> None:
    assert classifier(**settings).classify_error(error) is outcome


@pytest.mark.parametrize("error", CANCELLATIONS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("settings", [{}, {"failure_on": BaseException}, {"failure_on": lambda _: True}])
def test_a_cancellation_is_neutral_with_any_settings(error: BaseException, settings: dict[str, object]) -> None:
    assert classifier(**settings).classify_error(error) is CANCELLED


def test_an_exception_that_is_no_cancellation_may_be_named_as_a_failure() -> None:
    assert classifier(failure_on=Timeout).classify_error(Timeout()) is FAILURE


def test_an_exception_that_is_no_cancellation_is_no_failure_unless_it_is_named() -> None:
    assert classifier().classify_error(Timeout()) is IGNORED


def test_the_timeout_of_gevent_is_a_failure_unless_it_is_ignored() -> None:
    timeout = gevent.Timeout(1)

    assert classifier().classify_error(timeout) is FAILURE
    assert classifier(failure_on=OSError).classify_error(timeout) is FAILURE
    assert classifier(ignore=gevent.Timeout).classify_error(timeout) is IGNORED


@pytest.mark.processes
def test_the_timeout_of_eventlet_is_a_failure_unless_it_is_ignored() -> None:
    # In a process of its own: eventlet warns when it is imported, and at each fork.
    program = """
import eventlet
from otel_breaker import CircuitBreaker

for settings in {}, {"ignore": eventlet.Timeout}:
    breaker = CircuitBreaker("eventlet", **settings)
    try:
        with breaker.guard():
            raise eventlet.Timeout(None)
    except eventlet.Timeout:
        print(breaker.failures)
"""
    answered = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert answered.stdout.split() == ["1", "0"]


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        ({}, IGNORED),
        ({"failure_on": [Exception, lambda _: True]}, IGNORED),
        ({"failure_on": CircuitOpenError}, FAILURE),
        ({"failure_on": [OSError, CircuitOpenError]}, FAILURE),
        ({"failure_on": CircuitOpenError, "ignore": CircuitOpenError}, IGNORED),
    ],
)
def test_the_refusal_of_another_circuit_is_ignored_unless_it_is_named(
    settings: dict[str, object], outcome: Outcome
) -> None:
    assert classifier(**settings).classify_error(CircuitOpenError("another")) is outcome


@pytest.mark.parametrize(
    ("error", "outcome"), [(Abstract(), IGNORED), (ZeroDivisionError(), IGNORED), (ValueError(), FAILURE)]
)
def test_an_abstract_class_is_a_type_and_no_predicate(error: BaseException, outcome: Outcome) -> None:
    assert classifier(ignore=Abstract).classify_error(error) is outcome


@pytest.mark.parametrize(
    ("leaves", "outcome"),
    [
        ([Declined(), asyncio.CancelledError()], IGNORED),
        ([asyncio.CancelledError(), KeyboardInterrupt()], CANCELLED),
        ([Declined(), Declined()], IGNORED),
        ([Declined(), asyncio.CancelledError(), OSError()], FAILURE),
        ([ExceptionGroup("", [Declined()]), BaseExceptionGroup("", [SystemExit()])], IGNORED),
        ([Declined(), ExceptionGroup("", [ExceptionGroup("", [Declined(), OSError()])])], FAILURE),
        ([CircuitOpenError("another")], IGNORED),
    ],
)
def test_the_outcome_of_a_group_is_that_of_its_leaves(leaves: list[BaseException], outcome: Outcome) -> None:
    assert classifier(ignore=Declined).classify_error(BaseExceptionGroup("", leaves)) is outcome


def test_the_type_of_a_group_does_not_decide_its_outcome() -> None:
    assert classifier(ignore=ExceptionGroup).classify_error(ExceptionGroup("", [OSError()])) is FAILURE


@pytest.mark.parametrize(
    ("predicate", "result", "outcome"),
    [
        (None, False, Outcome.SUCCESS),
        (lambda result: result == 503, 503, FAILURE),
        (lambda result: result == 503, 200, Outcome.SUCCESS),
        (lambda _: "yes", 200, FAILURE),
        (lambda _: [], 200, Outcome.SUCCESS),
    ],
)
def test_a_result_may_be_a_failure(
    predicate: Callable[[object], object] | None, result: object, outcome: Outcome
) -> None:
    tested = classifier(failure_result=predicate)

    assert tested.classify_result(result) is outcome
    assert tested.classifies_results is (predicate is not None)


@pytest.mark.parametrize("predicate", BROKEN)
@pytest.mark.parametrize("settings", [{"failure_on": []}, {"ignore": []}, {"failure_on": OSError, "ignore": []}])
def test_an_error_counts_as_failed_when_the_predicate_raises(
    predicate: Callable[..., bool], settings: dict[str, object]
) -> None:
    asked = {name: predicate if value == [] else value for name, value in settings.items()}

    assert classifier(**asked).classify_error(ValueError()) is FAILURE


@pytest.mark.parametrize("predicate", BROKEN)
def test_a_result_counts_as_failed_when_the_predicate_raises(predicate: Callable[..., bool]) -> None:
    assert classifier(failure_result=predicate).classify_result(200) is FAILURE


@pytest.mark.parametrize("setting", ["failure_on", "ignore", "failure_result", "retry_after"])
def test_a_predicate_that_raises_is_logged_once(setting: str, caplog: pytest.LogCaptureFixture) -> None:
    tested = classifier(**{setting: BROKEN[0]})

    for _ in range(3):
        tested.classify_error(ValueError())
        tested.classify_result(200)
        tested.requested_wait(ValueError())

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("otel_breaker", logging.ERROR)
    assert repr(setting) in record.getMessage()
    assert record.exc_info is None  # its text and context may contain the call's arguments
    assert "ZeroDivisionError < test_classifier.py:" in record.getMessage()


class Asking(Exception):
    """A failure that requests a wait."""

    def __init__(self, retry_after: object) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.response = self


@pytest.mark.parametrize(
    "how", ["retry_after", "response.retry_after", "response.response.retry_after", lambda error: error.retry_after]
)
def test_a_wait_is_read_from_an_attribute_or_by_a_function(how: str | Callable[[Any], object]) -> None:
    assert classifier(retry_after=how).requested_wait(Asking(30)) == 30


@pytest.mark.parametrize("how", ["no_such", "response.no_such", "no_such.retry_after", "response.no_such.at_all"])
def test_an_absent_attribute_requests_no_wait(how: str, caplog: pytest.LogCaptureFixture) -> None:
    assert classifier(retry_after=how).requested_wait(Asking(30)) is None
    assert not caplog.records


def test_no_wait_is_read_unless_the_setting_is_there() -> None:
    assert classifier().requested_wait(Asking(30)) is None


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (30, 30),
        (0.5, 0.5),
        (0, 0),
        (-5, 0),
        ("120", 120),
        (" 120 ", 120),
        ("1.5", 1.5),
        (b"120", 120),
        (float("inf"), float("inf")),
        (float("nan"), None),
        (None, None),
        (True, None),
        ([], None),
        ("soon", None),
        ("", None),
        (b"\xff", None),
        (object(), None),
    ],
)
def test_a_wait_is_a_number_of_seconds_or_text_with_one(asked: object, seconds: float | None) -> None:
    assert classifier(retry_after="retry_after").requested_wait(Asking(asked)) == seconds


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of the process; the dates of HTTP are in UTC in any."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    "form",
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S -0000"],
)
def test_a_wait_may_be_a_date_in_any_of_http_s_forms(form: str) -> None:
    date = (datetime.now(timezone.utc) + timedelta(seconds=120)).strftime(form)

    assert classifier(retry_after="retry_after").requested_wait(Asking(date)) == pytest.approx(120, abs=3)


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("offset", [0, 9, -8])
def test_a_wait_may_be_a_date_of_python(offset: int) -> None:
    date = datetime.now(timezone(timedelta(hours=offset))) + timedelta(seconds=120)

    assert classifier(retry_after="retry_after").requested_wait(Asking(date)) == pytest.approx(120, abs=3)


def test_a_date_in_the_past_requests_no_wait() -> None:
    assert classifier(retry_after="retry_after").requested_wait(Asking("Sun, 06 Nov 1994 08:49:37 GMT")) == 0


def test_a_malformed_wait_of_a_server_does_not_use_up_the_one_log_record(caplog: pytest.LogCaptureFixture) -> None:
    tested = classifier(retry_after="retry_after", failure_result=BROKEN[0])

    tested.requested_wait(Asking("soon"))
    tested.classify_result(200)

    assert ["failure_result" in record.getMessage() for record in caplog.records][-1:] == [True]


@settings(derandomize=True, deadline=None)
@example(10**400)
@example("Mon, 1 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 31 Dec 9999 23:59:59 -2300")
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=5))))
@given(st.text() | st.binary() | st.integers() | st.floats() | st.datetimes(timezones=st.none() | st.timezones()))
def test_no_wait_of_a_server_replaces_the_callers_exception(asked: object) -> None:
    wait = classifier(retry_after="retry_after").requested_wait(Asking(asked))

    assert wait is None or wait >= 0


def test_only_a_leaf_that_is_a_failure_can_request_a_wait() -> None:
    group = BaseExceptionGroup("", [Declined(), ExceptionGroup("", [OSError(), Asking(30)])])

    tested = classifier(retry_after=lambda error: getattr(error, "retry_after", None), ignore=Declined)

    assert tested.requested_wait(group) == 30


def test_a_leaf_that_is_ignored_requests_no_wait() -> None:
    assert classifier(retry_after="retry_after", ignore=Asking).requested_wait(ExceptionGroup("", [Asking(30)])) is None


def test_the_wait_of_the_next_leaf_counts_when_one_cannot_be_read() -> None:
    group = ExceptionGroup("", [Asking("soon"), Asking(30)])

    assert classifier(retry_after="retry_after").requested_wait(group) == 30
