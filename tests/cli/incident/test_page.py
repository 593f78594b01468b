"""The page by its source: whole, self-contained, escaped. How it looks is looked at in test_browser.py."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser

import pytest

from otel_breaker_cli.incident.oncall_questions import QUESTIONS
from otel_breaker_cli.incident.page import page
from tests.cli.incident.telemetry import FAILED, RECOVERED, TRIP, Telemetry, outage, shadow_outage, trace_of

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


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


def evil() -> Telemetry:
    """Everything that telemetry can name is named by an enemy."""
    told = Telemetry(name=EVIL, key=EVIL, episode=EVIL, resource={"service.name": EVIL, "service.instance.id": EVIL})
    evidence = {"circuit_breaker.error_types": [f"{EVIL}=1"]}
    told.call(2, 0, "failure", state_changes=(("closed", "open", EVIL),), evidence=evidence, error=EVIL)
    told.call(3, 1, "rejected", "open", link=2).request(3, 1, EVIL)
    told.call(4, 2, EVIL, "half_open", state_changes=(("open", EVIL, "manual"),), error=EVIL)
    told.point("circuit_breaker.trip_ratio", 1, name=EVIL).point("circuit_breaker.targets", 1, target__status=EVIL)
    return told


def test_nothing_out_of_telemetry_becomes_an_element_or_an_attribute() -> None:
    seen = Page(page(evil().incident()))

    assert "<script>alert(1)</script>" in seen.text
    assert not seen.all("script")
    assert not seen.all("img")
    assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("told", [outage(), shadow_outage(), evil(), Telemetry(), Telemetry().call(1, 0, "success")])
def test_every_element_is_closed(told: Telemetry) -> None:
    assert Page(page(told.incident())).open == []


def test_nothing_is_fetched_and_nothing_is_run() -> None:
    text = page(outage().incident())
    seen = Page(text)
    (policy,) = [meta["content"] for meta in seen.all("meta") if meta.get("http-equiv")]

    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?://|url\((?!#)|@import", text)
    assert not [attributes for _, attributes in seen.elements if "src" in attributes]
    assert {link["href"] for link in seen.all("link")} == {"data:,"}


def test_the_picture_has_a_title_and_a_description_and_so_has_each_stretch() -> None:
    text = page(outage().incident())
    (picture,) = [svg for svg in Page(text).all("svg") if svg.get("role") == "img"]
    ids = {attributes.get("id") for _, attributes in Page(text).elements}

    assert set((picture["aria-labelledby"] or "").split()) <= ids
    assert "<title>open from 08:00:00.999 for 4.5 s</title>" in text
    assert "128 calls refused, 4 of them in these files; closed in the end." in text


def test_a_state_is_seen_by_its_place_and_not_by_its_colour_alone() -> None:
    bars = [bar for bar in Page(page(outage().incident())).all("rect") if bar.get("y")]

    assert {(bar["class"], bar["y"]) for bar in bars} == {("open", "18"), ("closed", "58")}


def test_no_stretch_is_too_short_to_be_seen_or_leaves_the_picture() -> None:
    told = (
        Telemetry()
        .call(2, 0, "failure", state_changes=TRIP)
        .call(3, 10_000, "success", "half_open", state_changes=RECOVERED)
    )
    told.episode = "e2"
    told.call(4, 20_000, "failure", state_changes=TRIP)
    bars = [bar for bar in Page(page(told.incident())).all("rect") if bar.get("y")]
    places = [(float((bar["x"] or "")[:-1]), float((bar["width"] or "")[:-1])) for bar in bars]

    assert min(width for _, width in places) >= 0.3
    assert max(left + width for left, width in places) <= 100.001


def test_each_number_in_the_picture_leads_to_its_episode() -> None:
    seen = Page(page(outage().incident()))

    assert [link["href"] for link in seen.all("a")] == ["#episode-1"]
    assert [article["id"] for article in seen.all("article")] == ["episode-1"]


def test_numbers_that_would_cover_each_other_are_left_out() -> None:
    told = Telemetry()
    for number in range(50):
        told.episode = f"e{number}"
        told.call(10 * number + 2, 20 * number, "failure", state_changes=TRIP)
        told.call(10 * number + 3, 20 * number + 5, "success", "half_open", state_changes=RECOVERED)
    seen = Page(page(told.incident()))

    assert 5 < len(seen.all("a")) < 25
    assert len(seen.all("article")) == 50


def test_tables_have_headers_and_headings_are_in_order() -> None:
    seen = Page(page(outage().incident()))
    levels = [int(name[1]) for name, _ in seen.elements if re.fullmatch("h[1-6]", name)]

    assert all(header.get("scope") == "col" for header in seen.all("th"))
    assert len(seen.all("th")) == 3 * len(seen.all("table"))
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_the_ten_questions_are_answered_on_the_page() -> None:
    seen = Page(page(outage().incident()))

    assert [question.anchor for question in QUESTIONS] == [
        details["id"] for details in seen.all("details") if "id" in details
    ]
    assert trace_of(2) in seen.text


def test_files_without_a_breaker_make_a_page_that_says_so() -> None:
    seen = Page(page(Telemetry().incident()))

    assert "No circuit breaker is in these files." in seen.text
    assert not [svg for svg in seen.all("svg") if svg.get("role")]


def test_an_outage_with_thousands_of_failed_probes_makes_a_page_that_can_be_opened() -> None:
    told = Telemetry().call(2, 0, "failure", state_changes=TRIP)
    for number in range(3, 2_003):
        told.call(number, number, "failure", "half_open", state_changes=FAILED, link=2)
    text = page(told.incident())

    assert len([bar for bar in Page(text).all("rect") if bar.get("y")]) < 1_000
    assert "3,901 more" in text


def test_a_shadow_circuits_page_does_not_look_like_an_outage() -> None:
    text = page(shadow_outage().incident())
    seen = Page(text)
    bars = [bar for bar in seen.all("rect") if bar.get("y")]

    assert {bar["class"] for bar in bars} == {"shadow", "closed"}
    assert "This is shadow mode: no call was refused." in text.partition("<main>")[0]
    assert "<strong>payments in shadow mode</strong>" in text
    assert "<title>open in shadow mode from 08:00:00.999 for 4.5 s</title>" in text
    assert "1. payments in shadow mode <span>" in text
    assert "any of these in shadow mode: no call is refused" in seen.text
    assert {"state open", "state half_open"} & {span.get("class") for span in seen.all("span")} == set()


def test_a_page_without_a_shadow_says_nothing_of_it() -> None:
    assert "shadow mode" not in Page(page(outage().incident())).text.partition("Ten questions")[0]
