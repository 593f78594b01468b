"""Builds the programs from their Go modules: `python -m tests.backends.build`, or `make backends`.

Programs that are already built are kept. With `--check` nothing is built, and the exit status is 1 if a program is
missing. Nothing here starts a program.
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
from tests.backends.programs import COLLECTOR, FOLDER_VARIABLE, PROGRAMS, Module, Program, binary, missing

ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOWORK": "off",  # Prometheus names a workspace of folders that its module does not hold
    "GONOSUMDB": "github.com/grafana/tempo",  # programs.py has our own hash instead
}


class BuildFailed(Exception):
    """A program cannot be built; the text is for the user."""


def main() -> int:
    console = Console(highlight=False)
    if "--check" in sys.argv:
        absent = [program.name for program in missing()]
        console.print(f"Not built: {' '.join(absent)}" if absent else "All programs are built.")
        return 1 if absent else 0
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
    programs = missing()
    if not programs:
        return
    names = " ".join(program.name for program in programs)
    if folder := os.environ.get(FOLDER_VARIABLE):
        raise BuildFailed(
            f"{FOLDER_VARIABLE}={folder} lacks {names}. Put executables of these names there, or unset it."
        )
    if not shutil.which("go"):
        raise BuildFailed(
            f"Neither Go nor binaries. Install Go, or name a folder that holds {names} in {FOLDER_VARIABLE}."
        )
    console.print(f"Building {names}. All together take a quarter of an hour on two cores, once.")
    for program in programs:
        _build(console, program)


def _build(console: Console, program: Program) -> None:
    started = time.monotonic()
    target = binary(program)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when finished, so that an interrupted build leaves no incomplete program.
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unfinished = Path(folder) / program.name
        flags = ["-mod=readonly", f"-tags={program.tags}"]
        with console.status(f"{program.name}: fetching its modules"):
            source = _source(program.module) if program.module else COLLECTOR
            packages = _go(source, "list", "-deps", *flags, program.package).splitlines()
        command = ["build", "-v", "-trimpath", "-ldflags=-s -w", *flags, "-o", str(unfinished), program.package]
        _run_with_progress(console, program, source, command, len(packages))
        unfinished.replace(target)
    console.print(f"  {program.name:12}built in {time.monotonic() - started:.0f} s")


def _source(module: Module) -> Path:
    """The module's folder, read-only, so that its own go.mod, go.sum and replacements apply."""
    download = json.loads(_go(Path.cwd(), "mod", "download", "-json", f"{module.path}@{module.version}"))
    if download["Sum"] != module.sum:
        raise BuildFailed(f"{module.path}@{module.version} is not what was pinned: {download['Sum']}, not {module.sum}")
    return Path(download["Dir"])


def _go(folder: Path, *arguments: str) -> str:
    process = subprocess.run(
        ["go", *arguments], cwd=folder, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise BuildFailed(f"go {' '.join(arguments)}: {process.stderr or process.stdout}")
    return process.stdout


def _run_with_progress(console: Console, program: Program, source: Path, command: list[str], packages: int) -> None:
    """Run a build. `go build -v` prints each compiled package as a line of one word; other lines describe a failure."""
    columns = (TextColumn(f"  {program.name:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    messages: list[str] = []
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
                    messages.append(line)
                else:
                    progress.advance(task)
        except Interrupted:
            process.terminate()
            raise
    if process.returncode:
        raise BuildFailed(f"{program.name} was not built:\n{''.join(messages)}")


if __name__ == "__main__":
    sys.exit(main())
