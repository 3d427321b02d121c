"""torchtitan: sequences from the data loader that the exported configuration builds."""

from drawn import END, module_of, task
from torchtitan.components.tokenizer import BaseTokenizer


class Words(BaseTokenizer):
    """Ids as words; begin and end token are both the end token."""

    def __init__(self) -> None:
        super().__init__()
        self.eos_id = END

    def encode(self, text: str, add_bos: bool = False, add_eos: bool = False) -> list[int]:
        return [END] * add_bos + [int(word) for word in text.split()] + [END] * add_eos

    def decode(self, ids: list[int]) -> str:
        return " ".join(str(one) for one in ids)

    def get_vocab_size(self) -> int:
        return given.vocab_size


given = task()
config = module_of(given.export).dataloader()
loader = config.build(
    dp_world_size=1,
    dp_rank=0,
    tokenizer=Words(),
    seq_len=given.sequence_tokens,
    local_batch_size=1,
)
for batch, _ in loader:
    given.add(batch["input"][0].tolist())
    if given.is_enough:
        break
given.done("torchtitan", "datasets", "torch")
