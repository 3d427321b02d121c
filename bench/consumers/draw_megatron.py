"""Megatron-LM: the exported file read as --per-split-data-args-path is, by megatron-core's parser.

megatron.training, which opens the file, is in no package; what it does with it is the next line.
"""

import json

from drawn import task
from megatron.core.datasets.utils import get_blend_from_list
from megatron_data import draw, write_sources

given = task()
write_sources(given)
splits = json.loads(given.export.read_text(encoding="utf-8"))
draw(
    given, blend_per_split=[get_blend_from_list(splits[one]) for one in ("train", "valid", "test")]
)
given.done("megatron-core", "torch")
