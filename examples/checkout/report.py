"""Prints the results of the two runs. `results` computes every number; this module only formats."""

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from examples.checkout.configuration import ENDPOINT
from examples.checkout.operator import AFTER, BEFORE, SETTING
from examples.checkout.results import ExportedStateChange, Impact, Refusal
from examples.checkout.run import Run
from otel_breaker_cli.incident.model import Incident
from otel_breaker_cli.incident.terminal import answers
from otel_breaker_cli.otlp import Attributes, Span

STATES = {"closed": "green", "open": "red", "half_open": "yellow"}
EVIDENCE = {
    "circuit_breaker.consecutive_failures": "{:.0f} failures in a row",
    "circuit_breaker.open.rejected_calls": "{:.0f} calls refused",
}
COMPARED: tuple[tuple[str, Callable[[Impact], str]], ...] = (
    ("a checkout took (p50)", lambda impact: _seconds(impact.checkout_p50)),
    ("a checkout took (p99)", lambda impact: _seconds(impact.checkout_p99)),
    ("a page without payment took (p50)", lambda impact: _seconds(impact.products_p50)),
    ("requests that reached the provider", lambda impact: str(impact.provider_requests)),
    ("checkouts that failed", lambda impact: f"{impact.checkouts_failed} of {impact.checkouts}"),
)
QUESTIONS_SHOWN = 4
HTTP_STATUS = ("http.response.status_code", "http.status_code")


def timeline(run: Run, changes: list[ExportedStateChange]) -> RenderableType:
    """The circuit, the provider and the operator on one clock."""
    rows = [
        (start, Text(f"the payment provider is {phase.value}", "dim")) for phase, start in run.schedule.starts.items()
    ]
    changed = f"the operator changes {SETTING} from {BEFORE} to {AFTER}, in breakers.yaml"
    rows += [(run.changed_at, Text(changed, "bold"))] if run.changed_at < run.schedule.total else []
    rows += [((change.time - run.started) / 1e9, _state_change(change)) for change in changes]
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    for seconds, what in sorted(rows, key=lambda row: row[0]):
        table.add_row(f"{seconds:.2f} s", what)
    return table


def comparison(without: Impact, with_breaker: Impact) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("while the provider was down")
    table.add_column("without", justify="right")
    table.add_column("with the breaker", justify="right")
    for title, cell in COMPARED:
        table.add_row(title, cell(without), cell(with_breaker))
    # The last row raises the question.
    note = "A breaker cannot make a payment succeed: it refuses at once, keeps the rest of the shop quick and "
    note += "leaves the provider alone. Without it, checkouts that succeeded had queued until the provider was back."
    return Group(table, Text(), Text(note, "dim"))


def refused_trace(refusal: Refusal) -> RenderableType:
    """The refusal's trace and, under its link, the trace of the call that it links to."""
    tree = _tree(refusal.trace, refusal.span, f"trace {refusal.span.trace_id}")
    cause = _tree(refusal.cause_trace, refusal.cause, f"trace {refusal.cause.trace_id}")
    arrow = Text.assemble(
        "its link leads to the call that opened the circuit, ",
        (f"{refusal.seconds_after_cause:.2f} s earlier", "bold"),
        f": {refusal.cause.name}, span {refusal.cause.span_id}",
    )
    return Group(tree, Text(), arrow, Text(), cause)


def picture(drawing: Path) -> RenderableType:
    return Text(str(_relative(drawing)), "bold")


def calls(counts: Mapping[str, int]) -> RenderableType:
    return Text(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))


def files(*runs: Run) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for run in runs:
        table.add_row(f"{_relative(run.folder)}/", " ".join(sorted(file.name for file in run.folder.iterdir())))
    return table


def oncall_answers(incident: Incident, page: Path) -> RenderableType:
    """The first questions of docs/oncall.md, and the path of the page that shows the whole incident."""
    where = Text.assemble("All ten, the timeline and its picture on one page: ", (str(_relative(page)), "bold"))
    return Group(answers(incident, QUESTIONS_SHOWN), Text(), where)


def next_steps(collector: str | None) -> RenderableType:
    if collector:
        return Text(f"Both runs went to {collector} as well: look for service.name=shop and demo.run=with-breaker.")
    command = f"{ENDPOINT}=http://localhost:4318 make demo"
    return Group(Text("The same two runs, sent to a Collector (OTLP over HTTP) as well:"), Text(command, "bold"))


def section(console: Console, title: str, content: RenderableType) -> None:
    console.print()
    console.print(Text(title, "bold underline"))
    console.print(Padding(content, (1, 0, 0, 2)))


def _state_change(change: ExportedStateChange) -> Text:
    evidence = [text.format(change.evidence[name]) for name, text in EVIDENCE.items() if name in change.evidence]
    why = ", ".join([change.reason, *evidence])
    return Text.assemble(
        "circuit ",
        (change.from_state, STATES.get(change.from_state, "")),
        " → ",
        (change.to_state, STATES.get(change.to_state, "")),
        f"  ({why})",
    )


def _tree(trace: list[Span], detailed: Span, title: str) -> Tree:
    """A trace as a tree, with all attributes and events of one of its spans."""
    tree = Tree(title, guide_style="dim")
    branches: dict[str, Tree] = {}
    for span in trace:
        branch = branches.get(span.parent_id, tree).add(_span(span))
        branches[span.span_id] = branch
        if span is detailed:
            _add_details(branch, span)
    return tree


def _span(span: Span) -> Text:
    status = next((f"  HTTP {span.attributes[name]}" for name in HTTP_STATUS if name in span.attributes), "")
    label = Text.assemble((span.name, "bold"), f"  {span.kind}  {_seconds(span.seconds)}{status}")
    return label.append("  ERROR", "red") if span.failed else label


def _add_details(branch: Tree, span: Span) -> None:
    _add_attributes(branch, span.attributes)
    for event in span.events:
        _add_attributes(branch.add(Text.assemble("event ", (event.name, "bold"))), event.attributes)
    for link in span.links:
        _add_attributes(branch.add(Text("link", "bold")), {"trace": link.trace_id, "span": link.span_id})


def _add_attributes(branch: Tree, attributes: Attributes) -> None:
    for name, value in attributes.items():
        shown = f"{value:.3g}" if isinstance(value, float) else str(value)
        branch.add(Text.assemble(f"{name} = ", (shown, "cyan")))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
