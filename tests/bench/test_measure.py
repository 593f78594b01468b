"""The stopwatch, with a timer that the runs advance."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from tests.bench.measure import Stopwatch
from tests.bench.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.measure import Run


class FakeTimer:
    """Seconds that pass only during a run."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def run(self, cost: Callable[[], float], batch: int = 1) -> Run:
        """Make a run that makes whole batches of calls, each of which costs some seconds."""

        def run(calls: int) -> int:
            made = -(-calls // batch) * batch
            self.now += made * cost()
            return made

        return run


@pytest.fixture
def timer() -> FakeTimer:
    return FakeTimer()


def test_a_sample_has_the_requested_length(timer: FakeTimer) -> None:
    watch = Stopwatch(timer, sample=1.0)

    assert watch.calls_for(timer.run(lambda: 0.001)) == pytest.approx(1_000)


def test_a_call_longer_than_a_sample_is_made_once(timer: FakeTimer) -> None:
    watch = Stopwatch(timer, sample=1.0)

    assert watch.calls_for(timer.run(lambda: 30.0)) == 1


def test_a_ratio_is_that_of_single_calls(timer: FakeTimer) -> None:
    ratio = Stopwatch(timer).compare(timer.run(lambda: 3e-6), timer.run(lambda: 2e-6), rounds=5)

    assert ratio.median == pytest.approx(1.5)
    assert ratio.subject == pytest.approx(3e-6)
    assert ratio.reference == pytest.approx(2e-6)


def test_a_run_that_makes_more_calls_than_requested_is_divided_by_all_of_them(timer: FakeTimer) -> None:
    ratio = Stopwatch(timer, sample=7e-6).compare(
        timer.run(lambda: 1e-6, batch=10), timer.run(lambda: 1e-6, batch=1), rounds=5
    )

    assert ratio.median == pytest.approx(1.0)


def test_noise_that_lasts_longer_than_a_round_cancels_out(timer: FakeTimer) -> None:
    def slowing(cost: float) -> Callable[[], float]:
        return lambda: cost * (1 + timer.now)

    ratio = Stopwatch(timer).compare(timer.run(slowing(2e-6)), timer.run(slowing(1e-6)), rounds=101)

    assert ratio.median == pytest.approx(2.0, rel=0.01)


def test_a_few_disturbed_rounds_do_not_change_the_ratio(timer: FakeTimer) -> None:
    calls = iter(range(1_000))

    def disturbed() -> float:
        return 5e-3 if next(calls) % 10 == 9 else 1e-6

    ratio = Stopwatch(timer, sample=2e-6).compare(timer.run(disturbed), timer.run(lambda: 1e-6), rounds=51)

    assert ratio.median == pytest.approx(1.0)


def test_work_between_samples_is_not_timed(timer: FakeTimer) -> None:
    def settle() -> None:
        timer.now += 100

    ratio = Stopwatch(timer, between=settle).compare(timer.run(lambda: 2e-6), timer.run(lambda: 1e-6), rounds=3)

    assert ratio.median == pytest.approx(2.0)


def test_runs_are_ranked_by_the_time_of_a_call(timer: FakeTimer) -> None:
    runs = {"slow": timer.run(lambda: 3e-6), "fast": timer.run(lambda: 1e-6), "middling": timer.run(lambda: 2e-6)}

    assert list(Stopwatch(timer).rank(runs, rounds=3)) == ["fast", "middling", "slow"]


def test_the_garbage_collector_works_again_afterwards(timer: FakeTimer) -> None:
    seen = []

    def cost() -> float:
        seen.append(gc.isenabled())
        return 1e-6

    Stopwatch(timer).compare(timer.run(cost), timer.run(cost), rounds=1)

    assert not any(seen)
    assert gc.isenabled()


@pytest.mark.parametrize(("value", "met"), [(0.9, True), (1.0, True), (1.01, False)])
def test_a_value_equal_to_its_bar_keeps_it(value: float, met: bool) -> None:
    assert Result("Bars", "closed", "pass-through", value, "x", bar=1.0).met is met


@pytest.mark.parametrize(("value", "met"), [(59.9, False), (60.0, True), (61.0, True)])
def test_a_bar_may_be_the_least_value(value: float, met: bool) -> None:
    result = Result("In overload", "rules", "requests", value, "%", bar=60.0, goal=60.0, at_least=True)

    assert (result.met, result.reached) == (met, met)


def test_without_a_bar_nothing_is_missed() -> None:
    assert Result("Start-up", "import", "", 1e9, "ms").met
