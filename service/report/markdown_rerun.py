"""What a report cost, and how to run it again: the last parts of its document."""

from mixtures.study import StudySpec
from service.pages.numbers import count, duration
from service.report.markdown_tables import data_tables, table
from service.report.study_report import StudyReport


def plain_commands(spec: StudySpec) -> list[str]:
    """Of a ready study that was submitted as its file is."""
    return [
        "DECAYMIX_DATA_ROOTS=DATA ./run serve",
        f"./run decaymix submit studies/{spec.name}.yaml",
        f"./run decaymix watch {spec.name}",
        f"./run decaymix report {spec.name} --output docs/studies",
    ]


def cost_parts(report: StudyReport) -> list[str]:
    """Trials, attempts, tokens, time."""
    cost, runs = report.cost, report.cost.runs
    states = ", ".join(f"{num} {state}" for state, num in cost.trials.items() if num)
    attempts = ", ".join(f"{num} {outcome}" for outcome, num in runs.attempts.items())
    phases = ", ".join(
        f"{phase} {duration(took)}" for phase, took in runs.seconds.items() if took >= 1
    )
    hours = "not known" if cost.spent.hours is None else f"{cost.spent.hours:.2f}"
    resources = report.spec.resources
    cores, packed = resources.cpus_per_trial, resources.packed_trials
    of_what = "core hours" if cores == 1 else f"hours of workers of {cores:g} cores each"
    if packed > 1:
        of_what = f"hours of trials, up to {packed} at once on a worker"
    rows = [
        ["trials", states],
        ["attempts", attempts or "none"],
        ["decay tokens of completed trials", count(cost.spent.tokens)],
        ["wall time in which a trial ran", duration(runs.busy_seconds)],
        [of_what, hours],
        ["seconds of workers by phase, summed", phases or "not told"],
    ]
    return ["## Cost", table(["what", "how much"], rows, left=2)]


def rerun_parts(report: StudyReport, commands: list[str]) -> list[str]:
    """Commands, versions, machine, hashes."""
    own, runs, spec = report.provenance, report.cost.runs, report.spec
    versions = "; ".join(
        ", ".join(f"{name} {one}" for name, one in sorted(each.items())) for each in runs.versions
    )
    ran = "not told"
    if runs.first_start is not None and runs.last_finish is not None:
        ran = f"{runs.first_start:%-d %B %Y, %H:%M} to {runs.last_finish:%-d %B %Y, %H:%M} UTC"
    rows = [
        ["study", f"`{report.study_id}`, specification `{own.spec_hash}`, scores `{own.as_of}`"],
        ["Decaymix", f"{own.decaymix_version}, code `{own.code}`"],
        ["workers ran", versions or "not told"],
        ["machine", own.machine],
        [
            "workers",
            f"{_number(runs.num_workers, 'process')} on {_number(runs.num_machines, 'machine')}",
        ],
        ["trials ran", ran],
        ["seeds", ", ".join(str(seed) for seed in own.seeds)],
        ["stable checkpoints", _hashes(own.stable_checkpoints)],
        ["tokenizers", _hashes(own.tokenizers)],
    ]
    return [
        "## Rerun",
        "```\n" + "\n".join(commands) + "\n```",
        f"`./run decaymix submit FILE --resume-from {spec.name}.csv` takes the finished trials in "
        "instead of running them.",
        table(["what", "which"], rows, left=2),
        "Data, with the first digits of the hash of its content:",
        *data_tables(report),
    ]


def _number(num: int, what: str) -> str:
    """`1 machine`, `2 machines`, `2 processes`."""
    if num == 1:
        return f"1 {what}"
    return f"{num} {what}{'es' if what.endswith('s') else 's'}"


def _hashes(found: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in found if one) or "not told"
