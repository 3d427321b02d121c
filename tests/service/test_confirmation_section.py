"""The report's section of a confirmation has the numbers of its answer."""

from service.report.confirmation_section import confirmation_section
from tests.mixtures.test_confirmation import all_of, answer, asked


def test_the_section_has_the_verdict_a_row_a_mixture_and_a_row_a_difference() -> None:
    found = answer(
        asked(paper={"difference": -0.09, "interval": [-0.12, -0.05]}),
        all_of(top=(1.01, None, 1.02, 1.02)),
    )
    text = "\n\n".join(confirmation_section(found))
    assert f"**{found.sentence}**" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    # Two headers, two rules, three mixtures, two differences.
    assert len(rows) == 9
    (paper,) = (line for line in rows if line.startswith("| paper | \u22120.09"))
    assert paper.endswith("| better |") and "| 4 |" in paper and "| 0.12 |" in paper
    (top,) = (line for line in rows if line.startswith("| raw top | ") and "0.92" in line)
    assert "0.9200 of 1" in top and top.endswith("| overlaps |")
    assert "- Without a score: raw_top with seed 11 (FAILED)." in text
    assert confirmation_section(None) == []
