"""Breakers by name: made once, kept alive, listed; and the precedence of settings from two places."""

from __future__ import annotations

import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from otel_breaker import CircuitBreaker, InvalidSettings, breakers, get_breaker
from otel_breaker.registry import Registry
from otel_breaker.settings import Settings


@pytest.fixture
def registry() -> Registry:
    return Registry()


def names() -> list[str]:
    return [breaker.name for breaker in breakers()]


def test_a_name_has_one_breaker() -> None:
    assert get_breaker("test_registry one") is get_breaker("test_registry one")
    assert get_breaker("test_registry one") is not get_breaker("test_registry other")


def test_a_breaker_asked_for_by_name_has_that_name_and_the_settings_given() -> None:
    breaker = get_breaker("test_registry named", failure_threshold=3, recovery_time="30s")

    assert breaker.name == "test_registry named"
    assert (breaker.settings.failure_threshold, breaker.settings.recovery_time) == (3, 30.0)


def test_a_breaker_asked_for_by_name_is_kept_alive() -> None:
    get_breaker("test_registry kept").record_failure()

    gc.collect()

    assert get_breaker("test_registry kept").failures == 1


def test_threads_that_ask_for_a_name_at_once_get_one_breaker(registry: Registry) -> None:
    start = Barrier(8)

    def ask() -> CircuitBreaker:
        start.wait()
        return registry.get("contended", {})

    with ThreadPoolExecutor(8) as pool:
        found = {answer.result() for answer in [pool.submit(ask) for _ in range(8)]}

    assert len(found) == 1


def test_all_living_breakers_are_listed_by_name() -> None:
    second, first = CircuitBreaker("test_registry b"), CircuitBreaker("test_registry a")

    listed = [breaker for breaker in breakers() if breaker in (first, second)]

    assert listed == [first, second]


def test_breakers_of_one_name_are_listed_by_key() -> None:
    circuits = [CircuitBreaker("test_registry keyed", key=key) for key in ("b", None, "a")]

    listed = [breaker.key for breaker in breakers() if breaker in circuits]

    assert listed == [None, "a", "b"]


def test_a_dropped_breaker_is_no_longer_listed() -> None:
    breaker = CircuitBreaker("test_registry dropped")
    listed = breaker.name in names()

    del breaker
    gc.collect()

    assert listed
    assert "test_registry dropped" not in names()


def test_settings_that_are_not_allowed_are_refused_with_the_name_of_the_breaker(registry: Registry) -> None:
    with pytest.raises(InvalidSettings, match=r"payments\.failure_treshold: .* did you mean 'failure_threshold'"):
        registry.get("payments", {"failure_treshold": 3})


def test_settings_that_are_not_allowed_leave_the_name_free(registry: Registry) -> None:
    with pytest.raises(InvalidSettings):
        registry.get("payments", {"failure_threshold": 0})

    assert registry.get("payments", {"failure_threshold": 3}).settings.failure_threshold == 3


# --- two places in code


def test_a_place_without_settings_gets_the_present_ones(registry: Registry) -> None:
    breaker = registry.get("payments", {"failure_threshold": 3})

    assert registry.get("payments", {}) is breaker
    assert breaker.settings.failure_threshold == 3


def test_settings_that_are_given_after_a_place_without_any_are_in_force(registry: Registry) -> None:
    breaker = registry.get("payments", {})

    assert registry.get("payments", {"failure_threshold": 3}) is breaker
    assert breaker.settings.failure_threshold == 3


@pytest.mark.parametrize("first", [{"failure_threshold": 3}, {"recovery_time": 30}])
def test_two_places_with_different_settings_are_an_error(registry: Registry, first: dict[str, object]) -> None:
    registry.get("payments", first)

    with pytest.raises(InvalidSettings, match="payments"):
        registry.get("payments", {"failure_threshold": 4})


def test_two_places_may_write_the_same_settings_differently(registry: Registry) -> None:
    breaker = registry.get("payments", {"recovery_time": 30})

    assert registry.get("payments", {"recovery_time": "30s"}) is breaker


# --- the operator


def test_configured_settings_take_precedence_over_those_of_the_code(registry: Registry) -> None:
    registry.configure({"payments": Settings(failure_threshold=9)})

    breaker = registry.get("payments", {"failure_threshold": 3})

    assert breaker.settings.failure_threshold == 9


