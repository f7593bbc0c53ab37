"""The licensing service on a real node, as its settings put it together."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from helenus.stores.cassandra import CassandraSettings
from tests.integration.api.asgi_client import Answer, AsgiClient

CUSTOMER = "/v1/customers/c-1"
T0 = "2026-01-01T00:00:00Z"
DEVICES_MAX = 2
DOWNLOADS_PER_YEAR_MAX = 5
CATALOGUE = Catalogue.parse(
    b"""
plans:
  tight: {name: Tight}
titles:
  capped: {name: Capped, studio: S}
""",
    "test",
)


@pytest.fixture
def settings(empty_installation: CassandraSettings) -> Settings:
    hosts = ",".join(empty_installation.contact_points)
    return Settings(
        rehearsal=True,
        policy=Path(__file__).with_name("policy.yaml"),
        store=f"cassandra://{hosts}:{empty_installation.port}/{empty_installation.keyspace}",
    )


async def request(client: AsgiClient, device: str, key: str | None = None) -> Answer:
    body = {"device_id": device, "title_id": "capped"}
    return await client.post(f"{CUSTOMER}/licenses", body, key=key, at=T0)


async def names(client: AsgiClient) -> list[str]:
    answer = await client.get(f"{CUSTOMER}/history?limit=10000")
    assert answer.status == 200
    events = answer.json()["events"]
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    return [event["name"] for event in events]


async def test_an_account_from_its_opening_to_its_history(settings: Settings) -> None:
    async with open_api(settings, CATALOGUE) as api:
        client = AsgiClient(api.gate)
        assert (await client.get("/health/ready")).status == 200
        assert (await client.get(f"{CUSTOMER}/account")).status == 404
        opening = await client.call("PUT", f"{CUSTOMER}/account", {"plan": "tight"}, at=T0)
        assert opening.status == 201
        granted = await request(client, "tv", "key")
        assert granted.status == 201
        assert (await request(client, "tv", "key")).json() == granted.json()
        license_ = f"{CUSTOMER}/licenses/{granted.json()['license_id']}"
        for device, status in (("phone", 201), ("tablet", 403)):
            assert (await request(client, device)).status == status
        assert (await client.post(f"{license_}/renewals", at=T0)).status in {200, 201}
        assert (await client.post(f"{license_}/renewals", at=T0)).status == 403
        assert (await client.post(f"{license_}/release", {}, at=T0)).status == 200
        told = await names(client)
        metrics = (await client.get("/metrics")).body.decode()
        assert 'download_licensing_cassandra_executed_total{operation="conditional"}' in metrics
        assert "download_licensing_opening_open 1.0" in metrics
    async with open_api(settings, CATALOGUE) as api:
        client = AsgiClient(api.gate)
        assert await names(client) == told
        assert (await client.get(license_, at=T0)).json()["state"] == "released"
        assert (await client.get(f"{CUSTOMER}/devices", at=T0)).status == 200
    assert told[0] == "account-opened"
    assert told.count("license-issued") == 2


async def test_four_services_on_one_cluster_pass_no_limit_together(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            AsgiClient((await stack.enter_async_context(open_api(settings, CATALOGUE))).gate)
            for _ in range(4)
        ]
        await clients[0].call("PUT", f"{CUSTOMER}/account", {"plan": "tight"}, at=T0)
        answers = await asyncio.gather(
            *(
                request(client, f"device-{number % 4}", f"{which}-{number}")
                for which, client in enumerate(clients)
                for number in range(8)
            )
        )
        granted = [answer.json() for answer in answers if answer.status == 201]
        assert {answer.status for answer in answers} == {201, 403}
        assert len(granted) == DOWNLOADS_PER_YEAR_MAX
        assert len({grant["device_id"] for grant in granted}) <= DEVICES_MAX
        histories = [await names(client) for client in clients]
        assert histories == [histories[0]] * 4
        assert histories[0].count("license-issued") == DOWNLOADS_PER_YEAR_MAX


async def test_a_device_syncs_with_two_processes_and_a_third_knows_what_one_withdrew(
    settings: Settings,
) -> None:
    later = "2026-01-02T00:00:00Z"
    async with open_api(settings, CATALOGUE) as one, open_api(settings, CATALOGUE) as two:
        first, second = AsgiClient(one.gate), AsgiClient(two.gate)
        await first.call("PUT", f"{CUSTOMER}/account", {"plan": "tight"}, at=T0)
        license_id = (await request(first, "tv", "request")).json()["license_id"]
        brought = {
            "device_id": "tv",
            "sessions": [
                {
                    "item_id": "s",
                    "license_id": license_id,
                    "session_id": "s-1",
                    "events": [{"kind": "start", "at": T0}, {"kind": "stop", "at": T0}],
                }
            ],
            "renewals": [{"item_id": "n", "license_id": license_id}],
        }
        for client, outcome in ((first, "done"), (second, "repeated")):
            synced = await client.post(f"{CUSTOMER}/sync", brought, key=outcome, at=T0)
            assert [item["outcome"] for item in synced.json()["items"]] == [outcome] * 2
        withdrawal = "/v1/admin/titles/capped/withdrawal"
        await second.call("PUT", withdrawal, {"reason": "Claim."}, at=later)
        ended = (await second.get(f"{CUSTOMER}/licenses/{license_id}", at=later)).json()
    assert (ended["state"], ended["cut_reason"]) == ("expired", "title-withdrawn")
    async with open_api(settings, CATALOGUE) as three:
        third = AsgiClient(three.gate)
        assert (await third.get(f"{CUSTOMER}/licenses/{license_id}", at=later)).json() == ended
        body = {"device_id": "tv", "title_id": "capped"}
        refused = await third.post(f"{CUSTOMER}/licenses", body, key="late", at=later)
        assert (refused.status, refused.reason) == (409, "title-withdrawn")
