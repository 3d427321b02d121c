"""Hugging Face `datasets`: a Python module whose `mixture()` interleaves the sources.

`interleave_datasets` draws a source for each document by `probabilities`, so these count
documents; with `stopping_strategy="all_exhausted"` a source that ends starts again, and the shares
hold until every source was read once. Source: huggingface/datasets 5.2.0, `src/datasets/combine.py`
(interleave_datasets) and `iterable_dataset.py` (RandomlyCyclingMultiSourcesExamplesIterable).
"""

from mixtures.export.hugging_face import load_call, python, table
from mixtures.export.signed import commented
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_HOW_TO = """\
A mixture for Hugging Face datasets: from this file, `mixture()`.
Its probabilities are of documents, such that tokens come in the shares of `mixture` below."""

_PACKED_HOW_TO = """\
A mixture for Hugging Face datasets, packed: from this file, `mixture()`.
Every row of a source must hold equally many tokens; then the rows are drawn in token shares."""

_BODY = '''\
from datasets import IterableDataset, interleave_datasets, load_dataset

SEED = 0
STOPPING_STRATEGY = "all_exhausted"
{probabilities}


def sources() -> dict[str, IterableDataset]:
    """One line a source, yours to change; all must have the same columns."""
    return {{
{sources}
    }}


def mixture(seed: int = SEED) -> IterableDataset:
    """Each source again from its start where it ends, until every one was read once."""
    parts = sources()
    return interleave_datasets(
        [parts[name] for name in PROBABILITIES],
        probabilities=list(PROBABILITIES.values()),
        seed=seed,
        stopping_strategy=STOPPING_STRATEGY,
    )
'''


def _write(mixture: MixtureToExport) -> str:
    sources = [f"        {python(part.name)}: {load_call(part)}," for part in mixture.parts]
    body = _BODY.format(
        probabilities=table({part.name: part.weight for part in mixture.parts}, "PROBABILITIES"),
        sources="\n".join(sources),
    )
    how_to = _HOW_TO if mixture.unit == "documents" else _PACKED_HOW_TO
    return commented(mixture, DATASETS.name, how_to, body)


DATASETS = TrainerFormat(
    name="datasets",
    trainer="Hugging Face datasets",
    written_for="datasets 5.2.0",
    suffix="py",
    media_type="text/x-python",
    counts=("documents", "sequences"),
    path_is="data files (.jsonl, .parquet, .csv, .txt; globs, compressed), a folder of them, or a "
    "data set's name on the hub",
    write=_write,
)
