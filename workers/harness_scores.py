"""The metrics that a task file asks for: the harness's filters, scoring and aggregation at work."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from workers.files import DataError
from workers.harness import HarnessBenchmark, metric_name, wanted
from workers.metrics import Estimate, jackknifed, mean_of

# Metrics that are 1 where a document was answered right and 0 where not, the strictest first.
_IS_RIGHT = ("exact_match", "pass_at_1", "acc")


def file_estimates(
    source: HarnessBenchmark, indices: Sequence[int], answers: Sequence[list[Any]]
) -> tuple[dict[str, Estimate], list[bool | None]]:
    """By name, of the documents `indices`, and whether each was answered right: by the file's first
    filter, None where no metric of it says so. An answer is a text, or (log-likelihood, is greedy)
    for each of the document's requests.

    Raises DataError for a metric that the file asks for and the harness gives no value of.
    """
    parts: list[tuple[int, dict[str, Estimate]]] = []
    right: list[bool | None] = [None] * len(indices)
    for number, task in enumerate(source.tasks):
        own = [place for place, index in enumerate(indices) if source.places[index][0] == number]
        if own:
            docs = [source.doc(indices[place]) for place in own]
            found, of_docs = _of_task(source, task, docs, [answers[place] for place in own])
            parts.append((len(own), found))
            for place, one in zip(own, of_docs, strict=True):
                right[place] = one
    estimates = parts[0][1] if len(parts) == 1 else _combined(parts, source)
    return estimates, right


def _of_task(
    source: HarnessBenchmark, task: Any, docs: list[dict[str, Any]], answers: list[list[Any]]
) -> tuple[dict[str, Estimate], list[bool | None]]:
    from lm_eval.api.instance import Instance

    kind = "generate_until" if task.OUTPUT_TYPE == "generate_until" else "loglikelihood"
    made = [
        [
            Instance(
                request_type=kind, doc=doc, arguments=(), idx=i, resps=[one] * task.config.repeats
            )
            for i, one in enumerate(own)
        ]
        for doc, own in zip(docs, answers, strict=True)
    ]
    flat = [one for own in made for one in own]
    found: dict[str, Estimate] = {}
    right: list[bool | None] = []
    for each in task._filters:
        each.apply(flat)
        rows = [
            task.process_results(doc, [one.filtered_resps[each.name] for one in own])
            for doc, own in zip(docs, made, strict=True)
        ]
        for metric in wanted(task):
            if any(metric not in row for row in rows):
                benchmark = source.benchmark
                raise DataError(
                    f"benchmarks.{benchmark.name}.task",
                    benchmark.task or "",
                    f"the harness gives no value of the metric {metric!r}, which "
                    f"{task.task_name!r} asks for; it gives {sorted(rows[0])}",
                )
        # The first filter's: a task's file puts the strictest there.
        right = right or [_is_right(row) for row in rows]
        for metric in rows[0]:
            values = [row[metric] for row in rows]
            aggregate = task.aggregation().get(metric)
            found[metric_name(metric, str(each.name))] = _aggregated(values, aggregate)
    return found, right


def _is_right(row: dict[str, Any]) -> bool | None:
    for metric in _IS_RIGHT:
        if metric in row and row[metric] in (0, 1, 0.0, 1.0):
            return bool(row[metric])
    return None


def _aggregated(values: list[Any], aggregate: Any) -> Estimate:
    from lm_eval.api.metrics import mean

    if aggregate is None or aggregate is mean:
        numbers = np.array(values, float)
        return mean_of(numbers) if len(values) > 1 else Estimate(float(numbers[0]), None)
    return jackknifed(values, lambda some: float(aggregate(some)))


def _combined(
    parts: list[tuple[int, dict[str, Estimate]]], source: HarnessBenchmark
) -> dict[str, Estimate]:
    """A group's scores: means over its tasks, by their sizes unless the file says otherwise."""
    names, found = source.metrics(), {}
    for name in parts[0][1]:
        if name not in names or not all(name in one for _, one in parts):
            continue
        by_size = source.loaded.weights_by_size.get(name.split(",")[0], True)
        weights = np.array([size if by_size else 1 for size, _ in parts], float)
        weights /= weights.sum()
        own = [one[name] for _, one in parts]
        value = float((weights * [one.value for one in own]).sum())
        # A task with one item has no error of its own; then the group has none.
        errors = [one.standard_error for one in own if one.standard_error is not None]
        is_known = len(errors) == len(own)
        error = float(np.sqrt(((weights * errors) ** 2).sum())) if is_known else None
        found[name] = Estimate(value, error)
    return found
