"""The demo with real back ends, which run until Ctrl-C for exploration: `make demo BACKENDS=1`."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from rich.console import Console

from examples.checkout.__main__ import demo
from examples.checkout.configuration import ENDPOINT
from examples.checkout.processes import DemoFailed, Interrupted, interruptible
from examples.checkout.run import SHOP
from examples.checkout.schedule import Schedule
from tests.backends.configurations import GATEWAY
from tests.backends.servers import BackEnds, Collector, back_ends

OPENED = "circuit_breaker.state_change.to"


def main() -> int:
    console = Console(highlight=False)
    interruptible()
    try:
        with tempfile.TemporaryDirectory(prefix="otel-breaker-") as name:
            folder = Path(name)
            with back_ends(folder) as ends:
                collector = Collector("gateway", folder, [GATEWAY], ends)
                with collector.running():
                    os.environ[ENDPOINT] = collector.url
                    demo(console, Path("demo-output").resolve(), Schedule(), SHOP)
                    _print_urls(console, ends, collector)
                    signal.pause()
    except DemoFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    except Interrupted:
        console.print("The back ends are ended, and their data is removed.")
    return 0


def _print_urls(console: Console, ends: BackEnds, collector: Collector) -> None:
    trips = quote(json.dumps({OPENED: "open"}))
    traceql = quote(f'{{ span.{OPENED} = "open" }}')
    calls = quote("sum by (circuit_breaker_call_outcome) (circuit_breaker_calls_total)")
    console.print("\nThe back ends run until Ctrl-C. Queries: docs/oncall.md", style="bold")
    for title, url in (
        ("Prometheus", f"{ends.prometheus.url}/api/v1/query?query={calls}"),
        ("Jaeger", f"{ends.jaeger.url}/api/traces?service=shop&lookback=1h&tags={trips}"),
        ("Tempo", f"{ends.tempo.url}/api/search?q={traceql}"),
        ("OTLP", f"{collector.url} for applications of your own"),
        ("Log events", str(collector.events)),
    ):
        console.print(f"  {title:12}{url}", soft_wrap=True)
    console.print("Built from their modules, they have APIs but no pages of their own; Grafana can be pointed at each.")
    console.print("Alert rules are scaled to a second per minute, since the demo's outage lasts seconds.")


if __name__ == "__main__":
    sys.exit(main())
