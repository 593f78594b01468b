"""Writes what can be derived from the code into the documents: `make docs`; `--check` only says what differs.

Generated are docs/configuration.md, the JSON Schema of the configuration file, which is shipped, and the state diagram
in README.md between its two markers.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

from otel_breaker.core.states import TRANSITIONS, CircuitState, Trigger
from otel_breaker.settings import Mode, Settings
from otel_breaker_instrumentation import schema

ROOT = Path(__file__).parents[1]
_MARKED = re.compile(r"(<!-- states: generated -->\n).*?(<!-- end -->)", re.DOTALL)

_LABELS = {
    Trigger.TRIP: "a rule trips",
    Trigger.COOL_DOWN: "recovery time elapsed, a call comes",
    Trigger.RECOVER: "every probe succeeded",
    Trigger.RELAPSE: "a probe failed or was lost",
    Trigger.FORCE_OPEN: "force_open()",
    Trigger.FORCE_CLOSED: "force_closed()",
    Trigger.RESET: "reset()",
}

_CONFIGURATION = """\
# Configuration

Generated from `otel_breaker/settings/model.py` by `make docs`. Every example is run by a test.

The names are the same everywhere: keyword arguments of `CircuitBreaker(...)` and `get_breaker(...)`, and keys under
`breakers:`, `defaults:` and [each target](instrumentation.md) in the file that `OTEL_BREAKER_CONFIG_FILE` names. A
duration is a number of seconds, or text with a unit: `500ms`, `30s`, `10m`, `1h`. What is code is an object in Python
and a dotted name in the file, `package.module.Name` or `package.module:Name`; it is imported when the breaker is first
needed, not before. Any rule that is on may trip.

| setting | default | meaning |
|---|---|---|
{rows}

## Each setting by itself

{examples}
"""


def configuration() -> str:
    """docs/configuration.md."""
    rows, examples = [], []
    for spec in fields(Settings):
        default = _show(getattr(Settings(), spec.name))
        rows.append(f"| `{spec.name}` | {default} | {spec.metadata['meaning']} |")
        needed = "".join(f", {name}: {value}" for name, value in spec.metadata["needs"].items())
        examples.append(
            f"### `{spec.name}`\n\n{spec.metadata['meaning']} Default: {default}.\n\n"
            f"```yaml\nbreakers:\n  payments: {{{spec.name}: {spec.metadata['example']}{needed}}}\n```"
        )
    return _CONFIGURATION.format(rows="\n".join(rows), examples="\n\n".join(examples))


def _show(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item.__name__}`" for item in value)
    if isinstance(value, Mode):
        return f"`{value.value}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def diagram() -> str:
    """The states and what moves a circuit between them, as Mermaid draws it."""
    lines = [f"    [*] --> {CircuitState.CLOSED.value}"]
    lines += [
        f"    {source.value} --> {target.value}: {_LABELS[trigger]}"
        for (source, trigger), target in TRANSITIONS.items()
    ]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def documents() -> dict[Path, str]:
    """Every generated document as it should be."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "configuration.md": configuration(),
        Path(schema.__file__).with_name(schema.NAME): json.dumps(schema.schema(), indent=2) + "\n",
        readme: _MARKED.sub(lambda found: found[1] + diagram() + found[2], readme.read_text()),
    }


def main(arguments: list[str]) -> int:
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(documents()[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
