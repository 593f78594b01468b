"""The dispatcher delivers every change: in order, complete, once, in any thread that dispatches."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_breaker import CircuitState, Mode, StateChange
from otel_breaker.circuit.changes import PendingChange
from otel_breaker.circuit.dispatcher import ChangeDispatcher
from otel_breaker.core.rules import Counts
from otel_breaker.core.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    Listener = Callable[[StateChange], None]

CHANGE = StateChange(
    name="payments",
    key=None,
    from_state=CircuitState.CLOSED,
    to_state=CircuitState.OPEN,
    reason=Reason.FAILURE_THRESHOLD,
    mode=Mode.ENFORCE,
    episode="1",
    timestamp=0.0,
    counts=Counts(5, 0, 0, 0),
    threshold=5,
    open_time=60.0,
    span_context=None,
)


class Circuit:
    """A circuit's listeners."""

    def __init__(self, *listeners: Listener) -> None:
        self.listeners: Iterable[Listener] = listeners


def post(dispatcher: ChangeDispatcher, episode: str, *, complete: bool = True) -> None:
    dispatcher.enqueue(replace(CHANGE, episode=episode), complete=complete)


def test_changes_are_delivered_to_every_listener_in_the_order_of_the_queue() -> None:
    received: list[str] = []
    dispatcher, circuit = (
        ChangeDispatcher(),
        Circuit(
            lambda change: received.append(f"first {change.episode}"),
            lambda change: received.append(f"second {change.episode}"),
        ),
    )

    post(dispatcher, "1")
    post(dispatcher, "2")
    dispatcher.dispatch(circuit)

    assert received == ["first 1", "second 1", "first 2", "second 2"]


def test_a_change_is_delivered_once() -> None:
    received: list[StateChange] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(received.append)
    post(dispatcher, "1")

    dispatcher.dispatch(circuit)
    dispatcher.dispatch(circuit)

    assert len(received) == 1


def test_a_change_that_is_not_complete_holds_back_those_after_it() -> None:
    received: list[str | None] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(lambda change: received.append(change.episode))
    pending = dispatcher.enqueue(replace(CHANGE, episode="1"), complete=False)
    post(dispatcher, "2")

    dispatcher.dispatch(circuit)
    early = list(received)
    dispatcher.complete([pending], None)
    dispatcher.dispatch(circuit)

    assert early == []
    assert received == ["1", "2"]


def test_completing_a_change_adds_the_call_that_caused_it() -> None:
    received: list[StateChange] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(received.append)
    known = dispatcher.enqueue(replace(CHANGE, span_context="known"), complete=True)
    unknown = dispatcher.enqueue(CHANGE, complete=False)

    dispatcher.complete([known, unknown], "added")
    dispatcher.dispatch(circuit)

    assert [change.span_context for change in received] == ["known", "added"]


def test_a_listener_that_raises_is_logged_and_stops_neither_the_others_nor_the_next_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    received: list[str | None] = []

    def bad(change: StateChange) -> None:
        raise ValueError("listener")

    dispatcher, circuit = ChangeDispatcher(), Circuit(bad, lambda change: received.append(change.episode))
    post(dispatcher, "1")
    post(dispatcher, "2")

    with caplog.at_level(logging.ERROR, "otel_breaker"):
        dispatcher.dispatch(circuit)

    assert received == ["1", "2"]
    assert ["payments" in message for message in caplog.messages] == [True, True]


def test_a_change_that_a_listener_causes_is_delivered_after_the_one_it_received() -> None:
    received: list[str] = []

    def busy(change: StateChange) -> None:
        if change.episode == "1":
            post(dispatcher, "2")
            dispatcher.dispatch(circuit)
        received.append(f"busy {change.episode}")

    dispatcher, circuit = ChangeDispatcher(), Circuit(busy, lambda change: received.append(f"other {change.episode}"))
    post(dispatcher, "1")

    dispatcher.dispatch(circuit)

    assert received == ["busy 1", "other 1", "busy 2", "other 2"]


def test_a_second_thread_leaves_its_change_to_the_one_that_is_delivering() -> None:
    listening, go_on = threading.Event(), threading.Event()
    received: list[tuple[str | None, int]] = []

    def slow(change: StateChange) -> None:
        listening.set()
        assert go_on.wait(10)
        received.append((change.episode, threading.get_ident()))

    dispatcher, circuit = ChangeDispatcher(), Circuit(slow)
    post(dispatcher, "1")
    with ThreadPoolExecutor(1) as another:
        delivery = another.submit(dispatcher.dispatch, circuit)
        assert listening.wait(10)
        post(dispatcher, "2")
        dispatcher.dispatch(circuit)
        early = list(received)
        go_on.set()
        delivery.result()

    assert early == []
    assert [episode for episode, _ in received] == ["1", "2"]
    assert len({thread for _, thread in received} - {threading.get_ident()}) == 1


def test_a_change_posted_in_the_last_moment_of_a_delivery_is_not_forgotten() -> None:
    received: list[str | None] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(lambda change: received.append(change.episode))
    late = ["2"]

    class Queue(deque[PendingChange]):
        """When the queue is found empty, another thread enqueues, and finds the delivery still under way."""

        def __getitem__(self, index: Any) -> Any:
            try:
                return super().__getitem__(index)
            except IndexError:
                if late:
                    post(dispatcher, late.pop())
                    with ThreadPoolExecutor(1) as another:
                        another.submit(dispatcher.dispatch, circuit).result()
                raise

    dispatcher.queue = Queue()
    post(dispatcher, "1")

    dispatcher.dispatch(circuit)

    assert received == ["1", "2"]


def test_a_forked_child_does_not_tell_what_waits_in_its_parent() -> None:
    received: list[str | None] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(lambda change: received.append(change.episode))
    post(dispatcher, "parent", complete=False)

    dispatcher.after_fork()
    post(dispatcher, "child")
    dispatcher.dispatch(circuit)

    assert received == ["child"]


def test_a_forked_child_delivers_although_its_parent_was_delivering() -> None:
    received: list[StateChange] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(received.append)
    dispatcher._delivering.acquire()

    dispatcher.after_fork()
    post(dispatcher, "1")
    dispatcher.dispatch(circuit)

    assert len(received) == 1


def test_changes_that_wait_before_another_are_delivered_with_it() -> None:
    """The call that was to complete it was interrupted."""
    received: list[str | None] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(lambda change: received.append(change.episode))
    dispatcher.enqueue(replace(CHANGE, episode="orphan"), complete=False)
    later = dispatcher.enqueue(replace(CHANGE, episode="later"), complete=True)

    dispatcher.complete_before([later])
    dispatcher.dispatch(circuit)

    assert received == ["orphan", "later"]


def test_changes_of_one_decision_wait_for_each_other() -> None:
    received: list[str | None] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(lambda change: received.append(change.episode))
    pair = [dispatcher.enqueue(replace(CHANGE, episode=name), complete=False) for name in ("first", "second")]

    dispatcher.complete_before(pair)
    dispatcher.dispatch(circuit)

    assert received == []


def test_after_an_interrupt_all_changes_that_wait_are_delivered() -> None:
    received: list[str | None] = []
    dispatcher, circuit = ChangeDispatcher(), Circuit(lambda change: received.append(change.episode))
    for name in ("first", "second"):
        dispatcher.enqueue(replace(CHANGE, episode=name), complete=False)

    dispatcher.complete_all()
    dispatcher.dispatch(circuit)

    assert received == ["first", "second"]
