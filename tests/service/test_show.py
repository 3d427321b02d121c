"""How things look on a terminal: numbers as people write them, and tables that hold them."""

import io
from typing import Any

import pytest
from rich.console import Console

from service.show import (
    duration,
    interval_text,
    percent,
    show_leaderboard,
    show_progress,
    show_recommendation,
    show_status,
    status_line,
    trial_line,
)


def printed(show: Any, *arguments: Any, is_terminal: bool = False, width: int = 160) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None
    )
    show(console, *arguments)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.64, "64 %"),
        (0.605, "60.5 %"),
        (1.0, "100 %"),
        (0.0004, "0 %"),
        (1 / 3, "33.3 %"),
    ],
)
def test_a_share_in_per_cent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0, "0:00 min"),
        (59.4, "0:59 min"),
        (59.6, "1:00 min"),
        (200, "3:20 min"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_duration_as_people_say_it(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_an_interval_and_none() -> None:
    assert interval_text([1.23456, 2.0]) == "1.235 to 2.000"
    assert interval_text([1.23456, 2.0], 4) == "1.2346 to 2.0000"
    assert interval_text(None) == "unknown"


def status(**changes: Any) -> dict[str, Any]:
    return {
        "running": [],
        "tokens_per_second": None,
        "state": "RUNNING",
        "is_paused": False,
        "seconds_left": None,
        "num_finished": 3,
        "num_trials": 14,
        **changes,
    }


def progress(phase: str, done: int = 0, total: int = 0) -> dict[str, Any]:
    return {"phase": phase, "done": done, "total": total}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "time left not known yet"),
        (
            {
                "running": [progress("decay", 5, 10), progress("decay", 7, 10)],
                "tokens_per_second": 15_300.4,
                "seconds_left": 200,
            },
            "decay x2 · 15,300 tokens/s · 3:20 min left",
        ),
        (
            {"running": [progress("stable", 1, 4), progress("tokenise", 0, 0)]},
            "stable 25 %, tokenise · time left not known yet",
        ),
        (
            {"search_at_most": {"num_trials": 9}, "seconds_left_at_most": None},
            "time left not known yet · at most 9 more by the search",
        ),
        ({"state": "FINISHED", "seconds_left": 0}, ""),
    ],
)
def test_the_line_says_what_runs_how_fast_and_how_long(changes: dict[str, Any], line: str) -> None:
    assert status_line(status(**changes)) == line


def test_without_a_terminal_there_is_a_line_now_and_then_and_one_at_the_end() -> None:
    statuses = [status(num_finished=n) for n in range(14)]
    statuses.append(status(num_finished=14, state="FINISHED"))
    lines = printed(show_progress, statuses).splitlines()
    assert [line.split(" ·")[0].strip() for line in lines] == [
        "0/14 trials",
        "10/14 trials",
        "14/14 trials",
    ]


def test_on_a_terminal_there_is_a_bar() -> None:
    statuses = [status(), status(num_finished=14, state="FINISHED")]
    assert "14/14" in printed(show_progress, statuses, is_terminal=True)


BOARD: dict[str, Any] = {
    "metric": "bits_per_byte",
    "direction": "minimise",
    "num_trials": 5,
    "notes": ["Trial [t1] is left out: it has no score on math."],
    "rows": [
        {
            "rank": 1,
            "tied_with_best": True,
            "sft_share": 0.605,
            "mean": 3.00004,
            "interval": [2.9, 3.1],
            "seeds": [0, 1],
            "paired": [{"baseline": "paper", "difference": -0.0451, "interval": [-0.06, -0.03]}],
        },
        {
            "rank": 2,
            "tied_with_best": False,
            "sft_share": 0.64,
            "mean": 3.2,
            "interval": None,
            "seeds": [0],
            "paired": [{"baseline": "paper", "difference": 0.0, "interval": None}],
        },
        {
            "rank": 3,
            "tied_with_best": False,
            "sft_share": 0.0,
            "mean": 4.0,
            "interval": None,
            "seeds": [1],
            "paired": [],
        },
    ],
}


