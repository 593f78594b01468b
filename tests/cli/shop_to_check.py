"""The application and the configurations that the tests of `otel-breaker check` check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """
print("imported")

class Client:
    def charge(self, tenant): pass
    @property
    def total(self): pass

def charge_later(self, tenant): pass
"""
VALID = """
defaults: {recovery_time: 5s}
breakers:
  payments: {failure_threshold: 3}
targets:
  - {function: "shop_to_check:Client.charge", breaker: "payments {tenant}", fallback: "shop_to_check:charge_later"}
  - {function: "shop_to_check:*_later"}
"""
MISSPELT = "defaults: {recovery_time: 5s}\nbreakers: {spelt payments: {}, spelt search: {}}\n"
MISSPELT += "targets: [{function: 'shop_to_check:charge_later', breaker: spelt payment}]"


def written(folder: Path, text: str) -> str:
    file = folder / "breakers.yaml"
    file.write_text(text)
    return str(file)
