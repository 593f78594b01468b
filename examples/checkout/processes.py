"""Child processes that never outlive the demo.

Three things end a child: the end of its `with` block, an interrupt (which is an exception in that block, see
`interruptible`), and the death of the demo by a signal that cannot be caught (see `_start_watchdog`).
"""

import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

STARTUP_TIMEOUT = 20.0
SHUTDOWN_TIMEOUT = 10.0
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class DemoFailed(Exception):
    """The demo cannot continue; the text is for the user."""


class Interrupted(BaseException):
    """A signal asks the demo to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_status = 128 + number


class _Interrupts:
    """Raises `Interrupted` for a signal, at once or at the end of a `held` block."""

    def __init__(self) -> None:
        self._held = False
        self._pending: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self._held:
            self._pending = number
        else:
            raise Interrupted(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._held, before = True, self._held
        try:
            yield
        finally:
            self._held = before
        if not before and self._pending is not None:
            number, self._pending = self._pending, None
            raise Interrupted(number)


_interrupts = _Interrupts()


def interruptible() -> None:
    """Make Ctrl-C, SIGTERM and a closed terminal an exception, so that every `with` block is left properly.

    Children get default signal handlers, also where the demo is started with SIGINT ignored, as by `make demo &`.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupts)


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        status = self.process.poll()
        if status is not None:
            raise DemoFailed(f"The {self.name} ended by itself with status {status}. Its output is in {self.log}")

    def address(self) -> str:
        """Wait until the child prints its address. It picks the port itself, since any other port may be taken."""
        deadline = time.monotonic() + STARTUP_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            if match := ADDRESS.search(self.log.read_text(errors="replace")):
                return match.group()
            time.sleep(0.05)
        raise DemoFailed(f"The {self.name} did not start within {STARTUP_TIMEOUT:.0f} s. Its output is in {self.log}")


@contextmanager
def running(name: str, command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[Child]:
    with ExitStack() as cleanup:
        with _interrupts.held():
            child = Child(name, _start(command, log, environment), log)
            cleanup.callback(_end, child.process)
            cleanup.callback(_end_watchdog, _start_watchdog(child.process))
        yield child


def _start(command: Sequence[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal must reach the demo alone, which ends the children in order.
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    # SIGINT, not SIGTERM: Python then runs `atexit` functions, in which the SDK exports its queues.
    with _interrupts.held():
        process.send_signal(signal.SIGINT)
        try:
            process.wait(SHUTDOWN_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start_watchdog(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Start a shell that kills the child when the demo's end of a pipe closes, as it does when the demo is killed."""
    command = ["/bin/sh", "-c", 'read -r _; kill -9 "$0" 2>/dev/null', str(process.pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _end_watchdog(watchdog: subprocess.Popen[bytes]) -> None:
    watchdog.kill()
    watchdog.communicate()
