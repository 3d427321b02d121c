"""Levanter, and with it Marin: `data` with its components and `train_weights` as YAML.

A MixtureDataset draws sequences of one length from each component, so weights are token shares;
with the default `restart` a component that ends starts again. Sources: marin-community/marin
(marin-levanter 0.2.20.dev202606180959), `lib/levanter/src/levanter/data/text/datasets.py`
(LmDataConfig, DatasetComponent, UrlDatasetSourceConfig) and `data/mixture.py` (MixtureDataset).
The levanter 1.1 on PyPI is of 2023 and has `configs` where this has `components`.
"""

from mixtures.export.signed import commented_yaml
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_HOW_TO = """\
A mixture for Levanter: `data` of a training configuration, to which you add the tokenizer and
cache_dir. In Marin the same train_weights go to lm_mixture_data_config."""


def _write(mixture: MixtureToExport) -> str:
    components = {
        part.name: {"source": {"type": "url", "train_urls": list(part.paths)}}
        for part in mixture.parts
    }
    weights = {part.name: part.weight for part in mixture.parts}
    content = {"data": {"components": components, "train_weights": weights}}
    return commented_yaml(mixture, LEVANTER.name, _HOW_TO, content)


LEVANTER = TrainerFormat(
    name="levanter",
    trainer="Levanter, Marin",
    written_for="marin-levanter 0.2.20.dev202606180959",
    suffix="yaml",
    media_type="application/yaml",
    counts=("sequences",),
    path_is="text files that Levanter tokenises (.jsonl, .jsonl.gz, .parquet), globs and URLs "
    "included",
    write=_write,
)
