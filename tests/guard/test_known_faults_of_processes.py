"""Faults that other breakers have had with threads, memory and interpreters."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wrapt

from otel_breaker import CircuitBreaker, StateChange, breakers, get_breaker
from otel_breaker_instrumentation import OtelBreakerInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKERS = 8
EACH = 200


def in_new_process(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(work: Callable[[int], object]) -> None:
    """Run work in threads that begin at the same time; raises the exception of one."""
    start, raised = threading.Barrier(WORKERS), []

    def begin(number: int) -> None:
        start.wait(20)
        try:
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(WORKERS)]
    with frequent_switches():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for error in raised:
        raise error


GREENLETS = """
import sys
if {early}:
    import otel_breaker
from gevent import monkey
monkey.patch_all()
import gevent
from otel_breaker import CircuitBreaker, CircuitOpenError
from otel_breaker.testing import fake_clock

def fail():
    gevent.sleep(0)
    raise OSError

def call(breaker):
    try:
        breaker(fail)()
    except (OSError, CircuitOpenError) as error:
        return type(error).__name__

def crowd(breaker):
    return sorted(job.value for job in gevent.joinall([gevent.spawn(call, breaker) for _ in range(4)]))

with fake_clock() as clock:
    breaker = CircuitBreaker(failure_threshold=4, recovery_time=10)
    changes = []
    breaker.add_listener(lambda change: (gevent.sleep(0), changes.append(change.to_state.value)))
    print(crowd(breaker), breaker.state.value)
    clock.advance(10)
    print(crowd(breaker), breaker.snapshot().probes_in_flight, changes)
"""


@pytest.mark.processes
@pytest.mark.parametrize("early", [True, False], ids=["imported before patching", "imported after patching"])
def test_greenlets_share_a_breaker_and_one_of_them_probes(early: bool) -> None:
    pytest.importorskip("gevent")

    output = in_new_process(GREENLETS.format(early=early)).splitlines()

    assert output == [
        "['OSError', 'OSError', 'OSError', 'OSError'] open",
        "['CircuitOpenError', 'CircuitOpenError', 'CircuitOpenError', 'OSError'] 0 ['open', 'half_open', 'open']",
    ]


@pytest.mark.processes
def test_importing_starts_no_thread() -> None:
    script = "import threading, otel_breaker, otel_breaker_instrumentation; print(threading.active_count())"

    assert in_new_process(script) == "1\n"


def test_a_thousand_times_more_keys_than_there_is_room_for_leave_only_as_many_circuits() -> None:
    for key in range(1_000):
        get_breaker("f47", key=str(key), max_keys=10)

    assert len([breaker for breaker in breakers() if breaker.name == "f47"]) <= 10


def test_a_breaker_without_references_is_collected_with_its_listeners() -> None:
    changes: list[StateChange] = []
    listener = partial(changes.append)
    breaker = CircuitBreaker()
    breaker.add_listener(listener)
    breaker.force_open()
    breaker_gone, listener_gone = weakref.ref(breaker), weakref.ref(listener)

    del breaker, listener
    gc.collect()

    assert breaker_gone() is None
    assert listener_gone() is None


def test_a_listener_that_is_removed_is_held_no_longer() -> None:
    breaker, listener = CircuitBreaker(), partial(print)
    breaker.add_listener(listener)
    gone = weakref.ref(listener)

    breaker.remove_listener(listener)
    del listener

    assert gone() is None


def test_listeners_that_threads_add_at_once_are_all_called() -> None:
    breaker, changes = CircuitBreaker(), []

    def join(number: int) -> None:
        for place in range(EACH):
            breaker.add_listener(lambda _, mine=(number, place): changes.append(mine))  # type: ignore[misc]

    together(join)
    breaker.force_open()

    assert len(changes) == WORKERS * EACH


def test_threads_that_ask_for_new_keys_at_once_get_one_breaker_for_each() -> None:
    found: list[CircuitBreaker] = []

    together(lambda _: found.extend(get_breaker("f49", key=str(key)) for key in range(100)))

    assert len(set(map(id, found))) == 100


def test_breakers_can_be_listed_while_others_are_made() -> None:
    done = threading.Event()
    listed: list[int] = []

    def work(number: int) -> None:
        if number:
            while not done.is_set():
                listed.append(len(breakers()))
            return
        try:
            get_breaker("f49 listed", key="0", max_keys=100)
            for key in range(300):
                get_breaker("f49 listed", key=str(key))
        finally:
            done.set()

    together(work)

    assert listed


@pytest.mark.slow
@pytest.mark.usefixtures("unpatched", "time_of_all")
def test_calls_pass_unharmed_while_they_are_patched_and_unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    wrapped = wrapt.FunctionWrapper(lambda value: value, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))
    monkeypatch.setattr(module, "foreign", wrapped, raising=False)
    instrumentor, done = OtelBreakerInstrumentor(), threading.Event()
    wrong: list[int] = []

    def work(number: int) -> None:
        if number:
            while not done.is_set():
                wrong.extend(answer for answer in [vars(module)["foreign"](number)] if answer != number)
            return
        try:
            for _ in range(20):
                instrumentor.instrument(targets=[{"function": f"{__name__}:foreign", "breaker": "f50"}], breakers={})
                instrumentor.uninstrument()
        finally:
            done.set()

    together(work)

    assert wrong == []
    assert vars(module)["foreign"] is wrapped


SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

inside = interpreters.create()
interpreters.{run}(inside, '''
import sys
sys.path[:] = {path!r}
from otel_breaker import CircuitBreaker, CircuitOpenError
breaker = CircuitBreaker(failure_threshold=1)
for _ in range(2):
    try:
        breaker.call(int, "nonsense")
    except (ValueError, CircuitOpenError) as error:
        print(type(error).__name__, flush=True)
''')
interpreters.destroy(inside)
"""


@pytest.mark.processes
@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12), reason="CPython 3.12 aborts when a subinterpreter ends that has imported hashlib"
)
def test_a_subinterpreter_has_breakers_of_its_own() -> None:
    run = "exec" if sys.version_info >= (3, 13) else "run_string"

    output = in_new_process(SUBINTERPRETER.format(run=run, path=[*sys.path, str(Path(__file__).parents[2])]))

    assert output.split() == ["ValueError", "CircuitOpenError"]
