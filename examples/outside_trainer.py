"""A trainer that knows nothing of Decaymix but its REST API: standard library alone.

It submits a study that is trained outside, asks for mixtures, "trains" each (here: a made-up loss
in place of your cluster), tells the scores and prints the leaderboard's first rows. Run a
controller (`./run serve`) and then:

    python examples/outside_trainer.py http://127.0.0.1:8765
"""

import json
import math
import random
import sys
import urllib.error
import urllib.request
from typing import Any

STUDY = {
    "name": "outside-example",
    "question": "How much instruction data, and which, in the decay of our model?",
    "trained_by": "outside",
    "sources": [
        {"name": "web", "kind": "pretrain", "tokens": 800_000_000},
        {"name": "code", "kind": "pretrain", "tokens": 200_000_000},
        {"name": "chat", "kind": "sft", "tokens": 30_000_000},
        {"name": "math", "kind": "sft", "tokens": 10_000_000},
    ],
    "benchmarks": [{"name": "gsm8k"}, {"name": "mbpp"}],
    "objective": {"metric": "loss", "better": "lower"},
    "decay": {"tokens": 20_000_000},
    "full_run": {"decay_tokens": 100_000_000},
    "space": {
        "sft_share_range": [0.0, 1.0],
        "free_groups": ["sft", "pretrain"],
        "cap_epochs": True,
        "constraints": [{"coefficients": {"math": 1, "code": 1}, "at_most": 0.6}],
    },
    "design": {"num_mixtures": 8, "num_repeated": 2},
    "budget": {"max_trials": 20},
}


def call(url: str, body: dict[str, Any] | None = None, token: str | None = None) -> Any:
    """POST with a body, GET without; the answer as JSON. What is refused raises with its text."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code}: {json.load(error)['detail']}") from error


def train(shares: dict[str, float], seed: int) -> dict[str, float]:
    """Your cluster goes here: decay on these shares, score the benchmarks."""
    noise = random.Random(f"{seed} {sorted(shares.items())}")
    chat, maths, code = shares["chat"], shares["math"], shares["code"]
    return {
        "gsm8k": 1.4 + math.exp(-6 * maths) + 0.3 * chat**2 + noise.gauss(0, 0.01),
        "mbpp": 1.2 + 0.8 * math.exp(-5 * code) + 0.2 * chat + noise.gauss(0, 0.01),
    }


def run(url: str, token: str | None = None, batch: int = 4) -> dict[str, Any]:
    """Submit, ask and tell until nothing is left to train; the leaderboard."""
    study = call(f"{url}/v1/studies", STUDY, token)["id"]
    wish = 0
    while True:
        wish += 1
        ask = {"num": batch, "worker": "example", "lease_seconds": 600, "key": f"wish {wish}"}
        asked = call(f"{url}/v1/studies/{study}/ask", ask, token)
        if not asked["trials"]:
            print(f"nothing left to train: {asked['why_fewer']}")
            return call(f"{url}/v1/studies/{study}/leaderboard", token=token)
        for trial in asked["trials"]:
            told: dict[str, Any] = {"attempt": trial["attempt"]}
            try:
                scores = train(trial["shares"], trial["seed"])
            except ArithmeticError as error:
                told["failure"] = str(error)
            else:
                told["scores"] = [
                    {"benchmark": name, "metric": "loss", "value": value}
                    for name, value in scores.items()
                ]
            call(f"{url}/v1/trials/{trial['trial_id']}/tell", told, token)


def main() -> None:
    board = run(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8765")
    for row in board["rows"][:5]:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in row["shares"].items())
        print(f"{row['rank']:>3}  {row['mean']:.4f}  {shares}")


if __name__ == "__main__":
    main()
