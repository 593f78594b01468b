"""Saying in the log what went wrong beside a guarded call.

A log can be broken, too, above all one that is exported: whatever it raises stops here.
"""

from __future__ import annotations

import logging
from contextlib import suppress

_log = logging.getLogger("otel_breaker")


def complain(message: str, *args: object) -> None:
    """Log an error, with the exception that is being handled."""
    with suppress(Exception):
        _log.exception(message, *args, stacklevel=2)


def warn(message: str, *args: object) -> None:
    """Log a warning."""
    with suppress(Exception):
        _log.warning(message, *args, stacklevel=2)
