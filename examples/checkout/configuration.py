"""The configuration of a run: its environment and its OpenTelemetry configuration file.

Only this module reads the environment of the demo's process. Nothing is configured in the shop's code.
"""

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
FILE = Path(__file__).with_name("otel.yaml")
BREAKERS = "breakers.yaml"
"""The name of the shop's own copy."""


def collector() -> str | None:
    """The URL of the Collector that the user configured, if any."""
    return os.environ.get(ENDPOINT) or None


def answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        with socket.create_connection((address.hostname or "", port), timeout=2):
            return True
    except (OSError, ValueError):
        return False


def clean_environment() -> dict[str, str]:
    """This environment without OpenTelemetry's settings, and without proxies for local addresses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return kept | {"NO_PROXY": _no_proxy("NO_PROXY"), "no_proxy": _no_proxy("no_proxy"), "PYTHONUNBUFFERED": "1"}


def shop_environment(folder: Path, payments_url: str, *, breaker: bool, collector: str | None) -> dict[str, str]:
    exporter = {name: value for name, value in os.environ.items() if name.startswith("OTEL_EXPORTER_OTLP_")}
    return (
        clean_environment()
        | (exporter if collector else {})
        | {
            "OTEL_CONFIG_FILE": str(_with_collector(folder) if collector else FILE),
            "OTEL_BREAKER_CONFIG_FILE": str(folder / BREAKERS),
            "OTEL_BREAKER_ENABLED": "true" if breaker else "false",
            "TELEMETRY_FOLDER": str(folder),
            "DEMO_RUN": folder.name,
            "PAYMENTS_URL": payments_url,
        }
    )


def _with_collector(folder: Path) -> Path:
    """The same configuration with exporters over OTLP/HTTP added, which read OTEL_EXPORTER_OTLP_* themselves."""
    settings: dict[str, Any] = yaml.safe_load(FILE.read_text())
    for signal in ("tracer_provider", "logger_provider"):
        settings[signal]["processors"].append({"batch": {"schedule_delay": 500, "exporter": {"otlp_http": {}}}})
    settings["meter_provider"]["readers"].append({"periodic": {"interval": 1000, "exporter": {"otlp_http": {}}}})
    file = folder / "otel.yaml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    return file


def _no_proxy(name: str) -> str:
    return ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
