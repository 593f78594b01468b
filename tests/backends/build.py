"""Builds the programs from their Go modules: `python -m tests.backends.build`, or `make backends`.

What is already built is kept. With `--check` it builds nothing, and exits 1 if any is not there. Nothing here starts
a program.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from examples.checkout.processes import Interrupted, interruptible
from tests.backends.programs import COLLECTOR, HERE, PROGRAMS, Module, Program, binary, missing

ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOWORK": "off",  # Prometheus names a workspace of folders that its module does not hold
    "GONOSUMDB": "github.com/grafana/tempo",  # see programs.py: our own hash stands in
}


class BuildFailed(Exception):
    """The text is for the person who started it."""


def main() -> int:
    console = Console(highlight=False)
    if "--check" in sys.argv:
        lacking = [program.name for program in missing()]
        console.print(f"Not built: {' '.join(lacking)}" if lacking else "All programs are built.")
        return 1 if lacking else 0
    interruptible()
    try:
        _build_missing(console)
    except Interrupted as interrupt:
        console.print("Interrupted: what is built so far is kept.")
        return interrupt.exit_status
    except BuildFailed as failure:
        console.print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1
    for program in PROGRAMS:
        console.print(f"  {program.name:12}{binary(program)}", soft_wrap=True)
    return 0


def _build_missing(console: Console) -> None:
    wanted = missing()
    if not wanted:
        return
    names = " ".join(program.name for program in wanted)
    if folder := os.environ.get(HERE):
        raise BuildFailed(f"{HERE}={folder} lacks {names}. Put executables of these names there, or unset it.")
    if not shutil.which("go"):
        raise BuildFailed(f"Neither Go nor binaries. Install Go, or name a folder that holds {names} in {HERE}.")
    console.print(f"Building {names}. All together take a quarter of an hour on two cores, once.")
    for program in wanted:
        _build(console, program)


def _build(console: Console, program: Program) -> None:
    started = time.monotonic()
    target = binary(program)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Moved into place when finished: a build that was interrupted leaves nothing that looks like a program.
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unfinished = Path(folder) / program.name
        flags = ["-mod=readonly", f"-tags={program.tags}"]
        with console.status(f"{program.name}: fetching its modules"):
            source = _source(program.module) if program.module else COLLECTOR
            packages = _go(source, "list", "-deps", *flags, program.package).splitlines()
        command = ["build", "-v", "-trimpath", "-ldflags=-s -w", *flags, "-o", str(unfinished), program.package]
        _watch(console, program, source, command, len(packages))
        unfinished.replace(target)
    console.print(f"  {program.name:12}built in {time.monotonic() - started:.0f} s")


def _source(module: Module) -> Path:
    """The module's folder, which stays read-only: its own go.mod, go.sum and replacements hold."""
    answer = json.loads(_go(Path.cwd(), "mod", "download", "-json", f"{module.path}@{module.version}"))
    if answer["Sum"] != module.sum:
        raise BuildFailed(f"{module.path}@{module.version} is not what was pinned: {answer['Sum']}, not {module.sum}")
    return Path(answer["Dir"])


def _go(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["go", *arguments], cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise BuildFailed(f"go {' '.join(arguments)}: {answer.stderr or answer.stdout}")
    return answer.stdout


def _watch(console: Console, program: Program, source: Path, command: list[str], packages: int) -> None:
    """Run it; `go build -v` says each compiled package in a line of one word. What else it says is for a failure."""
    columns = (TextColumn(f"  {program.name:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    said: list[str] = []
    with (
        Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress,
        subprocess.Popen(
            ["go", *command],
            cwd=source,
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        task = progress.add_task(program.name, total=packages)
        try:
            for line in process.stderr or ():
                if " " in line:
                    said.append(line)
                else:
                    progress.advance(task)
        except Interrupted:
            process.terminate()
            raise
    if process.returncode:
        raise BuildFailed(f"{program.name} was not built:\n{''.join(said)}")


if __name__ == "__main__":
    sys.exit(main())
