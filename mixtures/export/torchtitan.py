"""torchtitan: a Python module that names the sources and gives the data loader's configuration.

torchtitan's configuration is Python. Each source is packed into sequences of `seq_len` before they
are interleaved, which "makes interleaved weights a token mixture ratio" (its own comment). Source:
pytorch/torchtitan 0.3.0, `torchtitan/hf_datasets/text_datasets.py` (DATASETS, HFDataSource,
InterleavedHuggingFaceTextDataLoader) and `interleaved.py` (InterleavedDataset).
"""

from mixtures.export.hugging_face import load_call, python, table
from mixtures.export.signed import commented
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_HOW_TO = """\
A mixture for torchtitan: from this file, `dataloader()` as the `dataloader` of a Trainer.Config.
Importing it enters the sources into torchtitan's DATASETS, under names that begin with decaymix:"""

_BODY = '''\
from datasets import load_dataset
from torchtitan.hf_datasets import DatasetConfig
from torchtitan.hf_datasets.text_datasets import (
    DATASETS,
    HFDataSource,
    InterleavedHuggingFaceTextDataLoader,
)

SEED = 0
{weights}


def text_of(sample: dict) -> str:
    """The text of a document; yours to change where a source has other columns."""
    return sample["text"]


{sources}


def dataloader(seed: int = SEED) -> InterleavedHuggingFaceTextDataLoader.Config:
    """Sequences by weight; a source that ends starts again."""
    return InterleavedHuggingFaceTextDataLoader.Config(
        sources=[
            HFDataSource(dataset="decaymix:" + name, weight=weight, infinite=True)
            for name, weight in WEIGHTS.items()
        ],
        seed=seed,
    )
'''

_SOURCE = """\
DATASETS[{key}] = DatasetConfig(
    path={path},
    loader=lambda path: {load},
    sample_processor=text_of,
)"""


def _write(mixture: MixtureToExport) -> str:
    sources = [
        _SOURCE.format(
            key=python(f"decaymix:{part.name}"),
            path=python(list(part.paths) if len(part.paths) > 1 else part.path),
            load=load_call(part, "path"),
        )
        for part in mixture.parts
    ]
    body = _BODY.format(
        weights=table({part.name: part.weight for part in mixture.parts}, "WEIGHTS"),
        sources="\n".join(sources),
    )
    return commented(mixture, TORCHTITAN.name, _HOW_TO, body)


TORCHTITAN = TrainerFormat(
    name="torchtitan",
    trainer="torchtitan",
    written_for="torchtitan 0.3.0",
    suffix="py",
    media_type="text/x-python",
    counts=("sequences",),
    path_is="data files (.jsonl, .parquet, .csv, .txt), a folder of them, or a data set's name on "
    "the hub",
    write=_write,
)
