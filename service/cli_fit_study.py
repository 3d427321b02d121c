"""`./run decaymix fit --trials NAME.csv --study NAME.yaml`: a study's answer out of its table.

The same functions that the controller calls, on the same numbers: what a report says can be
computed again from the files beside it, with no controller, no data and no proxy.
"""

import json
from pathlib import Path

from rich.console import Console

from service.cli_data import study_text
from service.show import show_recommendation, verdict_line
from service.terminal import BAD_INPUT, fail, fail_in, line, print_json, text_of

RECOMMENDATION, BOARD, VERDICTS = "recommendation.json", "leaderboard.json", "verdicts.json"


def files_of_study(trials: Path, study: Path, proxy: str | None, is_quiet: bool) -> dict[str, str]:
    """Name to content, as the API answers; what is wrong with a file ends the command.

    Without a recommendation `recommendation.json` says why. Printed too unless `is_quiet`.
    """
    # Imported here: SciPy takes half a second, and the other commands need none of it.
    import yaml
    from pydantic import ValidationError
    from threadpoolctl import threadpool_limits

    from mixtures.study import StudySpec
    from mixtures.study_answer import answer_study
    from mixtures.table_observations import table_observations
    from mixtures.value import InvalidField
    from mixtures.verdicts import verdicts

    text, kind = study_text(study, proxy)
    try:
        spec = StudySpec.model_validate(
            json.loads(text) if kind == "json" else yaml.safe_load(text)
        )
    except (ValidationError, InvalidField, yaml.YAMLError, ValueError) as error:
        fail(f"{study}: {error}", BAD_INPUT)
    # As the controller keeps it: what is listed by name is in its order.
    spec = StudySpec.model_validate_json(spec.canonical())
    try:
        found = table_observations(text_of(trials), spec)
    except InvalidField as error:
        fail_in(trials, error)
    with threadpool_limits(1):
        answer = answer_study(spec, found.observations, found.available_tokens)
        judged = verdicts(spec, spec.claims, found.observations, answer)
    recommendation = answer.recommendation
    if recommendation is None:
        told = json.dumps({"recommendation": None, "why": answer.no_recommendation})
    else:
        told = recommendation.model_copy(update={"verdicts": judged}).model_dump_json()
    if is_quiet:
        print_json(json.loads(told))
    else:
        console = Console()
        if recommendation is None:
            line(console, f"no recommendation: {answer.no_recommendation}")
            for one in judged:
                line(console, verdict_line(one.model_dump(mode="json")))
        else:
            show_recommendation(console, json.loads(told))
    return {
        BOARD: answer.leaderboard.model_dump_json() + "\n",
        VERDICTS: json.dumps([one.model_dump(mode="json") for one in judged]) + "\n",
        RECOMMENDATION: told + "\n",
    }
