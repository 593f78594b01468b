"""The folder of an application to check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.shop_to_check import SHOP

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    (tmp_path / "shop_to_check.py").write_text(SHOP)
    return tmp_path
