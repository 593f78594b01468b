"""The README's first minute, as the checks find it there."""

from __future__ import annotations

import yaml

from otel_breaker_instrumentation.config import parse_configuration
from tests.backends.newcomer import OURS, README, SHOP, minute


def test_it_installs_us_and_starts_the_shop() -> None:
    told = minute(README.read_text(encoding="utf-8"))

    assert OURS in told.install.replace("'", "").split()
    assert "opentelemetry-distro" in told.install
    assert told.start.startswith("OTEL_BREAKER_CONFIG_FILE=breakers.yaml opentelemetry-instrument ")


def test_its_configuration_names_what_the_shop_has() -> None:
    (target,) = parse_configuration(
        yaml.safe_load(minute(README.read_text(encoding="utf-8")).breakers), "the README"
    ).targets

    assert target.function == "shop.payments:PaymentClient.charge"
    assert "class PaymentClient:\n    def charge" in SHOP["payments"]
