"""The panels: the query of each, and its style.

They query the exported metrics and not the series that the rules record, so the dashboard works without the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import panel_styles
import trace_links
from grafana_foundation_sdk.builders import common, stat, statetimeline, timeseries
from grafana_foundation_sdk.models.common import StackingMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult

if TYPE_CHECKING:
    from collections.abc import Callable

    Panel = stat.Panel | statetimeline.Panel | timeseries.Panel

_BREAKER: Final = 'job=~"$job", circuit_breaker_name=~"$breaker"'
_BY: Final = "job, circuit_breaker_name"
_LEGEND: Final = "{{job}} {{circuit_breaker_name}}"
_OPEN: Final = ', circuit_breaker_state=~"open|half_open|forced_open"'
_REFUSED: Final = ', circuit_breaker_call_outcome="rejected"'
_COLOURS: Final = {"success": "green", "failure": "red", "rejected": "orange", "ignored": "blue", "cancelled": "gray"}

# In ascending order of severity: of several circuits of a name, the one with the most severe state is shown.
_STATES: Final = {
    "closed": "green",
    "forced_closed": "blue",
    "half_open": "yellow",
    "open": "red",
    "forced_open": "purple",
}


def states() -> Panel:
    numbered = "\n  or ".join(
        f'{number} * (last_over_time(circuit_breaker_status{{{_BREAKER}, circuit_breaker_state="{state}"}}[150s]) > 0)'
        for number, state in enumerate(_STATES, start=1)
    )
    shown = {
        str(number): ValueMappingResult(text=state.replace("_", " "), color=colour)
        for number, (state, colour) in enumerate(_STATES.items(), start=1)
    }
    return (
        statetimeline.Panel()
        .mappings([ValueMap(options=shown)])
        .row_height(0.8)
        .title("State of each circuit")
        .description("By worker, as of each export; of several circuits of a name, the worst.")
        .with_target(
            panel_styles.query(
                f"max by (job, instance, circuit_breaker_name, circuit_breaker_mode) (\n  {numbered}\n)",
                "{{circuit_breaker_name}} {{job}} {{instance}} {{circuit_breaker_mode}}",
            )
        )
        .data_links(trace_links.links("What opened it", state_change__to="open"))
    )


def outcomes() -> Panel:
    rate = f"rate(circuit_breaker_calls_total{{{_BREAKER}}}[$__rate_interval])"
    query = f"sum by ({_BY}, circuit_breaker_call_outcome) ({rate})"
    panel = panel_styles.series("Calls by outcome", query, _LEGEND + " {{circuit_breaker_call_outcome}}").unit("reqps")
    panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
    for outcome, colour in _COLOURS.items():
        fixed = DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
        panel = panel.override_by_regexp(f".* {outcome}$", [fixed])
    return panel.data_links(trace_links.links("Refused calls", call__outcome="rejected"))


def refusals() -> Panel:
    rate = f"sum by ({_BY}) (rate(circuit_breaker_calls_total{{{_BREAKER}%s}}[$__rate_interval]))"
    query = f"{rate % _REFUSED}\n/ {rate % ''}"
    return (
        panel_styles.limited("Share of calls refused", query, _LEGEND, 0.05)
        .description("The line is the budget of the alert CircuitBreakerRefusalsOverBudget.")
        .data_links(trace_links.links("Refused calls", call__outcome="rejected"))
    )


def rejection_reasons() -> Panel:
    rate = f"rate(circuit_breaker_calls_total{{{_BREAKER}{_REFUSED}}}[$__rate_interval])"
    query = f"sum by ({_BY}, circuit_breaker_rejection_reason) ({rate})"
    return (
        panel_styles.series("Refusals by reason", query, _LEGEND + " {{circuit_breaker_rejection_reason}}")
        .unit("reqps")
        .description("A closed circuit refuses calls, too, where a limit of calls in flight is set.")
        .data_links(trace_links.links("Calls over the limit", rejection__reason="concurrency_limit"))
    )


def in_flight() -> Panel:
    total = f"sum by ({_BY}) (last_over_time(circuit_breaker_concurrency_%s{{{_BREAKER}}}[150s]))"
    return (
        panel_styles.series("Calls in flight and their limit", total % "in_flight", _LEGEND + " in flight")
        .with_target(panel_styles.query(total % "limit", _LEGEND + " limit"))
        .no_value("no breaker has a limit of calls in flight")
        .description(
            "Sums over the workers, as of each export; the alert CircuitBreakerConcurrencyLimited sees refusals."
        )
        .data_links(trace_links.links("Calls over the limit", rejection__reason="concurrency_limit"))
    )


def time_open() -> Panel:
    rate = f"sum by ({_BY}) (rate(circuit_breaker_state_time_seconds_total{{{_BREAKER}%s}}[$__rate_interval]))"
    return (
        panel_styles.series("Share of time open", f"{rate % _OPEN}\n/ {rate % ''}", _LEGEND)
        .unit("percentunit")
        .description("Over all circuits and workers. Sees what opened and closed between two exports, too.")
        .data_links(trace_links.links("What opened it", state_change__to="open"))
    )


def workers_open() -> Panel:
    live = f'last_over_time(circuit_breaker_status{{{_BREAKER}, circuit_breaker_mode="enforce"%s}}[150s])'
    circuits = f"sum by (instance, {_BY}) ({live})"
    query = f"sum by ({_BY}) ({circuits % _OPEN} > bool 0)\n/ count by ({_BY}) ({circuits % ''} > 0)"
    return (
        panel_styles.limited("Share of workers with an open circuit", query, _LEGEND, 0.5)
        .description("The line is that of the alert CircuitBreakerOpenInMostWorkers.")
        .data_links(trace_links.links("What opened it", state_change__to="open"))
    )


def recovery() -> Panel:
    probes = f"increase(circuit_breaker_probes_total{{{_BREAKER}}}[$__rate_interval])"
    query = f"sum by ({_BY}, circuit_breaker_probe_outcome) ({probes})"
    return (
        panel_styles.bars("Recovery attempts", query, _LEGEND + " {{circuit_breaker_probe_outcome}}")
        .description("Probes by how they ended.")
        .data_links(trace_links.links("Probes", state="half_open"))
    )


def trips() -> Panel:
    selector = f'{_BREAKER}, circuit_breaker_state_change_from="closed", circuit_breaker_state_change_to="open"'
    query = f"sum by ({_BY}) (increase(circuit_breaker_state_changes_total{{{selector}}}[$__rate_interval]))"
    return (
        panel_styles.bars("Trips", query, _LEGEND)
        .description("Recoveries that fail are no trips: they belong to the same outage.")
        .data_links(trace_links.links("What tripped it", state="closed", state_change__to="open"))
    )


def trip_ratio() -> Panel:
    query = f"max by ({_BY}) (circuit_breaker_trip_ratio{{{_BREAKER}}})"
    return (
        panel_styles.limited("Distance to tripping", query, _LEGEND, 1)
        .description("Of the nearest rule and the worst circuit, what is counted as a share of its threshold.")
        .data_links(trace_links.links("Failed calls", call__outcome="failure"))
    )


def shadow() -> Panel:
    admitted = f"increase(circuit_breaker_shadow_calls_total{{{_BREAKER}}}[$__range])"
    query = f"sum by ({_BY}, circuit_breaker_call_outcome) ({admitted}) > 0"
    return (
        panel_styles.number(
            "Verdict on shadow breakers", query, "{{circuit_breaker_name}} {{circuit_breaker_call_outcome}}"
        )
        .decimals(0)
        .no_value("no breaker in shadow mode would have refused a call")
        .description("Calls that would have been refused: failures would have been spared, successes lost.")
        .data_links(
            trace_links.links(
                "Calls that it would have refused in vain", shadow__rejected=True, call__outcome="success"
            )
        )
    )


def unguarded() -> Panel:
    query = (
        "max by (job, circuit_breaker_target_status) (\n"
        '  last_over_time(circuit_breaker_targets{job=~"$job", circuit_breaker_target_status!="guarded"}[150s])\n)'
    )
    return (
        panel_styles.number("Targets that are not guarded", query, "{{job}} {{circuit_breaker_target_status}}")
        .thresholds(panel_styles.thresholds(1))
        .no_value("no process reports its targets")
        .description("Pending ones wait for their module to be imported; missing and refused ones need a person.")
    )


ROWS: Final[dict[str, list[tuple[Callable[[], Panel], int]]]] = {
    "Now": [(states, 24), (workers_open, 12), (trip_ratio, 12)],
    "Calls": [(outcomes, 12), (refusals, 12)],
    "Limit of calls in flight": [(in_flight, 12), (rejection_reasons, 12)],
    "Outages": [(time_open, 8), (recovery, 8), (trips, 8)],
    "Configuration": [(shadow, 12), (unguarded, 12)],
}
"""Each panel with its width, of 24."""
