"""A reader of a study's page in Chromium, who says how long each thing took."""

import statistics
import time
from dataclasses import dataclass

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from bench.chromium import FLAGS

VISITS, REPEATS = 7, 5
# What takes longer than this has gone wrong: `evaluate` itself would wait for ever.
MOST_MS, MOST_SECONDS = 120_000, 300
# Milliseconds between a click in the page and the frame after the change that it waits for.
TIMED = """async ([action, watched, most, isSeen]) => {
  const place = document.querySelector(watched);
  if (isSeen) place.scrollIntoView({ block: "center", behavior: "instant" });
  else scrollTo({ top: 0, behavior: "instant" });
  const changed = new Promise((done, failed) => {
    setTimeout(() => failed(new Error(`${action} changed nothing in ${watched}`)), most);
    new MutationObserver((_, observer) => { observer.disconnect(); done(); })
      .observe(place, { childList: true, subtree: true, characterData: true });
  });
  const start = performance.now();
  const [kind, selector, value] = action;
  const element = document.querySelector(selector);
  if (kind === "click") element.click();
  else {
    element.value = value;
    // A field of numbers waits for a pause in typing; a menu does not.
    const told = element.matches("select") ? "change" : "input";
    element.dispatchEvent(new Event(told, { bubbles: true }));
  }
  await changed;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""

# What a reader does: name, what is done to which element, and where its answer is to be seen.
STEPS = (
    ("sort", ["click", "#board thead th:nth-child(6) a", ""], "#rows"),
    ("next_rows", ["click", '.pages a[rel="next"]', ""], "#rows"),
    ("filter_share", ["change", '[name="share_to"]', "0.8"], "#rows"),
    ("other_line", ["change", "#line", "benchmark:code"], "#plot"),
    ("figure_parallel", ["click", "#figure-parallel summary", ""], "#figure-parallel"),
    ("figure_pairs", ["click", "#figure-pairs summary", ""], "#figure-pairs"),
    ("figure_cost", ["click", "#figure-cost summary", ""], "#figure-cost"),
    ("figure_history", ["click", "#figure-history summary", ""], "#figure-history"),
    ("filter_figure", ["change", '[name="share_to"]', "0.7"], "#figure-cost"),
    ("filter_seen_figure", ["change", '[name="share_to"]', "0.6"], "#figure-cost"),
    ("tied_only", ["click", '[name="tied"]', ""], "#rows"),
)
# Here the reader has scrolled to the figure; elsewhere the page stands at its head.
SEEN = frozenset({"filter_seen_figure"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Milliseconds and kilobytes; `interactions` by name, each the median of a few."""

    cold_first_screen_ms: float
    answer_after_seconds: float
    first_screen_ms: float
    payload_kb: float
    interactions: dict[str, float]


def read_study(url: str, study_id: str, chromium: str) -> Reading:
    """Visit the page as the first reader after a start, then again, then work with it."""
    address = f"{url}/studies/{study_id}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        start = time.perf_counter()
        cold = first_screen(browser.new_context(), address)
        httpx.get(
            f"{url}/v1/studies/{study_id}/table?limit=1", timeout=MOST_SECONDS
        ).raise_for_status()
        waited = time.perf_counter() - start
        payload = payload_kb(browser, address)
        context = browser.new_context()
        first_screen(context, address)
        visits = [first_screen(context, address) for _ in range(VISITS)]
        reading = Reading(
            cold_first_screen_ms=cold,
            answer_after_seconds=waited,
            first_screen_ms=statistics.median(visits),
            payload_kb=payload,
            interactions=interactions(context, address),
        )
        browser.close()
    return reading


def first_screen(context: BrowserContext, address: str) -> float:
    """From the click on a link to the frame in which the sentence and the progress are painted."""
    page = context.new_page()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".sentence")
    page.wait_for_selector("#progress progress")
    found: float = page.evaluate(
        """async () => {
          for (;;) {
            const paint = performance.getEntriesByName("first-contentful-paint")[0];
            const [page] = performance.getEntriesByType("navigation");
            if (paint && page.domInteractive) return Math.max(paint.startTime, page.domInteractive);
            await new Promise((done) => setTimeout(done, 10));
          }
        }"""
    )
    page.close()
    return found


def payload_kb(browser: Browser, address: str) -> float:
    """All bytes over the wire until the page is at rest, Plotly's file left out."""
    page = browser.new_context().new_page()
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    urls: dict[str, str] = {}
    session.on(
        "Network.responseReceived",
        lambda event: urls.update({event["requestId"]: event["response"]["url"]}),
    )
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    page.goto(address)
    page.wait_for_selector("#plot .main-svg")
    page.wait_for_timeout(1500)
    page.close()
    return sum(n for key, n in sizes.items() if "plotly" not in urls.get(key, "")) / 1000


def interactions(context: BrowserContext, address: str) -> dict[str, float]:
    """What a reader does with the table and the figures: the median over a few visits."""
    found: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#plot .main-svg")
        page.wait_for_timeout(800)
        for name, action, watched in STEPS:
            found.setdefault(name, []).append(
                page.evaluate(TIMED, [action, watched, MOST_MS, name in SEEN])
            )
            page.wait_for_timeout(400)
        page.close()
    return {name: statistics.median(values) for name, values in found.items()}
