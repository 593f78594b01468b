"""`otel-breaker targets`: the names of a module that a configuration can use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.main import main
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """
from contextlib import asynccontextmanager, contextmanager
from json import dumps
from otel_breaker import CircuitBreaker

def charge(): pass
async def charge_later(): pass
def pages(): yield
async def find(): yield
@contextmanager
def session(): yield
@asynccontextmanager
async def connection(): yield
@CircuitBreaker("payments")
def decorated(): pass
def _private(): pass
LIMIT = 5

class Client:
    def send(self): pass
    @classmethod
    async def make(cls): pass
    @staticmethod
    def parse(): pass
    @property
    def total(self): pass
    def __len__(self): return 0
    class Inner:
        def deep(self): pass
"""
LISTED = """\
shop_to_list:charge             function
shop_to_list:charge_later       coroutine function
shop_to_list:pages              generator function
shop_to_list:find               async generator function
shop_to_list:session            context manager
shop_to_list:connection         async context manager
shop_to_list:decorated          function, guarded by 'payments' already
shop_to_list:Client.send        method
shop_to_list:Client.make        coroutine classmethod
shop_to_list:Client.parse       staticmethod
shop_to_list:Client.Inner.deep  method
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_every_function_that_a_module_defines_is_listed_with_its_kind(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "shop_to_list.py").write_text(SHOP)

    status = main(["targets", "shop_to_list"])

    printed = capsys.readouterr().out
    assert (status, printed) == (0, LISTED)
    assert parse_configuration(
        {"targets": [{"function": line.split()[0]} for line in printed.splitlines()]}, ""
    ).targets


def test_a_module_without_functions_is_reported_and_exits_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "constants_to_list.py").write_text("LIMIT = 5")

    assert main(["targets", "constants_to_list"]) == 1
    assert "defines no function" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such_module", "'no_such_module' cannot be imported: ModuleNotFoundError"),
        ("shop:charge", "'shop:charge' is no module: name one such as shop.payments"),
        ("..", "'..' is no module"),
    ],
)
def test_a_name_that_is_no_module_exits_with_2(capsys: pytest.CaptureFixture[str], module: str, message: str) -> None:
    assert main(["targets", module]) == 2
    assert message in capsys.readouterr().err


PACKAGE = {
    "__init__": """
from json import dumps
from package_to_list.api import charge, _private
from package_to_list.clients import Client as HttpClient, Client
from package_to_list import api
def ping(): pass
""",
    "api": "def charge(): pass\ndef refund(): pass\ndef _private(): pass",
    "clients": "class Client:\n    def send(self): pass\n    def _hide(self): pass",
}


def test_functions_that_a_package_re_exports_are_listed_by_the_names_that_define_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "package_to_list").mkdir()
    for name, source in PACKAGE.items():
        (folder / "package_to_list" / f"{name}.py").write_text(source)

    status = main(["targets", "package_to_list"])

    assert (status, capsys.readouterr().out) == (
        0,
        """\
package_to_list:ping                 function
package_to_list.api:charge           function
package_to_list.clients:Client.send  method
""",
    )


@pytest.mark.slow
def test_the_public_functions_of_a_real_package_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["targets", "requests"])

    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"requests.api:get", "requests.api:post", "requests.sessions:Session.request"} <= set(listed)
    assert len(listed) == len(set(listed))


def test_a_function_that_a_framework_calls_past_its_name_is_listed_with_a_remedy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "from flask import Flask\napp = Flask('s')\n@app.route('/pay')\ndef pay(): return ''\ndef charge(): pass\n"
    (folder / "views_to_list.py").write_text(source)

    main(["targets", "views_to_list"])

    pay, charge = capsys.readouterr().out.splitlines()
    assert pay.startswith(
        "views_to_list:pay     function, but called past its name by Flask's view 'pay': put the breaker"
    )
    assert charge == "views_to_list:charge  function"
