"""A target is guarded whenever its module is imported: later, lazily, half, twice; and no target imports a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from otel_breaker_instrumentation import Status, report
from tests.instrumentation.applications import calls, is_guarded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.instrumentation.applications import Application

GUARDS_ITSELF = """
    from otel_breaker_instrumentation import OtelBreakerInstrumentor, report

    OtelBreakerInstrumentor().instrument(targets=[{"function": __name__ + ":charge"}])
    reported = str(report())
"""


def statuses() -> list[Status]:
    return [line.status for line in report()]


def lazily(name: str) -> ModuleType:
    """Import a module as the documentation of importlib does it lazily."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


# --- never, and later


def test_a_module_that_is_named_is_not_imported(application: Application) -> None:
    name = application.write("raise AssertionError('nobody asked for this module')")

    application.guard(f"{name}:charge", f"{name}:*")

    assert name not in sys.modules
    assert statuses() == [Status.PENDING, Status.PENDING]


def test_a_module_that_is_not_there_yet_is_pending_with_the_nearest_that_is(application: Application) -> None:
    application.guard("colorsyss:rgb_to_hsv", "email.mesage:Message.as_string")
    importlib.import_module("colorsys")
    importlib.import_module("email.message")

    first, second = report()

    assert (first.status, first.reason) == (Status.PENDING, "nobody has imported its module")
    assert (first.remedy, second.remedy) == ("did you mean 'colorsys'?", "did you mean 'email.message'?")


def test_a_submodule_is_guarded_when_it_is_imported_and_not_with_its_package(
    application: Application, tmp_path: Path
) -> None:
    name = application.write("")
    (tmp_path / f"{name}.py").unlink()
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "payments.py").write_text("def charge(): pass")
    application.guard(f"{name}.payments:charge")

    importlib.import_module(name)
    assert statuses() == [Status.PENDING]

    importlib.import_module(f"{name}.payments").charge()
    assert calls(f"{name}.payments:charge") == {"success": 1}
    del sys.modules[f"{name}.payments"]


def test_what_a_package_takes_from_its_own_submodule_is_guarded(application: Application, tmp_path: Path) -> None:
    name = application.write("")
    (tmp_path / f"{name}.py").unlink()
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(f"from {name}.payments import *")
    (tmp_path / name / "payments.py").write_text("def charge(): pass")
    application.guard(f"{name}.payments:charge")

    importlib.import_module(name).charge()

    assert calls(f"{name}.payments:charge") == {"success": 1}
    del sys.modules[f"{name}.payments"]


def test_a_module_that_puts_something_else_in_its_place_is_guarded_there(application: Application) -> None:
    module = application.load(
        """
        import sys
        import types

        class Module(types.ModuleType):
            pass

        other = Module(__name__)
        other.charge = lambda: "other"
        sys.modules[__name__] = other
        """,
        "charge",
    )

    assert module.charge() == "other"
    assert calls(module, "charge") == {"success": 1}


# --- lazily


def test_a_lazy_module_is_guarded_when_it_is_loaded(application: Application) -> None:
    name = application.write("loaded = []\ndef charge(): pass")
    application.guard(f"{name}:charge")
    module = lazily(name)
    assert statuses() == [Status.PENDING]

    module.charge()

    assert calls(f"{name}:charge") == {"success": 1}


def test_a_module_that_is_lazy_already_is_not_loaded_and_guarded_when_it_is(application: Application) -> None:
    name = application.write("def charge(): pass")
    module = lazily(name)

    application.guard(f"{name}:charge")

    assert type(module) is not type(sys)
    assert statuses() == [Status.PENDING]
    module.charge()
    assert calls(f"{name}:charge") == {"success": 1}


def test_a_lazy_module_that_is_loaded_after_uninstrument_is_not_guarded(application: Application) -> None:
    name = application.write("def charge(): pass")
    module = lazily(name)
    application.guard(f"{name}:charge")
    application.instrumentor.uninstrument()

    module.charge()

    assert not is_guarded(module.charge)
    assert type(module.__loader__).__name__ == "SourceFileLoader"


# --- half


@pytest.mark.parametrize("after", ["def charge(): pass", "", "def other(): pass\ncharge = other"])
def test_a_module_that_guards_its_own_function_above_it_is_guarded_once_it_is_complete(
    application: Application, after: str
) -> None:
    name = application.write(GUARDS_ITSELF + "".join(f"    {line}\n" for line in after.splitlines()))

    module = importlib.import_module(name)

    assert "pending" in module.reported
    assert "its import is not finished" in module.reported
    assert statuses() == [Status.GUARDED if after else Status.MISSING]
    if after:
        module.charge()
        assert calls(module, "charge") == {"success": 1}


