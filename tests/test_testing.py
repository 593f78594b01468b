"""What otel_breaker.testing offers: a clock, breakers off, forced states, a reset, and the same as fixtures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, breakers, get_breaker
from otel_breaker.overrides import StateOverride
from otel_breaker.registry import REGISTRY
from otel_breaker.testing import FakeClock, ForcibleState, breakers_off, fake_clock, forced, reset

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _reset_state() -> Iterator[None]:
    reset()
    yield
    reset()


def trip(breaker: CircuitBreaker) -> None:
    while breaker.state is CircuitState.CLOSED:
        breaker.record_failure()


def refuses(breaker: CircuitBreaker) -> bool:
    try:
        breaker.call(int)
    except CircuitOpenError:
        return True
    return False


# --- the clock


def test_a_fake_clock_advances_for_breakers_made_before_and_during() -> None:
    before = CircuitBreaker(recovery_time=30)

    with fake_clock() as clock:
        made = [before, CircuitBreaker(recovery_time=30)]
        for breaker in made:
            trip(breaker)
        clock.advance(29)
        early = [refuses(breaker) for breaker in made]
        clock.advance(1)
        late = [refuses(breaker) for breaker in made]

    assert (early, late) == ([True, True], [False, False])


def test_a_fake_clock_advances_only_when_the_test_advances_it() -> None:
    with fake_clock() as clock:
        first = clock()
        breaker = CircuitBreaker(recovery_time=30)
        trip(breaker)

        assert breaker.snapshot().retry_after == 30
        assert clock() == first


def test_a_breaker_with_a_clock_of_its_own_keeps_it() -> None:
    own = FakeClock()
    breaker = CircuitBreaker(recovery_time=30, clock=own)
    trip(breaker)

    with fake_clock() as clock:
        clock.advance(1_000)

        assert refuses(breaker)


def test_real_time_applies_afterwards_also_to_breakers_made_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_clock() as clock:
        breaker = CircuitBreaker(recovery_time=3_000)
        trip(breaker)
        clock.advance(1)

    remaining = breaker.snapshot().retry_after

    assert remaining is not None
    assert 2_000 < remaining <= 3_000
    assert clock() >= time.monotonic() - 1_000


def test_fake_clocks_can_be_nested() -> None:
    breaker = CircuitBreaker(recovery_time=30)

    with fake_clock() as outer:
        trip(breaker)
        with fake_clock():
            pass
        outer.advance(30)

        assert not refuses(breaker)


# --- off


@pytest.mark.parametrize("made", ["before", "during"])
def test_breakers_that_are_off_let_all_calls_pass_and_count_none(made: str) -> None:
    before = CircuitBreaker(failure_threshold=1)

    with breakers_off():
        breaker = before if made == "before" else CircuitBreaker(failure_threshold=1)
        for _ in range(3):
            with pytest.raises(OSError), breaker.guard():
                raise OSError
        assert breaker.call(int) == 0

    assert set(breaker.snapshot().calls.values()) == {0}
    assert breaker.state is CircuitState.CLOSED


def test_an_open_breaker_that_is_off_refuses_nothing_and_refuses_again_afterwards() -> None:
    breaker = CircuitBreaker()
    trip(breaker)

    with breakers_off():
        off = refuses(breaker)

    assert (off, refuses(breaker)) == (False, True)


def test_breakers_are_on_again_afterwards_also_when_the_test_raises() -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    with pytest.raises(KeyError), breakers_off():
        raise KeyError
    trip(breaker)

    assert refuses(breaker)


def test_breakers_off_can_be_nested() -> None:
    breaker = CircuitBreaker()
    trip(breaker)

    with breakers_off():
        with breakers_off():
            pass

        assert not refuses(breaker)


def test_a_predicate_is_not_called_while_breakers_are_off() -> None:
    class Asked(list[object]):
        def __contains__(self, result: object) -> bool:
            self.append(result)
            return False

    asked = Asked()
    breaker = CircuitBreaker(failure_result=lambda result: result in asked)

    with breakers_off():
        breaker.call(int)

    assert asked == []


# --- forced


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        (CircuitState.OPEN, True),
        (CircuitState.FORCED_OPEN, True),
        (CircuitState.CLOSED, False),
        (CircuitState.FORCED_CLOSED, False),
    ],
)
def test_a_forced_state_holds_until_the_end_of_the_block(state: CircuitState, refused: bool) -> None:
    breaker = CircuitBreaker(failure_threshold=1)

    with forced(breaker, state) as found:
        breaker.record_failure()
        during = refuses(breaker)

    assert found is breaker
    assert (during, breaker.state) == (refused, CircuitState.CLOSED)


def test_a_breaker_is_forced_by_its_name() -> None:
    breaker = get_breaker("test_testing payments")

    with forced("test_testing payments", CircuitState.OPEN):
        assert refuses(breaker)


def test_a_name_that_the_application_gave_without_the_registry_is_found_as_well() -> None:
    breaker = CircuitBreaker("test_testing by hand")

    with forced("test_testing by hand", CircuitState.OPEN):
        assert refuses(breaker)


def test_a_keyed_name_is_forced_before_its_first_call_and_leaves_no_other_breaker_behind() -> None:
    with forced("test_testing stock", CircuitState.OPEN) as found:
        refused = refuses(get_breaker("test_testing stock", key="berlin"))
    after = refuses(get_breaker("test_testing stock", key="berlin"))
    later = refuses(get_breaker("test_testing stock", key="rome"))

    assert found is None
    assert (refused, after, later) == (True, False, False)
    assert {breaker.key for breaker in breakers() if breaker.name == "test_testing stock"} == {"berlin", "rome"}


@pytest.mark.parametrize(("state", "refused"), [("open", True), ("forced_open", True), ("closed", False)])
def test_a_state_can_be_given_as_text(state: ForcibleState, refused: bool) -> None:
    breaker = get_breaker("test_testing text", failure_threshold=1)

    with forced("test_testing text", state):
        breaker.record_failure()
        assert refuses(breaker) is refused


def test_an_override_of_the_configuration_applies_again_after_a_name_was_forced() -> None:
    breaker = get_breaker("test_testing ordered")
    REGISTRY.override("test_testing ordered", StateOverride(CircuitState.FORCED_OPEN, "operator", "INC-4711"))
    try:
        with forced("test_testing ordered", "closed"):
            during = refuses(breaker)
        after = refuses(breaker)
    finally:
        REGISTRY.override("test_testing ordered", None)

    assert (during, after) == (False, True)


def test_half_open_cannot_be_forced() -> None:
    with pytest.raises(ValueError, match="open or closed"), forced(CircuitBreaker(), CircuitState.HALF_OPEN):
        pass


def test_a_forced_breaker_is_released_when_the_test_raises() -> None:
    breaker = CircuitBreaker()

    with pytest.raises(KeyError), forced(breaker, CircuitState.OPEN):
        raise KeyError

    assert breaker.state is CircuitState.CLOSED


# --- reset


def test_a_reset_closes_every_breaker_and_forgets_its_failures() -> None:
    tripped, failing, forced_open = CircuitBreaker(), CircuitBreaker(), get_breaker("test_testing", key="a")
    trip(tripped)
    failing.record_failure()
    forced_open.force_open()

    reset()

    assert {breaker.state for breaker in breakers()} == {CircuitState.CLOSED}
    assert (failing.failures, failing.snapshot().consecutive_failures) == (0, 0)


def test_after_a_reset_a_name_may_have_other_settings() -> None:
    get_breaker("test_testing other", failure_threshold=3)

    reset()

    assert get_breaker("test_testing other", failure_threshold=4).settings.failure_threshold == 4


def test_after_a_reset_a_name_has_the_breaker_that_guards_the_application() -> None:
    guarded = get_breaker("test_testing module level")(int)  # as a module of the application does when it is imported

    reset()

    with forced("test_testing module level", CircuitState.OPEN), pytest.raises(CircuitOpenError):
        guarded()


# --- with pytest

USERS_TESTS = """
import pytest
from otel_breaker import CircuitBreaker, CircuitState, get_breaker

