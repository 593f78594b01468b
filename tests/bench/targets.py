"""The module that a configuration names: nothing in it knows that it will be guarded."""

from __future__ import annotations


def work(value: int) -> int:
    return value
