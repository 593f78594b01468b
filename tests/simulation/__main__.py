"""Simulates overload and outages, and prints the tables of docs/decisions.md: `python -m tests.simulation`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.simulation.document import fill, simulate


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--markdown", type=Path, help="write the tables into this document, too")
    options = parser.parse_args(arguments)
    tables = simulate()
    sys.stdout.write("\n\n".join(tables.values()) + "\n")
    if options.markdown is not None:
        options.markdown.write_text(fill(options.markdown.read_text(), tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
