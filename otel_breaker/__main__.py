"""The command `otel-breaker`, also as `python -m otel_breaker`: runs `otel_breaker_cli`, the package that has it.

This is the only module that refers to a layer above its own, and only by name: a subcommand cannot be imported without
the libraries of an extra, and this module reports which extra is missing.
"""

from __future__ import annotations

import sys
from importlib import import_module

_COMMAND = "otel_breaker_cli.main"
_OWN_PACKAGES = ("otel_breaker", "otel_breaker_cli", "otel_breaker_instrumentation")
_CLI_LIBRARIES = ("jinja2", "rich")
"""Only the subcommands that show telemetry need them."""
_EXIT_FAILED = 2


def main() -> int:
    """Run the command line of this process; returns the exit status, 2 where a library is missing."""
    try:
        status: int = import_module(_COMMAND).main()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in _OWN_PACKAGES:
            raise
        extra = "cli" if library in _CLI_LIBRARIES else "auto"
        sys.stderr.write(f"otel-breaker: there is no {error.name}: pip install 'otel-breaker[{extra}]'\n")
        return _EXIT_FAILED
    return status


if __name__ == "__main__":
    sys.exit(main())
