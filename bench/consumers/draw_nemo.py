"""NeMo: the exported `dataset` as the fields of megatron-core's GPTDatasetConfig.

Megatron Bridge's class of that name inherits from it; Bridge itself cannot be imported without
transformer-engine, which needs CUDA.
"""

from drawn import task
from megatron_data import draw, write_sources
from omegaconf import OmegaConf

given = task()
write_sources(given)
draw(given, **OmegaConf.to_container(OmegaConf.load(given.export).dataset))
given.done("megatron-core", "omegaconf", "torch")
