"""Draws one refused trace and, at the end of its link, the trace of the call that opened the circuit, as SVG.

Pure: from a `Refusal` to text. What one refusal shows is found by `results`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from examples.checkout.results import STATE_CHANGE, Refusal
from otel_breaker_cli.otlp import Attributes, Span

NAME = "refused-trace.svg"

PREFIX = "circuit_breaker"
SPAN_ATTRIBUTES = (
    (f"{PREFIX}.state", f"{PREFIX}.call.outcome", f"{PREFIX}.retry_after"),
    ("error.type", f"{PREFIX}.episode"),
)
EVENT_ATTRIBUTES = (
    (f"{STATE_CHANGE}.from", f"{STATE_CHANGE}.to", f"{STATE_CHANGE}.reason"),
    (f"{PREFIX}.consecutive_failures", f"{PREFIX}.threshold", f"{PREFIX}.open.planned_duration"),
)
"""Which attributes of the guarded call and of its event are shown, in lines."""

WIDTH, ROW, TOP = 820, 22, 28
TEXT, INDENT = 34, 16
BARS, BARS_END = 290, 620
OK, FAILED, LINK = "#3b7dd8", "#c9372c", "#8250df"
STYLE = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}"
    ".heading{font-weight:600}.note{fill:#59636e}"
)


@dataclass(frozen=True)
class Line:
    """One line of the drawing: its elements, relative to its own baseline."""

    content: str
    anchor: str = ""
    """`link` where the link begins, `cause` where it ends."""


def draw(refusal: Refusal) -> str:
    """The refused call's trace above, the other one below, and an arrow from the link to the span that it names."""
    link = Line(_text(2, f"link to span {refusal.cause.span_id}, the call that opened the circuit", "note"), "link")
    lines = [
        _heading("A refused checkout", refusal.span),
        *_trace(refusal.trace, refusal.span, [link], ""),
        Line(""),
        _heading(f"{refusal.seconds_after_cause:.2f} s earlier: the call that opened the circuit", refusal.cause),
        *_trace(refusal.cause_trace, refusal.cause, list(_event(refusal.cause)), "cause"),
    ]
    placed = [(TOP + ROW * number, line) for number, line in enumerate(lines)]
    begin, end = (next(y - 4 for y, line in placed if line.anchor == anchor) for anchor in ("link", "cause"))
    height = TOP + ROW * len(lines)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            "<title>A refused call and, at the end of its link, the call that opened the circuit</title>",
            f"<style>{STYLE}</style>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6" fill="#fff" stroke="#d1d9e0"/>',
            *(f'<g transform="translate(0 {y})">{line.content}</g>' for y, line in placed if line.content),
            f'<path d="M60 {begin}H9V{end}H40" fill="none" stroke="{LINK}" stroke-dasharray="4 3"/>',
            f'<path d="M40 {end - 4}l8 4l-8 4z" fill="{LINK}"/>',
            "</svg>\n",
        ]
    )


def _trace(trace: Sequence[Span], guarded: Span, more: Sequence[Line], anchor: str) -> Iterator[Line]:
    """A bar for each span, on the trace's own scale, and below the guarded call's bar its attributes and `more`."""
    start, end = min(span.start for span in trace), max(span.end for span in trace)
    depths: dict[str, int] = {}
    for span in trace:
        depth = depths[span.span_id] = depths.get(span.parent_id, -1) + 1
        yield Line(_bar(span, depth, start, end - start), anchor if span is guarded else "")
        if span is guarded:
            for names in SPAN_ATTRIBUTES:
                yield from _attributes(span.attributes, names, depth + 1)
            yield from more


def _event(span: Span) -> Iterator[Line]:
    for event in span.events:
        if event.name == STATE_CHANGE:
            yield Line(_text(2, f"event {event.name}", "note"))
            for names in EVENT_ATTRIBUTES:
                yield from _attributes(event.attributes, names, 3)


def _attributes(attributes: Attributes, names: Sequence[str], depth: int) -> Iterator[Line]:
    shown = [f"{name.removeprefix(PREFIX)} = {_value(attributes[name])}" for name in names if name in attributes]
    if shown:
        yield Line(_text(depth, "   ".join(shown), "note"))


def _bar(span: Span, depth: int, start: int, duration: int) -> str:
    scale = (BARS_END - BARS) / duration
    left, width = BARS + (span.start - start) * scale, max(2.0, (span.end - span.start) * scale)
    colour = FAILED if span.failed else OK
    bar = f'<rect x="{left:.1f}" y="-10" width="{width:.1f}" height="12" rx="2" fill="{colour}"/>'
    taken = f'<text x="{BARS_END + 10}">{span.seconds * 1000:.2f} ms  {span.status.upper()}</text>'
    return f"{_text(depth, span.name)}{bar}{taken}"


def _heading(title: str, span: Span) -> Line:
    return Line(_text(-1, f"{title}, trace {span.trace_id}", "heading"))


def _text(depth: int, text: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{TEXT + depth * INDENT}"{style} xml:space="preserve">{escape(text)}</text>'


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
