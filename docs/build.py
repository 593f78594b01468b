"""Generates documents from the code: `make docs`; `--check` only reports which ones are out of date.

Generated are docs/configuration.md, docs/telemetry.md, the shipped JSON Schema of the configuration file, and the state
diagram between the two markers in README.md.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from enum import Enum
from pathlib import Path

from otel_breaker.core.states import TRANSITIONS, CircuitState, Trigger
from otel_breaker.settings import Settings, TelemetrySettings
from otel_breaker.telemetry.configuration import variable_of
from otel_breaker.telemetry.names import SCOPE
from otel_breaker_cli import json_schema
from otel_breaker_cli.semconv_registry import Attribute, Schema, Signal, load

ROOT = Path(__file__).parents[1]
_DIAGRAM = re.compile(r"(<!-- states: generated -->\n).*?(<!-- end -->)", re.DOTALL)

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

Generated from `otel_breaker/settings` by `make docs`. Every example is run by a test.

The names are the same everywhere: keyword arguments of `CircuitBreaker(...)` and `get_breaker(...)`, and keys under
`breakers:`, `defaults:` and [each target](instrumentation.md) in the file that `OTEL_BREAKER_CONFIG_FILE` names. A
duration is a number of seconds, or text with a unit: `500ms`, `30s`, `10m`, `1h`. A setting that is code is an
object in Python and a dotted name in the file, `package.module.Name` or `package.module:Name`, which is imported when
the breaker is first needed.

Any rule that is on may trip, and no rule switches another off. Where a rate is set, as many failures in a row as
suffice to evaluate it trip, too: a dependency that hangs is detected when `minimum_calls` calls have failed, and not
when the failures are the rate's share of the window.

Set `recovery_time: 5s` and `recovery_jitter: 0.2`. The default, 60 s, is that of a breaker that is asked for nothing
else: it refuses good calls for up to a minute after an outage. Jitter keeps the processes of a service from probing
at the same moment. [Decisions](decisions.md) has the figures for both, and when to set what.

| setting | default | meaning |
|---|---|---|
{rows}

## Each setting by itself

{examples}

## Telemetry

These settings apply to all breakers of the process. The same names are keyword arguments of
`otel_breaker.configure(...)`, which may be called at any time and takes effect at once, also for existing breakers:

```python
import otel_breaker

otel_breaker.configure(spans="problems", rejected_span_limit=10, duration_histogram=True)
```

Settings that are not passed keep their values. `tracer_provider`, `meter_provider` and `logger_provider` of the same
function replace OpenTelemetry's global providers.

In the configuration file they are under `telemetry:`, which overrides code; an environment variable overrides both.
It is read when the first breaker is made; an invalid value is logged as an error and ignored. A flag is `true` or
`false`.

| setting | default | environment variable | example | meaning |
|---|---|---|---|---|
{telemetry_settings}
"""

_TELEMETRY = """\
# Telemetry

Generated from `otel_breaker/telemetry/semconv` by `make docs`. That folder is a semantic-convention registry, which
OpenTelemetry's [Weaver](https://github.com/open-telemetry/weaver) reads, too. A test runs everything that a breaker
does, and fails on telemetry that is not in the registry, and on entries of the registry that are never exported.

All of it has the scope `{scope}`. `otel-breaker telemetry-check FILE...` checks exported telemetry, OTLP in JSON,
against this registry.

## Spans

{spans}

## Events

{events}

## Metrics

One series for each breaker's name and combination of values, summed over the breaker's circuits.

| metric | instrument | unit | attributes | meaning |
|---|---|---|---|---|
{metrics}

## Attributes

{attributes}
"""


def telemetry(schema: Schema) -> str:
    """docs/telemetry.md."""
    return _TELEMETRY.format(
        scope=SCOPE,
        spans="\n\n".join(_signal(span, schema) for span in schema.spans.values()),
        events="\n\n".join(_signal(event, schema) for event in schema.events.values()),
        metrics="\n".join(_metric(metric, schema) for metric in schema.metrics.values()),
        attributes="\n\n".join(_definition(attribute) for attribute in schema.attributes.values()),
    )


def _signal(signal: Signal, schema: Schema) -> str:
    note = f"\n\n{signal.note.strip()}" if signal.note else ""
    head = "| attribute | type | when | example | meaning |\n|---|---|---|---|---|"
    rows = "\n".join(_row(attribute, schema) for attribute in signal.attributes.values())
    return f"### `{signal.name}`\n\n{signal.brief}{note}\n\n{head}\n{rows}"


def _row(attribute: Attribute, schema: Schema) -> str:
    defined = schema.attributes.get(attribute.name)
    note = "" if defined is not None and attribute.note == defined.note else attribute.note
    when = "always" if attribute.level == "required" else attribute.condition.rstrip(".") or attribute.level
    when += "; samplers see it" if attribute.sampling_relevant else ""
    cells = (_linked(attribute, schema), attribute.type, when, _example(attribute), f"{attribute.brief} {note}".strip())
    return f"| {' | '.join(cells)} |"


def _metric(metric: Signal, schema: Schema) -> str:
    attributes = "<br>".join(
        _linked(attribute, schema) + (f" ({attribute.condition.rstrip('.')})" if attribute.condition else "")
        for attribute in metric.attributes.values()
    )
    meaning = f"{metric.brief} {metric.note}".strip()
    return f"| `{metric.name}` | {metric.instrument} | `{metric.unit}` | {attributes} | {meaning} |"


def _definition(attribute: Attribute) -> str:
    text = f"### `{attribute.name}`\n\n{attribute.brief} {attribute.note}".strip()
    if attribute.members:
        rows = "\n".join(f"| `{member.value}` | {member.brief} |" for member in attribute.members)
        return f"{text}\n\n| value | meaning |\n|---|---|\n{rows}"
    return f"{text}\n\nType: {attribute.type}. Example: {_example(attribute)}."


def _example(attribute: Attribute) -> str:
    examples = attribute.examples or tuple(member.value for member in attribute.members) or ("true",)
    return f"`{examples[0] if isinstance(examples[0], str) else json.dumps(examples[0])}`"


def _linked(attribute: Attribute, schema: Schema) -> str:
    """An attribute's name, linked to its definition if the document has one."""
    if attribute.name not in schema.attributes:
        return f"`{attribute.name}`"
    return f"[`{attribute.name}`](#{attribute.name.replace('.', '')})"


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
    telemetry_settings = "\n".join(
        f"| `{spec.name}` | {_show(spec.default)} | `{variable_of(spec.name)}` | `{spec.metadata['example']}` |"
        f" {spec.metadata['meaning']} |"
        for spec in fields(TelemetrySettings)
    )
    return _CONFIGURATION.format(
        rows="\n".join(rows), examples="\n\n".join(examples), telemetry_settings=telemetry_settings
    )


def _show(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item.__name__}`" for item in value)
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def diagram() -> str:
    """The states and the transitions between them, in Mermaid's syntax."""
    lines = [f"    [*] --> {CircuitState.CLOSED.value}"]
    lines += [
        f"    {source.value} --> {target.value}: {_LABELS[trigger]}"
        for (source, trigger), target in TRANSITIONS.items()
    ]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def documents() -> dict[Path, str]:
    """The text of every generated document, by path."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "configuration.md": configuration(),
        ROOT / "docs" / "telemetry.md": telemetry(load()),
        Path(json_schema.__file__).with_name(json_schema.NAME): json.dumps(json_schema.schema(), indent=2) + "\n",
        readme: _DIAGRAM.sub(lambda match: match[1] + diagram() + match[2], readme.read_text()),
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
