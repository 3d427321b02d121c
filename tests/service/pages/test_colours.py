"""Every text can be read on every ground, in light and in dark: WCAG 2.2 AA, contrast 4.5 to 1."""

import re
from pathlib import Path

import pytest

STYLE = Path(__file__).resolve().parents[3] / "service" / "static" / "page.css"
GROUNDS = ("ground", "card")
TEXTS = ("text", "quiet", "accent", "reference", "good", "bad", "warn")
ON_THEIR_OWN = (
    ("on-accent", "accent"),
    ("good", "good-ground"),
    ("warn", "warn-ground"),
    ("accent", "accent-ground"),
)
PAIRS = [(text, ground) for text in TEXTS for ground in GROUNDS] + list(ON_THEIR_OWN)


def colours(scheme: str) -> dict[str, str]:
    """The variables of the first block, or of the one for dark screens."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme == "dark"]))


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_texts_can_be_read(scheme: str, text: str, ground: str) -> None:
    found = colours(scheme)
    assert contrast(found[text], found[ground]) >= 4.5


def test_both_schemes_have_the_same_colours() -> None:
    assert colours("light").keys() == colours("dark").keys()
