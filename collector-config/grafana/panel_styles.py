"""The styles of panels: lines, bars, a share with a limit, a number."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="${prometheus}")

# Grafana uses it as the scrape interval, and makes `$__rate_interval` four times as long.
_EXPORT_INTERVAL: Final = "60s"


def query(expression: str, legend: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(expression).legend_format(legend).datasource(PROMETHEUS)
    return target.interval(_EXPORT_INTERVAL)


def series(title: str, expression: str, legend: str) -> timeseries.Panel:
    table = common.VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.BOTTOM)
    table = table.calcs(["lastNotNull", "max"]).show_legend(True)
    return timeseries.Panel().title(title).legend(table).min(0).with_target(query(expression, legend))


def bars(title: str, expression: str, legend: str) -> timeseries.Panel:
    return series(title, expression, legend).draw_style(GraphDrawStyle.BARS).fill_opacity(60)


def limited(title: str, expression: str, legend: str, limit: float) -> timeseries.Panel:
    """A share, with a dashed line at its limit."""
    line = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
    panel = series(title, expression, legend).unit("percentunit")
    return panel.thresholds(thresholds(limit)).thresholds_style(line)


def number(title: str, expression: str, legend: str) -> stat.Panel:
    panel = stat.Panel().title(title).text_mode(BigValueTextMode.VALUE_AND_NAME).color_mode(BigValueColorMode.VALUE)
    return panel.with_target(query(expression, legend).instant())


def thresholds(limit: float) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green"), Threshold(value=limit, color="red")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
