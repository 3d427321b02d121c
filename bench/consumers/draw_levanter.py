"""Levanter: sequences of the mixture that LmDataConfig builds from the exported `data`."""

import asyncio
import json
from dataclasses import dataclass, field

import draccus
import jax
import numpy as np
from drawn import END, task
from haliax import Axis
from levanter.data.text import LmDataConfig
from levanter.schedule import BatchSchedule
from tokenizers import Tokenizer, models, pre_tokenizers


@dataclass
class Configuration:
    data: LmDataConfig = field(default_factory=LmDataConfig)


def words() -> str:
    """A tokenizer of ids as words, as a folder."""
    folder = given.work / "tokenizer"
    folder.mkdir()
    vocab = {str(one): one for one in range(given.vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=str(END)))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": str(END)}))
    return str(folder)


def draw() -> None:
    arguments = [
        f"--config_path={given.export}",
        f"--data.tokenizer={words()}",
        f"--data.cache_dir={given.work}",
    ]
    data = draccus.parse(Configuration, args=arguments).data
    dataset = data.train_set(
        Axis("position", given.sequence_tokens), BatchSchedule(100), key=jax.random.PRNGKey(0)
    )
    for start in range(0, given.num_items, 1000):
        batch = asyncio.run(dataset.get_batch(list(range(start, start + 1000))))
        for example in batch:
            given.add(np.asarray(example.tokens.array).tolist())


if __name__ == "__main__":
    given = task()
    draw()
    given.done("marin-levanter", "jax")
