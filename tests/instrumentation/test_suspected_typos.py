"""A breaker's name that is spelt in two ways is allowed, and logged as a suspected typo."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import get_breaker
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from tests.instrumentation.applications import Application


def suspected(breakers: dict[str, Any], *targets: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The paths of suspected typos, and the names that were probably meant."""
    return [
        (typo.path, typo.meant)
        for typo in parse_configuration({"breakers": breakers, "targets": targets}, "").suspected_typos
    ]


def test_a_breaker_without_an_entry_is_suspected_where_no_target_uses_an_entry() -> None:
    target = {"function": "shop:charge", "breaker": "payment"}

    assert suspected({"payments": {}}, target) == [("targets[0].breaker", "payments")]
    assert suspected({"payments": {}}, target | {"breaker": "payment {tenant}"}) == [("targets[0].breaker", "payments")]
    assert suspected({"search": {}}, target) == [("targets[0].breaker", None)]


@pytest.mark.parametrize("breakers", [{}, {"payment": {}}, {"payment": {}, "search": {}}, {"search": {}}])
def test_nothing_is_suspected_where_every_breaker_has_an_entry_or_every_entry_is_used(breakers: dict[str, Any]) -> None:
    charge, find = {"function": "shop:charge", "breaker": "payment"}, {"function": "shop:find", "breaker": "search"}

    assert suspected(breakers, charge, find) == []


def test_an_entry_for_a_function_is_suspected_when_its_spelling_is_close() -> None:
    assert suspected({"shop:chrage": {}}, {"function": "shop:charge"}) == [("targets[0].function", "shop:chrage")]
    assert suspected({"search": {}}, {"function": "shop:charge"}) == []
    assert suspected({"shop:charge": {}, "shop:find": {}}, {"function": "shop:charge"}, {"function": "shop:f*"}) == []


def test_of_many_suspected_typos_and_entries_ten_are_listed() -> None:
    targets = [{"function": f"shop:f{index}", "breaker": f"b{index}"} for index in range(50)]
    typos = parse_configuration(
        {"breakers": {f"other {index}": {} for index in range(50)}, "targets": targets}, ""
    ).suspected_typos

    assert len(typos) == 10
    assert all(len(str(typo)) < 500 and " and 40 more" in str(typo) for typo in typos)


def test_a_breaker_that_is_spelt_in_two_ways_is_logged_when_it_is_configured(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    shop = application.write("def charge(): pass")

    application.instrumentor.instrument(
        breakers={f"{shop} payments": {}}, targets=[{"function": f"{shop}:charge", "breaker": f"{shop} payment"}]
    )

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith(f"did you mean '{shop} payments'?")


@pytest.mark.parametrize("entry", ["payments", "search"])
def test_an_entry_that_code_uses_or_may_use_is_not_logged(
    application: Application, caplog: pytest.LogCaptureFixture, entry: str
) -> None:
    shop = application.write("def charge(): pass")
    if entry == "payments":
        get_breaker(f"{shop} payments")

    application.instrumentor.instrument(
        breakers={entry if entry == "search" else f"{shop} {entry}": {}},
        targets=[{"function": f"{shop}:charge", "breaker": f"{shop} payment"}],
    )

    assert caplog.records == []
