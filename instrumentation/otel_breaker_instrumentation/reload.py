"""Watches the configuration file, and applies what it contains when that has changed.

One daemon thread reads the file at intervals. It compares the content and not the file's times or number, so an
editor, a rename and the swapped links of a Kubernetes ConfigMap are all the same to it. New content is applied once it
was read twice, a moment apart: a file that is being written may be valid half-way, and mean something else.

The thread is started by the first guarded call, in a forked child by its first. So a server's master, which makes no
guarded call, has no thread. The thread takes no signal, and the interpreter does not wait for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from otel_breaker import InvalidSettings, diagnostics
from otel_breaker.circuit import RUNTIME
from otel_breaker_instrumentation.files import parse, read_text
from otel_breaker_instrumentation.sources import parse_configuration_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_breaker_instrumentation.config import Configuration


SETTLING: Final = 0.5
"""Seconds between the two readings of new content."""
_PATIENCE: Final = 5.0
"""Seconds that `stop` waits for a configuration that is being applied."""


class Watcher:
    """Watches one file.

    Args:
        file: its name.
        text: its content, as it was applied.
        every: how often to look, in seconds.
        apply: applies a configuration; raises `InvalidSettings`, and has changed nothing, when it cannot.
    """

    def __init__(self, file: str, text: str, every: float, apply: Callable[[Configuration], None]) -> None:
        self._file = file
        self._every: float | None = every
        self._apply = apply
        self._applied = text
        self._unsettled: str | None = None
        """New content that was read once."""
        self._refused: str | None = None
        """New content that was read twice, and may be wrong."""
        self._logged: str | None = None
        """The last problem in the log."""
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        RUNTIME.on_first_call(self._start)

    def stop(self) -> None:
        """Stop watching; waits for a configuration that is being applied."""
        RUNTIME.cancel_on_first_call(self._start)
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            # Not for ever: a configuration imports modules when it is applied, and an import may wait for this thread.
            thread.join(_PATIENCE)

    def look(self) -> float | None:
        """Read the file once.

        Returns:
            Seconds until the next look; None when it is not watched any more.
        """
        if self._stopped.is_set():
            return None
        try:
            return self._look()
        except InvalidSettings as error:
            self._log_problem(str(error))
        except Exception:  # no content of a file ends the watch
            diagnostics.exception("%s has changed, and cannot be put in force", self._file)
        return self._every

    def _look(self) -> float | None:
        text = read_text(self._file)
        if text == self._applied:
            self._unsettled = self._refused = self._logged = None
        elif text != self._unsettled:
            self._unsettled = text
            return min(SETTLING, self._every or SETTLING)
        elif text != self._refused:
            self._refused = text  # before it is parsed: what is wrong is logged once
            self._adopt(text)
        return self._every

    def _adopt(self, text: str) -> None:
        if not parse(text, self._file):
            raise InvalidSettings(self._file, "it is empty", "to guard nothing, write `targets: []`")
        configuration = parse_configuration_file(text, self._file)
        self._apply(configuration)
        self._applied, self._every, self._logged = text, configuration.reload, None
        diagnostics.info("%s has changed, and is in force", self._file)
        if self._every is None:
            RUNTIME.cancel_on_first_call(self._start)
            diagnostics.warning("%s contains no `reload` any longer: it is not watched any more", self._file)

    def _log_problem(self, problem: str) -> None:
        if problem != self._logged:
            diagnostics.error("the circuit breakers stay configured as they were: %s", problem)
        self._logged = problem

    def _start(self) -> None:
        thread = threading.Thread(target=self._watch, name="otel-breaker-reload", daemon=True)
        thread.start()
        self._thread = thread

    def _watch(self) -> None:
        delay = self._every
        while delay is not None and not self._stopped.wait(min(delay, threading.TIMEOUT_MAX)):
            delay = self.look()
