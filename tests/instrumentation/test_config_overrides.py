"""State overrides in the configuration: which are valid, and what the circuit then shows and does."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitState, InvalidSettings, get_breaker
from otel_breaker.overrides import StateOverride
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.applications import Application

SHOP = "def find(): pass\ndef find_by(tenant): pass"


def overrides(entry: dict[str, Any]) -> dict[str, StateOverride]:
    return dict(parse_configuration({"breakers": {"search": entry}}, "", "breakers.yaml").overrides)


@pytest.mark.parametrize("state", [CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED])
def test_a_breaker_may_be_forced_open_or_closed_by_the_configuration(state: CircuitState) -> None:
    assert overrides({"state": state.value, "reason": "INC-4711"}) == {
        "search": StateOverride(state, "breakers.yaml", "INC-4711")
    }


def test_it_may_name_the_actor_that_forces_it() -> None:
    assert overrides({"state": "forced_open", "actor": "ann"})["search"].actor == "ann"


def test_a_breaker_is_not_forced_unless_it_is_configured() -> None:
    assert overrides({"failure_threshold": 3}) == {}
    assert overrides({"state": None}) == {}


def test_a_forced_breaker_has_settings_as_any_other() -> None:
    configuration = parse_configuration({"breakers": {"search": {"state": "forced_open", "failure_threshold": 3}}}, "")

    assert configuration.breakers["search"].failure_threshold == 3


@pytest.mark.parametrize(
    ("entry", "path", "remedy"),
    [
        ({"state": "open"}, "state", "forced_open or forced_closed"),
        ({"state": "closed"}, "state", "a circuit whose calls change its state"),
        ({"state": ["forced_open"]}, "state", "forced_open or forced_closed"),
        ({"state": "forced_open", "reason": 4711}, "reason", "text"),
        ({"state": "forced_open", "actor": 5}, "actor", "text"),
        ({"reason": "INC-4711"}, "reason", "set `state: forced_open` beside it"),
        ({"actor": "ann"}, "actor", "set `state: forced_open` beside it"),
        ({"staet": "forced_open"}, "staet", "did you mean 'state'?"),
    ],
)
def test_a_mistake_is_refused_by_its_path(entry: dict[str, Any], path: str, remedy: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        overrides(entry)

    assert caught.value.path == f"breakers.search.{path}"
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("part", ["defaults", "targets"])
def test_only_a_breaker_that_is_named_can_be_forced(part: str) -> None:
    content = {"defaults": {"state": "forced_open"}, "targets": [{"function": "shop:find", "state": "forced_open"}]}

    with pytest.raises(InvalidSettings, match="there is no such"):
        parse_configuration({part: content[part]}, "")


# --- applied


def test_a_guarded_function_is_refused_from_its_first_call_with_the_file_and_the_reason(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = application.write(SHOP)
    file = tmp_path / "breakers.json"
    forced = {"state": "forced_open", "reason": "INC-4711"}
    target = {"function": f"{name}:find", "breaker": f"{name} search"}
    file.write_text(json.dumps({"breakers": {f"{name} search": forced}, "targets": [target]}))
    monkeypatch.setenv("OTEL_BREAKER_CONFIG_FILE", str(file))

    application.instrumentor.instrument()
    shop = importlib.import_module(name)

    with pytest.raises(Exception, match="is forced_open"):
        shop.find()
    seen = get_breaker(f"{name} search").snapshot()
    assert (seen.actor, seen.reason) == (str(file), "INC-4711")


def test_every_key_of_a_template_is_forced(application: Application) -> None:
    name = application.write(SHOP)
    breaker = f"{name} search"
    application.instrumentor.instrument(
        breakers={breaker: {"state": "forced_open"}},
        targets=[{"function": f"{name}:find_by", "breaker": breaker + " {tenant}"}],
    )

    shop = importlib.import_module(name)

    for tenant in ("a", "b"):
        with pytest.raises(Exception, match=f"for '{tenant}' is forced_open"):
            shop.find_by(tenant)


def test_uninstrumenting_takes_it_back(application: Application) -> None:
    breaker = get_breaker(f"{application.write(SHOP)} search")
    application.instrumentor.instrument(breakers={breaker.name: {"state": "forced_closed"}})
    forced = breaker.state

    application.instrumentor.uninstrument()

    assert (forced, breaker.state) == (CircuitState.FORCED_CLOSED, CircuitState.CLOSED)
    assert breaker.snapshot().actor == "code"
