"""The wheel as its users get it, in clean environments: `python -m tests.wheel`, a part of `make check`.

What works in a checkout may be missing from the wheel, or lean on something that only a developer has installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import venv
import zipfile
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests import guarded_program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "otel_breaker": ROOT,
    "otel_breaker_cli": ROOT / "instrumentation",
    "otel_breaker_instrumentation": ROOT / "instrumentation",
    "otel_breaker_pytest": ROOT / "instrumentation",
}
SCHEMA = ROOT / "instrumentation" / "otel_breaker_cli" / "breakers.schema.json"
INJECTED = ROOT / "collector-config" / "kubernetes" / "Dockerfile"
QUIETLY = ("--quiet", "--disable-pip-version-check", "--no-compile")
RELEASES = ("opentelemetry-sdk", "opentelemetry-instrumentation", "opentelemetry-distro")
BETWEEN = ("1.38.0", "0.59b0", "0.59b0")
"""The first release whose loggers take events."""

ALONE = """
import contextlib
import importlib.metadata
import importlib.util
import io
import sys

import otel_breaker
from otel_breaker.__main__ import main

assert "site-packages" in otel_breaker.__file__, otel_breaker.__file__
assert importlib.metadata.version("otel-breaker") == otel_breaker.__version__
absent = ["yaml", "opentelemetry.sdk", "opentelemetry.instrumentation"]
if importlib.util.find_spec("deprecated") is None:  # older APIs need it, and it needs wrapt
    absent.append("wrapt")
for name in absent:
    assert name not in sys.modules and importlib.util.find_spec(name) is None, name

sys.argv[1:] = ["check", "breakers.yaml"]
with contextlib.redirect_stderr(io.StringIO()) as output:
    assert main() == 2
assert output.getvalue().endswith("pip install 'otel-breaker[auto]'\\n"), output.getvalue()

@otel_breaker.get_breaker("payments", failure_threshold=3)
def charge():
    raise OSError

for _ in range(4):
    try:
        charge()
    except Exception as error:
        print(type(error).__name__)
"""

TESTED = """
def test_time_stands_still(breaker_clock, fresh_breakers):
    from otel_breaker import CircuitBreaker

    breaker = CircuitBreaker("payments", failure_threshold=1, recovery_time=30)
    breaker.record_failure()
    breaker_clock.advance(30)
    assert breaker.call(int) == 0
