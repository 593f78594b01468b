"""The two exceptions: their values, and that other processes get them."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, InvalidSettings
from otel_breaker.circuit.history import CircuitHistory
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock


class CardDeclined(Exception):
    class Because(Exception):
        pass


def refusal(breaker: CircuitBreaker) -> CircuitOpenError:
    with pytest.raises(CircuitOpenError) as caught, breaker.guard():
        pass
    return caught.value


def opened(clock: FakeClock) -> CircuitBreaker:
    breaker = CircuitBreaker("payments", failure_threshold=1, recovery_time=30, clock=clock)
    breaker.record_failure(CardDeclined("4111 1111 1111 1111"))
    return breaker


def test_a_refusal_has_the_breaker_the_failure_and_the_time_to_retry(clock: FakeClock) -> None:
    breaker = opened(clock)
    clock.advance(10)

    error = refusal(breaker)

    assert (error.name, error.key, error.state, error.retry_after) == ("payments", None, CircuitState.OPEN, 20.0)
    assert error.episode == breaker.snapshot().episode is not None
    assert error.last_failure_type == f"{__name__}.CardDeclined"
    assert error.last_failure_time == breaker.last_failure_time is not None


def test_the_text_of_a_refusal_is_a_sentence_without_the_text_of_the_failure(clock: FakeClock) -> None:
    error = refusal(opened(clock))

    assert str(error) == "circuit breaker 'payments' is open; retry after 30 s"
    assert "4111" not in repr(error)


def test_a_refusal_holds_no_other_exception(clock: FakeClock) -> None:
    error = refusal(opened(clock))

    assert (error.__cause__, error.__context__) == (None, None)


def test_a_refusal_while_all_probes_are_in_flight_has_no_time_to_wait(clock: FakeClock) -> None:
    breaker = opened(clock)
    clock.advance(30)

    with breaker.guard(), ThreadPoolExecutor(1) as another:
        error = another.submit(refusal, breaker).result()

    assert (error.state, error.retry_after) == (CircuitState.HALF_OPEN, 0.0)


def test_a_refusal_by_an_operator_has_no_time_to_retry() -> None:
    breaker = CircuitBreaker("payments")
    breaker.force_open()

    error = refusal(breaker)

    assert (error.state, error.retry_after) == (CircuitState.FORCED_OPEN, None)
    assert str(error) == "circuit breaker 'payments' is forced_open"


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_refusal_keeps_its_values_in_another_process(
    clock: FakeClock, travel: Callable[[CircuitOpenError], CircuitOpenError]
) -> None:
    error = refusal(opened(clock))

    arrived = travel(error)

    assert type(arrived) is CircuitOpenError
    assert arrived.args == error.args
    assert (arrived.name, arrived.state, str(arrived)) == ("payments", CircuitState.OPEN, str(error))


def test_a_refusal_can_be_raised_by_hand() -> None:
    error = CircuitOpenError()

    assert (error.name, error.key, error.state) == ("", None, CircuitState.OPEN)
    assert (error.retry_after, error.episode, error.last_failure_type, error.last_failure_time) == (None,) * 4


def test_a_refusal_of_a_keyed_circuit_names_the_key() -> None:
    error = CircuitOpenError("http", "api.example.com", CircuitState.OPEN, 1.25)

    assert (error.key, str(error)) == (
        "api.example.com",
        "circuit breaker 'http' for 'api.example.com' is open; retry after 1.25 s",
    )


def test_invalid_settings_have_path_problem_and_remedy() -> None:
    error = InvalidSettings("breakers.payments.window", "-1 is not allowed", "a number of calls")

    assert isinstance(error, ValueError)
    assert (error.path, error.problem, error.remedy) == (
        "breakers.payments.window",
        "-1 is not allowed",
        "a number of calls",
    )
    assert str(error) == "breakers.payments.window: -1 is not allowed: a number of calls"


def test_invalid_settings_keep_their_values_when_pickled() -> None:
    error = InvalidSettings("window", "-1 is not allowed", "a number of calls")

    arrived = pickle.loads(pickle.dumps(error))

    assert (str(arrived), arrived.remedy) == (str(error), "a number of calls")


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (TimeoutError, "TimeoutError"),
        (CardDeclined, f"{__name__}.CardDeclined"),
        (CardDeclined.Because, f"{__name__}.CardDeclined.Because"),
        ("503", "503"),
    ],
)
def test_a_failure_is_named_as_the_sdk_names_exception_types(failure: type | str, name: str) -> None:
    assert type_name(failure) == name


def test_the_error_for_settings_that_are_not_allowed_is_one_printable_line_of_bounded_length() -> None:
    error = InvalidSettings("breakers.x\n2026 FORGED", "\x1b[2J is not allowed", "y" * 100_000)

    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 3_000


@pytest.mark.parametrize("state", [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.FORCED_OPEN])
def test_a_refusal_survives_json(state: CircuitState) -> None:
    # As result backends of task queues hand it on: the arguments, and what JSON makes of them.
    error = CircuitHistory("payments", "eu", 0.0, ()).make_refusal(state, 1.5)

    arrived = CircuitOpenError(*json.loads(json.dumps(error.args)))

    assert str(arrived) == str(error)
    assert (arrived.name, arrived.key, arrived.state, arrived.retry_after) == ("payments", "eu", state, 1.5)


@pytest.mark.parametrize(
    "args",
    [(), ("payments",), ("payments", None, "<CircuitState.OPEN: 'open'>", "soon"), (None, 5, [], {}, (), 1, 2, 3)],
)
def test_a_refusal_with_other_arguments_can_be_shown(args: tuple[Any, ...]) -> None:
    error = CircuitOpenError(*args)

    assert "circuit breaker" in str(error)
    assert error.state is CircuitState.OPEN
