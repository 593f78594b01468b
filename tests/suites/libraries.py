"""The libraries whose test suites are run: versions, requirements, and exclusions with a reason each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Library:
    """A library whose source package holds its tests."""

    name: str
    """On the package index."""
    version: str
    package: str
    """The name by which it is imported."""
    requirements: tuple[str, ...]
    """The requirements of its tests, pytest included."""
    tests: tuple[str, ...]
    """Paths in the source package."""
    options: tuple[str, ...] = ()
    """Of pytest."""
    extras: str = ""
    """Of the library itself, as `[http2]`."""
    left_out_modules: tuple[str, ...] = ()
    """Modules whose functions are not guarded: tests within the package."""
    deselected: Mapping[str, str] = field(default_factory=dict)
    """Tests that are not run at all, by the beginning of their name, with the reason."""
    known_failures: Mapping[str, str] = field(default_factory=dict)
    """Tests that must fail when everything is guarded, by the beginning of their name, with the reason."""
    needs_redis: bool = False


PYTEST = ("pytest==8.4.2", "pytest-timeout==2.4.0")

LIBRARIES = (
    Library(
        name="toolz",
        version="1.2.0",
        package="toolz",
        requirements=PYTEST,
        tests=("toolz",),
        left_out_modules=("toolz.tests", "toolz.sandbox.tests"),
    ),
    Library(
        name="more-itertools",
        version="11.2.1",
        package="more_itertools",
        requirements=PYTEST,
        tests=("tests",),
        options=("-c", "pyproject.toml"),
    ),
    Library(
        name="requests",
        version="2.32.5",
        package="requests",
        extras="[socks]",
        requirements=(*PYTEST, "pytest-httpbin==2.1.0", "httpbin==0.10.2", "pytest-mock==3.15.1", "trustme==1.2.1"),
        tests=("tests",),
        deselected={
            f"tests/test_requests.py::TestTimeout::{test}": "it waits for an address that does not answer"
            for test in ("test_connect_timeout", "test_total_timeout_connect")
        },
    ),
    Library(
        name="urllib3",
        version="2.8.0",
        package="urllib3",
        requirements=(
            *PYTEST,
            "cryptography==46.0.3",
            "h2==4.3.0",
            "httpx==0.28.1",
            "hypercorn==0.17.3",
            "idna==3.11",
            "pyopenssl==25.3.0",
            "pysocks==1.7.1",
            "pytest-socket==0.7.0",
            "quart==0.20.0",
            "quart-trio==0.12.0",
            "trio==0.32.0",
            "trustme==1.2.1",
        ),
        tests=("test",),
        options=("-m", "not requires_network"),
        deselected={
            f"test/{test}": "it sometimes waits for ever without urllib3's own Hypercorn"
            for test in (
                "with_dummyserver/test_poolmanager.py::TestPoolManager::test_headers_http_multi_header_multipart",
                *(
                    f"{file}.py::TestHTTPS_TLSv1_{version}::test_http2_probe_blocked_per_thread"
                    for file in ("with_dummyserver/test_https", "contrib/test_pyopenssl")
                    for version in (2, 3)
                ),
            )
        },
        known_failures={
            "test/with_dummyserver/test_connection.py::test_returns_urllib3_HTTPResponse": (
                "an earlier test leaves its response to the garbage collector when guarded: a traceback in a reference "
                "cycle holds the guard's frame, which holds the result; the warning occurs in the next test"
            ),
        },
    ),
    Library(
        name="httpx",
        version="0.28.1",
        package="httpx",
        extras="[brotli,cli,http2,socks,zstd]",
        requirements=(
            *PYTEST,
            "chardet==5.2.0",
            "cryptography==46.0.3",
            "trio==0.32.0",
            "trio-typing==0.10.0",
            "trustme==1.2.1",
            "uvicorn==0.38.0",
        ),
        tests=("tests",),
    ),
    Library(
        name="redis",
        version="7.1.0",
        package="redis",
        extras="[jwt,ocsp]",
        requirements=(
            *PYTEST,
            "coverage==7.10.7",
            "mock==5.2.0",
            "numpy==2.2.6",
            "packaging==25.0",
            "pybreaker==1.4.1",
            "pytest-asyncio==1.3.0",
            "redis-entraid==1.0.0",
        ),
        tests=("tests",),
        options=("-m", "not onlycluster and not redismod and not ssl", "--ignore=tests/test_scenario"),
        needs_redis=True,
    ),
    Library(
        name="anyio",
        version="4.12.1",
        package="anyio",
        extras="[trio]",
        requirements=(
            *PYTEST,
            "blockbuster==1.5.25",
            "exceptiongroup==1.3.0",
            "hypothesis==6.148.2",
            "psutil==7.1.3",
            "pytest-mock==3.15.1",
            "trustme==1.2.1",
            "truststore==0.10.4",
            "uvloop==0.22.1",
        ),
        tests=("tests",),
        options=("-k", "not uvloop"),  # on asyncio and on trio: uvloop runs the same code of anyio as asyncio does
    ),
    Library(
        name="aiohttp",
        version="3.13.3",
        package="aiohttp",
        extras="[speedups]",
        requirements=(
            *PYTEST,
            "blockbuster==1.5.25",
            "freezegun==1.5.5",
            "gunicorn==23.0.0",
            "isal==1.8.0",
            "proxy.py==2.4.10",
            "pytest-codspeed==4.2.0",
            "pytest-cov==7.0.0",
            "pytest-mock==3.15.1",
            "pytest-xdist==3.8.0",
            "re-assert==1.1.0",
            "trustme==1.2.1",
            "uvloop==0.22.1",
            "zlib-ng==1.0.0",
        ),
        tests=("tests",),
        options=("--numprocesses=0", "--no-cov", "--aiohttp-fast", "--ignore-glob=tests/test_benchmarks_*"),
        deselected={
            "tests/test_circular_imports.py": "its tests run in processes of their own, without guards",
            "tests/test_imports.py": "likewise",
        },
        known_failures={
            f"tests/{test}": "it checks the line of a warning, by `stacklevel`: a guard adds a frame"
            for test in (
                "test_client_request.py::test_warn_stacklevel_points_to_user_code",
                "test_client_request.py::test_warn_stacklevel_update_body_from_data",
                "test_web_app.py::test_app_str_keys",
            )
        },
    ),
)