def test_the_leaderboard_holds_every_number() -> None:
    lines = printed(show_leaderboard, BOARD).splitlines()
    first, second, third = (
        line for line in lines if "%" in line and "│" in line and "SFT" not in line
    )
    cells = [cell.strip() for cell in first.strip("│").split("│")]
    assert cells == [
        "1",
        "=",
        "60.5 %",
        "3.0000",
        "2.900 to 3.100",
        "2",
        "-0.045 (-0.060, -0.030)",
    ]
    assert [cell.strip() for cell in second.strip("│").split("│")][1:6] == [
        "",
        "64 %",
        "3.2000",
        "unknown",
        "1",
    ]
    # A mixture that shares no seed with a baseline has no difference to it.
    assert third.strip("│").split("│")[-1].strip() == ""
    text = "\n".join(lines)
    assert "to paper" in text
    assert "5 trials" in text
    # Brackets of a note are no markup.
    assert "note: Trial [t1] is left out" in text


def test_the_recommendation_names_what_it_was_compared_with() -> None:
    found = {
        "sentence": "Decay on 60 % SFT; 50 to 70 % cannot be told from it (24 trials).",
        "compared_with": [
            {
                "baseline": "pretrain_only",
                "sft_share": 0.0,
                "difference": -0.4,
                "interval": [-0.5, -0.3],
                "probability_better": 0.987,
            }
        ],
        "notes": ["One seed only."],
    }
    text = printed(show_recommendation, found)
    assert "Decay on 60 % SFT; 50 to 70 % cannot be told from it" in text
    # In a pipe, where the width is somebody's guess, a line stays one.
    assert printed(show_recommendation, found, width=40) == text
    assert (
        "against pretrain_only (0 % SFT): -0.4000 [-0.5000 to -0.3000], "
        "better with probability 0.99" in text
    )
    assert "note: One seed only." in text


def test_the_recommendation_lists_the_front_of_several_objectives() -> None:
    row = {"sft_share": 0.6, "is_baseline": ["paper"], "p_on_front": 0.875}
    found = {
        "sentence": "Decay on 60 % SFT.",
        "compared_with": [],
        "front": {
            "objectives": [{"name": "math"}, {"name": "code"}],
            "rows": [{**row, "mean": {"math": 1.25, "code": 2.0}}],
            "notes": ["The 1 of 2 [mixtures]."],
        },
        "notes": [],
    }
    assert printed(show_recommendation, found).splitlines()[-3:] == [
        "  on the Pareto front of math, code:",
        "    60 % SFT paper: 1.2500, 2.0000, on it with probability 0.88",
        "  note: The 1 of 2 [mixtures].",
    ]


def test_of_a_long_front_the_first_few_are_shown_and_where_the_others_are() -> None:
    rows = [
        {
            "sft_share": tenth / 10,
            "is_baseline": [],
            "p_on_front": 1 - tenth / 100,
            "mean": {"math": 1.0},
        }
        for tenth in range(9)
    ]
    front = {"objectives": [{"name": "math"}], "rows": rows, "notes": []}
    found = {"sentence": "Decay.", "compared_with": [], "front": front, "notes": []}
    assert printed(show_recommendation, found).splitlines()[-5:] == [
        "  on the Pareto front of math: 9 mixtures, these most surely",
        "    0 % SFT: 1.0000, on it with probability 1.00",
        "    10 % SFT: 1.0000, on it with probability 0.99",
        "    20 % SFT: 1.0000, on it with probability 0.98",
        "    and 6 more: ./run decaymix pareto STUDY, or the study's page",
    ]


def test_a_status_says_what_was_spent_and_what_a_search_may_add() -> None:
    found = status(
        num_finished=6,
        spent={"num_trials": 6, "tokens": 900_000, "hours": 0.05},
        left={"num_trials": 8, "tokens": 1_200_000, "hours": None},
        search_at_most={"num_trials": 20, "tokens": 3_000_000, "hours": 0.25},
        search_limit="budget.max_trials",
        seconds_left_at_most=1800.0,
        search_stopped=None,
    )
    lines = printed(show_status, found).splitlines()
    assert "at most 20 more by the search, 30:00 min" in lines[0]
    assert lines[1] == "spent: 6 trials, 900,000 tokens, 0.05 hours of workers"
    assert lines[2] == "left: 8 trials, 1,200,000 tokens"
    assert lines[3] == (
        "the search may add: 20 trials, 3,000,000 tokens, 0.25 hours of workers, until "
        "budget.max_trials is reached"
    )


