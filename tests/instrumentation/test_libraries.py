"""Whole libraries whose functions and methods are all guarded: what their users see is what it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def seen(*arguments: str) -> dict[str, Any]:
    """What a program sees that uses a library in many ways."""
    command = [sys.executable, "-m", "tests.instrumentation.library_programs", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("library", ["requests", "httpx", "urllib3"])
def test_users_of_a_library_that_is_guarded_throughout_see_what_they_saw(library: str) -> None:
    plain, guarded = seen(library, "plain"), seen(library, "guarded")

    assert guarded["seen"] == plain["seen"]
    assert len(plain["seen"]) > 100
    assert guarded["guarded"] > 100
    assert guarded["called"] > 500
    assert plain["guarded"] == plain["called"] == 0