def test_the_specification_of_a_module_is_as_it_was(application: Application) -> None:
    name = application.write(GUARDS_ITSELF + "    def charge(): pass")

    spec = importlib.import_module(name).__spec__

    assert spec is not None
    assert type(spec).__name__ == "ModuleSpec"
    assert not [attribute for attribute in vars(spec) if "otel" in attribute]


def test_a_package_whose_submodule_guards_it_is_guarded_once_it_is_complete(
    application: Application, tmp_path: Path
) -> None:
    name = application.write("")
    (tmp_path / f"{name}.py").unlink()
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(f"import {name}.setup\ndef charge(): pass")
    (tmp_path / name / "setup.py").write_text(
        "from otel_breaker_instrumentation import OtelBreakerInstrumentor\n"
        f"OtelBreakerInstrumentor().instrument(targets=[{{'function': '{name}:charge'}}])"
    )

    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {"success": 1}
    del sys.modules[f"{name}.setup"]


def test_a_half_imported_module_that_fails_is_guarded_when_it_is_imported_again(
    application: Application, tmp_path: Path
) -> None:
    name = application.write(GUARDS_ITSELF + "    raise OSError('no licence')")
    with pytest.raises(OSError, match="no licence"):
        importlib.import_module(name)
    assert statuses() == [Status.PENDING]
    (tmp_path / f"{name}.py").write_text("def charge():\n    pass  # of another length")

    importlib.invalidate_caches()
    importlib.import_module(name).charge()

    assert calls(f"{name}:charge") == {"success": 1}


def test_a_half_imported_module_is_not_guarded_after_uninstrument(application: Application) -> None:
    source = GUARDS_ITSELF + "    OtelBreakerInstrumentor().uninstrument()\n    def charge(): pass"

    module = importlib.import_module(application.write(source))

    assert not is_guarded(module.charge)


def test_a_half_imported_module_is_guarded_once_after_uninstrument_and_instrument(
    application: Application,
) -> None:
    again = GUARDS_ITSELF.replace("from", "OtelBreakerInstrumentor().uninstrument()\n    from", 1)
    source = GUARDS_ITSELF + again + "    def charge(): pass"

    module = importlib.import_module(application.write(source))
    module.charge()

    assert calls(module, "charge") == {"success": 1}


def test_a_module_that_another_thread_is_importing_is_guarded_once_it_is_complete(application: Application) -> None:
    name = application.write("""
        import threading

        begun, finish = threading.Event(), threading.Event()
        if True:
            from threading import current_thread
            current_thread().begun.set()
            current_thread().finish.wait(10)

        def charge(): pass
    """)
    thread = threading.Thread(target=importlib.import_module, args=(name,))
    thread.begun, thread.finish = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    thread.start()
    thread.begun.wait(10)  # type: ignore[attr-defined]

    application.guard(f"{name}:charge")
    assert statuses() == [Status.PENDING]
    thread.finish.set()  # type: ignore[attr-defined]
    thread.join()

    sys.modules[name].charge()
    assert calls(f"{name}:charge") == {"success": 1}


# --- twice


def test_a_module_that_was_reloaded_is_reported_as_no_longer_guarded(application: Application) -> None:
    module = application.load("def charge(): pass", "charge")

    importlib.reload(module)

    [line] = report()
    assert (line.status, line.target) == (Status.MISSING, f"{module.__name__}:charge")
    assert "the name is another object by now" in line.reason


def test_a_module_that_was_loaded_again_is_guarded_by_instrumenting_again(application: Application) -> None:
    module = application.load("def charge(): pass", "charge")
    importlib.reload(module)
    original = module.charge

    application.instrumentor.uninstrument()
    assert module.charge is original
    application.guard(f"{module.__name__}:charge")
    module.charge()

    assert calls(module, "charge") == {"success": 1}


def test_a_module_that_was_imported_again_is_reported_as_no_longer_guarded(application: Application) -> None:
    name = application.load("def charge(): pass", "charge").__name__
    del sys.modules[name]

    importlib.import_module(name)

    assert statuses() == [Status.MISSING]


def test_a_module_that_comes_without_being_imported_is_guarded_when_that_is_noticed(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = application.write("")
    application.guard(f"{name}:charge")
    module = ModuleType(name)
    exec("def charge(): pass", vars(module))

    monkeypatch.setitem(sys.modules, name, module)
    assert statuses() == [Status.GUARDED]
    module.charge()
    assert calls(f"{name}:charge") == {"success": 1}
