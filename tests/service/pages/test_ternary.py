"""Which sources share a corner of the triangle, and where a mixture lies in it."""

import re
from typing import Any

from fastapi.testclient import TestClient

from mixtures.study import StudySpec
from service.pages.ternary import Group, three_groups
from tests.mixtures.outside_study import OUTSIDE_STUDY
from tests.service.conftest import StartService
from tests.service.test_outside import ask, submit, tell, told


def spec_of(*sources: tuple[str, str, str], **changes: Any) -> StudySpec:
    """Of (name, kind, domain)."""
    named = [
        {"name": name, "kind": kind, "domain": domain, "tokens": 1000}
        for name, kind, domain in sources
    ]
    return StudySpec.model_validate({**OUTSIDE_STUDY, "sources": named, **changes})


def test_three_sources_are_their_own_groups() -> None:
    spec = spec_of(("web", "pretrain", "a"), ("chat", "sft", "b"), ("sums", "sft", "c"))
    assert three_groups(spec) == (
        Group("web", ("web",)),
        Group("chat", ("chat",)),
        Group("sums", ("sums",)),
    )


def test_the_two_domains_of_the_pretraining_sources_are_parted_and_sft_is_one() -> None:
    spec = spec_of(
        ("web", "pretrain", "prose"),
        ("files", "pretrain", "code"),
        ("books", "pretrain", "prose"),
        ("chat", "sft", "talk"),
        ("sums", "sft", "maths"),
        pretrain_shares={"web": 0.3, "files": 0.4, "books": 0.3},
    )
    assert three_groups(spec) == (
        Group("prose", ("web", "books")),
        Group("code", ("files",)),
        Group("SFT", ("chat", "sums")),
    )


def test_of_many_domains_the_largest_stands_against_the_others() -> None:
    spec = spec_of(
        ("web", "pretrain", "prose"),
        ("chat", "sft", "talk"),
        ("sums", "sft", "maths"),
        ("proofs", "sft", "logic"),
        sft_shares={"chat": 0.2, "sums": 0.3, "proofs": 0.5},
    )
    assert three_groups(spec) == (
        Group("pretraining", ("web",)),
        Group("logic", ("proofs",)),
        Group("other SFT", ("chat", "sums")),
    )


def test_sources_of_one_kind_and_domain_are_parted_by_their_shares() -> None:
    spec = spec_of(
        *((name, "pretrain", "prose") for name in ("a", "b", "c", "d")),
        pretrain_shares={"a": 0.1, "b": 0.2, "c": 0.6, "d": 0.1},
        space={"sft_share": [0], "free_groups": ["pretrain"]},
    )
    assert [group.names for group in three_groups(spec)] == [("c",), ("b",), ("a", "d")]


def test_the_figure_adds_shares_up_and_names_what_it_added(start_service: StartService) -> None:
    with start_service() as client:
        study = submit(client, sources=FOUR, pretrain_shares=SHARES, space={"sft_share": [0, 1]})
        for trial in ask(client, study, num=100, lease_seconds=600):
            assert tell(client, trial, told(trial, 2.0)).status_code == 200
        twin = rows_of(client, study)
        page = client.get(f"/studies/{study}/figures/ternary").text
    assert twin["header"] == ["prose", "code", "SFT", "Score", "Rank"]
    # web and books of the pretraining sources, and files; then SFT alone.
    assert [0.75, 0.25, 0.0] in [row[:3] for row in twin["rows"]]
    assert [0.0, 0.0, 1.0] in [row[:3] for row in twin["rows"]]
    assert "prose is web, books. code is files. SFT is chat." in twin["about"]
    # SFT alone is the corner on top: half of 360 to the right of 60, at 34.
    assert re.search(r'<circle class="point q\d" cx="240.0" cy="34.0"', page)


FOUR = [
    {"name": "web", "kind": "pretrain", "domain": "prose", "tokens": 1_000_000},
    {"name": "books", "kind": "pretrain", "domain": "prose", "tokens": 1_000_000},
    {"name": "files", "kind": "pretrain", "domain": "code", "tokens": 1_000_000},
    {"name": "chat", "kind": "sft", "tokens": 1_000_000},
]
SHARES = {"web": 0.5, "books": 0.25, "files": 0.25}


def rows_of(client: TestClient, study: str) -> dict[str, Any]:
    twin = client.get(f"/v1/studies/{study}/figures/ternary")
    assert twin.status_code == 200, twin.text
    found: dict[str, Any] = twin.json()
    return found
