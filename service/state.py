"""What the controller holds while it runs; built by `create_app`, given to every route."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from db.database import Database
from service.answers import Answers
from service.events import Events
from service.headlines import Headlines
from service.jobs import Jobs
from service.kept_boards import KeptBoards
from service.keyring import Keyring
from service.replay import KeyedRequests
from service.scheduler import Scheduler
from service.searcher import Searcher
from service.settings import Settings
from service.study_facts import Facts
from service.webhooks import Webhooks
from workers.pool import Pool, WorkerConfig


@dataclass(frozen=True, slots=True)
class Controller:
    """One of each."""

    settings: Settings
    database: Database
    pool: Pool
    events: Events
    scheduler: Scheduler
    searcher: Searcher
    keyring: Keyring
    headlines: Headlines
    answers: Answers
    webhooks: Webhooks
    keyed: KeyedRequests = field(default_factory=KeyedRequests)
    jobs: Jobs = field(default_factory=Jobs)
    facts: Facts = field(init=False)
    boards: KeptBoards = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", Facts(self.database, self.answers))
        object.__setattr__(self, "boards", KeptBoards(self.database, self.answers))

    @property
    def worker_config(self) -> WorkerConfig:
        return worker_config(self.settings)


def worker_config(settings: Settings) -> WorkerConfig:
    """What workers, and the child process that checks data, need to know of the settings."""
    return WorkerConfig(
        home=settings.home, data_roots=settings.searched_roots, run_code=settings.run_code
    )


def get_controller(request: Request) -> Controller:
    """The controller of the running app; it exists from the end of the start on."""
    controller: Controller = request.app.state.controller
    return controller


ControllerDep = Annotated[Controller, Depends(get_controller)]
