"""The Pareto front in a file's evidence: what another weighting of the objectives would take."""

from typing import Any

from mixtures.recommendation import Recommendation


def front_of(recommendation: Recommendation) -> dict[str, Any]:
    """`{"pareto_front": ...}`, plain JSON values, shares of 0 left out; empty of one objective."""
    front = recommendation.front
    if front is None:
        return {}
    return {
        "pareto_front": {
            "objectives": {one.name: one.direction for one in front.objectives},
            "mixtures": [
                {
                    "mixture": {name: share for name, share in row.shares.items() if share},
                    "p_on_front": row.p_on_front,
                    "mean": row.mean,
                }
                for row in front.rows
            ],
        }
    }
