"""Decaymix from Python: `Client` waits for each answer, `AsyncClient` is awaited; both have the
same calls (`decaymix.calls`).

    from decaymix import Client

    with Client("http://127.0.0.1:8765", token="dmx_...") as client:
        study = client.submit_study(open("study.yaml").read())["id"]
        for status in client.watch(study):
            print(status["num_finished"], "of", status["num_trials"])
        print(client.recommendation(study)["sentence"])
"""

from decaymix.client import AsyncClient, Client
from decaymix.problems import ApiProblem, BadAddress, ControllerUnreachable

__all__ = ["ApiProblem", "AsyncClient", "BadAddress", "Client", "ControllerUnreachable"]
