"""Studies that are trained outside: a team with its own cluster asks for mixtures, tells scores.

Of their data nothing is read here, so a source is a name, a kind and how many tokens there are, and
a benchmark is a name. What describes a training of ours has no meaning then, and is refused.
"""

from typing import TYPE_CHECKING, Any, Literal

from mixtures.value import InvalidField

if TYPE_CHECKING:
    from mixtures.recipe import Recipe

TrainedBy = Literal["workers", "outside"]

# Fields of a study that say how our own workers train or read.
_OF_WORKERS = (
    "proxy",
    "stable",
    "stable_seed",
    "optimiser",
    "data_seed",
    "loss_on",
    "tokenizer",
    "decontamination",
    "near_duplicates",
    "resources",
    "keep_weights",
)


def with_outside_benchmarks(data: Any) -> Any:
    """The study as given, its benchmarks marked as scored outside where it is trained there.

    So `{name: gsm8k}` is enough. One that says where its items are is left to be refused.
    """
    if not isinstance(data, dict) or data.get("trained_by") != "outside":
        return data
    benchmarks = data.get("benchmarks")
    if not isinstance(benchmarks, list | tuple):
        return data
    marked = [
        {"outside": True, **one}
        if isinstance(one, dict) and one.keys() <= {"name", "group"}
        else one
        for one in benchmarks
    ]
    return {**data, "benchmarks": marked}


def require_fits_its_trainer(recipe: "Recipe", trained_by: TrainedBy) -> None:
    """Raises InvalidField at the first field that belongs to the other kind of study."""
    if trained_by == "workers":
        for index, source in enumerate(recipe.sources):
            if source.tokens is not None:
                raise InvalidField(
                    f"sources.{index}.tokens",
                    source.tokens,
                    f"source {source.name!r} gives tokens alone, which is enough for a study with "
                    "trained_by: outside; our workers need files or another place to read",
                )
        for index, benchmark in enumerate(recipe.benchmarks):
            if benchmark.outside:
                raise InvalidField(
                    f"benchmarks.{index}.outside",
                    True,
                    f"benchmark {benchmark.name!r} is scored outside; that needs "
                    "trained_by: outside",
                )
        return
    for index, source in enumerate(recipe.sources):
        if source.tokens is None:
            raise InvalidField(
                f"sources.{index}.tokens",
                None,
                f"source {source.name!r} needs tokens, how many there are, and no place: the study "
                "is trained outside and its data are not read",
            )
    for index, benchmark in enumerate(recipe.benchmarks):
        if not benchmark.outside:
            raise InvalidField(
                f"benchmarks.{index}",
                benchmark.name,
                f"benchmark {benchmark.name!r} says where its items are; the study is trained "
                "outside, which scores them: give name and, if you like, group alone",
            )
    for name in _OF_WORKERS:
        if name in type(recipe).model_fields:
            default = type(recipe).model_fields[name].get_default(call_default_factory=True)
            if getattr(recipe, name) != default:
                raise InvalidField(
                    name,
                    str(getattr(recipe, name)),
                    f"{name} is for our own workers; leave it out of a study with "
                    "trained_by: outside",
                )
