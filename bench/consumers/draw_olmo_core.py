"""OLMo-core: all instances of the dataset that it builds from the exported source mixture."""

from drawn import END, task
from olmo_core.data import NumpyFSLDatasetConfig, TokenizerConfig
from olmo_core.data.source_mixture import SourceMixtureDatasetConfig, SourceMixtureList

given = task()
for name, path in given.paths.items():
    given.stream_of(name).astype("uint16").tofile(path)
mixture = SourceMixtureDatasetConfig(
    source_list=SourceMixtureList.from_yaml(given.export),
    requested_tokens=given.num_items * given.sequence_tokens,
    global_batch_size=100 * given.sequence_tokens,
    render_tables=False,
    quiet=True,
)
tokenizer = TokenizerConfig(vocab_size=given.vocab_size, eos_token_id=END, pad_token_id=END)
dataset = NumpyFSLDatasetConfig.from_src_mix(
    mixture,
    tokenizer=tokenizer,
    sequence_length=given.sequence_tokens,
    work_dir=str(given.work),
    include_instance_metadata=False,
).build()
dataset.prepare()
for index in range(len(dataset)):
    given.add(dataset[index]["input_ids"].tolist())
given.done("ai2-olmo-core", "torch")
