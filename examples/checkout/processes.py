"""Children that never outlive the demo: started, waited for, and ended whatever happens to us.

Three things end a child: the end of its `with` block, an interrupt (which is an exception in that block, see
`interruptible`), and our own death by a signal that nobody can catch (the leash). Nothing here knows what it runs.
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

STARTING = 20.0
ENDING = 10.0
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class DemoFailed(Exception):
    """The demo cannot go on; the text is for the person who started it."""


class Interrupted(BaseException):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_status = 128 + number


class _Interrupts:
    """Turns signals into `Interrupted`, at once, or at the end of a `held` block."""

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
    """Make Ctrl-C, SIGTERM and a closed terminal an exception, so that every `with` block below is left properly.

    It also gives the children default signals where we were started with SIGINT ignored, as `make demo &` does.
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
            raise DemoFailed(f"The {self.name} ended by itself with status {status}. What it said is in {self.log}")

    def address(self) -> str:
        """Wait until the child says where it is listening. It picks the port: a port picked for it may be taken."""
        deadline = time.monotonic() + STARTING
        while time.monotonic() < deadline:
            self.check()
            if found := ADDRESS.search(self.log.read_text(errors="replace")):
                return found.group()
            time.sleep(0.05)
        raise DemoFailed(f"The {self.name} did not start within {STARTING:.0f} s. What it said is in {self.log}")


@contextmanager
def running(name: str, command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[Child]:
    with ExitStack() as ending:
        with _interrupts.held():
            child = Child(name, _start(command, log, environment), log)
            ending.callback(_end, child.process)
            ending.callback(_let_go, _leash(child.process))
        yield child


def _start(command: Sequence[str], log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal is for us alone: we end the children in order, once their work is saved.
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    # SIGINT, not SIGTERM: Python then leaves through `atexit`, where the SDK flushes what it still holds.
    with _interrupts.held():
        process.send_signal(signal.SIGINT)
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _leash(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """A shell that waits for our end of a pipe to close, as it does when we are killed, and then kills the child."""
    command = ["/bin/sh", "-c", 'read -r _; kill -9 "$0" 2>/dev/null', str(process.pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _let_go(leash: subprocess.Popen[bytes]) -> None:
    leash.kill()
    leash.communicate()
