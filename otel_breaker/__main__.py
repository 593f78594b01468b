"""The command `otel-breaker`, also as `python -m otel_breaker`: hands over to the package that has it.

The one module that knows of a layer above its own, by name only: that package cannot be imported without what the
extras bring, and somebody has to say so.
"""

from __future__ import annotations

import sys
from importlib import import_module

_COMMAND = "otel_breaker_cli.main"
_OURS = ("otel_breaker", "otel_breaker_cli", "otel_breaker_instrumentation")
_SHOWING = ("jinja2", "rich")
"""What only the commands need that show telemetry."""
_CANNOT = 2


def main() -> int:
    """Run the command line of this process; returns the exit status, 2 where a library is missing."""
    try:
        status: int = import_module(_COMMAND).main()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in _OURS:
            raise
        extra = "cli" if library in _SHOWING else "auto"
        sys.stderr.write(f"otel-breaker: there is no {error.name}: pip install 'otel-breaker[{extra}]'\n")
        return _CANNOT
    return status


if __name__ == "__main__":
    sys.exit(main())
