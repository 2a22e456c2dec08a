"""An operator before Dagster's UI: the system's Chromium, driven by playwright.

Holds what is clicked and what is read. Keep out: what a test expects to see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 300_000.0
"""For anything the UI is to show at last; nothing is judged by time."""

_FLAGS = (
    "--no-sandbox",  # the tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_IN_GROUPS = """
() => {
  const boxes = [...document.querySelectorAll('foreignObject')];
  const isGroup = (box) => box.querySelector('[class*=ExpandedGroupNode]');
  const inside = (a, b) => a.left >= b.left && a.right <= b.right + 1 && a.top >= b.top
    && a.bottom <= b.bottom + 1;
  const name = (box) => box.firstElementChild.innerText.trim().split('\\n')[0];
  const groups = boxes.filter((box) => isGroup(box) && name(box));
  return Object.fromEntries(groups.map((group) => [name(group), boxes
    .filter((box) => box !== group && !isGroup(box))
    .filter((box) => inside(box.getBoundingClientRect(), group.getBoundingClientRect()))
    .map(name).sort()]));
}
"""


class Operator:
    """Looks at a UI and clicks in it.

    Args:
        page: The browser's.
        url: Where the UI answers.
    """

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._url = url

    def open_graph(self, groups: Sequence[str], *, width: int, height: int) -> None:
        """Open the graph of all assets with these groups unfolded; sizes in pixels."""
        self._page.set_viewport_size({"width": width, "height": height})
        unfolded = ",".join(f"global@global:{group}" for group in groups)
        self._page.goto(f"{self._url}/asset-groups?expanded={unfolded}")
        for group in groups:
            expect(
                self._page.locator("foreignObject").get_by_text(group, exact=True)
            ).to_be_visible()

    def graph(self) -> dict[str, list[str]]:
        """Return the assets that are seen in each unfolded group of the graph."""
        found: dict[str, list[str]] = self._page.evaluate(_IN_GROUPS)
        return found

    def materialise(self, asset: str) -> None:
        """Launch a run of an asset for the newest day by clicking, and watch it to its success."""
        page = self._page
        page.goto(f"{self._url}/assets/{asset}")
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_role("button", name="Latest", exact=True).click()
        page.get_by_role("button", name="Launch 1 run").click()
        expect(page.get_by_text("Partition selection")).to_have_count(0)
        page.goto(f"{self._url}/runs")
        page.get_by_role("link", name=re.compile("^View$|^[0-9a-f]{8}$")).first.click()
        page.wait_for_url(re.compile(r"/runs/[0-9a-f]"))
        expect(page.get_by_text("Success", exact=True).first).to_be_visible()

    def open_check(self, asset: str, check: str) -> None:
        """Open the page of a check of an asset, such as ``dump/db_data``."""
        self._page.goto(f"{self._url}/assets/{asset}?view=checks&checkDetail={check}")

    def open_partition(self, asset: str, day: str) -> None:
        """Open what was recorded when an asset was materialised for a day."""
        self._page.goto(f"{self._url}/assets/{asset}?view=partitions&partition={day}")

    def sees(self, text: str) -> None:
        """Wait until a text stands on the page."""
        expect(self._page.get_by_text(text).first).to_be_visible()

    def picture(self, path: Path, *, width: int, height: int) -> None:
        """Take a picture of the page, once it has stopped loading; sizes in pixels."""
        self._page.set_viewport_size({"width": width, "height": height})
        folded = self._page.get_by_text("Hide navigation")
        if folded.is_visible():
            folded.click()
        expect(self._page.get_by_text(re.compile("^Loading"))).to_have_count(0)
        self._page.screenshot(path=path, animations="disabled")


@contextmanager
def operator(url: str) -> Iterator[Operator]:
    """Sit down before a UI; the browser is gone afterwards."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS])
        try:
            page = browser.new_page(timezone_id="UTC", locale="en-GB")
            page.set_default_timeout(PATIENCE_MS)
            yield Operator(page, url)
        finally:
            browser.close()
