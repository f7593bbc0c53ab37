"""Health, metrics, the document, the landing page, and what happens when things go wrong below."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from download_licensing.api.app import OPERATORS
from download_licensing.api.commands import COMMANDS
from download_licensing.api.queries import QUERIES
from download_licensing.api.syncing import SYNCING
from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from helenus.errors import CorruptData, OutcomeUnknown, StoreUnavailable
from helenus.store import Commit, Head
from helenus.stores.memory import MemoryStore
from tests.integration.api.asgi_client import Answer, AsgiClient
from tests.integration.api.conftest import POLICY

CUSTOMER = "/v1/customers/c-1"
LICENSES = f"{CUSTOMER}/licenses"
BODY = {"device_id": "tv", "title_id": "meadow"}


class AilingStore(MemoryStore):
    """Does what a test wants it to do before it appends or reads a head."""

    def __init__(self) -> None:
        super().__init__()
        self.before_append: list[Exception] = []
        self.after_append: list[Exception] = []
        self.head_error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        self.reached.set()
        await self.gate.wait()
        if self.before_append:
            raise self.before_append.pop(0)
        head = await super().append(stream, commits, expected)
        if self.after_append:
            raise self.after_append.pop(0)
        return head

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        await self.gate.wait()
        if self.head_error is not None:
            raise self.head_error
        return await super().head(stream, token=token)


@pytest.fixture
async def store() -> AsyncIterator[AilingStore]:
    async with AilingStore() as opened:
        yield opened


@asynccontextmanager
async def served(
    catalogue: Catalogue, store: MemoryStore, **given: Any
) -> AsyncIterator[AsgiClient]:
    async with open_api(Settings(policy=POLICY, **given), catalogue, store) as api:
        yield AsgiClient(api.gate)


async def opened(client: AsgiClient) -> None:
    assert (await client.call("PUT", f"{CUSTOMER}/account", {"plan": "standard"})).status == 201


async def test_the_process_is_live_and_ready(client: AsgiClient) -> None:
    for path, status in (("/health/live", "live"), ("/health/ready", "ready")):
        answer = await client.get(path)
        assert (answer.status, answer.json()) == (200, {"status": status})


async def test_a_store_that_fails_is_not_ready_but_the_process_lives(
    client: AsgiClient, store: AilingStore
) -> None:
    store.head_error = StoreUnavailable("The disk is gone.")
    answer = await client.get("/health/ready")
    assert (answer.status, answer.reason) == (503, "store-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert (await client.get("/health/live")).status == 200


async def test_a_store_that_hangs_is_not_ready(catalogue: Catalogue, store: AilingStore) -> None:
    async with served(catalogue, store, readiness_timeout_ms=1) as client:
        store.gate.clear()
        answer = await client.get("/health/ready")
        store.gate.set()
    assert (answer.status, answer.reason) == (503, "store-unavailable")


async def test_metrics_tell_of_commands_requests_and_the_repository(client: AsgiClient) -> None:
    await opened(client)
    await client.post(LICENSES, {**BODY, "title_id": "nowhere"})
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.body.decode()
    for line in (
        'download_licensing_command_seconds_count{command="open_account",result="ok"} 1.0',
        'download_licensing_command_seconds_count{command="request_download",result="title-unknown"}',
        'download_licensing_request_seconds_count{method="PUT",'
        'route="/v1/customers/{customer_id}/account",status="201"} 1.0',
        "download_licensing_requests_in_flight 1.0",
        "download_licensing_requests_shed_total 0.0",
        "download_licensing_repository_appends_total 1.0",
    ):
        assert line in text
    assert "c-1" not in text


async def test_the_policy_in_force_is_a_metric(client: AsgiClient) -> None:
    text = (await client.get("/metrics")).body.decode()
    listed = (await client.get("/v1/admin/policies", at="2026-01-01T00:00:00Z")).json()
    assert f'download_licensing_policies_info{{version="{listed["in_force"]}"}} 1.0' in text
    assert "download_licensing_policies_published 1.0" in text
    assert "download_licensing_policies_reloads_total 1.0" in text


async def test_the_store_is_observed(client: AsgiClient) -> None:
    await opened(client)
    text = (await client.get("/metrics")).body.decode()
    assert 'download_licensing_store_calls_total{operation="append"} 1.0' in text
    assert 'store_duration_seconds_bucket{le="+Inf",operation="append"} 1.0' in text


async def test_the_store_of_the_settings_tells_of_itself(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    async with open_api(Settings(data_directory=tmp_path), catalogue) as api:
        client = AsgiClient(api.gate)
        await opened(client)
        text = (await client.get("/metrics")).body.decode()
    assert "download_licensing_sqlite_writes_total 2.0" in text  # the first policy, the account


async def test_what_is_refused_is_logged_without_the_customer(client: AsgiClient) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        answer = await client.post(LICENSES, BODY)
    assert lines == [
        {
            "event": "command refused",
            "command": "request_download",
            "result": "account-not-found",
            "request_id": answer.headers["x-request-id"],
            "log_level": "info",
        }
    ]


async def test_a_request_gets_its_own_id_back_and_any_other_gets_a_new_one(
    client: AsgiClient,
) -> None:
    for sent, kept in (("my-id.1", True), ("a b", False), ("x" * 101, False), ("", False)):
        answer = await client.raw("GET", "/nowhere", headers=[("x-request-id", sent)])
        assert (answer.headers["x-request-id"] == sent) is kept
        assert answer.headers["x-request-id"]


async def test_a_store_that_is_unavailable_wrote_nothing(
    client: AsgiClient, store: AilingStore
) -> None:
    await opened(client)
    store.before_append.append(StoreUnavailable("The file /secret/path is full."))
    answer = await client.post(LICENSES, BODY, key="k")
    assert (answer.status, answer.reason) == (503, "store-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert b"secret" not in answer.body
    assert (await client.get(f"{CUSTOMER}/history")).json()["head"] == 1
    assert (await client.post(LICENSES, BODY, key="k")).status == 201


async def test_an_unknown_outcome_is_settled_by_the_same_key(
    client: AsgiClient, store: AilingStore
) -> None:
    await opened(client)
    store.after_append.append(OutcomeUnknown("The answer was lost.", (uuid.uuid4(),)))
    answer = await client.post(LICENSES, BODY, key="k")
    assert (answer.status, answer.reason) == (503, "outcome-unknown")
    assert "same Idempotency-Key" in answer.json()["remedy"]
    head = (await client.get(f"{CUSTOMER}/history")).json()["head"]
    again = await client.post(LICENSES, BODY, key="k")
    assert again.status == 201
    assert (await client.get(f"{CUSTOMER}/history")).json()["head"] == head


async def test_unreadable_data_is_said_to_be_so(client: AsgiClient, store: AilingStore) -> None:
    await opened(client)
    store.head_error = CorruptData("Stream 'customer/c-1' is damaged.")
    answer = await client.get(f"{CUSTOMER}/account")
    assert (answer.status, answer.reason) == (503, "history-unreadable")


async def test_an_error_nobody_expected_is_logged_and_told_without_its_cause(
    client: AsgiClient, store: AilingStore
) -> None:
    await opened(client)
    store.head_error = ZeroDivisionError("secret")
    structlog.reset_defaults()
    with capture_logs() as lines:
        answer = await client.get(f"{CUSTOMER}/account")
    assert (answer.status, answer.reason) == (500, "internal-error")
    assert b"secret" not in answer.body
    assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"]]
    assert lines[0]["exc_info"] is store.head_error


async def test_more_requests_than_may_be_in_flight_are_shed(
    catalogue: Catalogue, store: AilingStore
) -> None:
    async with served(catalogue, store, requests_in_flight_max=2, retry_after_s=7) as client:
        await opened(client)
        store.gate.clear()
        waiting = [
            asyncio.create_task(client.post(f"/v1/customers/{name}/licenses", BODY, key="k"))
            for name in ("c-1", "c-1")
        ]
        await asyncio.sleep(0)
        shed = await client.post(LICENSES, BODY, key="other")
        live = await client.get("/health/live")
        store.gate.set()
        answers: list[Answer] = await asyncio.gather(*waiting)
        after = await client.post(LICENSES, BODY, key="after")
    assert (shed.status, shed.reason) == (503, "overloaded")
    assert shed.headers["retry-after"] == "7"
    assert shed.headers["x-request-id"]
    assert live.status == 200
    assert [answer.status for answer in [*answers, after]] == [201, 201, 201]


async def test_more_commands_than_may_wait_are_shed(
    catalogue: Catalogue, store: AilingStore
) -> None:
    async with served(catalogue, store, repository_waiting_per_stream_max=1) as client:
        await opened(client)
        store.gate.clear()
        store.reached.clear()
        first = asyncio.create_task(client.post(LICENSES, BODY, key="first"))
        await store.reached.wait()
        second = asyncio.create_task(client.post(LICENSES, BODY, key="second"))
        await asyncio.sleep(0)
        shed = await client.post(LICENSES, BODY, key="third")
        store.gate.set()
        assert [(await task).status for task in (first, second)] == [201, 201]
    assert (shed.status, shed.reason) == (503, "overloaded")
    assert shed.headers["retry-after"] == "1"


async def test_the_time_of_a_request_counts_in_a_rehearsal_only(
    catalogue: Catalogue, store: AilingStore
) -> None:
    async with served(catalogue, store) as client:
        await opened(client)
        paths = ("account", "devices", "history", "allowance?title_id=meadow&device_id=tv")
        calls = [await client.get(f"{CUSTOMER}/{p}", at="2026-01-01T00:00:00Z") for p in paths]
        calls.append(await client.post(LICENSES, BODY, at="2026-01-01T00:00:00Z"))
    assert [(answer.status, answer.reason) for answer in calls] == [(400, "rehearsal-off")] * 5


async def test_the_document_describes_every_operation(client: AsgiClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operations = [
        operation
        for path, item in document["paths"].items()
        if path.startswith("/v1")
        for operation in item.values()
    ]
    assert len(operations) == len([*COMMANDS, *SYNCING, *QUERIES, *OPERATORS])
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        for status in ("400", "503"):
            assert "application/problem+json" in operation["responses"][status]["content"]


async def test_options_and_a_refused_method_name_all_methods_of_a_path(client: AsgiClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    told, refused = {}, {}
    for path in document["paths"]:
        asked = path.replace("{license_id}", f"lic-{0:032}").replace("{", "").replace("}", "")
        options, patch = await client.call("OPTIONS", asked), await client.call("PATCH", asked)
        assert (options.status, options.body, patch.reason) == (204, b"", "method-not-allowed")
        told[path], refused[path] = options.headers["allow"], patch.headers["allow"]
    documented = {
        path: ", ".join(sorted({"OPTIONS", *map(str.upper, item)}))
        for path, item in document["paths"].items()
    }
    assert told == documented
    assert refused == documented


async def test_the_document_names_headers_and_refusals(client: AsgiClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    request = document["paths"]["/v1/customers/{customer_id}/licenses"]["post"]
    headers = {p["name"]: p for p in request["parameters"] if p["in"] == "header"}
    assert headers.keys() == {"Idempotency-Key", "Rehearsal-Time", "X-Request-Id"}
    assert headers["Idempotency-Key"]["required"] is True
    refused = request["responses"]["403"]["content"]["application/problem+json"]
    assert refused["schema"] == {"$ref": "#/components/schemas/Refused"}
    assert request["requestBody"]["required"] is True
    body = document["components"]["schemas"]["DownloadBody"]
    assert body["required"] == ["device_id", "title_id"]


async def test_the_document_comes_as_yaml_too(client: AsgiClient) -> None:
    answer = await client.get("/schema/openapi.yaml")
    assert answer.status == 200
    assert b"openapi: 3.1" in answer.body


async def test_the_landing_page_lists_the_operations_and_loads_nothing(
    client: AsgiClient,
) -> None:
    answer = await client.get("/")
    page = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/html")
    assert "<code>POST /v1/customers/{customer_id}/licenses</code>" in page
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
