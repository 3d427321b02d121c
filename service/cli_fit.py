"""`./run decaymix fit`: trials in, a recommendation out; no controller is needed.

Either a team's own trials, as two tables, or a study's, as the one that `trials --csv` gives.
"""

import tempfile
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.terminal import BAD_INPUT, FAILED, Json, fail, print_json, text_of

if TYPE_CHECKING:
    from mixtures.choice_rule import ChoiceRule
    from mixtures.own_answer import OwnAnswer

RECOMMENDATION = "recommendation.json"
OTHERS = ("trials.csv", "candidates.csv", "leaderboard.json", "verdicts.json")


def fit(
    out: Annotated[Path, typer.Option(help="folder for the answer")],
    mixtures: Annotated[
        Path | None, typer.Option(help="CSV: id, one column per source; with --scores, --direction")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="CSV: id, one column per metric; rows may repeat")
    ] = None,
    direction: Annotated[
        Literal["min", "max"] | None, typer.Option(help="which way is better")
    ] = None,
    trials: Annotated[
        Path | None, typer.Option(help="a table of `trials --csv`, with --study: nothing else")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="the study of --trials, as YAML or JSON")
    ] = None,
    proxy: Annotated[
        str | None, typer.Option(help="the preset that the study was submitted with")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="NAME or NAME=WEIGHT, may repeat; without it the mean of all"),
    ] = None,
    candidates: Annotated[
        Path | None, typer.Option(help="CSV as --mixtures: recommend one of these")
    ] = None,
    samples: Annotated[int, typer.Option(min=100, max=100_000, help="posterior draws")] = 4096,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of folds and draws")] = 0,
    choice_rule: Annotated[
        # Spelled out: mixtures.choice_rule brings NumPy, which no other command needs.
        Literal["lowest_mean", "cheapest", "closest_to_current", "most_probable"],
        typer.Option(help="which of those that cannot be told from the best is named"),
    ] = "lowest_mean",
    sft: Annotated[
        list[str] | None, typer.Option(help="an SFT source, may repeat; for cheapest")
    ] = None,
    current: Annotated[
        list[str] | None,
        typer.Option(help="NAME=SHARE of what is trained on now; for closest_to_current"),
    ] = None,
    json: Json = False,
) -> None:
    """Recommend a mixture from trials that were run elsewhere, or are in a study's table."""
    if out.exists() and not out.is_dir():
        fail(f"--out {out} is a file, expected a folder", BAD_INPUT)
    if trials is not None or study is not None:
        own = (mixtures, scores, direction, metric, candidates, sft, current)
        if trials is None or study is None or any(one is not None for one in own):
            fail("--trials and --study go together, and with no other table", BAD_INPUT)
        from service.cli_fit_study import files_of_study

        _write(out, files_of_study(trials, study, proxy, json))
        return
    if mixtures is None or scores is None or direction is None:
        missing = {"--mixtures": mixtures, "--scores": scores, "--direction": direction}
        name = next(name for name, given in missing.items() if given is None)
        fail(f"{name} is missing: give --mixtures, --scores and --direction", BAD_INPUT)
    # Imported here: SciPy takes half a second, and the other commands need none of it.
    from threadpoolctl import threadpool_limits

    from mixtures.own_answer import answer_own
    from mixtures.own_choice import own_liking, with_choice
    from mixtures.own_report import files_of
    from mixtures.own_tables import BadTable, read_mixtures, read_scores
    from mixtures.own_trials import join

    try:
        tried = read_mixtures(text_of(mixtures), mixtures.name)
        measured = read_scores(text_of(scores), scores.name)
        pool = None
        if candidates is not None:
            pool = read_mixtures(text_of(candidates), candidates.name, tried.sources)
        joined = join(tried, measured, _weights(metric or [], measured.metrics))
        liking = own_liking(choice_rule, tried.sources, sft or [], _shares(current or []))
        # More threads only get in each other's way: the matrices are small.
        with threadpool_limits(1):
            answer = answer_own(
                joined,
                is_loss=direction == "min",
                candidates=pool,
                num_samples=samples,
                seed=seed,
            )
            answer = with_choice(answer, liking, samples, seed)
    except BadTable as error:
        fail(str(error), BAD_INPUT)
    files = files_of(answer, choice_rule)
    _write(out, files)
    if json:
        print_json(loads(files[RECOMMENDATION]))
    else:
        _show(answer, choice_rule, out)


def _weights(given: list[str], columns: tuple[str, ...]) -> dict[str, float] | None:
    """Weight by metric; a column whose own name has a = in it is found whole."""
    weights: dict[str, float] = {}
    for text in given:
        name, sign, written = text.rpartition("=")
        if text in columns or not sign:
            name, written = text, "1"
        try:
            weight = float(written)
        except ValueError:
            fail(f"--metric {text}: {written!r} is no number, expected NAME=WEIGHT", BAD_INPUT)
        if name in weights:
            fail(f"--metric {name} is given twice", BAD_INPUT)
        weights[name] = weight
    return weights or None


def _shares(given: list[str]) -> dict[str, float]:
    """Share by source; a source whose name has a = in it is found by the last."""
    shares: dict[str, float] = {}
    for text in given:
        name, _, written = text.rpartition("=")
        try:
            share = float(written)
        except ValueError:
            fail(f"--current {text}: {written!r} is no number, expected NAME=SHARE", BAD_INPUT)
        if not name or name in shares:
            why = "is given twice" if name else "names no source, expected NAME=SHARE"
            fail(f"--current {text} {why}", BAD_INPUT)
        shares[name] = share
    return shares


def _write(out: Path, files: dict[str, str]) -> None:
    """Nothing half-written: files are made in a folder beside their place and renamed.

    A new `out` is that folder. In an old one recommendation.json goes first and comes last, so that
    its presence means that all is of one run.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fit-", dir=out.parent) as made:
            part = Path(made) / "part"
            part.mkdir()
            for name, text in files.items():
                (part / name).write_text(text, encoding="utf-8")
            if not out.exists():
                part.rename(out)
                return
            for name in (RECOMMENDATION, *OTHERS):
                (out / name).unlink(missing_ok=True)
            for name in (*OTHERS, RECOMMENDATION):
                if name in files:
                    (part / name).rename(out / name)
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", FAILED)


def _show(answer: "OwnAnswer", choice_rule: "ChoiceRule", out: Path) -> None:
    from mixtures.choice_rule import WORDS
    from mixtures.recommend_words import more_words

    pool, choice = answer.chosen_from, answer.chosen_from.best.choice
    print(f"recommended: {pool.ids[choice]}, {WORDS[choice_rule]}")
    for source, share in sorted(answer.mixture.items(), key=lambda pair: -pair[1]):
        low, high = answer.intervals[source]
        if share >= 0.0005 or high >= 0.0005:
            print(f"  {source:40} {share:6.3f}  (best between {low:.3f} and {high:.3f})")
    print(
        f"predicted {answer.sign * pool.mean[choice]:.4f} (sd {pool.sd[choice]:.4f}), best with "
        f"probability {pool.best.p_best[choice]:.2f}; {len(answer.tie_group)} cannot be told from "
        "the best"
    )
    for shortfall in answer.evidence.shortfalls:
        print(f"not enough evidence: {shortfall}")
    if answer.evidence.shortfalls:
        print(more_words(answer.evidence.more_needed))
    if answer.subset is not None:
        print(f"fitted to a subset: {answer.subset}")
    if answer.trials.warnings:
        print(f"{len(answer.trials.warnings)} data warnings, see recommendation.json")
    print(out)
