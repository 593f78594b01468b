"""Where promtool is, if it is here: in the folder of OTEL_BREAKER_BACKENDS, or where it is kept once it was built."""

from __future__ import annotations

import os
from pathlib import Path

BINARIES = "OTEL_BREAKER_BACKENDS"


def promtool() -> Path | None:
    if folder := os.environ.get(BINARIES):
        places = [Path(folder)]
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        places = sorted((cache / "otel-breaker" / "backends").glob("prometheus-*"))
    return next((place / "promtool" for place in places if (place / "promtool").is_file()), None)
