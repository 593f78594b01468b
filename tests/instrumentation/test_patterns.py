"""Which names a pattern matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_breaker_instrumentation.patterns import Pattern, Patterns


def pattern(qualified_name: str) -> Pattern:
    return Pattern(f"shop:{qualified_name}", "targets[0].function")


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ("charge", "charge"),
        ("*", "charge"),
        ("send_*", "send_"),
        ("send_*", "send_order"),
        ("*_later", "charge_later"),
        ("c*e", "charge"),
        ("c*a*e", "charge"),
        ("*a*g*", "charge"),
        ("**", "charge"),
        ("Client.*", "Client.charge"),
        ("*.*", "Client.charge"),
        ("*Client.send_*", "HttpClient.send_order"),
        ("_*", "_charge"),
        ("__*", "__charge"),
        ("_Client.*", "_Client.charge"),
        ("_charge", "_charge"),
        ("Client.__call__", "Client.__call__"),
        ("*.__call__", "Client.__call__"),
    ],
)
def test_a_pattern_matches_names_of_its_form(named: str, taken: str) -> None:
    assert pattern(named).matches(f"shop:{taken}")


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ("charge", "recharge"),
        ("charge", "charge_later"),
        ("send_*", "resend_order"),
        ("*_later", "charge_later_on"),
        ("ab*ba", "aba"),
        ("a*b*c", "acb"),
        ("a*bc*c", "abc"),
        ("*", "Client.charge"),
        ("*.*", "charge"),
        ("*.*", "Client.Session.send"),
        ("Client.*", "Special.charge"),
    ],
)
def test_a_pattern_matches_nothing_else(named: str, left: str) -> None:
    assert not pattern(named).matches(f"shop:{left}")


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ("*", "_charge"),
        ("*charge", "_charge"),
        ("Client.*", "Client._charge"),
        ("*.charge", "_Client.charge"),
        ("*", "__call__"),
        ("_*", "__call__"),
        ("__*", "__call__"),
        ("__c*__", "__call__"),
    ],
)
def test_private_and_special_names_are_only_meant_when_they_are_written(named: str, left: str) -> None:
    assert not pattern(named).matches(f"shop:{left}")


def test_a_pattern_matches_names_of_its_own_module_only() -> None:
    assert not pattern("*").matches("shop.payments:charge")


@pytest.mark.parametrize(
    ("excluded", "name"),
    [
        ("charge", "charge"),
        ("*", "_charge"),
        ("Test*.*", "TestClient.charge"),
        ("Test*", "TestClient.charge"),
        ("Client", "Client.Session.send"),
    ],
)
def test_an_excluded_class_includes_private_names_and_everything_in_it(excluded: str, name: str) -> None:
    assert Patterns([pattern(excluded)]).covers(name)


@pytest.mark.parametrize(("excluded", "name"), [("charge", "charge_later"), ("Client.*", "Client"), ("Test*", "test")])
def test_what_is_excluded_takes_along_nothing_else(excluded: str, name: str) -> None:
    assert not Patterns([pattern(excluded)]).covers(name)


@given(
    st.lists(st.from_regex(r"[ab*][ab_*]{0,4}(\.[ab*][ab_*]{0,2}){0,2}", fullmatch=True), max_size=6), st.text("ab._")
)
def test_many_patterns_together_match_what_each_matches_alone(written: list[str], name: str) -> None:
    patterns = [pattern(each) for each in written]

    fitting = Patterns(patterns).fitting(name)

    assert fitting == [index for index, each in enumerate(patterns) if fits(each, name)]
    assert Patterns(patterns).covers(name) == any(
        fits(each, ".".join(name.split(".")[:depth])) for each in patterns for depth in range(1, name.count(".") + 2)
    )


def fits(each: Pattern, name: str) -> bool:
    regular = each.qualified_name.replace(".", r"\.").replace("*", r"[^.]*")
    return re.fullmatch(regular, name) is not None
