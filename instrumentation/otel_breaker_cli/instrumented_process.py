"""The part of `otel-breaker check --start` that starts: a child process, as `opentelemetry-instrument` would start it.

What is configured may never come into force: an exporter that cannot be loaded keeps OpenTelemetry from loading any
instrumentor, ours included, and the application runs on. So the child says what is guarded where it is.
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

_PATIENCE: Final = 120.0
_LIKE: Final = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
_PROGRAM: Final = "otel_breaker_cli.report_program"
_AN_ERROR: Final = re.compile(r"[\w.]*(?:Error|Exception|Exit)\b.*")


def start(file: str | None, *, is_declared: bool) -> tuple[list[InvalidSettings], str]:
    """Start a process as the application is started, and ask it what is guarded.

    Args:
        file: the configuration; None for what the environment names.
        is_declared: whether that is OpenTelemetry's declarative configuration.

    Returns:
        What is wrong, and one line on all targets.

    Raises:
        CommandFailed: when the process does not answer.
    """
    environment = dict(os.environ)
    if file is not None:
        environment["OTEL_CONFIG_FILE" if is_declared else OTEL_BREAKER_CONFIG_FILE] = str(Path(file).absolute())
    with TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        # The command's own arguments are those of `opentelemetry-instrument`.
        command = [sys.executable, "-c", _LIKE, sys.executable, "-m", _PROGRAM, str(answer)]
        try:
            done = subprocess.run(  # noqa: S603  # this very Python
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"the process that was started did not answer within {_PATIENCE:g} s") from error
        if not answer.exists():
            raise CommandFailed(f"the process that was started has ended: {_reason(done.stderr)}")
        said: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    return list(_problems(said, done.stderr)), str(said["summary"])


def _problems(said: Mapping[str, Any], stderr: str) -> Iterator[InvalidSettings]:
    if not said["is_loaded"]:
        problem = "OpenTelemetry has not loaded the instrumentor, so nothing is guarded"
        yield InvalidSettings("opentelemetry-instrument", problem, _reason(stderr))
    elif not said["count"]:
        problem = "nothing is guarded: no configuration is in force"
        yield InvalidSettings("opentelemetry-instrument", problem, _last_line(stderr) or "name targets")
    for line in said["lines"]:
        yield InvalidSettings(line["path"], line["problem"], line["remedy"])


def _reason(stderr: str) -> str:
    """What has stopped it: the last exception that it told of; a line, as all that is shown of a process."""
    errors = [line for line in stderr.splitlines() if _AN_ERROR.match(line)]
    return printable(errors[-1])[:LONGEST] if errors else _last_line(stderr) or "it says nothing"


def _last_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    return printable(lines[-1])[:LONGEST] if lines else ""
