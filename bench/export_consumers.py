"""Do the trainers draw tokens in the recommended shares? Each loads the export with its own code.

    python bench/export_consumers.py [--quick] [--only NAME] [--environments FOLDER]

For every consumer that pip can install: an environment of its own, because their pins clash with
ours and with each other; data of four sources, with documents of very different lengths, in the
consumer's own format; the file that `./run decaymix export` writes; and a child in that environment
(bench/consumers/) that loads the file as the consumer does and draws. The value of a goal is the
largest difference, over sources, between the share of the tokens drawn and the share recommended.
An environment takes up to 1.5 GB and goes when it was used; `--environments` keeps them, and uses
what is there. `--quick` takes two that are small. Exit code 1 where one could not be loaded.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.consumers.drawn import END, ID_SPACE
from mixtures.export.formats import export
from mixtures.export.trainer_format import ExportOptions, Unit
from mixtures.mixture import Mixture
from mixtures.recommendation import Evidence, Recommendation
from mixtures.source import SourceSize
from mixtures.study import StudySpec

LARGEST_ERROR = 0.01
# Of 32 tokens: short, so that a hundred thousand of them are soon drawn.
SEQUENCE_TOKENS = 32
NUM_SEQUENCES = 100_000
# A torch that is not pinned brings several gigabytes of CUDA.
TORCH = "torch==2.13.0"
MARIN = "0.2.20.dev202606180959"
MARIN_PARTS = ("levanter", "haliax", "fray", "rigging", "zephyr")


@dataclass(frozen=True)
class Made:
    """A source: its share, and how many documents of how many tokens in the mean."""

    share: float
    num_documents: int
    mean_tokens: float


SOURCES = {
    "web": Made(0.4, 20_000, 150),
    "code": Made(0.15, 12_000, 40),
    # Many short ones: nearly three quarters of the documents for a quarter of the tokens.
    "chat": Made(0.25, 80_000, 6),
    # Read several times over.
    "proofs": Made(0.2, 6_000, 20),
    "left_out": Made(0.0, 100, 50),
}
SFT = ("chat", "proofs")


@dataclass(frozen=True)
class Consumer:
    """`path`, with {name}: where a source's data lies, or where the child writes it."""

    format: str
    packages: tuple[str, ...]
    path: str
    counts: Unit | None = None
    num_items: int = NUM_SEQUENCES
    is_light: bool = False
    skipped: str = ""

    @property
    def name(self) -> str:
        return self.format.replace("-", "_") + (f"_{self.counts}" if self.counts else "")

    @property
    def counts_documents(self) -> bool:
        return self.counts == "documents" or self.format == "datasets"


