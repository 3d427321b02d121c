"""Megatron-LM: a blend as the JSON file of `--per-split-data-args-path`.

A blend is a flat list, weight and prefix in turn; weights count samples of `--seq-length` tokens
cut from a source's packed documents, so they are token shares. Of the file the keys `train`,
`valid` and `test` are read and no other, so `_provenance` can stand beside them; null is no such
split. Sources: NVIDIA/Megatron-LM commit 00caa53af309, `megatron/training/utils.py`
(get_blend_and_blend_per_split); megatron-core 0.16.1, `megatron/core/datasets/utils.py`
(get_blend_from_list) and `blended_megatron_dataset_config.py`.
"""

from mixtures.export.signed import json_with_provenance
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat


def blend_of(mixture: MixtureToExport) -> list[str]:
    """Weight, prefix, weight, prefix, ...; as text, as they stand on Megatron's command line."""
    return [text for part in mixture.parts for text in (repr(part.weight), part.path)]


def _write(mixture: MixtureToExport) -> str:
    content = {"train": blend_of(mixture), "valid": None, "test": None}
    return json_with_provenance(mixture, MEGATRON.name, content)


MEGATRON = TrainerFormat(
    name="megatron",
    trainer="Megatron-LM",
    written_for="megatron-core 0.16.1",
    suffix="json",
    media_type="application/json",
    counts=("sequences",),
    path_is="the prefix of a .bin and .idx that tools/preprocess_data.py wrote",
    write=_write,
)
