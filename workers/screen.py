"""Reads all data of a recipe once: what is used of it, what is left out, and why.

Sources are read as streams, so memory goes with the number of documents and not with their size.
What is found is kept under the hashes of what it was found in (`screened`), because a worker needs
it again: which documents are trained on, and in which order.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixtures.recipe import Recipe
from mixtures.source import Source
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once
from workers.benchmark_content import benchmark_content
from workers.config import WorkerConfig
from workers.documents import Measured, Places, Positions
from workers.files import DataError, require_unchanged
from workers.kept_screening import FORMAT, Screening, keep_screening, screened_once
from workers.near_duplicates import NearDuplicates, count_by_pair
from workers.overlap import Overlap
from workers.sources import ContentHash, read_source


@dataclass(frozen=True, slots=True)
class Used:
    """What a worker needs of it: see Screening. `raw_hashes` are of all documents of a source."""

    raw_hashes: dict[str, str]
    positions: dict[str, Positions]
    num_characters: dict[str, Places]
    items_left_out: dict[str, frozenset[int]]


def screen(recipe: Recipe, config: WorkerConfig) -> Screening:
    """Raises DataError at the first source or benchmark that cannot be used."""
    return screened_once(recipe, config, _screened)


def _screened(recipe: Recipe, config: WorkerConfig) -> Screening:
    own = [benchmark for benchmark in recipe.benchmarks if benchmark.held_out is None]
    contents = {benchmark.name: benchmark_content(benchmark, config) for benchmark in own}
    items = {name: content.documents() for name, content in contents.items()}
    hashes = {f"benchmarks.{name}": content.content_hash for name, content in contents.items()}
    overlap = Overlap(items if recipe.decontamination != "off" else {})
    near = NearDuplicates()
    measured, raw_hashes = {}, {}
    for source in recipe.sources:
        found, raw = Measured(source, recipe.data_seed), ContentHash()
        is_compared = source.kind == "sft" and recipe.near_duplicates != "off"
        for position, item in enumerate(read_source(source, config)):
            raw.add(item)
            found.add(item)
            if recipe.decontamination != "off":
                overlap.add(source.name, position, item)
            if is_compared:
                near.add(source.name, position, item)
        measured[source.name], raw_hashes[source.name] = found, raw.hexdigest()

    generated = {source.name for source in recipe.sources if source.reasoning_gym}
    generated |= {benchmark.name for benchmark in own if benchmark.reasoning_gym}
    pairs = overlap.pairs(frozenset(generated))
    left_out: dict[str, set[int]] = defaultdict(set)
    items_left_out: dict[str, set[int]] = defaultdict(set)
    for pair in pairs:
        if recipe.decontamination == "drop":
            left_out[pair.source] |= pair.documents
        elif recipe.decontamination == "drop_items":
            items_left_out[pair.benchmark] |= pair.items
    num_contaminated = {name: len(found) for name, found in left_out.items()}
    gone = frozenset((name, position) for name, found in left_out.items() for position in found)
    duplicates = near.duplicates(gone) if recipe.near_duplicates != "off" else []
    if recipe.near_duplicates == "drop":
        for one in duplicates:
            left_out[one.source].add(one.position)

    positions = {}
    for source in recipe.sources:
        name, found = source.name, measured[source.name]
        _require_some_left(source, found, num_contaminated.get(name, 0), left_out[name])
        positions[name] = found.split(left_out[name])
        hashes[f"sources.{name}"] = _pinned(raw_hashes[name], left_out[name])
    for name, asked in items.items():
        _require_two_items(name, len(asked), len(items_left_out[name]))
    return Screening(
        hashes=hashes,
        raw_hashes=raw_hashes,
        positions=positions,
        num_bytes={name: found.num_bytes for name, found in measured.items()},
        num_characters={name: found.num_characters for name, found in measured.items()},
        num_items={name: len(asked) for name, asked in items.items()},
        metrics={name: content.metrics for name, content in contents.items()},
        items_left_out={name: frozenset(found) for name, found in items_left_out.items()},
        overlaps=tuple(pairs),
        near_duplicates=count_by_pair(duplicates),
        num_left_out={name: len(found) for name, found in left_out.items()},
    )


def keep(screening: Screening, recipe: Recipe, config: WorkerConfig) -> None:
    """Put what a worker needs under the home, where `used` finds it, and all for the next check."""
    _kept(recipe, screening.hashes, config, screening)
    keep_screening(screening, config)


def used(recipe: Recipe, data_hashes: dict[str, str], config: WorkerConfig) -> Used:
    """What was kept for these hashes, or found anew on a machine that has not seen the data.

    Raises DataError where the data are not those of the hashes any more.
    """
    folder = _kept(recipe, data_hashes, config, None)
    with np.load(folder / "places.npz") as places:
        positions, characters = {}, {}
        for source in recipe.sources:
            name = source.name
            training, held_out = places[f"training:{name}"], places[f"held_out:{name}"]
            positions[name] = Positions(training, held_out)
            characters[name] = places[f"characters:{name}"]
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    left_out = {name: frozenset(found) for name, found in about["items_left_out"].items()}
    return Used(about["raw_hashes"], positions, characters, left_out)


def _kept(
    recipe: Recipe, data_hashes: dict[str, str], config: WorkerConfig, found: Screening | None
) -> Path:
    def build(folder: Path) -> None:
        screening = found or screen(recipe, config)
        for field, value in screening.hashes.items():
            require_unchanged(field, field.partition(".")[2], value, data_hashes.get(field))
        places = {}
        for name, positions in screening.positions.items():
            places[f"training:{name}"] = positions.training
            places[f"held_out:{name}"] = positions.held_out
            places[f"characters:{name}"] = screening.num_characters[name]
        np.savez(folder / "places.npz", allow_pickle=False, **places)
        left_out = {name: sorted(items) for name, items in screening.items_left_out.items()}
        about = {"raw_hashes": screening.raw_hashes, "items_left_out": left_out}
        (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")

    made_of = [
        FORMAT,
        [source.model_dump(mode="json") for source in recipe.sources],
        [benchmark.name for benchmark in recipe.benchmarks],
        # Of what is screened: a trial pins its stable checkpoint as well.
        {name: value for name, value in sorted(data_hashes.items()) if _is_screened(name)},
        recipe.data_seed,
        recipe.decontamination,
        recipe.near_duplicates,
    ]
    return built_once(config.home / "screened" / hash_text(canonical_json(made_of)), build)


def _is_screened(name: str) -> bool:
    return name.startswith(("sources.", "benchmarks."))


def _pinned(raw: str, left_out: set[int]) -> str:
    """The content's own hash where all of it is used, as it always was."""
    if not left_out:
        return raw
    return hashlib.sha256(f"{raw} without {sorted(left_out)}".encode()).hexdigest()


def _require_some_left(
    source: Source, found: Measured, contaminated: int, left_out: set[int]
) -> None:
    total = len(found)
    if total - contaminated >= 2 and found.are_all_one(left_out):
        raise DataError(
            f"sources.{source.name}",
            source.name,
            f"its {total} documents are all the same, or nearly; expected at least two different "
            "ones, or one alone",
        )
    if len(left_out) < total:
        return
    raise DataError(
        f"sources.{source.name}",
        source.name,
        f"none of its {total} documents is left: {contaminated} hold items of a benchmark, "
        f"{total - contaminated} nearly repeat others; leave out the source or the benchmark, or "
        "set decontamination or near_duplicates to 'flag'",
    )


def _require_two_items(name: str, total: int, left_out: int) -> None:
    if total - left_out < 2:
        raise DataError(
            f"benchmarks.{name}",
            name,
            f"{left_out} of its {total} items stand in a training source; expected at least two "
            "that do not",
        )
