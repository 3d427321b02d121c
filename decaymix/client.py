"""The two clients. Each call is written once, in `decaymix.calls`."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from decaymix.calls import Calls
from decaymix.exchange import AwaitedExchange, WaitingExchange, address, finished

P = ParamSpec("P")
T = TypeVar("T")


class AsyncClient(Calls):
    """Talks to one controller from asyncio or trio. Use as an async context manager, or `close()`.

    `url` as http://host:port; raises BadAddress. What fails in passing is sent again for
    `retry_seconds`.
    """

    def __init__(self, url: str, token: str | None = None, retry_seconds: float = 30.0) -> None:
        exchange = AwaitedExchange(address(url), _headers(token))
        super().__init__(exchange, retry_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _waiting(
    call: Callable[Concatenate[Calls, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["Client", P], T]:
    """The call, waited for."""

    @wraps(call)
    def wait(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return finished(call(self._calls, *args, **kwargs))

    return wait


def _iterating(
    call: Callable[Concatenate[Calls, P], AsyncIterator[T]],
) -> Callable[Concatenate["Client", P], Iterator[T]]:
    """The same for what comes one by one."""

    @wraps(call)
    def iterate(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items = call(self._calls, *args, **kwargs)
        while True:
            try:
                item = finished(items.__anext__())
            except StopAsyncIteration:
                return
            yield item

    return iterate


class Client:
    """Talks to one controller. Use as a context manager, or `close()` it.

    `url` as http://host:port; raises BadAddress. What fails in passing is sent again for
    `retry_seconds`.
    """

    def __init__(self, url: str, token: str | None = None, retry_seconds: float = 30.0) -> None:
        self._calls = Calls(WaitingExchange(address(url), _headers(token)), retry_seconds)

    @property
    def url(self) -> str:
        return self._calls.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # One line a call; a test holds the two lists together.
    close = _waiting(Calls.close)
    is_ready = _waiting(Calls.is_ready)
    is_alive = _waiting(Calls.is_alive)
    submit_study = _waiting(Calls.submit_study)
    check_study = _waiting(Calls.check_study)
    studies = _waiting(Calls.studies)
    study = _waiting(Calls.study)
    study_id = _waiting(Calls.study_id)
    change_study = _waiting(Calls.change_study)
    extend_study = _waiting(Calls.extend_study)
    study_yaml = _waiting(Calls.study_yaml)
    watch = _iterating(Calls.watch)
    submit_trials = _waiting(Calls.submit_trials)
    submit_batch = _iterating(Calls.submit_batch)
    import_trials = _waiting(Calls.import_trials)
    trials_csv = _waiting(Calls.trials_csv)
    take_in_trials = _waiting(Calls.take_in_trials)
    trials = _waiting(Calls.trials)
    trial_page = _waiting(Calls.trial_page)
    each_trial = _iterating(Calls.each_trial)
    trial = _waiting(Calls.trial)
    cancel = _waiting(Calls.cancel)
    retry = _waiting(Calls.retry)
    repeat = _waiting(Calls.repeat)
    change_trial = _waiting(Calls.change_trial)
    ask = _waiting(Calls.ask)
    renew = _waiting(Calls.renew)
    tell = _waiting(Calls.tell)
    leaderboard = _waiting(Calls.leaderboard)
    leaderboard_csv = _waiting(Calls.leaderboard_csv)
    recommendation = _waiting(Calls.recommendation)
    confirm_study = _waiting(Calls.confirm_study)
    confirmation = _waiting(Calls.confirmation)
    signal = _waiting(Calls.signal)
    transfer = _waiting(Calls.transfer)
    best_shares = _waiting(Calls.best_shares)
    pareto = _waiting(Calls.pareto)
    effects = _waiting(Calls.effects)
    across_proxies = _waiting(Calls.across_proxies)
    verdicts = _waiting(Calls.verdicts)
    report = _waiting(Calls.report)
    report_markdown = _waiting(Calls.report_markdown)
    export = _waiting(Calls.export)
    export_formats = _waiting(Calls.export_formats)
    add_source = _waiting(Calls.add_source)
    sources = _waiting(Calls.sources)
    backup = _waiting(Calls.backup)
    prune = _waiting(Calls.prune)
    create_token = _waiting(Calls.create_token)
    tokens = _waiting(Calls.tokens)
    revoke_token = _waiting(Calls.revoke_token)


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
