"""Fork hooks run in the order of their stages, each of them runs, and a process knows its part in a fork."""

from __future__ import annotations

import os
from functools import partial
from multiprocessing import get_context
from runpy import run_path
from typing import TYPE_CHECKING

import pytest

from otel_breaker import forks as forks_module
from otel_breaker.forks import FORKS, Forks, ForkStage

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_hooks_run_in_the_order_of_their_stages_and_not_of_their_registration() -> None:
    forks, run = Forks(), list[str]()
    for stage in reversed(ForkStage):
        forks.register(stage, partial(run.append, stage.name))

    forks.after_in_child()

    assert run == ["LOCKS", "CIRCUITS", "METRICS"]


def test_hooks_of_one_stage_run_in_the_order_of_their_registration() -> None:
    forks, run = Forks(), list[str]()
    forks.register(ForkStage.LOCKS, partial(run.append, "first"))
    forks.register(ForkStage.LOCKS, partial(run.append, "second"))

    forks.after_in_child()

    assert run == ["first", "second"]


def test_a_hook_that_raises_does_not_stop_the_following_ones() -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    forks, run = Forks(), list[str]()
    forks.register(ForkStage.LOCKS, fail)
    forks.register(ForkStage.LOCKS, partial(run.append, "same stage"))
    forks.register(ForkStage.METRICS, partial(run.append, "later stage"))

    with pytest.raises(KeyboardInterrupt):
        forks.after_in_child()

    assert run == ["same stage", "later stage"]


def test_a_forked_child_has_no_children_before_it_forks_itself() -> None:
    forks = Forks()
    forks.after_in_parent()
    assert (forks.is_child, forks.has_children) == (False, True)

    forks.after_in_child()

    assert (forks.is_child, forks.has_children) == (True, False)


def put_facts(answers: SimpleQueue[tuple[bool, bool]]) -> None:
    answers.put((FORKS.is_child, FORKS.has_children))


def test_the_packages_can_be_imported_where_there_is_no_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "register_at_fork", raising=False)

    module = run_path(forks_module.__file__)

    assert not module["FORKS"].is_child


@needs_fork
def test_python_calls_the_hooks_of_the_packages_at_a_fork() -> None:
    processes = get_context("fork")
    answers: SimpleQueue[tuple[bool, bool]] = processes.SimpleQueue()

    child = processes.Process(target=put_facts, args=(answers,))
    child.start()
    child.join()

    assert answers.get() == (True, False)
    assert FORKS.has_children
