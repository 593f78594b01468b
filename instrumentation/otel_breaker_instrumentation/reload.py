"""Watching the configuration file: when what stands in it has changed, the process lives by it.

One daemon thread reads the file every so often. What it reads counts, not the file's times or number, so that an
editor, a rename and the swapped links of a Kubernetes ConfigMap are all the same to it. New content counts once it
was read twice, a moment apart: a file that is being written may be valid half-way, and say something else.

The thread is started by the first guarded call, in a forked child by its first. So a process that only forks those
that work has no thread, and an application that makes no guarded call has none either. It takes no signal, and the
interpreter does not wait for it.
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


class Watcher:
    """Watches one file.

    Args:
        file: its name.
        text: what stands in it, as it is lived by.
        every: how often to look, in seconds.
        live_by: puts a configuration in force; raises `InvalidSettings`, and has done nothing, when it cannot.
    """

    def __init__(self, file: str, text: str, every: float, live_by: Callable[[Configuration], None]) -> None:
        self._file = file
        self._every: float | None = every
        self._apply = live_by
        self._applied = text
        self._unsettled: str | None = None
        self._refused: str | None = None
        self._logged: str | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        RUNTIME.on_first_call(self._start)

    def stop(self) -> None:
        """Look no more; what is being put in force at this moment is waited for."""
        RUNTIME.cancel_on_first_call(self._start)
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            # Not for ever: what it puts in force imports modules, which may be waiting for this very thread.
            thread.join(_PATIENCE)

    def look(self) -> float | None:
        """Look at the file once.

        Returns:
            Seconds until the next look; None when there is to be none.
        """
        if self._stopped.is_set():
            return None
        try:
            return self._look()
        except InvalidSettings as error:
            self._log_problem(str(error))
        except Exception:  # nothing that a file brings about may end the watch
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
            self._refused = text  # until it has turned out to be right: what is wrong is told once
            self._adopt(text)
        return self._every

    def _adopt(self, text: str) -> None:
        if not parse(text, self._file):
            raise InvalidSettings(self._file, "it says nothing", "to guard nothing, write `targets: []`")
        configuration = parse_configuration_file(text, self._file)
        self._apply(configuration)
        self._applied, self._every, self._logged = text, configuration.reload, None
        diagnostics.info("%s has changed, and is in force", self._file)
        if self._every is None:
            RUNTIME.cancel_on_first_call(self._start)
            diagnostics.warning("%s says `reload` no longer: it is not watched any more", self._file)

    def _log_problem(self, what: str) -> None:
        if what != self._logged:
            diagnostics.error("the circuit breakers stay configured as they were: %s", what)
        self._logged = what

    def _start(self) -> None:
        thread = threading.Thread(target=self._watch, name="otel-breaker-reload", daemon=True)
        thread.start()
        self._thread = thread

    def _watch(self) -> None:
        delay = self._every
        while delay is not None and not self._stopped.wait(min(delay, threading.TIMEOUT_MAX)):
            delay = self.look()
