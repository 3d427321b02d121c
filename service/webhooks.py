"""Tells other services that a study has ended: signed, retried, and not forgotten by a restart.

Headers and signature are those of Standard Webhooks (standardwebhooks.com): `webhook-id` is the
same at every try, `webhook-signature` the base64 of HMAC-SHA256 over id, time and body.
"""

import asyncio
import base64
import binascii
import hmac
import json
import time
from contextlib import suppress
from datetime import UTC, datetime

import httpx
import structlog

from db import webhooks
from db.database import Database
from db.observed import StudyCounts, ended_studies
from db.webhooks import Delivery, DeliveryState
from mixtures.trial import TrialState
from mixtures.value import canonical_json, hash_text
from service.searcher import Searcher
from service.settings import Settings
from service.steady_loop import SteadyLoop

log = structlog.get_logger()

TICK_SECONDS = 2.0
# After the first, second, ... failed try; then it has failed. Eight hours in all.
WAITS_SECONDS = (5.0, 30.0, 120.0, 600.0, 3600.0, 21_600.0)
_TIMEOUT_SECONDS = 10.0
_MOST_AT_ONCE = 20


class Webhooks:
    """One loop: look for studies that have ended, send what is due."""

    def __init__(
        self, database: Database, searcher: Searcher, urls: tuple[str, ...], secret: str
    ) -> None:
        self._database, self._searcher = database, searcher
        self._urls = {hash_text(url): url for url in urls}
        self._key = signing_key(secret)
        self.loop = SteadyLoop("webhooks", self._turn)
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    async def start(self) -> None:
        """What ended before an address was known to this home is not told to it."""
        if self._urls:
            await asyncio.to_thread(self._skip_the_past)
            self.loop.start()

    async def stop(self) -> None:
        await self.loop.stop()
        await self._client.aclose()

    @property
    def state(self) -> str:
        """`ok`, also where nobody wants to be told; else what is wrong."""
        return self.loop.state if self._urls else "ok"

    async def _turn(self) -> None:
        await asyncio.to_thread(self._write_down_the_ended)
        for delivery in await asyncio.to_thread(self._due):
            await self._send(self._client, delivery)
        await asyncio.sleep(TICK_SECONDS)

    def _skip_the_past(self) -> None:
        for address in self._urls:
            with self._database.read() as session:
                is_known = bool(webhooks.known_events(session, address))
            if not is_known:
                self._write_down(address, "SKIPPED")
                with self._database.write() as session:
                    # So that an address is known also where nothing has ended yet.
                    webhooks.insert_delivery(session, "start", address, "", "SKIPPED")

    def _write_down_the_ended(self) -> None:
        for address in self._urls:
            self._write_down(address, "PENDING")

    def _write_down(self, address: str, state: DeliveryState) -> None:
        with self._database.read() as session:
            ended = ended_studies(session)
            known = webhooks.known_events(session, address)
        new = {}
        for study_id, counts in ended.items():
            event_id = _event_id(study_id, counts)
            if event_id not in known and not self._searcher.is_searching(study_id):
                new[event_id] = _body(event_id, study_id, counts)
        if new:
            with self._database.write() as session:
                for event_id, body in new.items():
                    webhooks.insert_delivery(session, event_id, address, body, state)

    def _due(self) -> list[Delivery]:
        with self._database.read() as session:
            found = webhooks.due(session, _MOST_AT_ONCE)
        # An address that is not in the settings any more waits for its return.
        return [one for one in found if one.address_hash in self._urls]

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        headers = signed_headers(self._key, delivery.event_id, int(time.time()), delivery.body)
        try:
            answer = await client.post(
                self._urls[delivery.address_hash], content=delivery.body, headers=headers
            )
            message, is_told = f"answered {answer.status_code}", answer.is_success
            is_gone = answer.status_code == httpx.codes.GONE
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message, is_told, is_gone = type(error).__name__, False, False
        state: DeliveryState = "DELIVERED" if is_told else "PENDING"
        wait = 0.0
        if not is_told:
            if is_gone or delivery.num_tries >= len(WAITS_SECONDS):
                state = "FAILED"
            else:
                wait = WAITS_SECONDS[delivery.num_tries]
        log.info(
            "webhook",
            event_id=delivery.event_id,
            address=delivery.address_hash,
            state=state,
            message=message,
        )

        def record() -> None:
            with self._database.write() as session:
                webhooks.record_try(session, delivery, state, message, wait)

        await asyncio.to_thread(record)


def webhooks_of(settings: Settings, database: Database, searcher: Searcher) -> Webhooks:
    """As they are set up; without an address it does nothing."""
    urls = tuple(url.get_secret_value() for url in settings.webhook_urls)
    secret = settings.webhook_secret
    return Webhooks(database, searcher, urls, secret.get_secret_value() if secret else "")


def signed_headers(key: bytes, event_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The time is signed too: a receiver refuses what is old, so nothing can be played again."""
    signed = f"{event_id}.{timestamp}.{body}".encode()
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Decaymix",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def signing_key(secret: str) -> bytes:
    """`whsec_` and base64, as Standard Webhooks has it, or the text as it is."""
    encoded = secret.removeprefix("whsec_")
    if encoded != secret:
        with suppress(binascii.Error):
            return base64.b64decode(encoded, validate=True)
    return secret.encode()


def _event_id(study_id: str, counts: StudyCounts) -> str:
    """Another one when the study was extended or a trial retried, and has ended again."""
    return f"{study_id}-{hash_text(canonical_json(counts.model_dump(mode='json')), 8)}"


def _body(event_id: str, study_id: str, counts: StudyCounts) -> str:
    has_result = counts.trials.get(TrialState.COMPLETE, 0) > 0
    return json.dumps(
        {
            "id": event_id,
            "type": "study.finished" if has_result else "study.failed",
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": {
                "study_id": study_id,
                "name": counts.name,
                "trials": {state.value: counts.trials.get(state, 0) for state in TrialState},
                "path": f"/studies/{study_id}",
            },
        }
    )
