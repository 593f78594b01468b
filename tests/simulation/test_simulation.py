"""The simulation itself: what holds with any breaker, in runs of a few seconds."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from otel_breaker_instrumentation.config import parse_configuration
from tests.simulation import document, scenarios, tables
from tests.simulation.contenders import CLASSIC_RULE, NONE, ONLY_RULES, RULES
from tests.simulation.events import Events
from tests.simulation.rows import Row
from tests.simulation.scenarios import Deployment, Fault

if TYPE_CHECKING:
    from tests.simulation.contenders import Contender
    from tests.simulation.tables import Table

DECISIONS: Final = Path(__file__).parents[2] / "docs" / "decisions.md"
SHORT: Final = Deployment(clients=8, fault_begins=3.0, fault_ends=8.0, ends=17.0)
WELL: Final = Fault("well")


def goodput(fault: Fault, contender: Contender = NONE, deployment: Deployment = SHORT, seed: int = 1) -> list[int]:
    """Rounded percentages: during the fault, and after it."""
    return [round(part) for part in Row(fault, deployment).run(contender, seed).results.goodput]


def test_events_come_in_the_order_of_their_times() -> None:
    events, seen = Events(timeout=1.0), list[object]()
    for seconds in (3.0, 1.0, 2.0):
        events.after(seconds, seen.append, seconds)

    events.run(2.5)

    assert seen == [1.0, 2.0]
    assert events.now == 2.0


class Call:
    is_over = False


def test_what_is_over_has_no_timeout() -> None:
    events, seen = Events(timeout=1.0), list[object]()
    over, pending = Call(), Call()
    events.unless_over(seen.append, over)
    events.unless_over(seen.append, pending)
    over.is_over = True

    events.run(2.0)

    assert seen == [pending]


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (Row(scenarios.HANG, SHORT).run(ONLY_RULES, 1).results for _ in range(2))

    assert first.goodput == second.goodput
    assert first.waited == second.waited


def test_another_seed_gives_others() -> None:
    first, second = (Row(scenarios.HANG, SHORT).run(ONLY_RULES, seed).results for seed in (1, 2))

    assert first.waited != second.waited


@pytest.mark.parametrize("contender", [NONE, CLASSIC_RULE, ONLY_RULES], ids=lambda one: one.name)
def test_every_request_succeeds_while_nothing_is_wrong(contender: Contender) -> None:
    assert goodput(WELL, contender) == [100, 100]


def test_no_request_succeeds_while_the_dependency_hangs() -> None:
    assert goodput(scenarios.HANG, CLASSIC_RULE)[0] == 0


def test_a_failure_is_retried() -> None:
    often = replace(SHORT, attempts=3)
    once = replace(SHORT, attempts=1)

    assert goodput(scenarios.SOME_ERRORS, deployment=often) == [100, 100]
    assert goodput(scenarios.SOME_ERRORS, deployment=once)[0] in range(92, 98)


def test_a_refused_call_is_not_retried() -> None:
    run = Row(scenarios.HANG, SHORT).run(CLASSIC_RULE, 1)

    # Each of the clients has tripped by then, and waits no more.
    assert run.results.waited < SHORT.clients * SHORT.threads * 2


def test_an_overload_leaves_a_queue_that_outlasts_it() -> None:
    longer = Deployment(fault_begins=3.0, fault_ends=18.0, ends=30.0)

    assert goodput(scenarios.SURGE, deployment=longer)[1] < 50


def test_a_circuit_for_each_shard_opens_for_the_broken_one_only() -> None:
    one = Row(scenarios.SHARD, SHORT).run(CLASSIC_RULE, 1).results.goodput
    by_shard = Row(scenarios.SHARD, SHORT, circuits=SHORT.shards).run(CLASSIC_RULE, 1).results.goodput

    assert by_shard.during > one.during


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.marker)
def test_the_document_has_every_line_and_column_of_the_table(table: Table) -> None:
    blank = {(row.name, contender.name): "" for row in table.rows for contender in table.contenders}

    shown = document.read(DECISIONS.read_text(), table.marker)

    assert list(shown) == list(document.cells(table.text(blank)))


def test_the_document_names_no_other_setting_as_the_rules() -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", DECISIONS.read_text(), re.DOTALL | re.MULTILINE)

    configured = parse_configuration(yaml.safe_load(shown), "").breakers["rules"].resolved()

    assert configured == RULES
