"""The owner of the current call, for each library that runs calls."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import trio

from otel_breaker.circuit.owners import running_owner


class Greenlet:
    def __init__(self, parent: object = None) -> None:
        self.parent = parent


def test_without_an_event_loop_the_thread_owns_its_calls() -> None:
    with ThreadPoolExecutor(1) as another:
        elsewhere, again = another.submit(running_owner).result(), another.submit(running_owner).result()

        assert elsewhere == again
        assert elsewhere != running_owner()

    owner = running_owner()
    assert owner is not None
    assert owner() is threading.current_thread()


async def test_an_asyncio_task_owns_its_calls_however_deep() -> None:
    async def deeper() -> object:
        await asyncio.sleep(0)
        return running_owner()

    here, below, in_another_task = running_owner(), await deeper(), await asyncio.create_task(deeper())

    assert here is not None
    assert here() is asyncio.current_task()
    assert here == below != in_another_task


async def test_a_callback_of_an_asyncio_loop_has_no_owner() -> None:
    owner: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    asyncio.get_running_loop().call_soon(lambda: owner.set_result(running_owner()))

    assert await owner is None


async def test_a_worker_thread_of_asyncio_owns_its_own_calls() -> None:
    owner = await asyncio.to_thread(running_owner)

    assert owner is not None
    assert owner != running_owner()
    assert isinstance(owner(), threading.Thread)


def test_a_trio_task_owns_its_calls() -> None:
    owners: list[object] = []

    async def note() -> None:
        await trio.lowlevel.checkpoint()
        owners.append(running_owner())

    async def main() -> None:
        owners.append(running_owner())
        await note()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(note)

    trio.run(main)

    task, deeper, in_another_task = owners
    assert task == deeper != in_another_task
    assert isinstance(task, type(running_owner()))


async def test_a_finished_task_is_not_kept_alive_and_never_taken_for_another() -> None:
    async def work() -> object:
        return running_owner()

    first = await asyncio.create_task(work())
    gc.collect()
    second = await asyncio.create_task(work())

    assert first() is None  # type: ignore[operator]
    assert first != second


def test_a_greenlet_owns_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    current = Greenlet(parent=Greenlet())
    monkeypatch.setitem(sys.modules, "greenlet", SimpleNamespace(getcurrent=lambda: current))

    owner = running_owner()

    assert owner is not None
    assert owner() is current


def test_the_main_greenlet_is_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    main = Greenlet()
    monkeypatch.setitem(sys.modules, "greenlet", SimpleNamespace(getcurrent=lambda: main))

    owner = running_owner()

    assert owner is not None
    assert owner() is threading.current_thread()


@pytest.mark.processes
def test_libraries_that_the_application_does_not_use_are_not_imported() -> None:
    program = """
import sys
from otel_breaker.circuit.owners import running_owner
sys.modules.pop("asyncio", None)
assert running_owner() is not None
print(*{"asyncio", "trio", "greenlet"} & set(sys.modules))
"""

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.split() == []


def test_owners_are_compared_by_identity_and_not_by_the_equality_of_their_type() -> None:
    class Worker(threading.Thread):
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared under the circuit's lock")

        __hash__ = threading.Thread.__hash__

        def run(self) -> None:
            owners.append((running_owner(), running_owner()))

    owners: list[tuple[object, object]] = []
    workers = [Worker(), Worker()]
    for worker in workers:
        worker.start()
        worker.join()

    (first, again), (other, _) = owners
    assert first == again
    assert first != other
    assert first != workers[0]


def test_an_owner_that_is_gone_equals_no_other() -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.extend((running_owner(), running_owner())))
    thread.start()
    thread.join()
    del thread
    gc.collect()

    assert found[0] != found[1]
