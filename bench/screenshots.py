"""Pictures of every page, light and dark, at three widths, for the documents.

    ./run serve    # with a finished study, and one that compares
    python bench/screenshots.py [--url URL] [--into docs/images/pages] [--full] [--quick]
                                [--only NAME ...]

Takes the study with most trials that has an answer, one of them, and what else the service has; of
a service that asks for a token (DECAYMIX_TOKEN) the login, which is all that it shows. A picture is
the first screen of its page; --full takes whole pages. Colours are brought down to 64, which keeps
text sharp and a picture under 150 kB. Needs the test extra and a Chromium.
"""

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from bench.chromium import FLAGS, find_chromium

# A telephone, a tablet, a desk.
WIDTHS = {"narrow": (360, 780), "middle": (820, 1100), "wide": (1280, 900)}
SCHEMES = ("light", "dark")
NUM_COLOURS = 64
MOST_BYTES, MOST_TOTAL_BYTES = 150_000, 4_000_000
# Plots are drawn, and a first fit may take a second.
SETTLE_MS = 1_500
MOST_WAITS = 30


@dataclass(frozen=True, slots=True)
class Shot:
    """One page by its name."""

    name: str
    address: str
    # What is brought to the top of the picture; empty for the page's own top.
    selector: str = ""


def shots(url: str) -> list[Shot]:
    """Every page that the service at `url` has something to show on."""
    answer = httpx.get(f"{url}/v1/studies", timeout=60)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return [Shot("login", "/login")]
    studies = answer.json()
    studies = studies["studies"] if isinstance(studies, dict) else studies
    studies.sort(key=lambda study: -study["trials"]["COMPLETE"])
    answered = [
        study["id"]
        for study in studies
        if httpx.get(f"{url}/v1/studies/{study['id']}/recommendation", timeout=300).is_success
    ]
    found = [Shot("studies", "/"), Shot("compare", "/compare")]
    if _is_there(url, "/studies/new"):
        found.append(Shot("new-study", "/studies/new"))
    if answered:
        study_id = answered[0]
        trials = httpx.get(f"{url}/v1/studies/{study_id}/trials", timeout=60).json()
        trials = trials["trials"] if isinstance(trials, dict) else trials
        done = [trial["id"] for trial in trials if trial["state"] == "COMPLETE"]
        chosen = "&".join(f"trial={trial_id}" for trial_id in done[:20])
        found += [
            Shot("study", f"/studies/{study_id}"),
            Shot("study-leaderboard", f"/studies/{study_id}", "#board"),
            Shot("change-study", f"/studies/{study_id}/change"),
            Shot("recommendation", f"/studies/{study_id}/recommendation"),
            Shot("export", f"/studies/{study_id}/recommendation?format=json", "#export"),
            Shot("report", f"/studies/{study_id}/report"),
            Shot("trial", f"/trials/{done[0]}"),
            Shot("trial-items", _items(url, done[0]), "#items"),
            Shot("compare-trials", f"/compare?{chosen}"),
        ]
    if len(answered) > 1:
        found.append(
            Shot("compare-studies", "/compare?" + "&".join(f"study={one}" for one in answered[:3]))
        )
    return [*found, *(Shot(name, f"/{name}") for name in ("cluster", "settings"))]


def take(browser: Browser, url: str, shot: Shot, scheme: str, width: str, full: bool) -> bytes:
    """The PNG of one page."""
    wide, high = WIDTHS[width]
    page = browser.new_page(
        base_url=url,
        viewport={"width": wide, "height": high},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(shot.address, timeout=120_000)
    if page.locator("#plot").count():
        page.wait_for_selector("#plot .main-svg", timeout=120_000)
    page.wait_for_timeout(SETTLE_MS)
    for _ in range(MOST_WAITS):
        # A first fit takes its time; the page says so meanwhile.
        if "being computed" not in page.locator("main").inner_text():
            break
        page.wait_for_timeout(SETTLE_MS)
        page.reload(timeout=120_000)
        page.wait_for_timeout(SETTLE_MS)
    if shot.selector and page.locator(shot.selector).count():
        page.locator(shot.selector).first.evaluate("(one) => one.scrollIntoView()")
    picture = page.screenshot(full_page=full)
    page.close()
    return _with_few_colours(picture)


def _with_few_colours(picture: bytes) -> bytes:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    # Rounds of k-means: without them the few pixels of a thin orange line end up grey.
    small = image.quantize(
        NUM_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE, kmeans=2
    )
    out = io.BytesIO()
    small.save(out, format="PNG", optimize=True)
    return out.getvalue()


def _is_there(url: str, address: str) -> bool:
    return httpx.get(f"{url}{address}", headers={"Accept": "text/html"}, timeout=60).is_success


def _items(url: str, trial_id: str) -> str:
    """The trial's page at the first benchmark whose items are right or wrong."""
    counts = httpx.get(f"{url}/v1/trials/{trial_id}/items", timeout=60).json()["benchmarks"]
    judged = [one["benchmark"] for one in counts if one["num_right"] is not None]
    chosen = judged or [one["benchmark"] for one in counts]
    return f"/trials/{trial_id}" + (f"?benchmark={chosen[0]}" if chosen else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8765")
    parser.add_argument("--into", type=Path, default=Path("docs/images/pages"))
    parser.add_argument("--full", action="store_true", help="whole pages, not the first screen")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these pages alone")
    parser.add_argument("--quick", action="store_true", help="wide and light alone")
    chosen = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("no Chromium found; set DECAYMIX_CHROMIUM")
    chosen.into.mkdir(parents=True, exist_ok=True)
    widths = ("wide",) if chosen.quick else tuple(WIDTHS)
    schemes = ("light",) if chosen.quick else SCHEMES
    sizes = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        wanted = [one for one in shots(chosen.url) if not chosen.only or one.name in chosen.only]
        for shot in wanted:
            for scheme in schemes:
                for width in widths:
                    picture = take(browser, chosen.url, shot, scheme, width, chosen.full)
                    (chosen.into / f"{shot.name}-{scheme}-{width}.png").write_bytes(picture)
                    sizes.append(len(picture))
            print(shot.name, flush=True)
        browser.close()
    for name, value, bound in (
        ("largest_picture_bytes", max(sizes), MOST_BYTES),
        ("all_pictures_bytes", sum(sizes), MOST_TOTAL_BYTES),
    ):
        print(f"goal {name} value={value} bound={bound} {'met' if value <= bound else 'missed'}")


if __name__ == "__main__":
    main()
