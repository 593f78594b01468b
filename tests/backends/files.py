"""Reads what was exported to files: by a run of the demo, and by the Collector."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from examples.checkout import results
from examples.checkout.run import Run
from otel_breaker_cli.otlp import DataPoint, Span, read

Kind = TypeVar("Kind")


def run_spans(run: Run) -> list[Span]:
    return list(records(run.folder / "traces.jsonl", Span))


def run_calls(run: Run) -> dict[str, int]:
    """The breaker's own counts when the run ended, by outcome."""
    return results.calls(records(run.folder / "metrics.jsonl", DataPoint))


def records(file: Path, kind: type[Kind]) -> Iterator[Kind]:
    """What the file has so far; it may not be there yet."""
    files = [file] if file.exists() else []
    # A line that is being written is left out; who counts too few asks again.
    return (record for record in read(files, on_skip=lambda _: None) if isinstance(record, kind))
