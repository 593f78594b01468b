"""The demo's shop and its payment provider as processes of their own, driven over HTTP by a test."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from examples.checkout import configuration, processes
from examples.checkout.run import PROVIDER, SHOP
from examples.checkout.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
AGES = 3600.0
AT_ONCE = 1e-9


@dataclass(frozen=True)
class Shop:
    url: str
    payments_url: str
    log: Path

    def checkout(self) -> int:
        """Buy something; the status of the answer: 200, or 503 when it could not be paid."""
        return self._ask("POST", f"{self.url}/checkout").status_code

    def let_payments_fail(self) -> None:
        self._ask("POST", f"{self.payments_url}/schedule", asdict(Schedule(AT_ONCE, AGES, AGES)))

    def let_payments_work(self) -> None:
        self._ask("POST", f"{self.payments_url}/schedule", asdict(Schedule(AGES, AGES, AGES)))

    def payments_asked(self) -> int:
        """How many requests have reached the provider since its schedule was last set."""
        counts: dict[str, int] = self._ask("GET", f"{self.payments_url}/requests").json()
        return sum(counts.values())

    def read_log(self) -> str:
        return self.log.read_text()

    def _ask(self, method: str, url: str, json: object = None) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # both are on this machine, and a proxy may be set
            return session.request(method, url, json=json, timeout=PATIENCE)


@contextmanager
def shop(
    folder: Path,
    endpoint: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    program: str = SHOP,
) -> Iterator[Shop]:
    """Run the shop under `opentelemetry-instrument` for the length of a block; leaving it flushes its telemetry.

    Args:
        folder: where the logs go.
        endpoint: of the OTLP receiver.
        arguments: of `opentelemetry-instrument`.
        environment: what else to set.
        program: the module that runs the shop.
    """
    environ = configuration.clean_environment() | {"PYTHONPATH": str(ROOT)}
    instrumented = environ | {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        **(environment or {}),
    }
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    start_provider = [sys.executable, "-m", PROVIDER]
    start_shop = [instrument, *arguments, sys.executable, "-m", program]
    with processes.running("payment provider", start_provider, folder / "provider.log", environ) as provider:
        payments = provider.address()
        instrumented["PAYMENTS_URL"] = payments
        with processes.running("shop", start_shop, folder / "shop.log", instrumented) as child:
            yield Shop(child.address(), payments, child.log)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen soon."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)
