"""The README's first minute, as the checks read it."""

from __future__ import annotations

import yaml

from otel_breaker_instrumentation.config import parse_configuration
from tests.backends.first_minute import README, REQUIREMENT, SHOP, first_minute


def test_it_installs_the_package_and_starts_the_shop() -> None:
    commands = first_minute(README.read_text(encoding="utf-8"))

    assert REQUIREMENT in commands.install.replace("'", "").split()
    assert "opentelemetry-distro" in commands.install
    assert commands.start.startswith("OTEL_BREAKER_CONFIG_FILE=breakers.yaml opentelemetry-instrument ")


def test_its_configuration_names_a_function_of_the_shop() -> None:
    (target,) = parse_configuration(
        yaml.safe_load(first_minute(README.read_text(encoding="utf-8")).breakers), "the README"
    ).targets

    assert target.function == "shop.payments:PaymentClient.charge"
    assert "class PaymentClient:\n    def charge" in SHOP["payments"]
