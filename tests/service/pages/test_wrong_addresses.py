"""An address that is wrong is a page in words, which names what is wrong and has a way on."""

import pytest
from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, finished_study
from tests.service.pages.test_pages import text_of

PERSON = {"Accept": "text/html,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/nowhere", 404, "Not Found."),
        ("/trials/nobody", 404, "There is no trial nobody"),
        ("/trials/nobody/progress", 404, "There is no trial nobody"),
        *(
            (f"/studies/nobody{part}", 404, "There is no study nobody")
            for part in (
                "",
                "/change",
                "/figures/cost",
                "/progress",
                "/recommendation",
                "/report",
                "/table",
            )
        ),
        ("/studies/new?clone=nobody", 404, "There is no study nobody"),
        ("/studies/new?preset=none", 422, "Preset = 'none': expected one of"),
        ("/?page=0", 422, "Page = '0': Input should be greater than or equal to 1"),
        ("/?archived=perhaps", 422, "Archived = 'perhaps': Input should be 'no', 'yes' or 'all'"),
        ("/compare?trial=nobody", 422, "give 2 to 200 different ones"),
        ("/compare?trial=a&trial=b", 422, "There is no trial a, b"),
        ("/compare?study=a&study=b", 422, "There is no study a, b"),
        ("/compare?study=a&trial=b", 422, "Both trials and studies given"),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, address: str, status: int, words: str) -> None:
    _is_said(client, address, status, words)


def test_what_a_study_and_its_trials_do_not_have_is_said(client: TestClient) -> None:
    one = {"space": {"sft_share": [0.0]}, "baselines": {}, "seeds": [0]}
    study_id = finished_study(client, {**SMALL_STUDY, **one})
    trial_id = client.get(f"/v1/studies/{study_id}/trials").json()[0]["id"]
    for address, words in (
        (f"/studies/{study_id}?sort=size", "Sort = 'size': no such column"),
        (f"/studies/{study_id}?share_from=2", "Share_from = '2': Input should be less than"),
        (f"/studies/{study_id}/table?line=benchmark:none", "Line = 'benchmark:none'"),
        (f"/studies/{study_id}/figures/none", "Name = 'none'"),
        (f"/trials/{trial_id}?answered=perhaps", "Answered = 'perhaps'"),
    ):
        _is_said(client, address, 422, words)


def _is_said(client: TestClient, address: str, status: int, words: str) -> None:
    page = client.get(address, headers=PERSON)
    text = text_of(page.text)
    assert page.status_code == status, address
    assert words in text
    # The API's own words are for programs.
    assert "/v1/" not in text
    # What to do then: the navigation, and on most pages a further link.
    assert "Skip to the content" in text
    assert 'href="/"' in page.text
