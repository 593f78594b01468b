"""The only place that logs: what went wrong beside a guarded call, and what an operator has to know.

Whatever the log raises stops here, since a log can be broken, too, above all one that is exported. Nobody logs while
holding a lock: a handler may make guarded calls. Exceptions are shown by type and place, never by their text or their
context, which may hold what the guarded call was given.
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

_MOST_FRAMES: Final = 5

_traceback_of: Final = BaseException.__dict__["__traceback__"].__get__  # past what the exception's class makes of it

_log: Final = logging.getLogger("otel_breaker")
_state_changes: Final = logging.getLogger("otel_breaker.state_change")
_state_changes.addHandler(logging.NullHandler())  # an application without logging set up hears nothing


def exception(message: str, *args: object) -> None:
    """Log an error, with the type of the exception that is being handled and where it was raised."""
    with suppress(Exception):
        _say(logging.ERROR, message + "; %s", *args, _described(sys.exc_info()[1]))


def error(message: str, *args: object) -> None:
    """Log an error."""
    with suppress(Exception):
        _say(logging.ERROR, message, *args)


def warning(message: str, *args: object) -> None:
    """Log a warning."""
    with suppress(Exception):
        _say(logging.WARNING, message, *args)


def info(message: str, *args: object) -> None:
    """Log something that went as it should."""
    with suppress(Exception):
        _say(logging.INFO, message, *args)


@contextmanager
def silenced() -> Iterator[None]:
    """Log nothing meanwhile, for a command that prints the problems itself."""
    _log.disabled = True
    try:
        yield
    finally:
        _log.disabled = False


def _say(level: int, message: str, *args: object) -> None:
    _log.log(level, message, *args, stacklevel=3)
    # Where logs are only exported, whoever looks at the process itself would hear nothing, not as without any handler.
    if level >= logging.WARNING and _log.isEnabledFor(level) and _is_only_exported():
        sys.stderr.write(f"{message % args if args else message}\n")


def _is_only_exported() -> bool:
    """Whether none but OpenTelemetry's handlers takes the log, and at least one of those."""
    handlers: list[logging.Handler] = []
    logger: logging.Logger | None = _log
    while logger is not None:
        handlers += (each for each in logger.handlers if not isinstance(each, logging.NullHandler))
        logger = logger.parent if logger.propagate else None
    return bool(handlers) and all(type(each).__module__.partition(".")[0] == "opentelemetry" for each in handlers)


def state_change(level: int, sentence: str) -> None:
    """Log a state change where OpenTelemetry's logs do not take it."""
    with suppress(Exception):
        _state_changes.log(level, "%s", sentence)


def _described(error: BaseException | None) -> str:
    if error is None:
        return "no exception"
    return " < ".join([type_name(type(error)), *_places(_traceback_of(error))])


def _places(traceback: TracebackType | None) -> list[str]:
    """The innermost places that an exception came through, the one that raised it first."""
    places: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")  # noqa: PTH119  # cheap
        traceback = traceback.tb_next
    return places[: -_MOST_FRAMES - 1 : -1]
