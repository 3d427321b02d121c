"""A picture of a page, or of one element of it, for the documents.

    python bench/picture.py URL FILE.png [--selector CSS] [--width 1280]

Needs the test extra and a Chromium (DECAYMIX_CHROMIUM, or on the path).
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.chromium import FLAGS, find_chromium


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--selector", help="one element instead of the whole page")
    parser.add_argument("--width", type=int, default=1280, help="pixels")
    parser.add_argument("--height", type=int, help="cut the page here, pixels")
    chosen = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("no Chromium found; set DECAYMIX_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": chosen.width, "height": 900})
        page.goto(chosen.url)
        # The plot is drawn when its axes are there; the fit may take a second.
        page.wait_for_selector(".plotly .main-svg", timeout=60_000)
        page.wait_for_timeout(1000)
        if chosen.selector:
            page.locator(chosen.selector).first.screenshot(path=chosen.file)
        elif chosen.height:
            clip = {"x": 0, "y": 0, "width": chosen.width, "height": chosen.height}
            page.screenshot(path=chosen.file, clip=clip, full_page=True)  # type: ignore[arg-type]
        else:
            page.screenshot(path=chosen.file, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
