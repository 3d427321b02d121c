"""A tokenizer of one token a byte, so that tests count tokens by counting bytes."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

FIRST_BYTE_ID = 3


def byte_tokenizer() -> Tokenizer:
    """Byte b is token 3 + its place in the byte-level alphabet; 0 to 2 are special."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *((byte, -1.0) for byte in alphabet)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
