"""The Unigram tokenizer of a study, trained on its own sources (Xmodel-2's is Unigram as well).

Byte-level, so that every text has tokens and comes back unchanged. SentencePiece trains it, from
word counts: its trainer gives the same pieces every time, where the `tokenizers` library's own
Unigram trainer sums in hash-map order and gives another file at every run.
"""

import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
END_ID = 2

# What the rarest bytes weigh below the rarest trained piece: they are for reversibility only.
_UNSEEN_BYTE_PENALTY = 1.0
# A longer "word" is a data blob; SentencePiece's default limit is of this order too.
_LONGEST_WORD = 1000


class TooLittleText(ValueError):
    """The texts hold fewer different pieces than were asked for: at most `most`, where it is known.

    `num_characters` is how much text there was.
    """

    def __init__(self, vocab_size: int, most: int | None, num_characters: int) -> None:
        super().__init__(vocab_size, most, num_characters)
        self.vocab_size, self.most, self.num_characters = vocab_size, most, num_characters

    def __str__(self) -> str:
        found = "fewer" if self.most is None else f"{self.most:,}"
        return (
            f"{self.num_characters:,} characters of text give {found} pieces, not "
            f"{self.vocab_size:,}"
        )


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A byte-level Unigram tokenizer with exactly `vocab_size` pieces; deterministic in `texts`.

    Raises TooLittleText where the texts hold too few different pieces for the size. Of the texts,
    which may be an iterator, only the different words are kept in memory.
    """
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    counts: Counter[str] = Counter()
    num_characters = 0
    for text in texts:
        num_characters += len(text)
        counts.update(word for word, _ in split.pre_tokenize_str(text))
    words = [(word, n) for word, n in counts.items() if len(word) <= _LONGEST_WORD]
    words.sort(key=lambda pair: (-pair[1], pair[0]))
    seen = set().union(*(word for word, _ in words))
    unseen = sorted(set(pre_tokenizers.ByteLevel.alphabet()) - seen)

    try:
        pieces = _train_pieces(words, vocab_size - len(unseen))
    except RuntimeError as error:
        # SentencePiece says: Vocabulary size too high (65218). Please set it to a value <= 38718.
        most = re.search(r"value <= (\d+)", str(error))
        found = int(most[1]) + len(unseen) if most else None
        raise TooLittleText(vocab_size, found, num_characters) from error
    lowest = min(score for _, score in pieces)
    pieces += [(byte, lowest - _UNSEEN_BYTE_PENALTY) for byte in unseen]

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def byte_tokenizer() -> Tokenizer:
    """One token a byte: for texts that are too few to train one on."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = [(UNKNOWN, 0.0), (BEGIN, 0.0), (END, 0.0)]
    tokenizer = Tokenizer(models.Unigram([*specials, *((b, -1.0) for b in alphabet)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _train_pieces(words: list[tuple[str, int]], vocab_size: int) -> list[tuple[str, float]]:
    """(piece, log-probability) of the trained vocabulary, specials first.

    Raises RuntimeError, SentencePiece's own, where the words are too few for the size.
    """
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "words.tsv"
        table.write_text("".join(f"{word}\t{n}\n" for word, n in words), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(table),
            input_format="tsv",
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size,
            character_coverage=1.0,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            split_by_unicode_script=False,
            split_by_number=False,
            split_by_whitespace=False,
            num_threads=1,
            minloglevel=2,
        )
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [(trained.id_to_piece(i), trained.get_score(i)) for i in range(vocab_size)]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer saved as `tokenizer.json` in `folder`, for nothing but the tokens of texts.

    A user's own may add begin tokens, cut, pad, or read the name of a control token in a text as
    that token: all of it is turned off. One that was trained here does none of it.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.post_processor = None
    tokenizer.encode_special_tokens = True
    return tokenizer