def test_a_fitted_leaderboard_shows_what_the_fit_says_and_ties_by_it() -> None:
    posterior = {"mean": 3.01, "p_best": 0.875, "in_tie_group": True}
    rows = [
        {**BOARD["rows"][0], "posterior": posterior},
        {**BOARD["rows"][1], "posterior": {**posterior, "mean": 3.02, "p_best": 0.125}},
        {**BOARD["rows"][2], "posterior": None},
    ]
    lines = printed(show_leaderboard, {**BOARD, "rows": rows}).splitlines()
    first, second, third = (
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in lines
        if "%" in line and "│" in line and "SFT" not in line
    )
    assert (first[1], first[6:8]) == ("=", ["3.0100", "0.88"])
    # Told from the best by its raw mean, and not by the fit.
    assert (second[1], second[6:8]) == ("=", ["3.0200", "0.12"])
    assert (third[1], third[6:8]) == ("", ["", ""])


def test_a_narrow_terminal_cuts_no_number_of_the_leaderboard_short() -> None:
    posterior = {"mean": 3.01, "p_best": 0.875, "in_tie_group": True}
    pair = BOARD["rows"][0]["paired"][0]
    interval = {"difference": -0.149, "interval": [-0.189, -0.111]}
    paired = [pair, *({"baseline": one, **interval} for one in ("pretrain_only", "uniform"))]
    rows = [{**row, "posterior": posterior, "paired": paired} for row in BOARD["rows"]]
    text = printed(show_leaderboard, {**BOARD, "rows": rows}, width=80)
    assert text.count("-0.045") == 3
    assert text.count("(-0.189,") == text.count("-0.111)") == 6
    assert "0.88" in text
    assert not [line for line in text.splitlines() if line.startswith("│") and "…" in line]


def test_a_mixture_of_many_sources_is_spelled_out_with_its_intervals() -> None:
    found = {
        "sentence": "Decay on web 70 %, chat 30 %.",
        "mixture": {"shares": {"chat": 0.3, "web": 0.7}},
        "source_intervals": {"chat": [0.25, 0.3], "web": [0.7, 0.75]},
        "curve": None,
        "compared_with": [],
        "notes": [],
    }
    assert printed(show_recommendation, found).splitlines()[-2:] == [
        "  web: 70 % (best between 70 % and 75 %)",
        "  chat: 30 % (best between 25 % and 30 %)",
    ]


def test_the_recommendation_says_what_became_of_the_claims() -> None:
    claim = {"claim": {"words": "It is 60 %"}, "verdict": "supported", "sentence": "It is 58 %."}
    found = {"sentence": "s", "compared_with": [], "notes": [], "verdicts": [claim]}
    assert "  supported: It is 60 %. It is 58 %.\n" in printed(show_recommendation, found)


def test_a_trial_is_told_with_its_levels_and_what_it_read_most() -> None:
    trial: dict[str, Any] = {
        "id": "ab12",
        "state": "COMPLETE",
        "sft_share": 0.64,
        "factors": {"optimiser.peak_lr": 0.005, "decay.form": "linear"},
        "seed": 1,
        "objective": 2.53829,
        "epochs": {
            "web": {"proxy": 0.5, "full_run": None},
            "sums": {"proxy": 2.41, "full_run": None},
        },
        "message": None,
    }
    assert trial_line(trial) == (
        "ab12  COMPLETE      64 % SFT  decay.form linear, optimiser.peak_lr 0.005  "
        "seed 1  2.5383  sums read 2.4 times  "
    )
    del trial["factors"]
    failed = {**trial, "state": "FAILED", "objective": None, "epochs": {}}
    assert trial_line({**failed, "message": "ran out of memory"}) == (
        "ab12  FAILED        64 % SFT  seed 1    ran out of memory"
    )
