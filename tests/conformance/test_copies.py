"""Copies and other processes: a breaker is never doubled by accident, and guarded functions pickle."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.conformance.conftest import Broken, fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import FakeClock

BREAKER = CircuitBreaker("test_copies", failure_threshold=1)


@BREAKER
def charge(amount: int) -> int:
    if amount < 0:
        raise Broken
    return amount


@BREAKER
async def charge_later(amount: int) -> int:
    return amount


class Client:
    """Guarded methods of all kinds."""

    @BREAKER
    def charge(self, amount: int) -> int:
        return amount

    @BREAKER
    @classmethod
    def name(cls) -> str:
        return cls.__name__

    @BREAKER
    @staticmethod
    def rate() -> float:
        return 0.5


@dataclass
class Holder:
    """An object with its own breaker."""

    breaker: CircuitBreaker
    others: list[CircuitBreaker] = field(default_factory=list)


def inside_an_object(breaker: CircuitBreaker) -> CircuitBreaker:
    return copy.deepcopy(Holder(breaker)).breaker


def inside_a_container(breaker: CircuitBreaker) -> CircuitBreaker:
    copied: list[dict[str, CircuitBreaker]] = copy.deepcopy([{"breaker": breaker}])
    return copied[0]["breaker"]


def inside_a_dataclass(breaker: CircuitBreaker) -> CircuitBreaker:
    return replace(Holder(breaker), others=[]).breaker


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, inside_an_object, inside_a_container, inside_a_dataclass])
def test_a_copy_of_a_breaker_is_that_breaker(
    clock: FakeClock, copied: Callable[[CircuitBreaker], CircuitBreaker]
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    fail(copied(breaker))

    assert copied(breaker) is breaker
    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_guarded_function_is_guarded_by_the_same_breaker(
    clock: FakeClock, copied: Callable[[Any], Any]
) -> None:
    breaker = CircuitBreaker(failure_threshold=1, clock=clock)

    @breaker
    def call() -> None:
        raise Broken

    with pytest.raises(Broken):
        copied(call)()
    with pytest.raises(CircuitOpenError):
        call()


@pytest.mark.parametrize(
    "guarded",
    [charge, charge_later, Client.charge, Client.name, Client.rate],
    ids=["function", "coroutine function", "method", "classmethod", "staticmethod"],
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_guarded_function_pickles_by_its_name(guarded: Callable[..., Any], protocol: int) -> None:
    again = pickle.loads(pickle.dumps(guarded, protocol))

    assert again == guarded


def test_a_guarded_method_pickles_with_its_object() -> None:
    again = pickle.loads(pickle.dumps(Client().charge))

    assert again(5) == 5


@pytest.mark.processes
def test_a_guarded_function_works_and_is_guarded_in_a_process_pool() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(charge, 5).result(60) == 5
        assert pool.submit(partial(charge, amount=6)).result(60) == 6
        with pytest.raises(Broken):
            pool.submit(charge, -1).result(60)
        with pytest.raises(CircuitOpenError):
            pool.submit(charge, 5).result(60)
