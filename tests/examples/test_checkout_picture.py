import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from examples.checkout import picture, results
from tests.examples import exported

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def refusal(traces: Path) -> results.Refusal:
    found = results.refusal(exported.spans(traces))
    assert found
    return found


def texts(drawing: str) -> list[str]:
    return ["".join(line.itertext()) for line in ET.fromstring(drawing).iter(f"{SVG}g")]


def test_the_refused_trace_stands_above_the_one_that_its_link_leads_to(refusal: results.Refusal) -> None:
    lines = texts(picture.draw(refusal))

    above = next(number for number, line in enumerate(lines) if refusal.span.trace_id in line)
    below = next(number for number, line in enumerate(lines) if refusal.cause.trace_id in line)
    assert above == 0
    assert lines[below].startswith("2.50 s earlier")
    assert any(".call.outcome = rejected" in line for line in lines[above:below])
    assert any(".call.outcome = failure" in line for line in lines[below:])
    assert any(".state_change.reason = failure_threshold" in line for line in lines[below:])


def test_each_span_has_a_bar_in_its_traces_own_scale(refusal: results.Refusal) -> None:
    groups = ET.fromstring(picture.draw(refusal)).iter(f"{SVG}g")
    bars = [bar for group in groups for bar in group.iter(f"{SVG}rect")]

    roots = [bar for bar in bars if float(bar.attrib["width"]) == picture.BARS_END - picture.BARS]
    assert len(bars) == len(refusal.trace) + len(refusal.cause_trace)
    assert len(roots) == 2


def test_an_arrow_leads_from_the_link_to_the_span_that_it_names(refusal: results.Refusal) -> None:
    drawing = ET.fromstring(picture.draw(refusal))
    groups = list(drawing.iter(f"{SVG}g"))
    places = {"".join(group.itertext()): int(group.attrib["transform"].split()[1].rstrip(")")) for group in groups}
    arrow = next(drawing.iter(f"{SVG}path")).attrib["d"]

    link = next(place for text, place in places.items() if f"link to span {refusal.cause.span_id}" in text)
    cause = next(place for text, place in places.items() if place > link and text.startswith(refusal.cause.name))
    ends = re.fullmatch(r"M\d+ (\d+)H\d+V(\d+)H\d+", arrow)
    assert ends
    assert [int(y) for y in ends.groups()] == [link - 4, cause - 4]