BREAKER = CircuitBreaker("module level", failure_threshold=1, recovery_time=30)

def test_time(breaker_clock):
    BREAKER.record_failure()
    breaker_clock.advance(30)
    assert BREAKER.call(int) == 0

def test_off(no_breakers):
    BREAKER.force_open()
    assert BREAKER.call(int) == 0

def test_forced_by_the_test_before():
    assert BREAKER.state is CircuitState.FORCED_OPEN

def test_fresh_before(fresh_breakers):
    assert BREAKER.state is CircuitState.CLOSED
    BREAKER.force_open()

def test_fresh_after():
    assert BREAKER.state is CircuitState.CLOSED
"""


@pytest.mark.processes
def test_the_fixtures_do_the_same_for_a_users_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USERS_TESTS)

    run(pytester).assert_outcomes(passed=5)


@pytest.mark.processes
@pytest.mark.parametrize(
    "conftest",
    [
        "import otel_breaker.testing",
        "import otel_breaker_instrumentation",
        "pytest_plugins = ['otel_breaker.testing']",
        "import otel_breaker.testing\npytest_plugins = ['otel_breaker.testing']",
    ],
)
def test_the_fixtures_load_without_a_warning_with_any_import_in_a_conftest(
    pytester: pytest.Pytester, conftest: str
) -> None:
    pytester.makeconftest(conftest)
    pytester.makepyfile(USERS_TESTS)

    run(pytester).assert_outcomes(passed=5)


@pytest.mark.processes
def test_the_fixtures_load_by_name_where_pytest_loads_no_plugins_by_itself(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("pytest_plugins = ['otel_breaker.testing']")
    pytester.makepyfile(USERS_TESTS)

    run(pytester).assert_outcomes(passed=5)


@pytest.mark.processes
def test_a_project_without_breakers_does_not_import_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_imported():
            assert [name for name in sys.modules if name.startswith(("otel_breaker.", "opentelemetry"))] == []
            assert "otel_breaker" not in sys.modules
        """
    )

    run(pytester).assert_outcomes(passed=1)


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error")


@pytest.mark.processes
def test_the_module_can_be_imported_without_pytest(pytester: pytest.Pytester) -> None:
    script = pytester.makepyfile(
        "import sys; sys.modules['pytest'] = None; import otel_breaker.testing as it; print(it.fake_clock.__name__)"
    )

    assert pytester.runpython(script).outlines == ["fake_clock"]
