"""The source of the page: complete, self-contained, escaped. test_browser.py checks how it renders."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import pytest

from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.page import page
from tests.cli.incident.telemetry import FAILED, RECOVERED, TRIP, Telemetry, outage, shadow_outage, trace_of

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """The elements of a page, in order, and whether each was closed."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def malicious() -> Telemetry:
    """Telemetry in which every name contains markup."""
    telemetry = Telemetry(
        name=MARKUP, key=MARKUP, episode=MARKUP, resource={"service.name": MARKUP, "service.instance.id": MARKUP}
    )
    evidence = {"circuit_breaker.error_types": [f"{MARKUP}=1"]}
    telemetry.call(2, 0, "failure", state_changes=(("closed", "open", MARKUP),), evidence=evidence, error=MARKUP)
    telemetry.call(3, 1, "rejected", "open", link=2).request(3, 1, MARKUP)
    telemetry.call(4, 2, MARKUP, "half_open", state_changes=(("open", MARKUP, "manual"),), error=MARKUP)
    telemetry.point("circuit_breaker.trip_ratio", 1, name=MARKUP).point(
        "circuit_breaker.targets", 1, target__status=MARKUP
    )
    return telemetry


def test_no_text_of_telemetry_becomes_an_element_or_an_attribute() -> None:
    parsed = Page(page(malicious().incident()))

    assert "<script>alert(1)</script>" in parsed.text
    assert not parsed.all("script")
    assert not parsed.all("img")
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]


@pytest.mark.parametrize(
    "telemetry", [outage(), shadow_outage(), malicious(), Telemetry(), Telemetry().call(1, 0, "success")]
)
def test_every_element_is_closed(telemetry: Telemetry) -> None:
    assert Page(page(telemetry.incident())).open == []


def test_nothing_is_fetched_and_nothing_is_run() -> None:
    text = page(outage().incident())
    parsed = Page(text)
    (policy,) = [meta["content"] for meta in parsed.all("meta") if meta.get("http-equiv")]

    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?://|url\((?!#)|@import", text)
    assert not [attributes for _, attributes in parsed.elements if "src" in attributes]
    assert {link["href"] for link in parsed.all("link")} == {"data:,"}


def test_the_picture_has_a_title_and_a_description_and_each_interval_has_a_title() -> None:
    text = page(outage().incident())
    (picture,) = [svg for svg in Page(text).all("svg") if svg.get("role") == "img"]
    ids = {attributes.get("id") for _, attributes in Page(text).elements}

    assert set((picture["aria-labelledby"] or "").split()) <= ids
    assert "<title>open from 08:00:00.999 for 4.5 s</title>" in text
    assert "128 calls refused, 4 of them in these files; closed in the end." in text


def test_a_state_is_recognized_by_its_row_and_not_by_its_colour_alone() -> None:
    bars = [bar for bar in Page(page(outage().incident())).all("rect") if bar.get("y")]

    assert {(bar["class"], bar["y"]) for bar in bars} == {("open", "18"), ("closed", "58")}


def test_no_interval_is_too_short_to_be_visible_or_outside_the_picture() -> None:
    telemetry = (
        Telemetry()
        .call(2, 0, "failure", state_changes=TRIP)
        .call(3, 10_000, "success", "half_open", state_changes=RECOVERED)
    )
    telemetry.episode = "e2"
    telemetry.call(4, 20_000, "failure", state_changes=TRIP)
    bars = [bar for bar in Page(page(telemetry.incident())).all("rect") if bar.get("y")]
    positions = [(float((bar["x"] or "")[:-1]), float((bar["width"] or "")[:-1])) for bar in bars]

    assert min(width for _, width in positions) >= 0.3
    assert max(left + width for left, width in positions) <= 100.001


def test_each_number_in_the_picture_leads_to_its_episode() -> None:
    parsed = Page(page(outage().incident()))

    assert [link["href"] for link in parsed.all("a")] == ["#episode-1"]
    assert [article["id"] for article in parsed.all("article")] == ["episode-1"]


def test_numbers_that_would_cover_each_other_are_omitted() -> None:
    telemetry = Telemetry()
    for number in range(50):
        telemetry.episode = f"e{number}"
        telemetry.call(10 * number + 2, 20 * number, "failure", state_changes=TRIP)
        telemetry.call(10 * number + 3, 20 * number + 5, "success", "half_open", state_changes=RECOVERED)
    parsed = Page(page(telemetry.incident()))

    assert 5 < len(parsed.all("a")) < 25
    assert len(parsed.all("article")) == 50


def test_tables_have_headers_and_headings_are_in_order() -> None:
    parsed = Page(page(outage().incident()))
    levels = [int(name[1]) for name, _ in parsed.elements if re.fullmatch("h[1-6]", name)]

    assert all(header.get("scope") == "col" for header in parsed.all("th"))
    assert len(parsed.all("th")) == 3 * len(parsed.all("table"))
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_the_questions_are_answered_on_the_page() -> None:
    parsed = Page(page(outage().incident()))

    assert [question.anchor for question in QUESTIONS] == [
        details["id"] for details in parsed.all("details") if "id" in details
    ]
    assert trace_of(2) in parsed.text


def test_the_page_of_files_without_a_breaker_states_that_there_is_none() -> None:
    parsed = Page(page(Telemetry().incident()))

    assert "No circuit breaker is in these files." in parsed.text
    assert not [svg for svg in parsed.all("svg") if svg.get("role")]


def test_an_outage_with_thousands_of_failed_probes_makes_a_page_that_can_be_opened() -> None:
    telemetry = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 2_003):
        telemetry.call(number, number, "failure", "half_open", state_changes=FAILED, link=2)
    text = page(telemetry.incident())

    assert len([bar for bar in Page(text).all("rect") if bar.get("y")]) < 1_000
    assert "3,901 more" in text


def test_the_page_of_a_circuit_in_shadow_mode_does_not_look_like_an_outage() -> None:
    text = page(shadow_outage().incident())
    parsed = Page(text)
    bars = [bar for bar in parsed.all("rect") if bar.get("y")]

    assert {bar["class"] for bar in bars} == {"shadow", "closed"}
    assert "This is shadow mode: no call was refused." in text.partition("<main>")[0]
    assert "<strong>payments in shadow mode</strong>" in text
    assert "<title>open in shadow mode from 08:00:00.999 for 4.5 s</title>" in text
    assert "1. payments in shadow mode <span>" in text
    assert "any of these in shadow mode: no call is refused" in parsed.text
    assert {"state open", "state half_open"} & {span.get("class") for span in parsed.all("span")} == set()


def test_a_page_without_shadow_mode_does_not_mention_it() -> None:
    assert "shadow mode" not in Page(page(outage().incident())).text.partition("Eleven questions")[0]
