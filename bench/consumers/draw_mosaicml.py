"""MosaicML Streaming: samples of a StreamingDataset over the exported streams."""

import torch
import yaml
from drawn import task

# Streaming imports torchvision, which declares what its compiled half has not, where that was
# built for CUDA and torch was not. Nothing here finds boxes in pictures.
OPERATORS = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor boxes, Tensor scores, float threshold) -> Tensor")
from streaming import MDSWriter, Stream, StreamingDataset  # noqa: E402

given = task()
for name, path in given.paths.items():
    with MDSWriter(out=path, columns={"ids": "ndarray:uint16"}) as out:
        if given.sequence_tokens:
            ids = given.stream_of(name)
            ids = ids[: len(ids) // given.sequence_tokens * given.sequence_tokens]
            samples = ids.reshape(-1, given.sequence_tokens)
        else:
            samples = given.documents_of(name)
        for sample in samples:
            out.write({"ids": sample.astype("uint16")})
exported = yaml.safe_load(given.export.read_text(encoding="utf-8"))
dataset = StreamingDataset(
    streams=[Stream(**one) for one in exported["streams"].values()],
    epoch_size=given.num_items,
    # It looks so many samples ahead, eight times.
    batch_size=100,
    shuffle=True,
)
for sample in dataset:
    given.add(sample["ids"])
given.done("mosaicml-streaming", "torch")
