"""The page in a real browser, where one is installed, driven by Playwright."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

import pytest

from otel_breaker_cli.incident.page import page
from tests.cli.incident.telemetry import RECOVERED, TRIP, Telemetry, outage
from tests.cli.incident.test_page import malicious

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: dependency group `browser`"
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from otel_breaker_cli.incident.model import Incident

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No requests for updates at each start; a container provides no sandbox.
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
        resource = {"service.name": "a-service-with-a-rather-long-name", "service.instance.id": f"{number:032x}"}
        telemetry = Telemetry(name="inventory-of-the-warehouse", key=f"host-{number}.example", resource=resource)
        for again in range(number):
            telemetry.episode = f"{number}-{again}"
            telemetry.call(
                100 * again + 2,
                30 * again,
                "failure",
                state_changes=TRIP,
                error="a.very.long.module.path.ConnectionError",
            )
            telemetry.call(100 * again + 3, 30 * again + 9, "success", "half_open", state_changes=RECOVERED)
        records += telemetry.manual_change(400, "closed", "forced_open", f"{number}-forced", "by ann: INC-4711").records
    return Telemetry(spans=records).incident()


@pytest.mark.parametrize("width", [390, 1440], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "incident", [outage().incident(), crowded(), malicious().incident()], ids=["outage", "crowded", "malicious"]
)
def test_the_page_fits_the_width_logs_nothing_and_has_enough_contrast(
    browser: Browser, tmp_path: Path, incident: Incident, scheme: Literal["light", "dark"], width: int
) -> None:
    file = tmp_path / "incident.html"
    file.write_text(page(incident), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    messages: list[str] = []
    requested: list[str] = []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.on("dialog", lambda dialog: messages.append(dialog.message))
    tab.on("request", lambda request: requested.append(request.url))

    tab.goto(file.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

    assert messages == []
    assert requested == [file.as_uri()]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(_LUMINANCE) >= 4.5
    dark = tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    red = int(tab.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (dark, red < 128) == (scheme == "dark", scheme == "dark")
    context.close()


def test_a_number_in_the_picture_leads_to_its_episode(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "incident.html"
    file.write_text(page(outage().incident()), encoding="utf-8")
    tab = browser.new_page()

    tab.goto(file.as_uri())
    tab.get_by_role("link", name="Episode 1").click()

    assert tab.url.endswith("#episode-1")
    assert tab.locator("article:target").count() == 1
    tab.close()
