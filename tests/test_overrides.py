"""State overrides: an operator's configuration forces present and future circuits until it is lifted."""

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


@pytest.mark.parametrize("override", [OPEN, CLOSED])
def test_an_override_applies_to_a_breaker_that_was_made_before_it(registry: Registry, override: StateOverride) -> None:
    breaker = registry.get("search", {})

    registry.configure(SETTINGS, {"search": override})

    seen = breaker.snapshot()
    assert (seen.state, seen.actor, seen.reason) == (override.state, override.actor, override.reason)


@pytest.mark.parametrize("override", [OPEN, CLOSED])
def test_an_override_applies_to_a_breaker_that_is_made_after_it(registry: Registry, override: StateOverride) -> None:
    registry.configure(SETTINGS, {"search": override})

    assert registry.get("search", {}).state is override.state


def test_an_override_applies_to_present_and_future_keys(registry: Registry) -> None:
    early = registry.get_keyed("search", {}).for_key("a")

    registry.configure(SETTINGS, {"search": OPEN})
    late = registry.get_keyed("search", {}).for_key("b")

    assert [breaker.state for breaker in (early, late)] == [CircuitState.FORCED_OPEN] * 2


def test_an_override_applies_to_keyed_breakers_that_are_made_after_it(registry: Registry) -> None:
    registry.configure(SETTINGS, {"search": OPEN})

    assert registry.get_keyed("search", {}).for_key("a").state is CircuitState.FORCED_OPEN


def test_an_override_holds_for_more_keys_than_there_is_room_for(registry: Registry) -> None:
    keyed = registry.get_keyed("search", {"max_keys": 2})
    keyed.apply_override(OPEN)

    states = {keyed.for_key(str(key)).state for key in range(10)}

    assert states == {CircuitState.FORCED_OPEN}
    assert len(keyed) == 2


@pytest.mark.parametrize("keyed", [False, True])
def test_a_lifted_override_closes_the_circuit(registry: Registry, keyed: bool) -> None:
    breaker = registry.get_keyed("search", {}).for_key("a") if keyed else registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    changes: list[StateChange] = []
    breaker.add_listener(changes.append)

    registry.configure(SETTINGS)

    assert breaker.state is CircuitState.CLOSED
    assert [(change.reason.value, change.actor, change.manual_reason) for change in changes] == [
        ("manual", "breakers.yaml", "override lifted")
    ]


def test_a_circuit_that_another_actor_has_changed_since_keeps_its_state_when_the_override_is_lifted(
    registry: Registry,
) -> None:
    breaker = registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    breaker.reset(actor="console")
    breaker.force_open(reason="still down", actor="console")

    registry.configure(SETTINGS)

    assert (breaker.state, breaker.snapshot().actor) == (CircuitState.FORCED_OPEN, "console")


def test_an_unchanged_override_changes_no_state(registry: Registry) -> None:
    breaker = registry.get("search", {})
    registry.configure(SETTINGS, {"search": OPEN})
    breaker.reset(actor="console")

    registry.configure({"search": Settings(window=50)}, {"search": OPEN})

    assert breaker.state is CircuitState.CLOSED


def test_another_override_replaces_the_first_in_one_state_change(registry: Registry) -> None:
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


def test_listeners_are_called_while_no_lock_is_held(registry: Registry) -> None:
    keyed = registry.get_keyed("search", {})
    held: list[str] = []

    def listen(change: StateChange) -> None:
        held.append(f"{registry._lock._is_owned()} {keyed._lock._is_owned()}")  # type: ignore[attr-defined]

    keyed.for_key("a").add_listener(listen)
    registry.configure(SETTINGS, {"search": OPEN})

    assert held == ["False False"]


# --- settings that change while breakers exist


def test_a_name_that_is_configured_no_longer_has_the_codes_settings_again(registry: Registry) -> None:
    breaker = registry.get("search", {"failure_threshold": 3})
    registry.configure({"search": Settings(failure_threshold=9)})

    registry.configure({})

    assert breaker.settings.failure_threshold == 3


def test_settings_can_be_checked_against_the_living_breakers(registry: Registry) -> None:
    breaker = registry.get("search", {"failure_threshold": 3})
    nowhere = Settings.from_mapping({"ignore": ["nowhere.Error"]}, "breakers.search")

    registry.check({"another": nowhere})
    with pytest.raises(InvalidSettings, match=r"breakers\.search\.ignore\[0\]: 'nowhere.Error' cannot be imported"):
        registry.check({"search": nowhere})

    assert breaker.settings.failure_threshold == 3


def test_the_settings_of_a_pattern_stay_in_force_while_any_are_configured(registry: Registry) -> None:
    registry.configure(SETTINGS)
    registry.configure_unless_named("shop:find", Settings(failure_threshold=9))
    breaker = registry.get("shop:find", {"failure_threshold": 3})

    registry.configure({"search": Settings(window=50)})
    meanwhile = breaker.settings.failure_threshold
    registry.configure({})

    assert (meanwhile, breaker.settings.failure_threshold) == (9, 3)
