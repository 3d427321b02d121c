"""What `best-shares`, `pareto`, `effects`, `across-proxies` and `signal` print of real answers."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mixtures.across_proxies import ProxyStudy, across_proxies
from mixtures.best_share_moves import best_shares
from mixtures.factor_effects import factor_effects
from mixtures.named_objectives import asked_objectives, own_objective
from mixtures.observation import Observation
from mixtures.pareto import pareto_front
from mixtures.signal import signal
from mixtures.study import StudySpec
from service.cli import app
from service.cli_moves import (
    show_across_proxies,
    show_best_shares,
    show_effects,
    show_pareto,
    show_signal,
)
from tests.mixtures.share_study import SWEEP, make_study, observe

SIGNS = {"math": 1.0, "code": 1.0}


def sweep(name: str = "sweep") -> tuple[StudySpec, list[Observation]]:
    """Code is best at 0.2 and math at 0.8, without noise to speak of."""
    study = make_study(name=name)
    return study, [
        observe(
            study,
            share,
            seed,
            math=(share - 0.8) ** 2 + 0.0001 * seed,
            code=(share - 0.2) ** 2 + 0.0001 * seed,
        )
        for seed in (0, 1)
        for share in SWEEP
    ]


def printed(show: Callable[[Console, dict[str, Any]], None], answer: Any) -> str:
    out = io.StringIO()
    show(Console(file=out, width=160, color_system=None), answer.model_dump(mode="json"))
    return out.getvalue()


def test_the_best_share_of_each_benchmark_stands_in_a_row() -> None:
    text = printed(show_best_shares, best_shares(*sweep()))
    (math,) = [row for row in text.splitlines() if "benchmark math" in row]
    (code,) = [row for row in text.splitlines() if "benchmark code" in row]
    assert "80 %" in math and "1.00" in math
    assert "20 %" in code and "0.00" in code


def test_the_front_lists_what_may_be_on_it_with_its_probability() -> None:
    study, trials = sweep()
    asked = asked_objectives(study, ["math", "code"])
    text = printed(show_pareto, pareto_front(study, asked, trials, SIGNS))
    assert "math, lower is better" in text
    assert "paper" in text
    assert " 50 % " in text
    # 100 % is beaten by 80 % in both.
    assert " 100 % " not in text


def test_an_effect_says_from_where_to_where_and_how_sure() -> None:
    study, trials = sweep()
    text = printed(show_effects, factor_effects(study, own_objective(study), trials, SIGNS))
    (row,) = [row for row in text.splitlines() if "sft_share" in row]
    assert " 0 % " in row and " 100 % " in row


def test_two_studies_are_compared_in_words() -> None:
    given = [
        ProxyStudy(id=name, study=sweep(name)[0], observations=tuple(sweep(name)[1]), parameters=n)
        for name, n in (("small", 400_000), ("large", 6_000_000))
    ]
    text = printed(show_across_proxies, across_proxies(given))
    assert "small: pico, 400,000 parameters, best at 50 %" in text
    assert "small to large: rank correlation" in text
    assert "over 12 mixtures" in text
    assert "no extrapolation: 2 sizes" in text


def test_a_benchmark_that_shows_the_seed_alone_is_marked_as_weak() -> None:
    study = make_study()
    trials = [
        # Math tells shares apart; of code each seed has an order of its own.
        observe(
            study, share, seed, math=share + 0.01 * seed, code=(-1) ** (round(10 * share) + seed)
        )
        for seed in (0, 1)
        for share in SWEEP
    ]
    text = printed(show_signal, signal(study, {study.objective.metric: trials}))
    (math,) = [row for row in text.splitlines() if "math" in row]
    (code,) = [row for row in text.splitlines() if "code" in row]
    assert "weak" not in math
    assert "weak" in code and " 0.0 " in code


@pytest.mark.parametrize(
    "command", ["best-shares", "pareto", "effects", "across-proxies", "signal"]
)
def test_each_command_says_what_it_does(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "--json" in done.stdout