def test_configured_settings_reach_a_breaker_that_was_made_before(registry: Registry) -> None:
    breaker = registry.get("payments", {"failure_threshold": 3})

    registry.configure({"payments": Settings(failure_threshold=9)})

    assert breaker.settings.failure_threshold == 9


def test_places_that_differ_are_no_error_while_the_configuration_decides(registry: Registry) -> None:
    registry.configure({"payments": Settings(failure_threshold=9)})
    registry.get("payments", {"failure_threshold": 3})

    breaker = registry.get("payments", {"failure_threshold": 4})

    assert breaker.settings.failure_threshold == 9


def test_configured_references_are_imported_when_the_breaker_is_made(registry: Registry) -> None:
    registry.configure({"payments": Settings.from_mapping({"ignore": ["builtins.KeyError"]})})

    assert registry.get("payments", {}).settings.ignore == (KeyError,)


def test_breakers_made_after_the_configuration_is_empty_have_the_codes_settings(registry: Registry) -> None:
    registry.configure({"payments": Settings(failure_threshold=9)})

    registry.configure({})

    assert registry.get("payments", {"failure_threshold": 3}).settings.failure_threshold == 3


def test_settings_of_one_more_name_are_in_force_unless_the_configuration_names_it(registry: Registry) -> None:
    registry.configure({"payments": Settings(failure_threshold=9)})

    registry.configure_unless_named("payments", Settings(failure_threshold=8))
    registry.configure_unless_named("search", Settings(failure_threshold=7))

    assert registry.get("payments", {}).settings.failure_threshold == 9
    assert registry.get("search", {}).settings.failure_threshold == 7


def test_settings_of_one_more_name_reach_breakers_that_were_made_before(registry: Registry) -> None:
    breaker, keyed = registry.get("search", {}), registry.get_keyed("search", {})

    registry.configure_unless_named("search", Settings(failure_threshold=7))

    assert breaker.settings.failure_threshold == keyed.settings.failure_threshold == 7


def test_settings_of_one_more_name_are_dropped_with_the_others(registry: Registry) -> None:
    registry.configure_unless_named("search", Settings(failure_threshold=7))

    registry.configure({})

    assert registry.get("search", {"failure_threshold": 2}).settings.failure_threshold == 2


@pytest.mark.parametrize("again", [{}, {"recovery_time": 30}, {"recovery_time": "30s"}])
def test_asking_again_does_not_undo_settings_that_were_replaced(registry: Registry, again: dict[str, object]) -> None:
    breaker = registry.get("payments", {"recovery_time": 30})
    breaker._replace_settings(Settings(failure_threshold=9))

    registry.get("payments", again)

    assert breaker.settings.failure_threshold == 9


def test_a_configuration_that_cannot_be_applied_is_logged_and_leaves_the_breaker_as_it_is(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = registry.get("payments", {"failure_threshold": 3})

    with caplog.at_level(logging.ERROR, "otel_breaker"):
        registry.configure({"payments": Settings.from_mapping({"ignore": ["nowhere.Error"]})})

    assert breaker.settings.failure_threshold == 3
    assert ["nowhere" in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [True]


@pytest.mark.parametrize("made", ["before", "after"])
def test_it_is_logged_once_that_the_configuration_takes_precedence(
    registry: Registry, caplog: pytest.LogCaptureFixture, made: str
) -> None:
    settings = {"payments": Settings(failure_threshold=9)}

    with caplog.at_level(logging.WARNING, "otel_breaker"):
        if made == "before":
            registry.get("payments", {"failure_threshold": 3})
        registry.configure(settings)
        registry.get("payments", {"failure_threshold": 3})
        registry.get("payments", {"failure_threshold": 3})

    assert ["payments" in message for message in caplog.messages] == [True]


def use(token: str, *_: object) -> bool:
    return bool(token)


def test_settings_that_are_code_are_logged_by_their_kind_and_show_no_secret(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    keywords = {"failure_threshold": 3, "failure_result": partial(use, "hunter2"), "retry_after": "header"}
    registry.get("before", keywords)
    registry.configure({"before": Settings(), "after": Settings()})
    registry.get("after", keywords)
    registry.get("twice", keywords)
    with pytest.raises(InvalidSettings) as refused:
        registry.get("twice", keywords | {"failure_result": partial(use, "hunter3")})

    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert all("failure_threshold=3, failure_result=functools.partial, retry_after=text" in each for each in messages)
    assert "hunter" not in str(refused.value)
    assert "failure_threshold=3" in str(refused.value)