CONSUMERS = (
    # A few in a hundred of the documents are of web, with 40 % of the tokens: it takes many.
    Consumer("datasets", ("datasets==5.2.0",), "{name}.jsonl", num_items=400_000, is_light=True),
    Consumer("megatron", (TORCH, "megatron-core==0.16.1"), "{name}-megatron", is_light=True),
    Consumer("nemo", (TORCH, "megatron-core==0.16.1", "omegaconf==2.3.0"), "{name}-nemo"),
    Consumer("olmo-core", (TORCH, "ai2-olmo-core==3.0.0"), "{name}.npy"),
    Consumer("torchtitan", (TORCH, "torchtitan==0.3.0"), "{name}.jsonl"),
    Consumer("litdata", (TORCH, "litdata==0.2.76"), "{name}-litdata"),
    Consumer("mosaicml", (TORCH, "mosaicml-streaming==0.13.0"), "{name}-mds"),
    Consumer(
        "mosaicml",
        (TORCH, "mosaicml-streaming==0.13.0"),
        "{name}-mds-documents",
        counts="documents",
        num_items=200_000,
    ),
    Consumer(
        "levanter",
        # It imports git without asking for it.
        (*(f"marin-{one}=={MARIN}" for one in MARIN_PARTS), "gitpython"),
        "{name}.jsonl",
        # It draws no source at random, and a millisecond an example.
        num_items=20_000,
    ),
    Consumer(
        "nanotron",
        (),
        "",
        skipped="the newest nanotron that pip finds, 0.4, is older than its Nanosets",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the small environments alone")
    parser.add_argument("--only", help="the consumers of one format")
    parser.add_argument("--environments", type=Path, help="keep them here, and use what is here")
    given = parser.parse_args()
    chosen = [
        one
        for one in CONSUMERS
        if (not given.quick or one.is_light) and given.only in (None, one.format)
    ]
    if not chosen:
        parser.error(f"no consumer {given.only!r}; there are {[one.format for one in CONSUMERS]}")
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        environments = given.environments or work / "environments"
        sizes = make_data(work)
        for consumer, following in zip(chosen, [*chosen[1:], None], strict=True):
            lines.append(result_of(consumer, sizes, work, environments))
            print(lines[-1], flush=True)
            if not given.environments and (
                following is None or following.format != consumer.format
            ):
                shutil.rmtree(environments / consumer.format, ignore_errors=True)
    print("\n".join(["", *lines]))
    sys.exit(1 if any("value=nan" in line for line in lines) else 0)


def result_of(
    consumer: Consumer, sizes: dict[str, SourceSize], work: Path, environments: Path
) -> str:
    goal = f"export_{consumer.name}"
    if consumer.skipped:
        return f"{goal} skipped: {consumer.skipped}"
    print(f"== {consumer.name}", flush=True)
    python = environment(consumer, environments)
    if python is None:
        return f"{goal} skipped: pip could not install {' '.join(consumer.packages)}"
    drawn = draw(consumer, sizes, work, python)
    if drawn is None:
        return f"goal {goal} value=nan bound={LARGEST_ERROR:g} missed"
    total = sum(drawn["tokens"].values())
    errors = {
        name: drawn["tokens"].get(name, 0) / total - made.share for name, made in SOURCES.items()
    }
    print(
        f"{drawn['items']:,} items, {total:,} tokens, {drawn['versions']}\n"
        + ", ".join(f"{name} {SOURCES[name].share:g} {e:+.4f}" for name, e in errors.items())
    )
    value = max(abs(error) for error in errors.values())
    verdict = "met" if value <= LARGEST_ERROR else "missed"
    return f"goal {goal} value={value:.4f} bound={LARGEST_ERROR:g} {verdict}"


def make_data(work: Path) -> dict[str, SourceSize]:
    """Documents by source: token ids in .npz, the same as words in .jsonl, sizes as counted."""
    sizes = {}
    for number, (name, made) in enumerate(SOURCES.items()):
        draw = np.random.default_rng(number)
        lengths = 1 + draw.poisson(draw.gamma(2.0, (made.mean_tokens - 2) / 2, made.num_documents))
        # One more, the token that ends it.
        lengths += 1
        ids = draw.integers(1, ID_SPACE, lengths.sum()) + number * ID_SPACE
        ids[np.cumsum(lengths) - 1] = END
        np.savez(work / f"{name}.npz", ids=ids, lengths=lengths)
        with (work / f"{name}.jsonl").open("w", encoding="utf-8") as out:
            for document in np.split(ids, np.cumsum(lengths)[:-1]):
                text = " ".join(map(str, document[:-1]))
                out.write(json.dumps({"text": text}) + "\n")
        sizes[name] = SourceSize(num_documents=len(lengths), num_tokens=len(ids))
    return sizes


def environment(consumer: Consumer, folder: Path) -> Path | None:
    """Its Python; None where pip cannot install it."""
    place = folder / consumer.format
    python, whole = place / "bin" / "python", place / "whole"
    if whole.exists():
        return python
    venv.create(place, with_pip=True, clear=True)
    install = ["nice", str(python), "-m", "pip", "install", "--quiet", "--no-compile"]
    done = subprocess.run([*install, *consumer.packages], check=False)
    if done.returncode:
        return None
    whole.touch()
    return python


def draw(
    consumer: Consumer, sizes: dict[str, SourceSize], work: Path, python: Path
) -> dict[str, dict[str, int]] | None:
    """What the child says that it drew; None where it failed."""
    read = [name for name, made in SOURCES.items() if made.share]
    paths = {name: str(work / consumer.path.format(name=name)) for name in read}
    file = export_file(consumer, sizes, paths)
    exported = work / file.file_name
    exported.write_text(file.text, encoding="utf-8")
    scratch = work / f"scratch-{consumer.name}"
    scratch.mkdir()
    task = {
        "export": str(exported),
        "paths": paths,
        "documents": {name: str(work / f"{name}.npz") for name in SOURCES},
        "num_items": consumer.num_items,
        "sequence_tokens": 0 if consumer.counts_documents else SEQUENCE_TOKENS,
        "work": str(scratch),
    }
    asked = work / f"{consumer.name}-task.json"
    asked.write_text(json.dumps(task), encoding="utf-8")
    child = Path(__file__).parent / "consumers" / f"draw_{consumer.format.replace('-', '_')}.py"
    done = subprocess.run(
        [str(python), str(child), str(asked)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=scratch,
        # One thread, no network, no accelerator: only what is drawn counts.
        env={
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(scratch / "hugging_face"),
            "MARIN_PREFIX": str(scratch),
            "TMPDIR": str(scratch),
            "JAX_PLATFORMS": "cpu",
            "CUDA_VISIBLE_DEVICES": "",
        },
        check=False,
    )
    if done.returncode:
        print(f"{child.name} ended with {done.returncode}")
        return None
    said: dict[str, dict[str, int]] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def export_file(consumer: Consumer, sizes: dict[str, SourceSize], paths: dict[str, str]):
    """The file as the command writes it, of a recommendation that is as it is said here."""
    study = StudySpec.model_validate(
        {
            "name": "consumers",
            "sources": [
                {
                    "name": name,
                    "files": [f"{name}.jsonl"],
                    **(
                        {"kind": "sft", "prompt": "{{ q }}", "response": "{{ a }}"}
                        if name in SFT
                        else {"kind": "pretrain", "text": "{{ text }}"}
                    ),
                }
                for name in SOURCES
            ],
            "benchmarks": [{"name": "held", "held_out": "web"}],
            "space": {"sft_share": [0.0, 0.5]},
            "max_epochs": 8,
        }
    )
    recommendation = Recommendation.model_construct(
        sentence="Made for the benchmark.",
        mixture=Mixture(shares={name: made.share for name, made in SOURCES.items()}),
        metric="bits_per_byte",
        direction="minimise",
        enough_evidence=True,
        evidence=Evidence.model_construct(),
    )
    options = ExportOptions(
        paths={name: (path,) for name, path in paths.items()}, counts=consumer.counts
    )
    return export(consumer.format, recommendation, study, "bench", {}, sizes, options)


if __name__ == "__main__":
    main()
