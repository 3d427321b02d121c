"""MosaicML Streaming, and with it LLM Foundry: `streams` as YAML, each with its `proportion`.

A proportion is of samples. Where a sample is a sequence of one length, as LLM Foundry's conversion
with `--concat_tokens` writes it, that is a share of tokens; where it is a document, it is not, so
the unit is the user's to choose. `Stream` takes no keyword that it does not know: provenance stands
in comments. Sources: mosaicml/streaming 0.13.0, `streaming/base/stream.py` (Stream, apply_weights);
mosaicml/llm-foundry 0.22.0, `llmfoundry/data/text_data.py` (build_streams).
"""

from mixtures.export.signed import commented_yaml
from mixtures.export.trainer_format import MixtureToExport, Part, TrainerFormat

_HOW_TO = """\
A mixture for MosaicML Streaming: StreamingDataset(streams=[Stream(**one) for one in
yaml["streams"].values()]); in LLM Foundry `streams` of train_loader.dataset."""


def _write(mixture: MixtureToExport) -> str:
    content = {"streams": {part.name: _stream(part) for part in mixture.parts}}
    return commented_yaml(mixture, MOSAICML.name, _HOW_TO, content)


def _stream(part: Part) -> dict[str, object]:
    """A path with a scheme is fetched; without `local` Streaming chooses where to."""
    place = "remote" if "://" in part.path else "local"
    return {place: part.path, "proportion": part.weight}


MOSAICML = TrainerFormat(
    name="mosaicml",
    trainer="MosaicML Streaming, LLM Foundry",
    written_for="mosaicml-streaming 0.13.0, llm-foundry 0.22.0",
    suffix="yaml",
    media_type="application/yaml",
    counts=("sequences", "documents"),
    path_is="a folder of MDS shards, local or with a scheme such as s3://",
    write=_write,
)
