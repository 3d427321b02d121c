"""A Chromium for the tests that need one, and a page that complains of what no page should do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench.chromium import FLAGS, find_chromium

# Most waits end within a second. What takes long is a fit on a busy machine, and a child process of
# the controller that starts there to read a file.
PATIENCE_MS = 90_000


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Skips the test where no Chromium is found."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium found")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, url: str, complaints: list[str], **options: Any) -> Iterator[Page]:
    """A page on `url`; what it says on its console, throws or asks of others goes to `complaints`.

    An answer that is an error is told on the console too: pages that show one filter for it.
    """
    page = browser.new_page(base_url=url, **options)
    page.set_default_timeout(PATIENCE_MS)

    def look(address: str) -> None:
        if not address.startswith((url, "data:", "blob:")):
            complaints.append(f"asked for {address}")

    page.on("request", lambda request: look(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    try:
        yield page
    finally:
        page.close()


def set_hidden(page: Page, is_hidden: bool) -> None:
    """A headless page is always seen, so it is told otherwise."""
    page.evaluate(
        """(value) => {
          Object.defineProperty(document, "hidden", { value, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )
