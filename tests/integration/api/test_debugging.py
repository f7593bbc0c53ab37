"""The operations that explain a customer, on each store."""

from typing import Any

import pytest

from tests.integration.api.asgi_client import AsgiClient

CUSTOMER = "/v1/customers/c-1"
ADMIN = "/v1/admin/customers/c-1"
T0 = "2026-01-01T00:00:00Z"
LATER = "2026-01-02T00:00:00Z"


@pytest.fixture
async def license_id(client: AsgiClient) -> str:
    await client.call("PUT", f"{CUSTOMER}/account", {"plan": "standard"}, at=T0)
    body = {"device_id": "tv", "title_id": "harbour"}
    granted = (await client.post(f"{CUSTOMER}/licenses", body, at=T0)).json()
    await client.post(f"{CUSTOMER}/licenses/{granted['license_id']}/renewals", at=LATER)
    return str(granted["license_id"])


async def answered(client: AsgiClient, path: str) -> Any:
    answer = await client.get(f"{ADMIN}/{path}")
    assert answer.status == 200, answer
    return answer.json()


async def test_the_timeline_tells_every_event(client: AsgiClient, license_id: str) -> None:
    told = await answered(client, "timeline")
    history = (await client.get(f"{CUSTOMER}/history")).json()
    assert [one["event"] for one in told["entries"]] == [e["name"] for e in history["events"]]
    assert told["head"] == history["head"]
    assert told["next_after"] is None
    assert told["entries"][-1]["sentence"].startswith(f"Licence {license_id} was renewed")


async def test_the_timeline_comes_in_pages(client: AsgiClient, license_id: str) -> None:
    first = await answered(client, "timeline?limit=2")
    assert ([one["position"] for one in first["entries"]], first["next_after"]) == ([1, 2], 2)
    second = await answered(client, "timeline?limit=2&after=2")
    assert [one["position"] for one in second["entries"]] == [3, 4]


async def test_the_state_at_a_position_is_shown(client: AsgiClient, license_id: str) -> None:
    opened = await answered(client, "state?position=1")
    assert [one["type"] for one in opened["aggregates"]] == ["account"]
    now = await answered(client, "state?aggregate=license")
    assert [one["id"] for one in now["aggregates"]] == [license_id]
    assert now["aggregates"][0]["state"]["renewals_used"] == 1


async def test_the_state_at_a_time_is_that_of_the_clock(
    client: AsgiClient, license_id: str
) -> None:
    head = (await answered(client, "state"))["head"]
    assert (await answered(client, "state?time=2999-01-01T00:00:00Z"))["position"] == head


async def test_changes_between_two_positions_are_shown(client: AsgiClient, license_id: str) -> None:
    head = (await answered(client, "state"))["head"]
    found = await answered(client, f"changes?from_position={head - 2}")
    license = next(one for one in found["aggregates"] if one["type"] == "license")
    renewals = {"field": "renewals_used", "change": "changed", "before": 0, "after": 1}
    assert renewals in license["fields"]
    whole = await answered(client, "changes?to_position=1")
    assert (whole["before"], whole["after"]) == (0, 1)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("timeline?after=99", 422, "position-beyond-head"),
        ("state?position=99", 422, "position-beyond-head"),
        ("changes?to_position=99", 422, "position-beyond-head"),
        ("state?time=1999-01-01T00:00:00Z", 422, "time-before-history"),
        ("changes?from_position=2&to_position=1", 422, "moments-not-in-order"),
        ("state?position=1&time=2026-01-01T00:00:00Z", 400, "invalid-request"),
        ("state?aggregate=licence", 400, "invalid-request"),
        ("state?time=2026-01-01T00:00:00", 400, "invalid-request"),
        ("state?time=yesterday", 400, "invalid-request"),
        ("state?position=-1", 400, "invalid-request"),
        ("state?position=x", 400, "invalid-request"),
        ("timeline?limit=0", 400, "invalid-request"),
        ("timeline?limit=1001", 400, "invalid-request"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem_that_says_why(
    client: AsgiClient, license_id: str, path: str, status: int, reason: str
) -> None:
    answer = await client.get(f"{ADMIN}/{path}")
    assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.parametrize("path", ["timeline", "state", "changes"])
async def test_a_customer_without_history_is_not_found(client: AsgiClient, path: str) -> None:
    answer = await client.get(f"{ADMIN}/{path}")
    assert (answer.status, answer.reason) == (404, "account-not-found")
    bad = await client.get(f"/v1/admin/customers/a%20b/{path}")
    assert bad.fields == {"customer_id"}
