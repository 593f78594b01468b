"""`otel-breaker check`: reports everything that is wrong with a configuration file, without running the application.

Code is imported only with `--import`: the modules of the targets, and the functions that settings name. With `--start`
a child process imports the modules, as the application would.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_breaker import InvalidSettings, diagnostics
from otel_breaker.registry import REGISTRY
from otel_breaker_cli.application import add_current_folder, import_module
from otel_breaker_cli.command import Command, CommandFailed
from otel_breaker_cli.declarative import parse_any
from otel_breaker_cli.instrumented_process import run_report_program
from otel_breaker_cli.long_recoveries import find_long_recoveries
from otel_breaker_instrumentation.config import Configuration, validate_configuration
from otel_breaker_instrumentation.files import read_text
from otel_breaker_instrumentation.targets import TARGET_MANAGER, Status, report

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from otel_breaker_instrumentation.entries import Target


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="YAML, or JSON when its name ends in .json; OpenTelemetry's declarative configuration as well; with"
        " --start it may be left to the environment",
    )
    parser.add_argument(
        "--import",
        action="store_true",
        dest="imports",
        help="also import the modules that it names, from this folder too, and resolve every target and setting",
    )
    parser.add_argument(
        "--start",
        action="store_true",
        help="start a process as opentelemetry-instrument does, with the variables that are set here, import the"
        " modules of the targets, and report whether they are guarded there",
    )


def _run(arguments: Namespace) -> int:
    file: str | None = arguments.file
    problems: list[InvalidSettings] = []
    advice: list[str] = []
    success, is_declarative = f"{file}: nothing is wrong", False
    if file is not None:
        problems, advice, is_declarative = _validate(file, imports=arguments.imports)
    elif not arguments.start:
        raise CommandFailed("name a file")
    if arguments.start and not problems:
        problems, summary = run_report_program(file, is_declarative=is_declarative)
        success = f"started: {summary}"
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    for line in advice:
        sys.stdout.write(f"{line}\n")
    if not problems:
        sys.stdout.write(f"{success}\n")
    return 1 if problems else 0


def _validate(file: str, *, imports: bool) -> tuple[list[InvalidSettings], list[str], bool]:
    """The problems of a file, its warnings and notes, and whether it is OpenTelemetry's declarative configuration."""
    try:
        text = read_text(file)
    except InvalidSettings as error:
        raise CommandFailed(str(error)) from error
    try:
        content, path = parse_any(text, file)
    except InvalidSettings as error:
        return [error], [], False
    configuration, problems = validate_configuration(content, path)
    is_declarative = path != f"{file}: "
    if is_declarative and configuration.reload is not None:
        problems.append(InvalidSettings(f"{path}reload", "OpenTelemetry's file is not watched", "take it away"))
    if imports:
        problems += _unresolved(configuration)
    typos = (typo.without_used(REGISTRY.names()) for typo in configuration.suspected_typos)
    advice = [f"warning: {typo}" for typo in typos if typo is not None]
    if not problems:
        advice += [f"note: {note}" for note in find_long_recoveries(content, path, configuration)]
    return problems, advice, is_declarative


def _unresolved(configuration: Configuration) -> Iterator[InvalidSettings]:
    """Names that resolve to nothing or to nothing that can be guarded, and functions that are called unguarded."""
    add_current_folder()
    resolved = {}
    for name, settings in configuration.breakers.items():
        try:
            resolved[name] = settings.resolved()
        except InvalidSettings as error:
            yield error
    REGISTRY.configure(resolved)
    by_module: dict[str, list[Target]] = {}
    for target in configuration.targets:
        by_module.setdefault(target.pattern.module, []).append(target)
    with _guarded(configuration.targets):
        for name, targets in by_module.items():
            try:
                import_module(name)
            except CommandFailed as error:
                yield InvalidSettings(
                    f"{targets[0].path}.function", str(error), "is it the right folder, and installed?"
                )
        for line in report():
            if line.problem is not None and line.status is not Status.PENDING:  # its module is reported above
                problem = line.problem if line.bypassed_by else line.reason
                yield InvalidSettings(f"{line.path}.function", problem, line.remedy)


@contextmanager
def _guarded(targets: Sequence[Target]) -> Iterator[None]:
    """Guard the targets as an application does, before their modules are imported, and log nothing.

    The command prints what would be logged.
    """
    with diagnostics.silenced():
        try:
            TARGET_MANAGER.change(targets)
            yield
        finally:
            TARGET_MANAGER.change(())


COMMAND = Command(
    "Checks a configuration file without running the application. Each mistake is a line: path, problem, remedy. "
    "Exits with 1 when there is any. Warnings and notes are about what is allowed.",
    _add_arguments,
    _run,
)
