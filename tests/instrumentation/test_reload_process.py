"""The watch of a file in whole processes: when its thread is there, and when it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]

PREPARED = """
import json, os, signal, sys, threading, time
from pathlib import Path

FILE = Path("breakers.json")
SHOP = Path("shop_to_watch.py")
SHOP.write_text("def charge(): pass\\ndef find(): pass\\n")
sys.path.insert(0, ".")
os.environ["OTEL_BREAKER_CONFIG_FILE"] = str(FILE)

def write(threshold, *functions, **search):
    # By a rename, as careful editors do.
    new = Path("new.json")
    targets = [{"function": f"shop_to_watch:{function}", "breaker": function} for function in functions]
    breakers = {"charge": {"failure_threshold": threshold}, "find": search}
    new.write_text(json.dumps({"reload": "20ms", "breakers": breakers, "targets": targets}))
    new.replace(FILE)

def handlers():
    return [signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)]

inherited = handlers()  # under nohup, SIGHUP is ignored

def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.01)

def threads():
    return sorted(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())

write(3, "charge")
from otel_breaker import get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from otel_breaker_instrumentation.targets.guards import guarded_by
"""
STARTED = (
    PREPARED
    + """
OtelBreakerInstrumentor().instrument()
import shop_to_watch
charge = get_breaker("charge")
"""
)


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], str]:
    def run(program: str) -> str:
        """What a program prints; it must end by itself with status 0, and log no problem."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-W", "ignore:.*multi-threaded.*:DeprecationWarning", "-c", program],
            cwd=tmp_path,
            env=kept | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_importing_starts_nothing(run: Callable[[str], str]) -> None:
    program = (
        PREPARED
        + """
import atexit, logging, socket
import otel_breaker_cli.main, otel_breaker_instrumentation.reload
print(threads(), handlers() == inherited, logging.root.handlers)
"""
    )

    assert run(program) == "[] True []\n"


def test_the_thread_is_started_by_the_first_guarded_call_and_by_nothing_before(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
before = threads()
shop_to_watch.charge()
shop_to_watch.charge()
watch = [thread for thread in threading.enumerate() if thread.name in threads()]
print(before, threads(), [thread.daemon for thread in watch], handlers() == inherited)
"""
    )

    assert run(program) == "[] ['otel-breaker-reload'] [True] True\n"


def test_a_call_of_a_breaker_that_is_off_starts_it_as_well_since_the_file_may_switch_it_on(
    run: Callable[[str], str],
) -> None:
    program = (
        STARTED.replace('write(3, "charge")', 'os.environ["OTEL_BREAKER_MODE"] = "off"; write(3, "charge")')
        + """
shop_to_watch.charge()
print(threads())
"""
    )

    assert run(program) == "['otel-breaker-reload']\n"


def test_a_process_that_leaves_its_folder_still_finds_the_file(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
FILE = FILE.absolute()
os.chdir("/")
shop_to_watch.charge()
FILE.write_text(FILE.read_text().replace('"failure_threshold": 3', '"failure_threshold": 7'))
until(lambda: charge.settings.failure_threshold == 7)
"""
    )

    assert run(program) == ""


def test_a_file_without_reload_is_not_watched(run: Callable[[str], str]) -> None:
    program = (
        PREPARED
        + """
FILE.write_text(FILE.read_text().replace('"reload": "20ms", ', ""))
OtelBreakerInstrumentor().instrument()
import shop_to_watch
shop_to_watch.charge()
print(threads(), get_breaker("charge").snapshot().calls["success"])
"""
    )

    assert run(program) == "[] 1\n"


def test_settings_change_and_the_state_is_kept(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
shop_to_watch.charge()
for _ in range(2):
    charge.record_failure(OSError())
write(7, "charge")
until(lambda: charge.settings.failure_threshold == 7)
print(charge.failures, charge.snapshot().calls["success"])
"""
    )

    assert run(program) == "2 1\n"


def test_targets_are_added_and_removed(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
shop_to_watch.charge()
write(3, "find")
until(lambda: guarded_by(shop_to_watch.find) and not guarded_by(shop_to_watch.charge))
shop_to_watch.find()
shop_to_watch.charge()
print(get_breaker("find").snapshot().calls["success"], charge.snapshot().calls["success"])
"""
    )

    assert run(program) == "1 1\n"


def test_circuits_are_forced_and_released(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
shop_to_watch.charge()
find = get_breaker("find")
write(3, "charge", state="forced_open", reason="INC-4711")
until(lambda: find.state.value == "forced_open")
forced = find.snapshot()
write(3, "charge")
until(lambda: find.state.value == "closed")
print(forced.actor == str(FILE.absolute()), forced.reason)
"""
    )

    assert run(program) == "True INC-4711\n"


def test_a_file_that_cannot_be_put_in_force_changes_nothing_of_what_is(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
import logging
records = []
recorder = type("Recorder", (logging.Handler,), {"emit": lambda _, record: records.append(record)})()
logging.getLogger("otel_breaker").addHandler(recorder)
guard = shop_to_watch.charge
shop_to_watch.charge()
new = json.loads(FILE.read_text())
new["breakers"]["charge"] = {"failure_threshold": 9, "ignore": ["no_such_module.Error"]}
new["breakers"]["find"] = {"state": "forced_open"}
new["targets"] = []
FILE.write_text(json.dumps(new))
until(lambda: records)
[record] = records
print(record.getMessage().replace(f"{Path.cwd()}{os.sep}", ""))
print(charge.settings.failure_threshold, shop_to_watch.charge is guard, get_breaker("find").state.value)
"""
    )

    first, second = run(program).splitlines()
    assert first.startswith("the circuit breakers stay configured as they were: breakers.json: breakers.charge.ignore")
    assert second == "3 True closed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("parent", ["calls", "only forks"])
def test_a_forked_child_watches_from_its_first_guarded_call_on(run: Callable[[str], str], parent: str) -> None:
    program = (
        STARTED
        + f"parent_calls = {parent == 'calls'}"
        + """
if parent_calls:
    shop_to_watch.charge()
child = os.fork()
if child == 0:
    signal.alarm(40)
    before = threads()
    shop_to_watch.charge()
    write(7, "charge")
    until(lambda: charge.settings.failure_threshold == 7)
    print(before, threads(), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(threads())
"""
    )

    mine = "['otel-breaker-reload']" if parent == "calls" else "[]"
    assert run(program) == f"[] ['otel-breaker-reload']\n{mine}\n"


def test_uninstrumenting_ends_the_thread(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
shop_to_watch.charge()
OtelBreakerInstrumentor().uninstrument()
until(lambda: not threads())
shop_to_watch.charge()
print(threads())
"""
    )

    assert run(program) == "[]\n"


def test_uninstrumenting_before_the_first_call_leaves_no_thread_to_come(run: Callable[[str], str]) -> None:
    program = (
        STARTED
        + """
OtelBreakerInstrumentor().uninstrument()
charge.call(int)
print(threads())
"""
    )

    assert run(program) == "[]\n"
