"""How every subcommand is found, and how every one of them fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from otel_breaker import __version__
from otel_breaker_cli import main as main_module
from otel_breaker_cli.command import Command, CommandFailed
from otel_breaker_cli.main import main

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    Install: TypeAlias = Callable[[Callable[[Namespace], int]], None]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Install:
    def install(run: Callable[[Namespace], int]) -> None:
        def add_arguments(parser: ArgumentParser) -> None:
            parser.add_argument("word")

        monkeypatch.setattr(main_module, "COMMANDS", {"say": "say a word"})
        monkeypatch.setattr(main_module, "_load", {"say": Command("Says a word.", add_arguments, run)}.__getitem__)

    return install


def test_a_command_gets_its_own_arguments_and_its_result_is_the_exit_status(command: Install) -> None:
    command(lambda arguments: len(arguments.word))

    assert main(["say", "abc"]) == 3


def test_a_command_that_cannot_run_exits_with_2_and_one_line(
    command: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: Namespace) -> int:
        raise CommandFailed(f"there is no {arguments.word}")

    command(run)

    assert main(["say", "file"]) == 2
    assert capsys.readouterr().err == "otel-breaker: there is no file\n"


def test_an_interrupt_exits_as_the_shell_expects(command: Install) -> None:
    def run(arguments: Namespace) -> int:
        raise KeyboardInterrupt

    command(run)

    assert main(["say", "x"]) == 130


def test_an_unknown_command_is_refused_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["no-such-command"])

    assert exit_.value.code == 2
    assert "no-such-command" in capsys.readouterr().err


@pytest.mark.processes
def test_the_installed_script_prints_its_version() -> None:
    script = Path(sys.executable).with_name("otel-breaker")

    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == f"otel-breaker {__version__}\n"


@pytest.mark.parametrize("name", main_module.COMMANDS)
def test_every_command_has_its_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([name, "--help"])

    assert exit_.value.code == 0
    assert f"usage: otel-breaker {name}" in capsys.readouterr().out


@pytest.mark.processes
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["schema"], ["targets", "json"], ["check", "b.json"]])
def test_libraries_that_show_telemetry_are_needed_by_no_other_command(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "b.json").write_text("{}")
    without = "import sys; sys.modules.update(rich=None, jinja2=None)"
    program = f"{without}; from otel_breaker.__main__ import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
