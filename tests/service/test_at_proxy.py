"""A study's file at another proxy."""

from pathlib import Path

import pytest
import yaml

from mixtures.proxy import Proxy
from mixtures.study import StudySpec
from service.at_proxy import at_proxy
from service.errors import BadInput

DEMO = (Path(__file__).resolve().parents[2] / "studies" / "demo.yaml").read_text(encoding="utf-8")


def test_shape_and_name_change_and_nothing_else() -> None:
    found = StudySpec.model_validate_json(at_proxy(DEMO, "yaml", "nano"))
    own = StudySpec.model_validate(yaml.safe_load(DEMO))
    assert found.name == "demo-nano"
    nano = Proxy.model_validate({"preset": "nano", "vocab_size": 2048, "context_tokens": 256})
    assert found.proxy == nano
    changed = {"name": own.name, "proxy": own.proxy}
    assert found.model_copy(update=changed) == own


@pytest.mark.parametrize(
    ("text", "preset", "field", "words"),
    [
        (DEMO, "huge", "proxy", "no such preset; there are pico, nano"),
        ("- a list", "nano", "(body)", "expected a study"),
        (
            "space: {sft_share: [0], factors: {proxy: [pico, nano]}}",
            "tiny",
            "space.factors.proxy",
            "tries several proxies itself",
        ),
    ],
)
def test_what_cannot_be_is_refused(text: str, preset: str, field: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        at_proxy(text, "yaml", preset)
    assert caught.value.field == field
    assert words in str(caught.value.message)
