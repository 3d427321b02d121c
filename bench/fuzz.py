"""The whole API under schemathesis: requests made of its own OpenAPI, right ones and wrong ones.

    python bench/fuzz.py [--quick] [--seed N]

Every operation gets requests that fit its description and requests that do not, with a token, and
one in eight again without. An answer must be no 5xx, and have a status, a content type and a body
that the description knows. The service runs in this process on a home of its own, with a study that
has scores, whose ids take the place of half of the made-up ones. No data file is read: that takes a
child process of seconds a request, so those routes answer what they say of an unreadable file.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
import structlog
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.control import SkipTest
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bench.idle_pool import IdlePool
from service.app import create_app
from service.settings import Settings
from workers.pool import DataError

# Goals: cases of the full run, and what may go wrong in them.
NUM_CASES, MOST_FAILURES = 20_000, 0
QUICK_CASES = 600
TOKEN = "fuzz"
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
# Without end by design; tests/service/test_events.py reads them.
_STREAMS = "/events"
_STUDY = {
    "name": "fuzzed",
    "question": "Does anything break?",
    "trained_by": "outside",
    "sources": [
        {"name": "text", "kind": "pretrain", "tokens": 1_000_000},
        {"name": "sums", "kind": "sft", "tokens": 100_000},
    ],
    "benchmarks": [{"name": "test_sums"}],
    "space": {"sft_share": [0.0, 0.25, 0.5, 0.75, 1.0]},
}


# Tracebacks of answers 500, of the request that was sent last.
_raised: list[str] = []


@dataclass
class Report:
    """What was sent and what came of it; `failures` has one example of each kind."""

    num_cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    num_failed: int = 0
    num_server_errors: int = 0

    def add(self, operation: str, kind: str, example: str) -> None:
        self.num_failed += 1
        self.failures.setdefault(f"{operation}: {kind}", example)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CASES} cases")
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    num = QUICK_CASES if given_.quick else NUM_CASES
    # What the service logs of each trial would bury the result.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home, service(Path(home)) as client:
        report = fuzz(client, num, given_.seed, tell=lambda text: print(text, file=sys.stderr))
    for kind, example in sorted(report.failures.items()):
        print(f"FAILED {kind}\n    {example}")
    told = ", ".join(f"{status}: {count}" for status, count in sorted(report.statuses.items()))
    print(f"{report.num_cases} cases in {time.monotonic() - started:.0f} s; {told}")
    for name, value, bound, is_met in (
        ("fuzz_cases", report.num_cases, num, report.num_cases >= num),
        ("fuzz_server_errors", report.num_server_errors, 0, report.num_server_errors == 0),
        ("fuzz_failures", report.num_failed, MOST_FAILURES, report.num_failed <= MOST_FAILURES),
    ):
        print(f"goal {name} value={value} bound={bound} {'met' if is_met else 'missed'}")


@contextmanager
def service(home: Path) -> Iterator[TestClient]:
    """The service with one study that has scores; what reads data files is put aside."""
    (home / "data").mkdir()
    configured = Settings(
        home=home / "home", data_roots=(home / "data",), token=TOKEN, requests_per_second=1e6
    )
    app = create_app(configured, IdlePool())
    replaced = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("service.") and hasattr(module, "run_local")
    ]
    originals = [module.run_local for module in replaced]
    for module in replaced:
        module.run_local = _unreadable  # type: ignore[attr-defined]
    try:
        with TestClient(
            _remembering(app),
            base_url="http://127.0.0.1",
            raise_server_exceptions=False,
            follow_redirects=False,
        ) as client:
            client.app = app  # type: ignore[assignment]
            yield client
    finally:
        for module, original in zip(replaced, originals, strict=True):
            module.run_local = original  # type: ignore[attr-defined]


def _remembering(app: Any) -> Callable[..., Any]:
    """The app; what it raises, which no client is told, is kept in `_raised`."""

    async def remember(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            _raised.append("".join(traceback.format_exception(error)[-6:]))
            raise

    return remember


def _unreadable(function: str, *arguments: Any) -> Any:
    raise DataError("files", "made up", "no data file is read here")


def fuzz(
    client: TestClient,
    num_cases: int,
    seed_: int = 0,
    only: str = "",
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """At least `num_cases` requests, spread evenly over the operations; `only` those of a path."""
    owner = {"Authorization": f"Bearer {TOKEN}"}
    ids = _study_with_scores(client, owner)
    described = client.get("/openapi.json", headers=owner).json()
    schema = schemathesis.openapi.from_dict(described)
    operations = [one.ok() for one in schema.get_all_operations()]
    operations = [
        one for one in operations if not one.path.endswith(_STREAMS) and only in ("", one.path)
    ]
    report, rng = Report(), random.Random(seed_)
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Some operations have nothing that could be wrong in them; the others make up for it.
    while report.num_cases < num_cases:
        before = report.num_cases
        num = max(2, (num_cases - before) // (2 * len(operations)) + 1)
        for operation in operations:
            for mode in modes:
                _fuzz_one(client, operation, mode, num, rng, ids, report)
            tell(f"{report.num_cases} cases, {report.num_failed} failed: {operation.path}")
        if report.num_cases == before:
            raise RuntimeError("no operation takes a request")
    return report


def _fuzz_one(
    client: TestClient,
    operation: Any,
    mode: GenerationMode,
    num: int,
    rng: random.Random,
    ids: dict[str, list[str]],
    report: Report,
) -> None:
    label = f"{operation.method.upper()} {operation.path} {mode.value}"

    def one(case: Any) -> None:
        for name, known in ids.items():
            if name in (case.path_parameters or {}) and rng.random() < 0.5:
                case.path_parameters[name] = rng.choice(known)
        report.num_cases += 1
        _raised.clear()
        answer = _send(client, case, f"Bearer {TOKEN}")
        report.statuses[answer.status_code] += 1
        report.num_server_errors += answer.status_code >= 500
        try:
            case.validate_response(answer, checks=_CHECKS)
        except (Failure, FailureGroup) as error:
            parts = error.exceptions if isinstance(error, FailureGroup) else [error]
            for part in parts:
                example = f"{answer.request.method} {answer.request.url} -> {answer.status_code}"
                body = answer.request.content[:300]
                told = f"{part.message[:300]}".replace("\n", " ")
                traces = "".join(_raised)
                report.add(label, type(part).__name__, f"{example} {body!r} {told}\n{traces}")
        if report.num_cases % 8 == 0:
            status = _send(client, case, None).status_code
            if status != 401 and operation.path != "/healthz":
                report.add(label, "answered without a token", str(status))

    run = settings(
        max_examples=num,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )(given(case=operation.as_strategy(generation_mode=mode))(one))
    try:
        seed(rng.randrange(2**32))(run)()
    except SkipTest:
        # An operation without parameters or body has no wrong request.
        if mode is GenerationMode.POSITIVE:
            raise


def _send(client: TestClient, case: Any, authorization: str | None) -> Any:
    """The case's request through the client in this process."""
    while (answer := _send_once(client, case, authorization)).status_code == 503:
        # A fit is being computed, and this many seconds are asked for; /readyz says no such thing.
        if "retry-after" not in answer.headers:
            break
        time.sleep(0.2)
    return answer


