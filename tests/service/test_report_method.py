"""What a report says that a study did: made of its spec, with levels as everywhere else."""

from fastapi.testclient import TestClient

from tests.service.conftest import SMALL_STUDY, finished_study


def test_the_method_says_training_space_seeds_data_and_objective(client: TestClient) -> None:
    study = finished_study(
        client,
        SMALL_STUDY
        | {
            "space": {"sft_share": [0.2, 0.64], "factors": {"decay.lr_ratio": [0.5, 1.0]}},
            "baselines": {},
            "stable": {"tokens": 1_600_000, "warmup_tokens": 160_000},
            "decay": {"tokens": 320_000, "form": "linear"},
        },
    )
    training, space, seeds, data, objective = client.get(f"/v1/studies/{study}/report").json()[
        "method"
    ]
    assert "from a stable phase of 1,600,000 tokens" in training
    assert "each trial decays over 320,000 tokens (linear)" in training
    assert space == "SFT shares of 20, 64 %; at decay.lr_ratio 0.5, 1. No baselines."
    assert seeds.startswith("Seeds 0, 1; ") and seeds.endswith("Completed: 4 mixtures with 2.")
    assert data == "Sources, pretrain: text; sft: sums."
    assert objective.startswith("Objective: the mean bits per byte, lower is better. ")


def test_a_search_that_ended_says_why(client: TestClient) -> None:
    study = finished_study(
        client,
        SMALL_STUDY
        | {
            "space": {"sft_share_range": [0.2, 0.8]},
            "baselines": {},
            "search": {},
            "budget": {"max_trials": 14},
        },
    )
    space = client.get(f"/v1/studies/{study}/report").json()["method"][1]
    assert (
        "8 first mixtures that fill the space, then a search of at most 14 trials in all" in space
    )
    # Of so little room, or because so few trials tell nothing more: the words are the status's.
    status = client.get(f"/v1/studies/{study}").json()["status"]
    assert status["search_stopped"]
    assert space.endswith(f" The search stopped: {status['search_stopped']}.")
