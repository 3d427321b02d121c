"""The tokenizer of a study: of its own checkpoint, from a file of the user's, or trained here."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from mixtures.recipe import Recipe, TokenizerFile
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.base_checkpoint import CHECKPOINT, pinned_checkpoint
from workers.config import WorkerConfig
from workers.documents import document_text
from workers.files import DataError, find_file, require_unchanged
from workers.hf_folder import tokenizer_and_end
from workers.sources import Item
from workers.tokenizer import END_ID, TooLittleText, load_tokenizer, train_tokenizer

# Bump when the code makes another tokenizer of the same input.
FORMAT = 5
# Of each source the tokenizer sees at most so many characters for each piece of its vocabulary, so
# that no source drowns the others: 400,000 for pico's 2,048 pieces, 12.75 million for the paper's
# 65,280. With 400,000 of each of sixteen sources there are 38,780 pieces at most.
CHARACTERS_PER_PIECE = 400_000 / 2048
LEAST_CHARACTERS = 400_000
# Its key among the data hashes of a trial.
TOKENIZER = "tokenizer"
_USUAL_ENDS = ("</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "[EOS]", "<EOT>", "[SEP]")


@dataclass(frozen=True, slots=True)
class StudyTokenizer:
    """`content_hash` names it; it lies at `path`."""

    tokenizer: Tokenizer
    content_hash: str
    end_id: int
    path: Path


def study_tokenizer(
    recipe: Recipe,
    data_hashes: dict[str, str],
    config: WorkerConfig,
    first_documents: Callable[[str, int], list[Item]],
) -> StudyTokenizer:
    """Built if missing. `first_documents(source, characters)` gives text to train one on."""
    if recipe.stable.checkpoint is not None:
        made_of: object = data_hashes[CHECKPOINT]
    elif recipe.tokenizer is not None:
        made_of = [data_hashes[TOKENIZER], recipe.tokenizer.end_token]
    else:
        sources = [source.model_dump(mode="json") for source in recipe.sources]
        hashes = {s.name: data_hashes[f"sources.{s.name}"] for s in recipe.sources}
        made_of = [hashes, sources, recipe.data_seed, recipe.proxy.vocab_size]

    def build(folder: Path) -> None:
        path = folder / "tokenizer.json"
        if recipe.stable.checkpoint is not None:
            base = pinned_checkpoint(recipe, data_hashes, config)
            _, end_id = tokenizer_and_end(base)
            text = (base.path / "tokenizer.json").read_text(encoding="utf-8")
        elif recipe.tokenizer is not None:
            text, end_id = _read(recipe.tokenizer, recipe, config)
            expected = data_hashes[TOKENIZER]
            require_unchanged("tokenizer.file", recipe.tokenizer.file, _hash(text), expected)
        else:
            text, end_id = _trained(recipe, first_documents).to_str(pretty=True), END_ID
        path.write_text(text, encoding="utf-8")
        about = {"tokenizer": hash_text(text), "end_id": end_id}
        (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")

    asked = hash_text(canonical_json([FORMAT, made_of]))
    folder = built_once(config.home / "tokenizers" / asked, build)
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    return StudyTokenizer(
        tokenizer=load_tokenizer(folder),
        content_hash=about["tokenizer"],
        end_id=about["end_id"],
        path=folder / "tokenizer.json",
    )


def characters_per_source(vocab_size: int) -> int:
    """How many characters of each source a tokenizer of this size is trained on, at most."""
    return max(LEAST_CHARACTERS, round(vocab_size * CHARACTERS_PER_PIECE))


def check_tokenizer(recipe: Recipe, config: WorkerConfig) -> dict[str, str]:
    """The hash that pins the user's own file; empty without one. Raises DataError."""
    if recipe.tokenizer is None:
        return {}
    return {TOKENIZER: _hash(_read(recipe.tokenizer, recipe, config)[0])}


def _trained(recipe: Recipe, first_documents: Callable[[str, int], list[Item]]) -> Tokenizer:
    size = characters_per_source(recipe.proxy.vocab_size)
    # One source after another, so that the text of one alone is in memory.
    texts = (
        document_text(item, source)[:size]
        for source in recipe.sources
        for item in first_documents(source.name, size)
    )
    try:
        return train_tokenizer(texts, recipe.proxy.vocab_size)
    except TooLittleText as error:
        fitting = "a smaller one" if error.most is None else f"one of at most {error.most}"
        raise DataError(
            "proxy.vocab_size",
            str(recipe.proxy.vocab_size),
            f"{error}; a tokenizer of that size sees the first {size:,} characters of each source. "
            f"Give more text, or a vocabulary of another size: {fitting}",
        ) from error


def _read(named: TokenizerFile, recipe: Recipe, config: WorkerConfig) -> tuple[str, int]:
    """The file's text and the id of its end token; raises DataError where it cannot be used."""
    path = find_file(named.file, config.data_roots, "tokenizer.file")
    try:
        text = path.read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing narrower
        raise DataError("tokenizer.file", named.file, f"not a tokenizer ({error})") from error
    size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if size > recipe.proxy.vocab_size:
        raise DataError(
            "proxy.vocab_size",
            str(recipe.proxy.vocab_size),
            f"{named.file} has ids up to {size - 1}; expected at least {size}",
        )
    wanted = _USUAL_ENDS if named.end_token is None else (named.end_token,)
    for token in wanted:
        if (end_id := tokenizer.token_to_id(token)) is not None:
            return text, end_id
    raise DataError(
        "tokenizer.end_token",
        str(named.end_token),
        f"is no token of {named.file}; name the one that ends a document",
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
