"""The mode of a breaker, which all of its parts know."""

from __future__ import annotations

from enum import Enum


class Mode(Enum):
    """Whether a breaker refuses calls, only reports, or does nothing."""

    ENFORCE = "enforce"
    """Decide, report, and refuse."""
    SHADOW = "shadow"
    """Decide and report, but never refuse."""
    OFF = "off"
    """Do nothing: no decision, span or count."""
