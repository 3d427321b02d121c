"""OLMo-core: a source mixture as YAML, for `SourceMixtureList.from_yaml`.

`target_ratio` is a share of tokens: OLMo-core counts the tokens in a source's files and takes
`requested_tokens * target_ratio` of them, more than once where `max_repetition_ratio` lets it; it
refuses a mixture that needs more. The ratio is the study's `max_epochs`. Source: allenai/OLMo-core
3.0.0 (ai2-olmo-core), `src/olmo_core/data/source_mixture.py`: SourceMixtureConfig,
SourceMixtureList, SourceMixtureDatasetConfig.build.
"""

from mixtures.export.signed import commented_yaml
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_HOW_TO = """\
A source mixture for OLMo-core: SourceMixtureList.from_yaml(THIS FILE), as `source_list` of a
SourceMixtureDatasetConfig. max_repetition_ratio is the study's max_epochs."""


def _write(mixture: MixtureToExport) -> str:
    sources = [
        {
            "source_name": part.name,
            "target_ratio": part.weight,
            "paths": list(part.paths),
            # Below 1 OLMo-core refuses it.
            "max_repetition_ratio": max(1.0, mixture.study.max_epochs),
        }
        for part in mixture.parts
    ]
    return commented_yaml(mixture, OLMO_CORE.name, _HOW_TO, {"sources": sources})


OLMO_CORE = TrainerFormat(
    name="olmo-core",
    trainer="OLMo-core",
    written_for="ai2-olmo-core 3.0.0",
    suffix="yaml",
    media_type="application/yaml",
    counts=("tokens",),
    path_is="files of token ids (.npy as OLMo-core writes them), globs included",
    write=_write,
)
