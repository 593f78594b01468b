"""How every subcommand is found and how all of them fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from otel_breaker import __version__
from otel_breaker_instrumentation.cli import main as main_module
from otel_breaker_instrumentation.cli.command import Command, CommandFailed
from otel_breaker_instrumentation.cli.main import main

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    Be: TypeAlias = Callable[[Callable[[Namespace], int]], None]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Be:
    def be(run: Callable[[Namespace], int]) -> None:
        def add_arguments(parser: ArgumentParser) -> None:
            parser.add_argument("word")

        known = (Command("say", "say a word", "Says a word.", add_arguments, run),)
        monkeypatch.setattr(main_module, "_commands", lambda: known)

    return be


def test_a_command_gets_its_own_arguments_and_its_result_is_the_exit_status(command: Be) -> None:
    command(lambda arguments: len(arguments.word))

    assert main(["say", "abc"]) == 3


def test_a_command_that_cannot_look_exits_with_2_and_one_line(command: Be, capsys: pytest.CaptureFixture[str]) -> None:
    def run(arguments: Namespace) -> int:
        raise CommandFailed(f"there is no {arguments.word}")

    command(run)

    assert main(["say", "file"]) == 2
    assert capsys.readouterr().err == "otel-breaker: there is no file\n"


def test_an_interrupt_exits_as_the_shell_expects(command: Be) -> None:
    def run(arguments: Namespace) -> int:
        raise KeyboardInterrupt

    command(run)

    assert main(["say", "x"]) == 130


def test_an_unknown_command_is_refused_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["no-such-command"])

    assert exit_.value.code == 2
    assert "no-such-command" in capsys.readouterr().err


def test_the_installed_script_says_its_version() -> None:
    script = Path(sys.executable).with_name("otel-breaker")

    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == f"otel-breaker {__version__}\n"
