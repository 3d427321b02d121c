"""NeMo: the blend of Megatron Bridge, the part of NeMo that trains language models.

nemo-toolkit itself has had no language models since 3.0. The YAML is merged over a recipe's
configuration, whose `dataset` is a GPTDatasetConfig: `blend` is prefixes and weights, which count
samples of one length as in Megatron-LM. `split` is what Bridge gives a blend of its own; a recipe
without data has "1,1,1" there. Sources: NVIDIA-NeMo/Megatron-Bridge 0.3.1,
`src/megatron/bridge/training/config.py` (GPTDatasetConfig) and `recipes/utils/dataset_utils.py`
(get_blend_fields_from_data_paths); megatron-core 0.16.1, `blended_megatron_dataset_config.py`.
"""

from mixtures.export.signed import commented_yaml
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_SPLIT = "9999,8,2"
_HOW_TO = """\
A blend for NeMo (Megatron Bridge): merge it over a recipe's configuration, by --config-file where
the script takes one, or OmegaConf.merge. `split`: parts for training, validation and test."""


def _write(mixture: MixtureToExport) -> str:
    paths = [part.path for part in mixture.parts]
    weights = [part.weight for part in mixture.parts]
    dataset = {"blend": [paths, weights], "blend_per_split": None, "split": _SPLIT}
    return commented_yaml(mixture, NEMO.name, _HOW_TO, {"dataset": dataset})


NEMO = TrainerFormat(
    name="nemo",
    trainer="NeMo (Megatron Bridge)",
    written_for="megatron-bridge 0.3.1",
    suffix="yaml",
    media_type="application/yaml",
    counts=("sequences",),
    path_is="the prefix of a .bin and .idx in Megatron's format",
    write=_write,
)
