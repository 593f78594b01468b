"""Reads exported files: of a run of the demo, and of the Collector."""

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
    """The breaker's own counts at the end of the run, by outcome."""
    return results.calls(records(run.folder / "metrics.jsonl", DataPoint))


def records(file: Path, kind: type[Kind]) -> Iterator[Kind]:
    """The records in a file so far; none while the file is absent."""
    files = [file] if file.exists() else []
    # An incomplete line is skipped; a caller that counts too few records reads again.
    return (record for record in read(files, on_skip=lambda _: None) if isinstance(record, kind))
