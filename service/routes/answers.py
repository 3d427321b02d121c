"""What a study says: leaderboard, signal and recommendation."""

import csv
import io
from typing import Literal

from fastapi import APIRouter, Request, Response

from db.studies import StoredStudy
from mixtures.csv_cell import guarded
from mixtures.rank import Leaderboard, LeaderboardRow
from mixtures.recommendation import Recommendation
from mixtures.repetition import Epochs
from mixtures.row_noise import RowNoise
from mixtures.row_posterior import RowPosterior
from mixtures.signal import SignalReport
from service.etags import require_modified
from service.full_answer import full_recommendation
from service.kept_boards import WrittenBoard
from service.paging import Limit, behind, page_of
from service.routes.studies import stored_study
from service.scopes import READ
from service.state import ControllerDep

router = APIRouter(prefix="/v1/studies/{study_id}", tags=["answers"], dependencies=[READ])


@router.get(
    "/leaderboard",
    operation_id="get_leaderboard",
    response_model=Leaderboard,
    responses={200: {"content": {"text/csv": {}}}},
)
def get_leaderboard(
    study_id: str,
    request: Request,
    controller: ControllerDep,
    format: Literal["json", "csv"] = "json",
    objective: Literal["own", "transfer"] = "own",
    wait: bool = True,
    limit: Limit = None,
    after: str | None = None,
) -> Response:
    """Mixtures by the mean of the objective over seeds, with intervals, pairs and ties.

    By the transfer score where `objective` says so; then 409 while there are too few trials. With
    `wait=false` at once from the last fit in memory, where there is one: `as_of_trial` is the trial
    that was completed last of those in it. With a `limit` so many of its rows, those after the one
    whose first trial is `after`.
    """
    study = stored_study(controller, study_id)
    written = controller.boards.of(study, objective, wait)
    board, headers = written.board, {}
    if limit is not None or after is not None:
        linked = Response()
        rows = behind(board.rows, after, _first_trial)
        page = page_of(request, linked, rows, limit, _first_trial)
        board = board.model_copy(update={"rows": tuple(page)})
        headers = {name: linked.headers[name] for name in ("Link",) if name in linked.headers}
    elif format == "json":
        return _json(request, written)
    if format == "json":
        return Response(board.model_dump_json(), media_type="application/json", headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{study.spec.name}.csv"'
    return Response(leaderboard_csv(board, study), media_type="text/csv", headers=headers)


@router.get("/signal", operation_id="get_signal")
def get_signal(study_id: str, controller: ControllerDep) -> SignalReport:
    """Per benchmark and metric: how far mixtures lie apart over the noise of a seed."""
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        return controller.answers.signal(session, study)


@router.get("/recommendation", operation_id="get_recommendation")
def get_recommendation(study_id: str, controller: ControllerDep) -> Recommendation:
    """The share to decay on, the shares that cannot be told from it, and how sure that is.

    Of several objectives also their Pareto front. 409 while there are too few trials.
    """
    study = stored_study(controller, study_id)
    with controller.database.read() as session:
        return full_recommendation(controller.answers, session, study)


def _first_trial(row: LeaderboardRow) -> str:
    return row.trial_ids[0]


def _json(request: Request, written: WrittenBoard) -> Response:
    """As it was written, packed for who takes it so; raises NotModified where it is known."""
    require_modified(request, written.etag)
    headers = {"ETag": written.etag, "Vary": "Accept-Encoding"}
    takes = request.headers.get("accept-encoding", "")
    encoding = next((one for one in written.packed if one in takes), None)
    if encoding is None:
        return Response(written.json, media_type="application/json", headers=headers)
    headers["Content-Encoding"] = encoding
    return Response(written.packed[encoding], media_type="application/json", headers=headers)


def leaderboard_csv(board: Leaderboard, study: StoredStudy) -> str:
    """One row a mixture; the same numbers as the JSON, one column a number."""
    sources = [source.name for source in study.spec.sources]
    benchmarks = [benchmark.name for benchmark in study.spec.benchmarks]
    baselines = list(study.spec.baseline_mixtures)
    header = ["rank", "sft_share", "mean", "interval_low", "interval_high", "num_trials"]
    header += ["tied_with_best"]
    for name in baselines:
        header += [f"difference_to_{name}", f"difference_to_{name}_low"]
        header += [f"difference_to_{name}_high"]
    factors = [axis.name for axis in study.spec.axes]
    header += [f"factor:{name}" for name in factors]
    header += [f"share:{name}" for name in sources] + [f"score:{name}" for name in benchmarks]
    header += [f"noise_{part}" for part in RowNoise.model_fields]
    header += [f"posterior_{name}" for name in ("mean", "sd", "low", "high")]
    header += ["p_best", f"p_top_{board.top_k}", "expected_regret", "tie_group"]
    header += ["outside_tried_region", *(f"epochs:{name}" for name in sources)]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(map(guarded, header))
    for row in board.rows:
        low, high = row.interval or (None, None)
        cells: list[object] = [row.rank, row.sft_share, row.mean, low, high, row.num_trials]
        cells += [row.tied_with_best]
        paired = {pair.baseline: pair for pair in row.paired}
        for name in baselines:
            pair = paired.get(name)
            pair_low, pair_high = (pair and pair.interval) or (None, None)
            cells += [pair and pair.difference, pair_low, pair_high]
        cells += [row.factors[name] for name in factors]
        cells += [row.shares.get(name, 0.0) for name in sources]
        cells += [row.scores.get(name) for name in benchmarks]
        cells += row.noise.model_dump().values()
        cells += _posterior_cells(row.posterior)
        cells += [row.outside_tried_region]
        cells += [_times_read(row.epochs.get(name)) for name in sources]
        writer.writerow(map(guarded, cells))
    return table.getvalue()


def _posterior_cells(posterior: RowPosterior | None) -> list[object]:
    if posterior is None:
        return [None] * 8
    cells: list[object] = [posterior.mean, posterior.sd, *posterior.interval]
    cells += [posterior.p_best, posterior.p_top_k, posterior.expected_regret]
    return [*cells, posterior.in_tie_group]


def _times_read(epochs: Epochs | None) -> float | None:
    """In the full run, or in a trial's decay where there is none."""
    if epochs is None:
        return None
    return epochs.proxy if epochs.full_run is None else epochs.full_run
