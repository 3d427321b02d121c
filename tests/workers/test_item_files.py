"""A trial's items in its folder: what was answered, and what was asked."""

import math
from pathlib import Path

import pytest

from mixtures.item import ItemScore, ItemText
from mixtures.trial import TrialResult
from tests.workers.tiny_study import tiny_config, tiny_trial
from workers.config import WorkerConfig
from workers.item_files import (
    ItemsDamaged,
    read_items,
    write_item_scores,
    write_item_texts,
)
from workers.run import TrialRunner
from workers.trial_log import trial_log_path

SCORES = [
    ItemScore(benchmark="quiz", item=0, nats=1.5, answer_bytes=3, chosen=1, is_right=True),
    ItemScore(benchmark="quiz", item=1, nats=2.5, answer_bytes=4, chosen=0, is_right=False),
    ItemScore(benchmark="sums", item=0, nats=0.25, answer_bytes=2, written="三 and \u05e9\u05dc"),
]
TEXT = ItemText(benchmark="quiz", item=0, prompt="Which?", answer="b", choices=("a", "b"))


def test_items_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_item_texts(tmp_path, "abc", lambda: [TEXT])
    write_item_scores(tmp_path, "t1", SCORES, "abc")
    kept = read_items(tmp_path, "t1")
    assert kept is not None
    assert list(kept.scores) == SCORES
    assert kept.texts == {("quiz", 0): TEXT}


def test_the_same_items_are_the_same_bytes(tmp_path: Path) -> None:
    first = write_item_scores(tmp_path / "a", "t1", SCORES, "abc").read_bytes()
    assert write_item_scores(tmp_path / "b", "t1", SCORES, "abc").read_bytes() == first


def test_texts_are_made_once(tmp_path: Path) -> None:
    write_item_texts(tmp_path, "abc", lambda: [TEXT])
    write_item_texts(tmp_path, "abc", lambda: pytest.fail("made again"))


def test_a_trial_without_items_has_none_and_a_broken_file_is_named(tmp_path: Path) -> None:
    assert read_items(tmp_path, "t1") is None
    path = write_item_scores(tmp_path, "t1", SCORES, "abc")
    assert read_items(tmp_path, "t1") is not None  # the texts are not there: scores alone
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ItemsDamaged, match=r"items\.parquet of t1 cannot be read"):
        read_items(tmp_path, "t1")


def run_in(home: Path, root: Path) -> tuple[WorkerConfig, TrialResult]:
    config = tiny_config(home, root)
    return config, TrialRunner(config).run(tiny_trial(config, 0.5, 3), 1, lambda progress: None)


def test_a_trial_keeps_items_that_add_up_to_its_scores(tmp_path: Path, tiny_root: Path) -> None:
    config, result = run_in(tmp_path / "home", tiny_root)
    kept = read_items(config.home, result.trial_id)
    assert kept is not None
    for score in result.scores:
        own = [one for one in kept.scores if one.benchmark == score.benchmark]
        assert len(own) == score.num_items
        bits = math.fsum(one.nats for one in own) / math.log(2)
        assert bits / sum(one.answer_bytes for one in own) == pytest.approx(score.value, rel=1e-12)
    sums = [text for (name, _), text in kept.texts.items() if name == "test_sums"]
    assert len(sums) == 12
    for text in sums:
        left, right = (int(part) for part in text.prompt.split("is ")[1].split("?")[0].split("+"))
        assert text.prompt.startswith("Question:")
        assert text.prompt.endswith("Answer:")
        assert text.answer == str(left + right)

    # Another run gives the same bytes, and its log says what it did.
    again, _ = run_in(tmp_path / "other", tiny_root)
    name = Path("trials") / result.trial_id / "items.parquet"
    assert (again.home / name).read_bytes() == (config.home / name).read_bytes()
    log = trial_log_path(config.home, result.trial_id).read_text()
    assert "attempt 1 INFO starts on" in log
    assert [phase for phase in ("prepare", "stable", "decay", "evaluate") if f"{phase} took" in log]


def test_a_failure_stands_in_the_log(tmp_path: Path, tiny_root: Path) -> None:
    config = tiny_config(tmp_path / "home", tiny_root)
    spec = tiny_trial(config, 0.5, 0)

    def stop(_: object) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        TrialRunner(config).run(spec, 2, stop)
    assert (
        "attempt 2 ERROR ValueError: enough"
        in trial_log_path(config.home, spec.trial_id).read_text()
    )


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5])
def test_a_bit_that_a_disk_changed_is_found(tmp_path: Path, part: float) -> None:
    scores = [
        ItemScore(benchmark="math", item=item, nats=item / 7, answer_bytes=3) for item in range(500)
    ]
    path = write_item_scores(tmp_path, "t", scores, "texts")
    assert read_items(tmp_path, "t") is not None
    content = bytearray(path.read_bytes())
    content[int(part * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ItemsDamaged, match=r"items\.parquet of t cannot be read"):
        read_items(tmp_path, "t")
