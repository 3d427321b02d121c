"""What is wrong with how a page is laid out, asked of the browser: parts that stick out of the
window, text that is cut off, and controls or texts that lie over each other.

What scrolls by itself (a wide table's frame) may hold more than it shows.
"""

from pathlib import Path

from playwright.sync_api import Page

_FAULTS = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")


def faults(page: Page) -> list[str]:
    """A line each; none where the page is as it should be."""
    found: list[str] = page.evaluate(_FAULTS)
    return found
