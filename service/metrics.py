"""What Prometheus reads at /metrics: counters that the controller keeps, and the database's counts.

A registry for each app, not the library's own: tests build many apps in one process.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from db.database import Database
from db.observed import Observed, observe
from db.webhooks import count_deliveries
from service.scheduler import Scheduler
from workers.pool import Pool

# A commit takes 3 to 7 ms on the reference machine; an answer from a few ms to a fit's seconds.
_COMMIT_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
_REQUEST_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)


class Metrics:
    """The registry and what is counted as it happens."""

    def __init__(self) -> None:
        # A second series beside each counter says when it began: nobody asks.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "decaymix_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "decaymix_request_seconds",
            "Time to answer, event streams left out.",
            ("method", "route"),
            buckets=_REQUEST_BUCKETS,
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "decaymix_commit_seconds",
            "Time of a commit to the database.",
            buckets=_COMMIT_BUCKETS,
            registry=self.registry,
        )
        self.sse_clients = Gauge(
            "decaymix_sse_clients", "Event streams that are open.", registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def watch(self, database: Database, scheduler: Scheduler, pool: Pool, home: Path) -> None:
        """Read these at every scrape from now on, and time every commit."""
        database.on_commit = self.commit_seconds.observe
        self.registry.register(_Watched(database, scheduler, pool, home))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Watched:
    """A collector: the values are read when they are asked for."""

    def __init__(self, database: Database, scheduler: Scheduler, pool: Pool, home: Path) -> None:
        self._database, self._scheduler, self._pool, self._home = database, scheduler, pool, home

    def describe(self) -> list[Metric]:
        # Said to be empty, or the registry would read everything when it is registered.
        return []

    def collect(self) -> Iterator[Metric]:
        with self._database.read() as session:
            found, deliveries = observe(session), count_deliveries(session)
        yield from _of_trials(found)
        progress = self._scheduler.all_progress()
        yield GaugeMetricFamily(
            "decaymix_tokens_per_second",
            "Decay and stable tokens a second, summed over the trials that run.",
            value=sum(one.tokens_per_second or 0.0 for one in progress),
        )
        yield GaugeMetricFamily(
            "decaymix_cluster_cpus",
            "Cores of the Ray cluster.",
            value=self._pool.cluster_resources().get("CPU", 0.0),
        )
        yield GaugeMetricFamily(
            "decaymix_disk_free_bytes",
            "Free on the disk of the home.",
            value=shutil.disk_usage(self._home).free,
        )
        webhooks = GaugeMetricFamily(
            "decaymix_webhooks", "Webhooks by what became of them.", labels=["state"]
        )
        for state in ("PENDING", "DELIVERED", "FAILED"):
            webhooks.add_metric([state], deliveries.get(state, 0))
        yield webhooks


def _of_trials(found: Observed) -> Iterator[Metric]:
    yield GaugeMetricFamily("decaymix_studies", "Studies.", value=found.num_studies)
    trials = GaugeMetricFamily("decaymix_trials", "Trials by state.", labels=["state"])
    for state, count in found.trials.items():
        trials.add_metric([state.value], count)
    yield trials
    yield GaugeMetricFamily(
        "decaymix_queue_age_seconds",
        "Age of the oldest trial that waits for our own workers.",
        value=found.oldest_waiting_seconds,
    )
    attempts = CounterMetricFamily(
        "decaymix_attempts", "Attempts that have ended, by outcome.", labels=["outcome"]
    )
    for outcome in ("COMPLETE", "FAILED", "CANCELLED", "LOST", "LATE"):
        attempts.add_metric([outcome], found.attempts.get(outcome, 0))
    yield attempts
    yield CounterMetricFamily(
        "decaymix_retries", "Attempts after the first of a trial.", value=found.num_retries
    )
    yield CounterMetricFamily(
        "decaymix_lease_losses",
        "Leases of outside trainers that ended without a word.",
        value=found.num_leases_lost,
    )
