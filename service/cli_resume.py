"""`submit --resume-from TRIALS.csv`: a study that is begun again runs only what is missing."""

from pathlib import Path
from typing import Any

from decaymix import ApiProblem, Client
from mixtures.table_parts import table_parts
from mixtures.value import InvalidField
from service.terminal import fail_in, text_of

Parts = list[tuple[int, str]]


def parts_of(file: Path) -> Parts:
    """The table in parts that the controller takes; what is no CSV ends the command."""
    try:
        return list(table_parts(text_of(file)))
    except InvalidField as error:
        fail_in(file, error)


def take_in(client: Client, study_id: str, parts: Parts) -> dict[str, Any]:
    """The study's status once its finished trials are in and it goes on.

    It was submitted paused, so that no worker begins what the table has. Raises ApiProblem, and
    then it stays so: the same command again goes on from there.
    """
    try:
        for first_line, part in parts:
            client.take_in_trials(study_id, part, first_line)
    except ApiProblem as error:
        raise ApiProblem(
            error.status, f"{error}; study {study_id} stays paused: mend the table, submit again"
        ) from error
    client.change_study(study_id, is_paused=False)
    status: dict[str, Any] = client.study(study_id)["status"]
    return status
