"""The demo: two runs, one after the other, then the report. Start it with `python -m examples.checkout`."""

import argparse
import io
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from examples.checkout import configuration, picture, report, results
from examples.checkout.processes import DemoFailed, Interrupted, interruptible
from examples.checkout.run import ASYNC_SHOP, SHOP, WITH, WITHOUT, Run, run
from examples.checkout.schedule import Phase, Schedule
from otel_breaker_cli.incident.collect import collect
from otel_breaker_cli.incident.page import page as incident_page
from otel_breaker_cli.otlp import DataPoint, SkippedPart, Span, TelemetryRecord, read


def main() -> int:
    arguments = _arguments()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal has arrows
    console = Console(highlight=False)
    interruptible()
    try:
        schedule = Schedule(arguments.healthy, arguments.down, arguments.recovered)
        demo(console, arguments.output.resolve(), schedule, arguments.shop)
    except DemoFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    except Interrupted as interrupt:
        console.print("Interrupted: the shop and its provider are ended.")
        return interrupt.exit_status
    return 0


def demo(console: Console, output: Path, schedule: Schedule, shop: str) -> None:
    console.print("A shop, its payment provider and an outage: twice under the same load.")
    console.print(f"  opentelemetry-instrument python -m {shop}", style="bold")
    console.print("  All that names a breaker is its configuration, examples/checkout/breakers.yaml")
    collector = _collector(console)
    with _progress(console, WITHOUT, schedule) as tick:
        without = run(output / WITHOUT, schedule, shop=shop, breaker=False, collector=collector, tick=tick)
    with _progress(console, WITH, schedule) as tick:
        with_breaker = run(output / WITH, schedule, shop=shop, breaker=True, collector=collector, tick=tick)
    print_report(console, output, without, with_breaker, collector)


def print_report(console: Console, output: Path, without: Run, with_breaker: Run, collector: str | None) -> None:
    records = _records(with_breaker)
    spans = [record for record in records if isinstance(record, Span)]
    changes, refusal = results.state_changes(spans), results.refusal(spans)
    calls = results.calls(record for record in records if isinstance(record, DataPoint))
    problem = results.missing(changes, refusal, calls)
    if problem or refusal is None:
        raise DemoFailed(f"{problem}. The shop's output is in {with_breaker.folder / 'shop.log'}")
    incident = collect(records)
    page = output / "incident.html"
    page.write_text(incident_page(incident), encoding="utf-8")
    drawing = output / picture.NAME
    drawing.write_text(picture.draw(refusal), encoding="utf-8")
    report.section(console, "The circuit", report.timeline(with_breaker, changes))
    impact = report.comparison(results.impact(without), results.impact(with_breaker))
    report.section(console, "What the outage did", impact)
    report.section(console, "One refused checkout, and why", report.refused_trace(refusal))
    report.section(console, "The same two traces as a picture", report.picture(drawing))
    report.section(console, "All calls, from the metric circuit_breaker.calls", report.calls(calls))
    report.section(console, "The files (OTLP in JSON lines, and logs)", report.files(without, with_breaker))
    report.section(
        console, "What a person on call asks, answered from those files", report.oncall_answers(incident, page)
    )
    report.section(console, "Where to go from here", report.next_steps(collector))


def _records(run: Run) -> list[TelemetryRecord]:
    """All records that a run exported."""

    def fail(part: SkippedPart) -> None:
        raise DemoFailed(f"The shop wrote a line that is no OTLP. {part}")

    files = [run.folder / f"{signal}.jsonl" for signal in ("traces", "logs", "metrics")]
    try:
        return list(read(files, on_skip=fail))
    except FileNotFoundError as error:
        raise DemoFailed(f"The shop wrote no {error.filename}. Why is in {run.folder / 'shop.log'}") from error


def _collector(console: Console) -> str | None:
    url = configuration.collector()
    if url and not configuration.answers(url):
        console.print(f"Nothing answers at {url} ({configuration.ENDPOINT}), so the runs go to files only.")
        return None
    return url


@contextmanager
def _progress(console: Console, name: str, schedule: Schedule) -> Iterator[Callable[[float], None]]:
    """Yields the function to call with the elapsed seconds; without a terminal, each phase is a line."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:2.0f} of {task.total:.0f} s, {task.fields[phase]}"),
    )
    announced: set[Phase] = set()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{name:16}", total=schedule.total, phase="starting")

        def tick(elapsed: float) -> None:
            phase = schedule.phase(elapsed)
            progress.update(task, completed=elapsed, phase=f"the provider is {phase.value}")
            if phase not in announced and not console.is_terminal:
                console.print(f"{name:16} {elapsed:4.0f} s  the provider is {phase.value}")
            announced.add(phase)

        yield tick
        progress.update(task, phase="done")


def _arguments() -> argparse.Namespace:
    schedule = Schedule()
    parser = argparse.ArgumentParser(prog="python -m examples.checkout", description=__doc__)
    for phase in ("healthy", "down", "recovered"):
        default = getattr(schedule, phase)
        parser.add_argument(f"--{phase}", type=duration, default=default, help=f"seconds (default {default})")
    parser.add_argument(
        "--async", dest="shop", action="store_const", const=ASYNC_SHOP, default=SHOP, help="run the async shop"
    )
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where the files go")
    return parser.parse_args()


def duration(text: str) -> float:
    if not math.isfinite(seconds := float(text)) or seconds < 1:
        raise argparse.ArgumentTypeError("a second or more")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
