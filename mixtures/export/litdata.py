"""LitData, and with it LitGPT: a Python module whose `mixture()` combines the streams.

`CombinedStreamingDataset` draws a stream for each item by `weights`. With a `TokensLoader` an item
is a block of tokens, so weights are token shares; without one it is what was optimised, a document.
Weights need `iterate_over_all=False`, and it then ends with the first stream that ends. LitGPT has
no mixture in its configuration; its TinyLlama data module is written this way. Sources:
Lightning-AI/litData 0.2.76, `src/litdata/streaming/combined.py` and `item_loader.py`;
Lightning-AI/litgpt 0.5.13, `litgpt/data/tinyllama.py`.
"""

from mixtures.export.hugging_face import python, table
from mixtures.export.signed import commented
from mixtures.export.trainer_format import MixtureToExport, TrainerFormat

_HOW_TO = """\
A mixture for LitData and LitGPT: from this file, `mixture()`. An epoch ends with the first source
that ends; the next shuffles each source anew."""

_BODY = '''\
from litdata import CombinedStreamingDataset, StreamingDataset{imports}

SEED = 0
{weights}
{paths}


def mixture({argument}seed: int = SEED) -> CombinedStreamingDataset:
    """{what}"""
    streams = [
        StreamingDataset(
            PATHS[name],{loader}
            shuffle=True,
            drop_last=True,
            seed=seed,
        )
        for name in WEIGHTS
    ]
    return CombinedStreamingDataset(
        streams, seed=seed, weights=list(WEIGHTS.values()), iterate_over_all=False
    )
'''
_SEQUENCES = {
    "imports": ", TokensLoader",
    "argument": "block_size: int, ",
    "loader": "\n            item_loader=TokensLoader(block_size=block_size),",
    "what": "Blocks of `block_size` tokens (in LitGPT: the context and one more).",
}
_DOCUMENTS = {"imports": "", "argument": "", "loader": "", "what": "Documents, of any length."}


def _write(mixture: MixtureToExport) -> str:
    paths = [f"    {python(part.name)}: {python(part.path)}," for part in mixture.parts]
    body = _BODY.format(
        weights=table({part.name: part.weight for part in mixture.parts}, "WEIGHTS"),
        paths="\n".join(["PATHS = {", *paths, "}"]),
        **(_DOCUMENTS if mixture.unit == "documents" else _SEQUENCES),
    )
    return commented(mixture, LITDATA.name, _HOW_TO, body)


LITDATA = TrainerFormat(
    name="litdata",
    trainer="LitData, LitGPT",
    written_for="litdata 0.2.76, litgpt 0.5.13",
    suffix="py",
    media_type="text/x-python",
    counts=("sequences", "documents"),
    path_is="a folder that litdata.optimize wrote, local or s3://",
    write=_write,
)
