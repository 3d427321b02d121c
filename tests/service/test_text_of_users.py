"""What users write, names, notes, tags and messages, is text everywhere and HTML nowhere."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, finished_study

SERVICE = Path(__file__).resolve().parents[2] / "service"
ATTACK = "<img src=x onerror=alert(1)>"


def test_no_script_makes_html_of_text_and_no_template_leaves_it_unescaped() -> None:
    scripts = sorted((SERVICE / "static").glob("*.js"))
    assert len(scripts) > 5
    for file in scripts:
        found = re.search(
            r"innerHTML|insertAdjacentHTML|document\.write|outerHTML\s*=[^=]|\beval\(|new Function",
            file.read_text(encoding="utf-8"),
        )
        assert found is None, f"{file.name}: {found}"
    for file in sorted((SERVICE / "templates").glob("*.html")):
        found = re.search(
            r"\|\s*safe\b|autoescape\s+false|\son[a-z]+=[\"']", file.read_text(encoding="utf-8")
        )
        assert found is None, f"{file.name}: {found}"
    for file in sorted((SERVICE / "pages").glob("*.py")):
        # figure.py alone makes elements, and escapes all that is put into them.
        is_made_here = file.name == "figure.py"
        assert is_made_here or "Markup(" not in file.read_text(encoding="utf-8"), file.name


def test_a_note_a_question_and_a_tag_are_shown_as_they_are(client: TestClient) -> None:
    study = finished_study(client, {**SMALL_STUDY, "question": ATTACK})
    changed = client.patch(f"/v1/studies/{study}", json={"note": ATTACK})
    assert changed.status_code == 200, changed.text
    trial = client.get(f"/v1/studies/{study}/trials").json()
    first = (trial["trials"] if isinstance(trial, dict) else trial)[0]["id"]
    assert client.patch(f"/v1/trials/{first}", json={"note": ATTACK}).status_code == 200
    shown = 0
    for path in ("/", f"/studies/{study}", f"/trials/{first}", f"/studies/{study}/report"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, path
        assert ATTACK not in answer.text, path
        shown += "&lt;img src=x onerror=alert(1)&gt;" in answer.text
    assert shown >= 2
