"""`submit --resume-from TRIALS.csv`: a study that is begun again runs only what is missing."""

from typing import Any

from mixtures.table_parts import table_parts
from service.client import ApiProblem, Client


def take_in(client: Client, study_id: str, table: str) -> dict[str, Any]:
    """The study's status once its finished trials are in and it goes on.

    It was submitted paused, so that no worker begins what the table has. Raises ApiProblem, and
    then it stays so: the same command again goes on from there.
    """
    try:
        for first_line, part in table_parts(table):
            client.take_in_trials(study_id, part, first_line)
    except ApiProblem as error:
        raise ApiProblem(
            error.status, f"{error}; study {study_id} stays paused: mend the table, submit again"
        ) from error
    client.change_study(study_id, is_paused=False)
    status: dict[str, Any] = client.study(study_id)["status"]
    return status
