"""Starts a process as `opentelemetry-instrument` does, and reads its report of the guarded targets: `check --start`.

A valid configuration may still have no effect: when an exporter cannot be loaded, OpenTelemetry loads no instrumentor,
ours included, and the application runs without guards. Only a process that is started so can report that.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import InvalidSettings
from otel_breaker.text import LONGEST, printable
from otel_breaker_cli.command import CommandFailed
from otel_breaker_instrumentation.environment_variables import OTEL_BREAKER_CONFIG_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT: Final = 120.0
"""Seconds."""
_INSTRUMENT: Final = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
_PROGRAM: Final = "otel_breaker_cli.report_program"
_ERROR_LINE: Final = re.compile(r"[\w.]*(?:Error|Exception|Exit)\b.*")


def run_report_program(file: str | None, *, is_declarative: bool) -> tuple[list[InvalidSettings], str]:
    """Run the report program in the application's place.

    Args:
        file: the configuration; None for the one that the environment names.
        is_declarative: whether the file is OpenTelemetry's declarative configuration.

    Returns:
        The problems, and a line that sums up all targets.

    Raises:
        CommandFailed: when the process writes no report.
    """
    environment = dict(os.environ)
    if file is not None:
        environment["OTEL_CONFIG_FILE" if is_declarative else OTEL_BREAKER_CONFIG_FILE] = str(Path(file).absolute())
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        # After the program come the arguments that `opentelemetry-instrument` takes.
        command = [sys.executable, "-c", _INSTRUMENT, sys.executable, "-m", _PROGRAM, str(report)]
        try:
            process = subprocess.run(  # noqa: S603  # runs this Python
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"the process that was started did not answer within {_TIMEOUT:g} s") from error
        if not report.exists():
            raise CommandFailed(f"the process that was started has ended: {_reason(process.stderr)}")
        content: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return list(_problems(content, process.stderr)), str(content["summary"])


def _problems(report: Mapping[str, Any], stderr: str) -> Iterator[InvalidSettings]:
    if not report["is_loaded"]:
        problem = "OpenTelemetry has not loaded the instrumentor, so nothing is guarded"
        yield InvalidSettings("opentelemetry-instrument", problem, _reason(stderr))
    elif not report["count"]:
        problem = "nothing is guarded: no configuration is in force"
        yield InvalidSettings("opentelemetry-instrument", problem, _last_line(stderr) or "name targets")
    for problem in report["problems"]:
        yield InvalidSettings(problem["path"], problem["problem"], problem["remedy"])


def _reason(stderr: str) -> str:
    """The line of the last exception that the process printed, or else its last line."""
    errors = [line for line in stderr.splitlines() if _ERROR_LINE.match(line)]
    return printable(errors[-1])[:LONGEST] if errors else _last_line(stderr) or "it printed nothing"


def _last_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    return printable(lines[-1])[:LONGEST] if lines else ""
