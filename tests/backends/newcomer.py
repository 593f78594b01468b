"""The README's first minute, word for word, against each file that takes OTLP, over gRPC and over HTTP.

Its own lines install and start it in an environment that has nothing else; `shop` is the application that it speaks of.
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
from tests.backends import ask
from tests.backends.answers import Answer
from tests.backends.ask import eventually
from tests.backends.configurations import GATEWAY, OVERLAYS
from tests.backends.demo import SOON
from tests.backends.servers import SETTINGS, BackEnds, Collector
from tests.wheel import build, environment

README = Path(__file__).parents[2] / "README.md"
OURS = "otel-breaker[auto]"
PROTOCOLS = ("grpc", "http/protobuf")
QUICKLY = 10.0
"""Seconds for the whole program: one whose exporter finds nobody who understands it takes longer."""
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
SAID = ["ConnectionError"] * 5 + ["CircuitOpenError"] * 3


@dataclass(frozen=True)
class Minute:
    """What the README says: the line that installs, the file that names what to guard, the line that starts."""

    install: str
    breakers: str
    start: str


def minute(readme: str) -> Minute:
    section = readme.partition("\n## In 60 seconds\n")[2].partition("\n## ")[0]
    install, start = re.findall(r"^```console\n(.+)\n```", section, re.MULTILINE)[:2]
    (breakers,) = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[:1]
    return Minute(install, breakers, start)


@dataclass(frozen=True)
class Newcomer:
    """An environment after the README's install line, and a folder with the application and its configuration."""

    folder: Path
    start: str

    @classmethod
    def installs(cls, folder: Path) -> "Newcomer":
        told = minute(README.read_text(encoding="utf-8"))
        wheel = build(folder / "wheel")
        pip, verb, *packages = shlex.split(told.install)
        if (pip, verb) != ("pip", "install") or OURS not in packages:
            raise DemoFailed(f"The README does not install {OURS}: {told.install}")
        environment(folder, *(f"{wheel}[auto]" if package == OURS else package for package in packages))
        (folder / "shop").mkdir()
        for name, source in SHOP.items():
            (folder / "shop" / f"{name}.py").write_text(source)
        (folder / "breakers.yaml").write_text(told.breakers)
        return cls(folder, told.start)

    def starts(self, service: str, protocol: str, endpoint: str, more: dict[str, str]) -> tuple[list[str], float]:
        """What the application prints, and how many seconds it takes."""
        variables = {"OTEL_SERVICE_NAME": service, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more}
        if protocol != PROTOCOLS[0]:  # the first is what the distro does by itself
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        started = time.monotonic()
        done = subprocess.run(
            self.start,
            shell=True,
            cwd=self.folder,
            env=configuration.clean_environment() | variables | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return [*done.stdout.splitlines(), *done.stderr.splitlines()], time.monotonic() - started


def checks(folder: Path, ends: BackEnds) -> Iterator[Answer]:
    newcomer = Newcomer.installs(folder / "newcomer")
    for files in ([SETTINGS / "minimal.yaml"], [GATEWAY], *([GATEWAY, overlay] for overlay in OVERLAYS)):
        name = files[-1].stem
        collector = Collector(f"newcomer-{name}", folder, files, ends)
        with collector.running():
            for protocol, endpoint in zip(PROTOCOLS, (collector.grpc, collector.url), strict=True):
                service = _service(name, protocol)
                arrived = _printed(collector, service) if name == "minimal" else _in_back_ends(collector, ends, service)
                yield _first_minute(newcomer, f"{name}.yaml", service, protocol, endpoint, arrived)
    for file, server in (("jaeger.yaml", ends.jaeger), ("tempo.yaml", ends.tempo)):
        for protocol, address in zip(PROTOCOLS, (server.otlp, server.otlp_http), strict=True):
            service = _service(file.partition(".")[0], protocol)
            traces = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}  # more they do not take
            arrived = {"traces": _traces(ends, file, service)}
            yield _first_minute(newcomer, file, service, protocol, f"http://{address}", arrived, traces)


def _service(name: str, protocol: str) -> str:
    return f"{name}-{protocol.partition('/')[0]}"


def _first_minute(
    newcomer: Newcomer,
    file: str,
    service: str,
    protocol: str,
    endpoint: str,
    arrived: dict[str, Callable[[], int]],
    more: dict[str, str] | None = None,
) -> Answer:
    said, seconds = newcomer.starts(service, protocol, endpoint, more or {})
    found = {signal: eventually(look, bool, SOON) for signal, look in arrived.items()}
    answer = f"{', '.join(f'{signal} {count}' for signal, count in found.items())}; the program took {seconds:.1f} s"
    holds = said == SAID and all(found.values()) and seconds < QUICKLY
    if said != SAID:
        answer += f", and said {said}"
    return Answer(
        f"The README's first minute arrives through {file}, {protocol}", "otelcol", newcomer.start, answer, holds
    )


def _printed(collector: Collector, service: str) -> dict[str, Callable[[], int]]:
    """What the Collector prints is of one service after the other, so what follows the last one's name is its."""

    def count(sought: str) -> Callable[[], int]:
        return lambda: sum(
            part.count(sought)
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
        "metrics": lambda: len(ask.prometheus(ends.prometheus.url, calls)),
        "logs": lambda: collector.events.exists() and collector.events.read_text().count(f'"{service}"'),
    }


def _traces(ends: BackEnds, file: str, service: str) -> Callable[[], int]:
    if file == "jaeger.yaml":
        return lambda: len(ask.jaeger(ends.jaeger.url, service, OPENED))
    query = f'{{ resource.service.name = "{service}" && span.circuit_breaker.state_change.to = "open" }}'
    return lambda: len(ask.tempo(ends.tempo.url, query))
