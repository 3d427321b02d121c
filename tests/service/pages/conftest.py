"""Pages that wait for their answers: what a page says meanwhile is a test of its own."""

import pytest

from service.pages import study_view


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_view, "FIRST_SCREEN_SECONDS", 60.0)
