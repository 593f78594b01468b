"""The only place that logs: faults beside a guarded call, state changes, and what an operator must know.

A fault of the log itself is suppressed, because an exported log may fail like any exporter. Nothing is logged while a
lock is held, because a handler may make guarded calls. An exception is described by its type and traceback, never by
its text or its context, which may contain arguments of the guarded call.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

INFO: Final = logging.INFO
WARNING: Final = logging.WARNING
ERROR: Final = logging.ERROR

_MOST_FRAMES: Final = 5

_traceback_of: Final = BaseException.__dict__["__traceback__"].__get__  # a subclass may override the attribute

_logger: Final = logging.getLogger("otel_breaker")
_state_change_logger: Final = logging.getLogger("otel_breaker.state_change")
_state_change_logger.addHandler(logging.NullHandler())  # an application without logging set up gets no output


def exception(message: str, *args: object) -> None:
    """Log an error, with the type of the exception that is being handled and where it was raised."""
    with suppress(Exception):
        _log(ERROR, message + "; %s", *args, _describe_error(sys.exc_info()[1]))


def error(message: str, *args: object) -> None:
    """Log an error."""
    with suppress(Exception):
        _log(ERROR, message, *args)


def warning(message: str, *args: object) -> None:
    """Log a warning."""
    with suppress(Exception):
        _log(WARNING, message, *args)


def info(message: str, *args: object) -> None:
    """Log an expected event."""
    with suppress(Exception):
        _log(INFO, message, *args)


def state_change(level: int, sentence: str) -> None:
    """Log a state change that OpenTelemetry's logs do not take.

    Args:
        level: one of INFO, WARNING and ERROR.
        sentence: the change in one line.
    """
    with suppress(Exception):
        _state_change_logger.log(level, "%s", sentence)


@contextmanager
def silenced() -> Iterator[None]:
    """Log nothing but state changes meanwhile; for a command that reports the same faults itself."""
    _logger.disabled = True
    try:
        yield
    finally:
        _logger.disabled = False


def _log(level: int, message: str, *args: object) -> None:
    _logger.log(level, message, *args, stacklevel=3)
    # Without any handler Python writes warnings to stderr; a handler that only exports must not take that away.
    if level >= WARNING and _logger.isEnabledFor(level) and _is_only_exported():
        sys.stderr.write(f"{message % args if args else message}\n")


def _is_only_exported() -> bool:
    """Whether the log has handlers, and OpenTelemetry's alone."""
    handlers: list[logging.Handler] = []
    logger: logging.Logger | None = _logger
    while logger is not None:
        handlers += (handler for handler in logger.handlers if not isinstance(handler, logging.NullHandler))
        logger = logger.parent if logger.propagate else None
    return bool(handlers) and all(type(handler).__module__.partition(".")[0] == "opentelemetry" for handler in handlers)


def _describe_error(error: BaseException | None) -> str:
    if error is None:
        return "no exception"
    return " < ".join([type_name(type(error)), *_innermost_frames(_traceback_of(error))])


def _innermost_frames(traceback: TracebackType | None) -> list[str]:
    """File, line and function of the innermost frames, starting with the one that raised."""
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")  # noqa: PTH119  # cheap
        traceback = traceback.tb_next
    return frames[: -_MOST_FRAMES - 1 : -1]
