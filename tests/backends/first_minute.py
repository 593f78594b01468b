"""Runs the README's first minute literally, against each file that accepts OTLP, over gRPC and over HTTP.

The README's commands install and start it in a clean environment; `SHOP` is the application that it mentions.
"""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.checkout import configuration
from examples.checkout.processes import DemoFailed
from tests.backends import queries
from tests.backends.check_results import CheckResult
from tests.backends.configurations import GATEWAY, OVERLAYS
from tests.backends.demo import TIMEOUT
from tests.backends.queries import eventually
from tests.backends.servers import SETTINGS, BackEnds, Collector
from tests.wheel import build, environment

README = Path(__file__).parents[2] / "README.md"
REQUIREMENT = "otel-breaker[auto]"
PROTOCOLS = ("grpc", "http/protobuf")
MAX_SECONDS = 10.0
"""For the whole program; one whose exporter retries takes longer."""
OPENED = {"circuit_breaker.state_change.to": "open"}
SHOP = {
    "__init__": "",
    "payments": "class PaymentClient:\n    def charge(self):\n        raise ConnectionError\n",
    "__main__": """\
from shop.payments import PaymentClient

for _ in range(8):
    try:
        PaymentClient().charge()
    except Exception as error:
        print(type(error).__name__)
""",
}
EXPECTED_OUTPUT = ["ConnectionError"] * 5 + ["CircuitOpenError"] * 3


@dataclass(frozen=True)
class FirstMinute:
    """The README's commands and file: the install command, the configuration, the start command."""

    install: str
    breakers: str
    start: str


def first_minute(readme: str) -> FirstMinute:
    section = readme.partition("\n## In 60 seconds\n")[2].partition("\n## ")[0]
    install, start = re.findall(r"^```console\n(.+)\n```", section, re.MULTILINE)[:2]
    (breakers,) = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[:1]
    return FirstMinute(install, breakers, start)


@dataclass(frozen=True)
class Installation:
    """An environment after the README's install command, and a folder with the application and its configuration."""

    folder: Path
    start_command: str

    @classmethod
    def install(cls, folder: Path) -> "Installation":
        commands = first_minute(README.read_text(encoding="utf-8"))
        wheel = build(folder / "wheel")
        pip, verb, *packages = shlex.split(commands.install)
        if (pip, verb) != ("pip", "install") or REQUIREMENT not in packages:
            raise DemoFailed(f"The README does not install {REQUIREMENT}: {commands.install}")
        environment(folder, *(f"{wheel}[auto]" if package == REQUIREMENT else package for package in packages))
        (folder / "shop").mkdir()
        for name, source in SHOP.items():
            (folder / "shop" / f"{name}.py").write_text(source)
        (folder / "breakers.yaml").write_text(commands.breakers)
        return cls(folder, commands.start)

    def run(self, service: str, protocol: str, endpoint: str, more: dict[str, str]) -> tuple[list[str], float]:
        """Run the application; returns its output, and the seconds that it takes."""
        variables = {"OTEL_SERVICE_NAME": service, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more}
        if protocol != PROTOCOLS[0]:  # the first is the distro's default
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        started = time.monotonic()
        done = subprocess.run(
            self.start_command,
            shell=True,
            cwd=self.folder,
            env=configuration.clean_environment() | variables | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return [*done.stdout.splitlines(), *done.stderr.splitlines()], time.monotonic() - started


def checks(folder: Path, ends: BackEnds) -> Iterator[CheckResult]:
    installation = Installation.install(folder / "installation")
    for files in ([SETTINGS / "minimal.yaml"], [GATEWAY], *([GATEWAY, overlay] for overlay in OVERLAYS)):
        name = files[-1].stem
        collector = Collector(f"installation-{name}", folder, files, ends)
        with collector.running():
            for protocol, endpoint in zip(PROTOCOLS, (collector.grpc, collector.url), strict=True):
                service = _service(name, protocol)
                arrived = _printed(collector, service) if name == "minimal" else _in_back_ends(collector, ends, service)
                yield _first_minute(installation, f"{name}.yaml", service, protocol, endpoint, arrived)
    for file, server in (("jaeger.yaml", ends.jaeger), ("tempo.yaml", ends.tempo)):
        for protocol, address in zip(PROTOCOLS, (server.otlp, server.otlp_http), strict=True):
            service = _service(file.partition(".")[0], protocol)
            traces = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}  # they accept nothing else
            arrived = {"traces": _traces(ends, file, service)}
            yield _first_minute(installation, file, service, protocol, f"http://{address}", arrived, traces)


def _service(name: str, protocol: str) -> str:
    return f"{name}-{protocol.partition('/')[0]}"


def _first_minute(
    installation: Installation,
    file: str,
    service: str,
    protocol: str,
    endpoint: str,
    arrived: dict[str, Callable[[], int]],
    more: dict[str, str] | None = None,
) -> CheckResult:
    output, seconds = installation.run(service, protocol, endpoint, more or {})
    found = {signal: eventually(look, bool, TIMEOUT) for signal, look in arrived.items()}
    answer = f"{', '.join(f'{signal} {count}' for signal, count in found.items())}; the program took {seconds:.1f} s"
    holds = output == EXPECTED_OUTPUT and all(found.values()) and seconds < MAX_SECONDS
    if output != EXPECTED_OUTPUT:
        answer += f", and printed {output}"
    return CheckResult(
        f"The README's first minute arrives through {file}, {protocol}",
        "otelcol",
        installation.start_command,
        answer,
        holds,
    )


def _printed(collector: Collector, service: str) -> dict[str, Callable[[], int]]:
    """The counts of signals in the Collector's output, of the parts that have the service's name."""

    def count(text: str) -> Callable[[], int]:
        return lambda: sum(
            part.count(text)
            for part in re.split(r"(?=Resource(?:Span|Metric|Log)s? #)", collector.log.read_text(errors="replace"))
            if f"service.name: Str({service})" in part
        )

    return {
        "traces": count("circuit_breaker payments"),
        "metrics": count("Name: circuit_breaker.calls"),
        "logs": count("EventName: circuit_breaker.state_change"),
    }


def _in_back_ends(collector: Collector, ends: BackEnds, service: str) -> dict[str, Callable[[], int]]:
    calls = f'circuit_breaker_calls_total{{job="{service}"}} > 0'
    return {
        "traces": _traces(ends, "jaeger.yaml", service),
        "metrics": lambda: len(queries.prometheus(ends.prometheus.url, calls)),
        "logs": lambda: collector.events.exists() and collector.events.read_text().count(f'"{service}"'),
    }


def _traces(ends: BackEnds, file: str, service: str) -> Callable[[], int]:
    if file == "jaeger.yaml":
        return lambda: len(queries.jaeger(ends.jaeger.url, service, OPENED))
    query = f'{{ resource.service.name = "{service}" && span.circuit_breaker.state_change.to = "open" }}'
    return lambda: len(queries.tempo(ends.tempo.url, query))