def _send_once(client: TestClient, case: Any, authorization: str | None) -> Any:
    sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
    headers = [
        (name.encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
        for name, value in sent.get("headers", {}).items()
        if name.lower() not in ("authorization", "host", "content-length")
    ]
    if authorization is not None:
        headers.append((b"Authorization", authorization.encode()))
    content = sent.get("data")
    if "json" in sent:
        content = json.dumps(sent["json"])
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    return client.request(
        sent["method"],
        sent["url"],
        params=sent.get("params"),
        headers=headers,
        content=content if isinstance(content, bytes) else None,
    )


def _study_with_scores(client: TestClient, headers: dict[str, str]) -> dict[str, list[str]]:
    """Real values of what stands in paths."""
    made = client.post("/v1/studies", json=_STUDY, headers=headers)
    study = made.json()["id"]
    asked = client.post(
        f"/v1/studies/{study}/ask", json={"num": 8, "worker": "w"}, headers=headers
    ).json()
    for index, trial in enumerate(asked["trials"][:6]):
        score = {"benchmark": "test_sums", "metric": "bits_per_byte", "value": 2.0 + 0.1 * index}
        told = {"attempt": trial["attempt"], "scores": [score]}
        client.post(f"/v1/trials/{trial['trial_id']}/tell", json=told, headers=headers)
    trials = [trial["trial_id"] for trial in asked["trials"]]
    wish = {"name": "reader", "scopes": ["read"]}
    token = client.post("/v1/tokens", json=wish, headers=headers).json()["stored"]["id"]
    return {"study_id": [study], "trial_id": trials, "token_id": [token]}


if __name__ == "__main__":
    main()
