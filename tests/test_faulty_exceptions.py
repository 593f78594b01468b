"""Exceptions that raise when they are inspected: they reach the caller, are counted, and leave no call open."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState, get_breaker
from otel_breaker.exception_groups import leaves
from otel_breaker.text import LONGEST, type_name
from otel_breaker_instrumentation import OtelBreakerInstrumentor
from tests.ways import WAYS, drive, throw

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Spans
    from tests.fakes import FakeClock
    from tests.ways import Way


def refuse(*_: object) -> NoReturn:
    raise RuntimeError("not to be looked at")


class Unhashable(type):
    __hash__ = refuse
    __eq__ = refuse


class Unnamed(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in ("__module__", "__qualname__", "__name__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class Unanswering(type):
    def __getattr__(cls, name: str) -> Any:
        raise KeyError(name)


class OfUnhashable(Exception, metaclass=Unhashable):
    pass


class OfUnnamed(Exception, metaclass=Unnamed):
    pass


class OfUnanswering(Exception, metaclass=Unanswering):
    pass


class Secretive(Exception):
    def __getattribute__(self, name: str) -> Any:
        if name in ("__dict__", "__class__", "__traceback__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class Frozen(Exception):
    __setattr__ = refuse


class WithoutDict(Exception):
    __dict__ = property(lambda self: None)


class ReadOnlyDict(Exception):
    __dict__ = property(lambda self: {})


class Unequal(Exception):
    __eq__ = refuse
    __hash__ = refuse
    __bool__ = refuse
    __str__ = refuse
    __repr__ = refuse


class ClosedGroup(ExceptionGroup[Exception]):
    exceptions = property(refuse)


def deep_group() -> Exception:
    group: Exception = ValueError("leaf")
    for _ in range(3_000):
        group = ExceptionGroup("group", [group])
    return group


FAULTY = [
    OfUnhashable,
    OfUnnamed,
    OfUnanswering,
    Secretive,
    Frozen,
    WithoutDict,
    ReadOnlyDict,
    Unequal,
    lambda: ClosedGroup("group", [ValueError()]),
    deep_group,
]
_name_of = type.__dict__["__name__"].__get__
faulty = pytest.mark.parametrize(
    "make", FAULTY, ids=lambda make: _name_of(make) if isinstance(make, type) else make.__name__
)


@pytest.fixture
def instrumentor() -> Iterator[OtelBreakerInstrumentor]:
    found = OtelBreakerInstrumentor()
    yield found
    found.uninstrument()


def raised_by(call: Callable[..., object], *args: object) -> BaseException | None:
    try:
        call(*args)
    except BaseException as error:  # of any type; the test compares it
        return error
    return None


@faulty
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("traced", [False, True])
def test_a_faulty_exception_reaches_the_caller_is_counted_and_trips(
    make: Any, way: Way, traced: bool, request: pytest.FixtureRequest
) -> None:
    spans: Spans | None = request.getfixturevalue("spans") if traced else None
    breaker = CircuitBreaker("faulty", failure_threshold=3)

    for _ in range(3):
        error = make()
        assert raised_by(way, breaker, error) is error

    assert breaker.state is CircuitState.OPEN
    assert breaker.snapshot().calls["failure"] == 3
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    if spans is not None and way.__name__ != "by_hand":
        assert [dict(span.attributes or {})["circuit_breaker.call.outcome"] for span in spans()] == [
            *["failure"] * 3,
            "rejected",
        ]


@faulty
def test_a_faulty_exception_of_a_probe_frees_its_permit(make: Any, clock: FakeClock) -> None:
    breaker = CircuitBreaker(failure_threshold=1, recovery_time=10, clock=clock)
    breaker.record_failure()
    clock.advance(10)

    raised_by(breaker.call, throw, make())
    clock.advance(10)

    assert breaker.call(int) == 0
    assert breaker.state is CircuitState.CLOSED


@faulty
def test_a_faulty_exception_is_counted_by_key_as_well(make: Any) -> None:
    breaker = get_breaker("test_faulty_exceptions", key=repr(id(make)), failure_threshold=1)
    error = make()

    assert raised_by(breaker.call, throw, error) is error
    assert breaker.state is CircuitState.OPEN


@faulty
@pytest.mark.parametrize("breaker", ["faulty configured", "faulty by {key}"])
@pytest.mark.parametrize("function", ["fail", "fail_later"])
def test_a_faulty_exception_of_a_configured_function_is_counted_as_well(
    make: Any, breaker: str, function: str, instrumentor: OtelBreakerInstrumentor, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("test_faulty_exceptions_shop")
    exec("def fail(error, key): raise error\nasync def fail_later(error, key): raise error", vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    name, key = breaker.replace("{key}", "").strip(), repr(id(make)) + function
    instrumentor.instrument(
        targets=[{"function": f"{module.__name__}:{function}", "breaker": breaker}],
        breakers={name: {"failure_threshold": 1}},
    )
    error = make()

    if function == "fail":
        assert raised_by(module.fail, error, key) is error
    else:
        assert raised_by(drive, module.fail_later(error, key)) is error
    guarded = get_breaker(name, key=key) if "{" in breaker else get_breaker(name)
    assert guarded.state is CircuitState.OPEN
    guarded.reset()


def test_a_matcher_whose_metaclass_raises_makes_a_failure() -> None:
    class Undecided(type):
        __instancecheck__ = refuse
        __subclasscheck__ = refuse

    class Matcher(Exception, metaclass=Undecided):
        pass

    breaker = CircuitBreaker(failure_threshold=1, ignore=(Matcher,))

    with pytest.raises(ValueError, match="own"):
        breaker.call(throw, ValueError("own"))

    assert breaker.state is CircuitState.OPEN


@pytest.mark.parametrize("stop", [SystemExit, GeneratorExit, RuntimeError])
@pytest.mark.parametrize("setting", ["failure_on", "ignore", "retry_after"])
def test_what_a_predicate_raises_does_not_replace_the_callers_exception(
    stop: type[BaseException], setting: str
) -> None:
    def leave(_: object) -> NoReturn:
        raise stop

    breaker = CircuitBreaker(failure_threshold=1, **{setting: leave})  # type: ignore[arg-type]  # any of three

    with pytest.raises(ValueError, match="own"):
        breaker.call(throw, ValueError("own"))

    assert breaker.state is CircuitState.OPEN


def test_ctrl_c_during_a_predicate_passes_and_leaves_no_call_in_flight(clock: FakeClock) -> None:
    def press(_: object) -> NoReturn:
        raise KeyboardInterrupt

    breaker = CircuitBreaker(failure_threshold=1, recovery_time=10, ignore=press, clock=clock)
    breaker.record_failure()
    clock.advance(10)

    with pytest.raises(KeyboardInterrupt):
        breaker.call(throw, ValueError())

    assert breaker.snapshot().probes_in_flight == 0


def test_a_group_that_contains_itself_has_an_end() -> None:
    class Ring(ExceptionGroup[Exception]):
        pass

    inner = Ring("inner", [ValueError()])
    outer = Ring("outer", [inner, inner, TypeError()])

    assert [type(leaf) for leaf in leaves(outer)] == [ValueError, TypeError]


def test_leaves_keep_their_order() -> None:
    group = BaseExceptionGroup("", [KeyError(), ExceptionGroup("", [ValueError(), OSError()]), TypeError()])

    assert [type(leaf) for leaf in leaves(group)] == [KeyError, ValueError, OSError, TypeError]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (OfUnnamed, f"{__name__}.OfUnnamed"),
        (OfUnhashable, f"{__name__}.OfUnhashable"),
        (type("No\nLine", (Exception,), {"__module__": "shop"}), "shop.No\N{REPLACEMENT CHARACTER}Line"),
        (type("Nowhere", (Exception,), {"__module__": 5}), "Nowhere"),
        (type("N" * 100_000, (Exception,), {"__module__": "shop"}), ("shop." + "N" * 100_000)[:LONGEST]),
        (ValueError, "ValueError"),
    ],
    ids=["unnamed", "unhashable", "unprintable", "without a module", "long", "built in"],
)
def test_a_type_has_its_name_with_any_metaclass(kind: type, name: str) -> None:
    assert [type_name(kind) for _ in range(2)] == [name] * 2
