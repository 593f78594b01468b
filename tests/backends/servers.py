"""The programs as processes on free ports of this machine, with the settings of `collector-config`.

Each is a context manager that yields once the program accepts data, and ends it with its block. Nothing here queries a
program about breakers.
"""

import random
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.checkout import configuration
from examples.checkout.processes import Child, DemoFailed, running
from tests.backends.programs import binary, named
from tests.backends.scaled_rules import scale

SETTINGS = Path(__file__).parents[2] / "collector-config"
RULES = SETTINGS / "prometheus" / "rules.yaml"
STARTUP_TIMEOUT = 60.0
BELOW_EPHEMERAL = range(20000, 32000)
"""Ports that no outgoing connection of this machine takes between the check and the program's start."""


@dataclass(frozen=True)
class Server:
    """A running program: `url` is for queries, `otlp` and `otlp_http` accept data over gRPC and HTTP."""

    child: Child
    url: str
    otlp: str
    otlp_http: str


@dataclass(frozen=True)
class BackEnds:
    jaeger: Server
    tempo: Server
    prometheus: Server


@contextmanager
def back_ends(folder: Path) -> Iterator[BackEnds]:
    with ExitStack() as cleanup:
        yield BackEnds(
            cleanup.enter_context(_jaeger(folder)),
            cleanup.enter_context(_tempo(folder)),
            cleanup.enter_context(_prometheus(folder)),
        )


class Collector:
    """One that can be killed and started again with the same settings on the same ports."""

    def __init__(self, name: str, folder: Path, files: Sequence[Path], back_ends: BackEnds | None) -> None:
        grpc, http, health = _free_ports(3)
        self.url = f"http://127.0.0.1:{http}"
        self.grpc = f"http://127.0.0.1:{grpc}"
        self.health = f"http://127.0.0.1:{health}"
        self.events = folder / f"{name}-events.jsonl"
        self.kept = folder / f"{name}-kept.jsonl"
        self.log = folder / f"{name}.log"
        self._name, self._port = name, http
        self._command = [str(binary(named("otelcol"))), *(f"--config={file}" for file in files), f"--config={QUIET}"]
        self._environment = {
            "OTLP_GRPC_ENDPOINT": f"127.0.0.1:{grpc}",
            "OTLP_HTTP_ENDPOINT": f"127.0.0.1:{http}",
            "HEALTH_ENDPOINT": f"127.0.0.1:{health}",
            "EVENTS_FILE": str(self.events),
            "KEPT_FILE": str(self.kept),
            "DECISION_WAIT": "3s",
            "METRICS_FLUSH_INTERVAL": "1s",
        }
        if back_ends:
            self._environment |= {
                "JAEGER_ENDPOINT": back_ends.jaeger.otlp,
                "TEMPO_ENDPOINT": back_ends.tempo.otlp,
                "PROMETHEUS_ENDPOINT": back_ends.prometheus.otlp,
            }

    def started(self) -> AbstractContextManager[Child]:
        """The process, without waiting until it accepts data."""
        return _running(self._name, self._command, self.log, self._environment)

    @contextmanager
    def running(self) -> Iterator[Child]:
        with self.started() as child:
            _wait_for_port(child, self._port)
            yield child


QUIET = "yaml:service::telemetry::metrics::level: none"
"""Several Collectors on one machine cannot all serve their own metrics on port 8888."""


@contextmanager
def _jaeger(folder: Path) -> Iterator[Server]:
    otlp, otlp_http, http, grpc = _free_ports(4)
    environment = {
        "JAEGER_OTLP_ENDPOINT": f"127.0.0.1:{otlp}",
        "JAEGER_OTLP_HTTP_ENDPOINT": f"127.0.0.1:{otlp_http}",
        "JAEGER_HTTP_ENDPOINT": f"127.0.0.1:{http}",
        "JAEGER_GRPC_ENDPOINT": f"127.0.0.1:{grpc}",
        "OTEL_TRACES_SAMPLER": "always_off",
    }
    command = [str(binary(named("jaeger"))), f"--config={SETTINGS / 'jaeger.yaml'}"]
    with _running("jaeger", command, folder / "jaeger.log", environment) as child:
        _wait_for_port(child, otlp)
        _wait_for_port(child, http)
        yield Server(child, f"http://127.0.0.1:{http}", f"127.0.0.1:{otlp}", f"127.0.0.1:{otlp_http}")


@contextmanager
def _tempo(folder: Path) -> Iterator[Server]:
    otlp, otlp_http, http, grpc = _free_ports(4)
    environment = {
        "TEMPO_OTLP_HTTP_ENDPOINT": f"127.0.0.1:{otlp_http}",
        "TEMPO_LISTEN": "127.0.0.1",
        "TEMPO_OTLP_ENDPOINT": f"127.0.0.1:{otlp}",
        "TEMPO_HTTP_PORT": str(http),
        "TEMPO_GRPC_PORT": str(grpc),
        "TEMPO_FOLDER": str(folder / "tempo"),
    }
    command = [str(binary(named("tempo"))), f"-config.file={SETTINGS / 'tempo.yaml'}", "-config.expand-env=true"]
    with _running("tempo", command, folder / "tempo.log", environment) as child:
        _wait_for_port(child, otlp)
        _wait_for_port(child, http)
        yield Server(child, f"http://127.0.0.1:{http}", f"127.0.0.1:{otlp}", f"127.0.0.1:{otlp_http}")


@contextmanager
def _prometheus(folder: Path) -> Iterator[Server]:
    (port,) = _free_ports(1)
    url = f"http://127.0.0.1:{port}"
    settings = folder / "prometheus.yaml"
    settings.write_text((SETTINGS / "prometheus" / settings.name).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / RULES.name).write_text(scale(RULES.read_text(encoding="utf-8")), encoding="utf-8")
    command = [
        str(binary(named("prometheus"))),
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-otlp-receiver",
        "--enable-feature=created-timestamp-zero-ingestion",
    ]
    with _running("prometheus", command, folder / "prometheus.log", {}) as child:
        _wait_for_port(child, port)
        yield Server(child, url, f"{url}/api/v1/otlp", f"{url}/api/v1/otlp")


def _running(name: str, command: list[str], log: Path, environment: dict[str, str]) -> AbstractContextManager[Child]:
    return running(name, command, log, configuration.clean_environment() | environment)


def _free_ports(count: int) -> list[int]:
    free: list[int] = []
    for port in random.sample(BELOW_EPHEMERAL, len(BELOW_EPHEMERAL)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):  # the port is free
                free.append(port)
        if len(free) == count:
            return free
    raise DemoFailed("No free ports on this machine")


def _wait_for_port(child: Child, port: int) -> None:
    deadline = time.monotonic() + STARTUP_TIMEOUT
    while time.monotonic() < deadline:
        child.check()
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.05)
    raise DemoFailed(f"The {child.name} did not start within {STARTUP_TIMEOUT:.0f} s. Its output is in {child.log}")
