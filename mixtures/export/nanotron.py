"""nanotron: the data of a stage as YAML, a Nanoset of weighted folders.

A Nanoset takes samples of `sequence_length` + 1 tokens from folders that datatrove tokenised, so
`dataset_weights` are token shares. The configuration is read strictly: provenance stands in
comments. Source: huggingface/nanotron commit 00708b80c88e, `src/nanotron/config/config.py`
(NanosetDatasetsArgs, DataArgs) and `src/nanotron/data/nanoset.py` (Nanoset,
build_nanoset_index_helper). The newest on PyPI, 0.4, is older than Nanosets.
"""

from mixtures.export.signed import commented_yaml
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_HOW_TO = """\
A mixture for nanotron: the `data` of the stage in `data_stages` at which your decay begins."""


def _write(mixture: MixtureToExport) -> str:
    dataset = {
        "dataset_folder": [part.path for part in mixture.parts],
        "dataset_weights": [part.weight for part in mixture.parts],
    }
    content = {"data": {"dataset": dataset, "seed": 0}}
    return commented_yaml(mixture, NANOTRON.name, _HOW_TO, content)


NANOTRON = TrainerFormat(
    name="nanotron",
    trainer="nanotron",
    written_for="nanotron commit 00708b80c88e",
    suffix="yaml",
    media_type="application/yaml",
    counts=("sequences",),
    path_is="a folder of .ds files that datatrove's tokenizer wrote",
    write=_write,
)
