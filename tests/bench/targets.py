"""The module of the configured target; nothing in it refers to a breaker."""

from __future__ import annotations


def work(value: int) -> int:
    return value