"""


class StepFailed(Exception):
    """A step failed; the text is its output."""


def main() -> int:
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            wheel = step("build the wheel", lambda: build(folder / "dist"))
            step("look for everything in it", lambda: look_into(wheel))
            step("use it alone in a clean environment", lambda: use_alone(folder / "alone", str(wheel)))
            step("use it alone with the oldest API", lambda: use_alone(folder / "api", str(wheel), oldest_api()))
            for age, releases in (("oldest", oldest()), ("between", between()), ("newest", newest())):
                what = f"guard a program under {releases[0]}"
                step(what, partial(use_configured, wheel, folder / age, releases, events=age != "oldest"))
            step("test an application with pytest", lambda: use_in_tests(wheel, folder / "tested"))
            step("inject it as an operator does", lambda: use_injected(wheel, folder / "injected"))
        except StepFailed as failure:
            sys.stdout.write(f"failed\n{failure}\n")
            return 1
    return 0


def step(what: str, do: Callable[[], Path]) -> Path:
    sys.stdout.write(f"wheel: {what} ... ")
    sys.stdout.flush()
    started = time.monotonic()
    done = do()
    sys.stdout.write(f"{time.monotonic() - started:.1f} s\n")
    return done


def build(folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def look_into(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        file.relative_to(parent).as_posix()
        for package, parent in PACKAGES.items()
        for file in (parent / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    typed = {f"{package}/py.typed" for package in PACKAGES}
    expect(names & typed, typed)
    expect(names, expected)
    return wheel


def use_alone(folder: Path, *requirements: str) -> Path:
    python = environment(folder, *requirements)
    expect(run(python, "-c", ALONE, folder=folder).split(), guarded_program.OPENED)
    return folder


def use_configured(wheel: Path, folder: Path, releases: Sequence[str], *, events: bool) -> Path:
    """Let a configuration guard a program, and check all that the SDK of that release exports.

    Args:
        wheel: what is to be installed.
        folder: where.
        releases: of OpenTelemetry.
        events: whether state changes are log events; otherwise they are records of `logging`.
    """
    python = environment(folder, f"{wheel}[auto]", *releases)
    guarded_program.write(folder)
    use_command(python, folder)
    flags = ["--breaker_config_file", "breakers.yaml"]
    for signal in ("traces", "metrics", "logs"):
        flags += [f"--{signal}_exporter", "console"]
    printed = run(str(Path(python).with_name("opentelemetry-instrument")), *flags, python, "app.py", folder=folder)
    for seen, expected in guarded_program.observations(printed, events=events):
        expect(seen, expected)
    return folder


def use_command(python: str, folder: Path) -> None:
    """The commands that need the extra `auto` only."""
    command = str(Path(python).with_name("otel-breaker"))
    expect("usage: otel-breaker" in run(command, "--help", folder=folder), True)
    run(command, "--version", folder=folder)
    expect(run(command, "schema", folder=folder), SCHEMA.read_text("utf-8"))
    expect(run(command, "targets", "payments", folder=folder), "payments:charge  function\n")
    expect(run(command, "check", "--import", "breakers.yaml", folder=folder), "breakers.yaml: nothing is wrong\n")


def use_in_tests(wheel: Path, folder: Path) -> Path:
    """The fixtures load without a warning of pytest, though we are imported before it, as under instrumentation."""
    python = environment(folder, f"{wheel}[auto]", "pytest")
    (folder / "test_payments.py").write_text(TESTED)
    early = "import sys, otel_breaker, otel_breaker_instrumentation, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    for start in (["-m", "pytest"], ["-c", early]):
        output = run(python, *start, "-W", "error", "-p", "no:cacheprovider", "-q", "test_payments.py", folder=folder)
        expect(output.splitlines()[-1].partition(" in ")[0], "1 passed")
    return folder


def use_injected(wheel: Path, folder: Path) -> Path:
    """As the OpenTelemetry Operator for Kubernetes does: a folder of packages on the path of a Python without any."""
    venv.create(folder, symlinks=True)
    packages = folder / "packages"
    wanted = re.findall(r"opentelemetry-\S+==\S+", INJECTED.read_text())
    run(sys.executable, "-m", "pip", "install", *QUIETLY, "--target", str(packages), f"{wheel}[auto]", *wanted)
    guarded_program.write(folder)
    variables = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
    variables["OTEL_BREAKER_CONFIG_FILE"] = "breakers.yaml"
    variables["PYTHONPATH"] = f"{packages}/opentelemetry/instrumentation/auto_instrumentation{os.pathsep}{packages}"
    expect(
        run(str(folder / "bin" / "python"), "app.py", folder=folder, **variables).splitlines(), guarded_program.LOGGED
    )
    return folder


def newest() -> list[str]:
    """The releases of OpenTelemetry that the demo and the tests use."""
    pinned = dict(each.split("==") for each in project()["optional-dependencies"]["demo"] if "==" in each)
    return [f"{name}=={pinned.get(name, pinned['opentelemetry-distro'])}" for name in RELEASES]


def between() -> list[str]:
    return [f"{name}=={version}" for name, version in zip(RELEASES, BETWEEN, strict=True)]


def oldest_api() -> str:
    """The lowest versions that the wheel alone requires."""
    (api,) = project()["dependencies"]
    return str(api).replace(">=", "==")


def oldest() -> list[str]:
    """The lowest versions that the wheel requires to guard by configuration."""
    least = {name: version for name, _, version in map(at_least, project()["optional-dependencies"]["auto"])}
    instrumentation = least["opentelemetry-instrumentation"]
    sdk = oldest_api().replace("-api", "-sdk")
    # Those releases need `pkg_resources`, which later setuptools warn of and then lack.
    return [
        sdk,
        f"opentelemetry-instrumentation=={instrumentation}",
        f"opentelemetry-distro=={instrumentation}",
        f"wrapt=={least['wrapt']}.*",
        "setuptools<80",
    ]


def at_least(requirement: str) -> tuple[str, str, str]:
    """A requirement's name, `>=`, and the version."""
    return requirement.partition(",")[0].partition(">=")


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def environment(folder: Path, *requirements: str) -> str:
    """Make a clean environment with these packages only; returns its Python."""
    venv.create(folder, symlinks=True)
    python = str(folder / "bin" / "python")
    run(sys.executable, "-m", "pip", "--python", python, "install", *QUIETLY, *requirements)
    return python


def run(*command: str, folder: Path | None = None, **environment: str) -> str:
    """The output of a command, which must succeed without a warning."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))
    } | environment
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode or (folder and done.stderr):
        raise StepFailed(f"{' '.join(command)}\n{done.stdout[-2_000:]}{done.stderr}(status {done.returncode})")
    return done.stdout


def expect(seen: object, expected: object) -> None:
    if seen != expected:
        raise StepFailed(f"expected {expected}\nbut saw  {seen}")


if __name__ == "__main__":
    sys.exit(main())
