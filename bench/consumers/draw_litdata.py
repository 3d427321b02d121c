"""LitData: blocks of tokens from the exported module's `mixture()`, epoch after epoch."""

import torch
from drawn import module_of, task
from litdata import TokensLoader
from litdata.streaming.cache import Cache

given = task()
for name, path in given.paths.items():
    cache = Cache(path, chunk_bytes="4MB", item_loader=TokensLoader(block_size=1))
    for number, document in enumerate(given.documents_of(name)):
        cache[number] = torch.tensor(document.astype("int32"))
    cache.done()
    cache.merge()
mixture = module_of(given.export).mixture(given.sequence_tokens)
epoch = 0
while not given.is_enough:
    mixture.set_epoch(epoch)
    for block in mixture:
        given.add(block.tolist())
        if given.is_enough:
            break
    epoch += 1
given.done("litdata", "torch")
