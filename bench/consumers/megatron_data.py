"""Megatron's own files and datasets, for the two consumers that have them."""

import numpy as np
import torch
from drawn import Task
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder
from megatron.core.tokenizers import MegatronTokenizer


def write_sources(given: Task) -> None:
    """A .bin and .idx for each prefix."""
    for name, prefix in given.paths.items():
        builder = IndexedDatasetBuilder(f"{prefix}.bin", dtype=np.uint16)
        for document in given.documents_of(name):
            builder.add_document(torch.tensor(document.astype("int32")), [len(document)])
        builder.finalize(f"{prefix}.idx")


def draw(given: Task, **blend: object) -> None:
    """`blend`: the fields of GPTDatasetConfig that the export gives."""
    # As in training, where every process is of a group.
    rendezvous = f"file://{given.work}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=0, world_size=1)
    config = GPTDatasetConfig(
        random_seed=0,
        sequence_length=given.sequence_tokens,
        tokenizer=MegatronTokenizer.from_pretrained(
            metadata_path={"library": "null"}, vocab_size=given.vocab_size
        ),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        path_to_cache=str(given.work),
        **blend,
    )
    train, _, _ = BlendedMegatronDatasetBuilder(
        GPTDataset, [given.num_items, 0, 0], lambda: True, config
    ).build()
    for index in range(given.num_items):
        given.add(train[index]["tokens"].tolist())
    torch.distributed.destroy_process_group()
