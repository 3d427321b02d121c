"""A running service with studies of every kind to look at, and what axe-core says of a page."""

from dataclasses import dataclass
from pathlib import Path

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from mixtures.item import ItemScore, ItemText
from tests.service.conftest import SMALL_STUDY
from tests.service.pretend_runner import PretendRunner
from tests.service.real_server import RealServer
from workers.item_files import write_item_scores, write_item_texts
from workers.trial_log import trial_log

# WCAG 2.2 A and AA, and what axe calls good practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LONG = "a" + "-very-long-name" * 4
QUESTION = "多少指令数据? كم من البيانات؟ How much of it should the decay hold?"


@dataclass(frozen=True, slots=True)
class Site:
    """A running service, its runner and the addresses of its pages by name."""

    server: RealServer
    runner: PretendRunner
    pages: dict[str, str]


def submit_all(server: RealServer) -> dict[str, str]:
    sources = [
        SMALL_STUDY["sources"][0],
        {**SMALL_STUDY["sources"][1], "name": LONG},
        *({**SMALL_STUDY["sources"][1], "name": f"sums-{i:02d}"} for i in range(38)),
    ]
    wide = {"sources": sources, "near_duplicates": "flag", "name": LONG}
    study = server.submit(question=QUESTION, space={"sft_share": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]})
    many = server.submit(**wide, space={"sft_share": [0.0, 0.5]}, seeds=[0])
    one = server.submit(name="one", space={"sft_share": [0.0]}, baselines={}, seeds=[0])
    for study_id in (study, many, one):
        server.wait_for_the_end(study_id)
    trials = httpx.get(f"{server.url}/v1/studies/{study}/trials", timeout=60).json()
    trials = trials["trials"] if isinstance(trials, dict) else trials
    wide_trials = httpx.get(f"{server.url}/v1/studies/{many}/trials", timeout=60).json()
    wide_trials = wide_trials["trials"] if isinstance(wide_trials, dict) else wide_trials
    done = [trial["id"] for trial in trials if trial["state"] == "COMPLETE"]
    failed = next(trial["id"] for trial in trials if trial["state"] == "FAILED")
    _keep_items(server.home, done[0])
    compared = "&".join(f"trial={trial_id}" for trial_id in done)
    return {
        "studies": "/",
        "new-study": "/studies/new",
        "new-study-of-preset": "/studies/new?preset=example",
        "change-study": f"/studies/{study}/change",
        "study": f"/studies/{study}",
        "study-of-one-trial": f"/studies/{one}",
        "study-of-forty-sources": f"/studies/{many}",
        "trial": f"/trials/{done[0]}?benchmark=test_sums",
        "trial-that-failed": f"/trials/{failed}",
        "trial-of-forty-sources": f"/trials/{wide_trials[-1]['id']}",
        "compare": "/compare",
        "compare-trials": f"/compare?{compared}",
        "compare-studies": f"/compare?study={study}&study={one}&study={many}",
        "recommendation": f"/studies/{study}/recommendation?format=datasets",
        "recommendation-that-waits": f"/studies/{one}/recommendation",
        "report": f"/studies/{study}/report",
        "report-of-forty-sources": f"/studies/{many}/report",
        "cluster": "/cluster",
        "settings": "/settings",
    }


def _keep_items(home: Path, trial_id: str) -> None:
    scores = [
        ItemScore(
            benchmark="test_sums", item=0, nats=3.0, answer_bytes=2, chosen=0, is_right=False
        ),
        ItemScore(benchmark="test_sums", item=1, nats=1.0, answer_bytes=2, chosen=1, is_right=True),
        ItemScore(benchmark="test_sums", item=2, nats=2.0, answer_bytes=2, written="w" * 300),
    ]
    texts = [
        ItemText(benchmark="test_sums", item=0, prompt="什么" * 60, answer="b", choices=("a", "b")),
        ItemText(
            benchmark="test_sums", item=1, prompt="كم هو" * 30, answer="d", choices=("c", "d")
        ),
    ]
    write_item_texts(home, "texts", lambda: texts)
    write_item_scores(home, trial_id, scores, "texts")
    with trial_log(home, trial_id, 1) as log:
        log.info("decay took 3.0 s %s", "x" * 200)


def violations(page: Page) -> list[str]:
    """What axe finds, a line each: the rule, what it is about, and where."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found["violations"]
    ]
