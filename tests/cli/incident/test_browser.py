"""The page in a real browser, where there is one: Debian's Chromium or any other, driven by Playwright."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

import pytest

from otel_breaker_cli.incident.page import page
from tests.cli.incident.telemetry import RECOVERED, TRIP, Telemetry, outage
from tests.cli.incident.test_page import evil

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: dependency group `browser`"
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from otel_breaker_cli.incident.model import Incident

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# It asks home for updates at every start, unless told not to; a container has no sandbox of its own to give.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_LUMINANCE = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luminance = (colour) => channels(colour).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!colour.endsWith(", 0)") && colour !== "transparent") return colour;
    }
  };
  const texts = [...document.querySelectorAll("body *")].filter((e) => !e.closest("svg")
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility());
  return Math.min(...texts.map((e) => {
    const [a, b] = [getComputedStyle(e).color, ground(e)].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        pytest.skip(f"there is no browser: none of {', '.join(_NAMES)} is on the path")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


def crowded() -> Incident:
    """Many circuits with long names, in many processes, some of them open, forced or flapping."""
    records = []
    for number in range(12):
        place = {"service.name": "a-service-with-a-rather-long-name", "service.instance.id": f"{number:032x}"}
        told = Telemetry(name="inventory-of-the-warehouse", key=f"host-{number}.example", resource=place)
        for again in range(number):
            told.episode = f"{number}-{again}"
            told.call(
                100 * again + 2,
                30 * again,
                "failure",
                state_changes=TRIP,
                error="a.very.long.module.path.ConnectionError",
            )
            told.call(100 * again + 3, 30 * again + 9, "success", "half_open", state_changes=RECOVERED)
        records += told.manual_change(400, "closed", "forced_open", f"{number}-forced", "by ann: INC-4711").records
    return Telemetry(spans=records).incident()


@pytest.mark.parametrize("width", [390, 1440], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "incident", [outage().incident(), crowded(), evil().incident()], ids=["outage", "crowded", "evil"]
)
def test_the_page_fits_is_quiet_and_can_be_read(
    browser: Browser, tmp_path: Path, incident: Incident, scheme: Literal["light", "dark"], width: int
) -> None:
    file = tmp_path / "incident.html"
    file.write_text(page(incident), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("dialog", lambda dialog: said.append(dialog.message))
    shown.on("request", lambda request: asked.append(request.url))

    shown.goto(file.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

    assert said == []
    assert asked == [file.as_uri()]
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate(_LUMINANCE) >= 4.5
    dark = shown.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    red = int(shown.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (dark, red < 128) == (scheme == "dark", scheme == "dark")
    context.close()


def test_a_number_in_the_picture_leads_to_its_episode(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "incident.html"
    file.write_text(page(outage().incident()), encoding="utf-8")
    shown = browser.new_page()

    shown.goto(file.as_uri())
    shown.get_by_role("link", name="Episode 1").click()

    assert shown.url.endswith("#episode-1")
    assert shown.locator("article:target").count() == 1
    shown.close()
