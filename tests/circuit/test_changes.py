"""The announcer tells every change: in order, whole, once, from whichever thread is there."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_breaker import CircuitState, StateChange
from otel_breaker.circuit.changes import PendingChange
from otel_breaker.circuit.dispatcher import ChangeDispatcher
from otel_breaker.core.rules import Counts
from otel_breaker.core.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Listener = Callable[[StateChange], None]

CHANGE = StateChange(
    name="payments",
    key=None,
    from_state=CircuitState.CLOSED,
    to_state=CircuitState.OPEN,
    reason=Reason.FAILURE_THRESHOLD,
    mode="enforce",
    episode="1",
    timestamp=0.0,
    counts=Counts(5, 0, 0, 0),
    threshold=5,
    open_time=60.0,
    span_context=None,
)


def post(announcer: ChangeDispatcher, episode: str, *, complete: bool = True) -> None:
    announcer.enqueue(replace(CHANGE, episode=episode), complete=complete)


def test_changes_are_told_to_every_listener_in_the_order_in_which_they_were_posted() -> None:
    told: list[str] = []
    announcer = ChangeDispatcher(
        [lambda change: told.append(f"first {change.episode}"), lambda change: told.append(f"second {change.episode}")]
    )

    post(announcer, "1")
    post(announcer, "2")
    announcer.dispatch()

    assert told == ["first 1", "second 1", "first 2", "second 2"]


def test_a_change_is_told_once() -> None:
    told: list[StateChange] = []
    announcer = ChangeDispatcher([told.append])
    post(announcer, "1")

    announcer.dispatch()
    announcer.dispatch()

    assert len(told) == 1


def test_a_change_that_is_not_complete_holds_back_those_after_it() -> None:
    told: list[str | None] = []
    announcer = ChangeDispatcher([lambda change: told.append(change.episode)])
    notice = announcer.enqueue(replace(CHANGE, episode="1"), complete=False)
    post(announcer, "2")

    announcer.dispatch()
    early = list(told)
    announcer.complete([notice], None)
    announcer.dispatch()

    assert early == []
    assert told == ["1", "2"]


def test_completing_a_change_adds_the_call_that_caused_it() -> None:
    told: list[StateChange] = []
    announcer = ChangeDispatcher([told.append])
    known = announcer.enqueue(replace(CHANGE, span_context="known"), complete=True)
    unknown = announcer.enqueue(CHANGE, complete=False)

    announcer.complete([known, unknown], "added")
    announcer.dispatch()

    assert [change.span_context for change in told] == ["known", "added"]


def test_a_listener_that_raises_is_logged_and_stops_neither_the_others_nor_the_next_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str | None] = []

    def bad(change: StateChange) -> None:
        raise ValueError("listener")

    announcer = ChangeDispatcher([bad, lambda change: told.append(change.episode)])
    post(announcer, "1")
    post(announcer, "2")

    with caplog.at_level(logging.ERROR, "otel_breaker"):
        announcer.dispatch()

    assert told == ["1", "2"]
    assert ["payments" in message for message in caplog.messages] == [True, True]


def test_a_change_posted_by_a_listener_is_told_after_the_one_it_heard() -> None:
    told: list[str] = []

    def busy(change: StateChange) -> None:
        if change.episode == "1":
            post(announcer, "2")
            announcer.dispatch()
        told.append(f"busy {change.episode}")

    announcer = ChangeDispatcher([busy, lambda change: told.append(f"other {change.episode}")])
    post(announcer, "1")

    announcer.dispatch()

    assert told == ["busy 1", "other 1", "busy 2", "other 2"]


def test_a_second_thread_leaves_its_change_to_the_one_that_is_delivering() -> None:
    listening, go_on = threading.Event(), threading.Event()
    told: list[tuple[str | None, int]] = []

    def slow(change: StateChange) -> None:
        listening.set()
        assert go_on.wait(10)
        told.append((change.episode, threading.get_ident()))

    announcer = ChangeDispatcher([slow])
    post(announcer, "1")
    with ThreadPoolExecutor(1) as another:
        delivery = another.submit(announcer.dispatch)
        assert listening.wait(10)
        post(announcer, "2")
        announcer.dispatch()
        early = list(told)
        go_on.set()
        delivery.result()

    assert early == []
    assert [episode for episode, _ in told] == ["1", "2"]
    assert len({thread for _, thread in told} - {threading.get_ident()}) == 1


def test_a_change_posted_in_the_last_moment_of_a_delivery_is_not_forgotten() -> None:
    told: list[str | None] = []
    announcer = ChangeDispatcher([lambda change: told.append(change.episode)])
    late = ["2"]

    class Queue(deque[PendingChange]):
        """Once it was seen to be empty, another thread posts, and finds the delivery still under way."""

        def __getitem__(self, index: Any) -> Any:
            try:
                return super().__getitem__(index)
            except IndexError:
                if late:
                    post(announcer, late.pop())
                    with ThreadPoolExecutor(1) as another:
                        another.submit(announcer.dispatch).result()
                raise

    announcer.queue = Queue()
    post(announcer, "1")

    announcer.dispatch()

    assert told == ["1", "2"]


def test_a_forked_child_does_not_tell_what_waits_in_its_parent() -> None:
    told: list[str | None] = []
    announcer = ChangeDispatcher([lambda change: told.append(change.episode)])
    post(announcer, "parent", complete=False)

    announcer.after_fork()
    post(announcer, "child")
    announcer.dispatch()

    assert told == ["child"]


def test_a_forked_child_delivers_although_its_parent_was_delivering() -> None:
    told: list[StateChange] = []
    announcer = ChangeDispatcher([told.append])
    announcer._delivering.acquire()

    announcer.after_fork()
    post(announcer, "1")
    announcer.dispatch()

    assert len(told) == 1


def test_what_waits_before_a_move_is_told_with_it() -> None:
    """Whoever was to complete it was interrupted, and will not."""
    told: list[str | None] = []
    announcer = ChangeDispatcher([lambda change: told.append(change.episode)])
    announcer.enqueue(replace(CHANGE, episode="orphan"), complete=False)
    move = announcer.enqueue(replace(CHANGE, episode="move"), complete=True)

    announcer.complete_before([move])
    announcer.dispatch()

    assert told == ["orphan", "move"]


def test_moves_of_one_decision_wait_for_each_other() -> None:
    told: list[str | None] = []
    announcer = ChangeDispatcher([lambda change: told.append(change.episode)])
    moves = [announcer.enqueue(replace(CHANGE, episode=name), complete=False) for name in ("first", "second")]

    announcer.complete_before(moves)
    announcer.dispatch()

    assert told == []


def test_after_an_interrupt_all_that_waits_is_told() -> None:
    told: list[str | None] = []
    announcer = ChangeDispatcher([lambda change: told.append(change.episode)])
    for name in ("first", "second"):
        announcer.enqueue(replace(CHANGE, episode=name), complete=False)

    announcer.complete_all()
    announcer.dispatch()

    assert told == ["first", "second"]
