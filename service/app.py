"""Builds the controller: settings, database, pool, scheduler, routes, pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from db.audit import prune
from db.database import Database
from service.answers import Answers
from service.auth import Access
from service.body_limit import BodyLimit
from service.error_answers import add_error_handlers
from service.etags import GZIP_FROM_BYTES, ETags
from service.events import Events
from service.headlines import Headlines
from service.host_check import HostCheck
from service.keyring import Keyring
from service.metrics import Metrics
from service.openapi import DescribedApp
from service.pages import change_study as change_page
from service.pages import cluster as cluster_page
from service.pages import compare as compare_page
from service.pages import login as login_page
from service.pages import new_study as new_study_page
from service.pages import recommendation as recommendation_page
from service.pages import settings as settings_page
from service.pages import studies as studies_page
from service.pages import study as study_page
from service.pages import trial as trial_page
from service.pages.html import StaticFolder
from service.request_log import RequestLog
from service.room import has_room
from service.routes import (
    answers,
    audit,
    backup,
    benchmarks,
    cluster,
    compare,
    confirmation,
    events,
    exports,
    figures,
    finished_trials,
    health,
    jobs,
    moves,
    outside,
    reports,
    sources,
    studies,
    study_changes,
    study_drafts,
    tokens,
    trial_detail,
    trial_list,
    trials,
)
from service.scheduler import Scheduler
from service.searcher import Searcher
from service.security_headers import SecurityHeaders
from service.settings import Settings
from service.state import Controller
from service.tracing import Tracing
from service.webhooks import webhooks_of
from workers.pool import Pool


def create_app(settings: Settings, pool: Pool, tracing: Tracing | None = None) -> FastAPI:
    """The whole service on one home. Starting it opens the database and starts the pool."""
    traces = tracing or Tracing()

    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.home / "decaymix.duckdb")
        try:
            keyring = Keyring(database, settings.owner_token)
            if not settings.is_loopback:
                keyring.require_tokens(settings.host)
            with database.write() as session:
                prune(session, settings.audit_days)
            await pool.start()
            bus = Events()
            scheduler = Scheduler(
                database,
                pool,
                bus,
                retries=settings.max_attempts,
                lease_seconds=settings.lease_seconds,
                has_room=lambda: has_room(settings),
                tracing=traces,
            )
            searcher = Searcher(database, scheduler.wake)
            await scheduler.start()
            await searcher.start()
            answers_ = Answers()
            headlines = Headlines(
                database,
                answers_,
                lambda study: scheduler.announce_study(study, {"has_headline": True}),
            )
            hooks = webhooks_of(settings, database, searcher)
            await hooks.start()
            metrics.watch(database, scheduler, pool, settings.home)
            traces.watch(database)
            controller = Controller(
                settings,
                database,
                pool,
                bus,
                scheduler,
                searcher,
                keyring,
                headlines,
                answers_,
                hooks,
            )
            app.state.controller = controller
            yield
            bus.close()
            # First: who sent SIGTERM may not wait long, and decays have something to save.
            await scheduler.stop()
            await hooks.stop()
            await asyncio.to_thread(headlines.close)
            await asyncio.to_thread(answers_.close)
            controller.facts.close()
            controller.boards.close()
            controller.jobs.close()
            await searcher.stop()
            await pool.stop()
        finally:
            database.close()
            await asyncio.to_thread(traces.stop)

    app = DescribedApp(
        title="Decaymix",
        version=version("decaymix"),
        description="Which data mixture to decay on, and how sure that is.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry=traces.of_requests(),
    )
    for router in (
        health,
        study_changes,
        study_drafts,
        studies,
        trials,
        finished_trials,
        trial_detail,
        compare,
        trial_list,
        cluster,
        outside,
        answers,
        confirmation,
        figures,
        exports,
        moves,
        reports,
        sources,
        benchmarks,
        jobs,
        events,
        tokens,
        audit,
        backup,
    ):
        app.include_router(router.router)
    for page in (
        studies_page,
        # Before a study's own page, whose address would take `new` for an id.
        new_study_page,
        change_page,
        study_page,
        trial_page,
        compare_page,
        recommendation_page,
        cluster_page,
        settings_page,
        login_page,
    ):
        app.include_router(page.router)
    app.mount("/static/{version}", StaticFolder(), name="static")
    add_error_handlers(app)
    # The one added last sees a request first.
    app.add_middleware(ETags)
    # A page of rows is ten times smaller on its way; event streams are left alone.
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=4)
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(Access, requests_per_second=settings.requests_per_second)
    if settings.is_loopback or settings.allowed_hosts:
        app.add_middleware(HostCheck, names=settings.allowed_hosts)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, metrics=metrics, logs_all=settings.log_format == "json")
    app.state.metrics = metrics
    return app
