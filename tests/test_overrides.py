"""Standing orders: an operator's configuration forces circuits, those to come as well, until it is taken back."""

from __future__ import annotations

import pytest

from otel_breaker import CircuitState, InvalidSettings, StateChange
from otel_breaker.overrides import StateOverride
from otel_breaker.registry import Registry
from otel_breaker.settings import Settings

OPEN = StateOverride(CircuitState.FORCED_OPEN, "breakers.yaml", "INC-4711")
CLOSED = StateOverride(CircuitState.FORCED_CLOSED, "breakers.yaml", "the breaker is wrong")
SETTINGS = {"search": Settings()}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.mark.parametrize("order", [OPEN, CLOSED])
def test_a_breaker_that_was_made_before_obeys(registry: Registry, order: StateOverride) -> None:
    breaker = registry.get("search", {})

    registry.configure(SETTINGS, {"search": order})

    seen = breaker.snapshot()
    assert (seen.state, seen.actor, seen.reason) == (order.state, order.actor, order.reason)


@pytest.mark.parametrize("order", [OPEN, CLOSED])
def test_a_breaker_that_is_made_afterwards_obeys_from_its_birth(registry: Registry, order: StateOverride) -> None:
    registry.configure(SETTINGS, {"search": order})

    assert registry.get("search", {}).state is order.state


def test_the_circuits_of_all_keys_obey_those_that_come_later_as_well(registry: Registry) -> None:
    early = registry.get_keyed("search", {}).for_key("a")

    registry.configure(SETTINGS, {"search": OPEN})
    late = registry.get_keyed("search", {}).for_key("b")

    assert [breaker.state for breaker in (early, late)] == [CircuitState.FORCED_OPEN] * 2


def test_keyed_breakers_that_are_made_afterwards_obey(registry: Registry) -> None:
    registry.configure(SETTINGS, {"search": OPEN})

    assert registry.get_keyed("search", {}).for_key("a").state is CircuitState.FORCED_OPEN


def test_an_order_lets_no_key_pass_unguarded_for_want_of_room(registry: Registry) -> None:
    keyed = registry.get_keyed("search", {"max_keys": 2})
    keyed.apply_override(OPEN)

    states = {keyed.for_key(str(key)).state for key in range(10)}

    assert states == {CircuitState.FORCED_OPEN}
    assert len(keyed) == 2


@pytest.mark.parametrize("keyed", [False, True])
def test_what_is_taken_back_closes(registry: Registry, keyed: bool) -> None:
    breaker = registry.get_keyed("search", {}).for_key("a") if keyed else registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    changes: list[StateChange] = []
    breaker.add_listener(changes.append)

    registry.configure(SETTINGS)

    assert breaker.state is CircuitState.CLOSED
    assert [(change.reason.value, change.actor, change.manual_reason) for change in changes] == [
        ("manual", "breakers.yaml", "no longer ordered")
    ]


def test_what_somebody_else_has_moved_since_is_left_alone_when_the_order_is_taken_back(registry: Registry) -> None:
    breaker = registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    breaker.reset(actor="console")
    breaker.force_open(reason="still down", actor="console")

    registry.configure(SETTINGS)

    assert (breaker.state, breaker.snapshot().actor) == (CircuitState.FORCED_OPEN, "console")


def test_an_order_that_stands_as_before_moves_nothing(registry: Registry) -> None:
    breaker = registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    breaker.reset(actor="console")

    registry.configure({"search": Settings(window=50)}, {"search": OPEN})

    assert breaker.state is CircuitState.CLOSED


def test_another_order_takes_the_place_of_the_first_in_one_move(registry: Registry) -> None:
    breaker = registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    changes: list[StateChange] = []
    breaker.add_listener(changes.append)

    registry.configure(SETTINGS, {"search": CLOSED})

    assert [change.to_state for change in changes] == [CircuitState.FORCED_CLOSED]


def test_another_reason_for_the_same_state_is_shown(registry: Registry) -> None:
    breaker = registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})

    registry.configure(SETTINGS, {"search": StateOverride(CircuitState.FORCED_OPEN, "breakers.yaml", "INC-4712")})

    seen = breaker.snapshot()
    assert (seen.state, seen.reason) == (CircuitState.FORCED_OPEN, "INC-4712")


def test_listeners_are_told_while_no_lock_is_held(registry: Registry) -> None:
    keyed = registry.get_keyed("search", {})
    told: list[str] = []

    def listen(change: StateChange) -> None:
        told.append(f"{registry._lock._is_owned()} {keyed._lock._is_owned()}")  # type: ignore[attr-defined]

    keyed.for_key("a").add_listener(listen)
    registry.configure(SETTINGS, {"search": OPEN})

    assert told == ["False False"]


# --- settings that change while breakers live


def test_a_name_that_is_configured_no_longer_goes_back_to_what_the_code_said(registry: Registry) -> None:
    breaker = registry.get("search", {"failure_threshold": 3})
    registry.configure({"search": Settings(failure_threshold=9)})

    registry.configure({})

    assert breaker.settings.failure_threshold == 3


def test_it_can_be_asked_whether_the_living_breakers_could_be_configured_so(registry: Registry) -> None:
    breaker = registry.get("search", {"failure_threshold": 3})
    nowhere = Settings.from_mapping({"ignore": ["nowhere.Error"]}, "breakers.search")

    registry.check({"another": nowhere})
    with pytest.raises(InvalidSettings, match=r"breakers\.search\.ignore\[0\]: 'nowhere.Error' cannot be imported"):
        registry.check({"search": nowhere})

    assert breaker.settings.failure_threshold == 3


def test_what_a_pattern_has_found_stays_configured_while_anything_is(registry: Registry) -> None:
    registry.configure(SETTINGS)
    registry.configure_unless_named("shop:find", Settings(failure_threshold=9))
    breaker = registry.get("shop:find", {"failure_threshold": 3})

    registry.configure({"search": Settings(window=50)})
    meanwhile = breaker.settings.failure_threshold
    registry.configure({})

    assert (meanwhile, breaker.settings.failure_threshold) == (9, 3)
