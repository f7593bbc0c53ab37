"""The operations that explain a customer, on each store."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from download_licensing.api import Api
from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.debugging.replaying import open_case
from download_licensing.settings import Settings
from helenus.store import EventStore
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


TIMES = (
    *("state?time", "changes?from_time", "changes?to_time", "what-if?since"),
    "why?device_id=tv&title_id=harbour&at",
)


@pytest.mark.parametrize("asked", TIMES)
@pytest.mark.parametrize(
    ("time", "message"),
    [
        *((number, "is no RFC 3339 time such as") for number in ("1700000000", "-1", "0.5", "1e9")),
        ("2026-01-01", "is no RFC 3339 time such as 2026-01-31T12:00:00Z"),
        ("2026-01-01T00:00:00", "needs a time zone"),
        ("2026-01-01T00:00:00+01:00", "in a query, write + as %2B"),
    ],
)
async def test_a_time_is_written_out_with_its_zone(
    client: AsgiClient, license_id: str, asked: str, time: str, message: str
) -> None:
    answer = await client.get(f"{ADMIN}/{asked}={time}")
    assert (answer.status, answer.fields) == (400, {re.split("[?&]", asked)[-1]})
    assert message in answer.json()["errors"][0]["message"]


async def test_the_document_knows_every_time_in_a_query(client: AsgiClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    known = {
        (operation.rpartition("/")[2], parameter["name"])
        for operation, item in document["paths"].items()
        for parameter in item.get("get", {}).get("parameters", ())
        if parameter["in"] == "query" and "date-time" in str(parameter["schema"])
    }
    assert known == {(re.split("[?&]", asked)[0], re.split("[?&]", asked)[-1]) for asked in TIMES}


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
        ("state?time=", 400, "invalid-request"),
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


async def refused(client: AsgiClient) -> dict[str, Any]:
    """A refusal: harbour may be downloaded twice a year, and was downloaded once."""
    body = {"device_id": "tv", "title_id": "harbour"}
    await client.post(f"{CUSTOMER}/licenses", body, at=LATER)
    answer = await client.post(f"{CUSTOMER}/licenses", body, at="2026-01-03T00:00:00Z")
    assert answer.status == 403
    problem: dict[str, Any] = answer.json()
    return problem


async def with_a_download(api: Api) -> AsgiClient:
    """A client of a service whose customer has downloaded harbour once."""
    client = AsgiClient(api.gate)
    await client.call("PUT", f"{CUSTOMER}/account", {"plan": "standard"}, at=T0)
    await client.post(f"{CUSTOMER}/licenses", {"device_id": "tv", "title_id": "harbour"}, at=T0)
    return client


async def test_a_refusal_is_explained_by_what_its_answer_carries(
    client: AsgiClient, license_id: str
) -> None:
    problem = await refused(client)
    asked = "device_id=tv&title_id=harbour"
    when = f"position={problem['position']}&at={problem['at']}&policy={problem['policy_version']}"
    found = await answered(client, f"why?{asked}&{when}")
    assert (found["allowed"], found["decision"]) == (False, "download")
    (told,) = [rule for rule in found["rules"] if not rule["met"]]
    assert (told["rule"], told["limit"], told["used"]) == ("title-downloads-per-year", 2, 2)
    assert [(one["used_before"], one["used_after"]) for one in told["events"]] == [(0, 1), (1, 2)]


async def test_an_extension_is_explained_by_its_licence(
    client: AsgiClient, license_id: str
) -> None:
    found = await answered(client, f"why?license_id={license_id}&at={LATER}")
    assert (found["decision"], found["allowed"]) == ("renewal", False)
    (told,) = [rule for rule in found["rules"] if not rule["met"]]
    assert told["reason"] == "renewals-exhausted"


async def test_refusals_are_noted_and_explained_without_a_question(
    store: EventStore, settings: Settings, catalogue: Catalogue
) -> None:
    async with open_api(settings, catalogue, store) as api:
        client = await with_a_download(api)
        assert (await answered(client, "refusals"))["refusals"] == []
        nothing = await client.get(f"{ADMIN}/why")
        assert (nothing.status, nothing.reason) == (422, "nothing-refused")
        problem = await refused(client)
    # What was refused is written at the latest when the service ends.
    async with open_api(settings, catalogue, store) as api:
        client = AsgiClient(api.gate)
        (noted,) = (await answered(client, "refusals"))["refusals"]
        assert (noted["position"], noted["at"]) == (problem["position"], problem["at"])
        found = await answered(client, "why")
        assert (found["title_id"], found["allowed"]) == ("harbour", False)
        assert found["at"] == problem["at"]
        judged = (await answered(client, "what-if"))["tally"]
        assert (judged["granted"], judged["refused"]) == (2, 1)
        assert judged["would_be_refused"] == judged["would_be_granted"] == {}


async def test_a_refusal_is_explained_at_once(
    store: EventStore, settings: Settings, catalogue: Catalogue
) -> None:
    async with open_api(settings, catalogue, store) as api:
        client = await with_a_download(api)
        problem = await refused(client)
        found = await answered(client, "why")
        assert (found["at"], found["position"]) == (problem["at"], problem["position"])
        assert len((await answered(client, "refusals"))["refusals"]) == 1
        other = {"device_id": "phone", "title_id": "harbour"}
        assert (await client.post(f"{CUSTOMER}/licenses", other, at=problem["at"])).status == 403
        assert (await answered(client, "what-if"))["tally"]["refused"] == 2


async def test_a_title_that_was_withdrawn_is_the_reason_told(
    store: EventStore, settings: Settings, catalogue: Catalogue
) -> None:
    async with open_api(settings, catalogue, store) as api:
        client = AsgiClient(api.gate)
        await client.call("PUT", f"{CUSTOMER}/account", {"plan": "standard"}, at=T0)
        path = "/v1/admin/titles/meadow/withdrawal"
        body = {"device_id": "tv", "title_id": "meadow"}
        await client.call("PUT", path, {"reason": "Claim."}, at=LATER)
        assert (await client.post(f"{CUSTOMER}/licenses", body, at=LATER)).status == 409
        (noted,) = (await answered(client, "refusals"))["refusals"]
        assert (noted["reasons"], noted["policy_version"]) == (["title-withdrawn"], "")
        found = await answered(client, "why")
        assert (found["title_id"], found["allowed"]) == ("meadow", False)
        told = found["withdrawal"]
        assert (told["stream"], told["position"]) == ("titles/withdrawn", 1)
        assert (told["withdrawn_at"], told["reinstated_at"]) == (LATER, None)
        assert told["reason"] == "Claim."
        assert "reinstate" in told["remedy"]
        judged = (await answered(client, "what-if"))["tally"]
        assert judged["would_be_granted"] == {}  # no policy has anything to say of it
        assert (judged["refused"], judged["cannot_say"]) == (1, 1)


async def test_no_refusal_is_noted_where_the_settings_say_so(
    store: EventStore, catalogue: Catalogue
) -> None:
    settings = Settings(rehearsal=True, refusals_noted=False)
    for _ in range(2):
        async with open_api(settings, catalogue, store) as api:
            client = AsgiClient(api.gate)
            await client.call("PUT", f"{CUSTOMER}/account", {"plan": "standard"}, at=T0)
            body = {"device_id": "tv", "title_id": "harbour"}
            for _ in range(3):
                await client.post(f"{CUSTOMER}/licenses", body, at=LATER)
            assert (await answered(client, "refusals"))["refusals"] == []


async def test_decisions_are_judged_by_a_version_of_the_policy(
    client: AsgiClient, license_id: str
) -> None:
    version = (await answered(client, f"why?license_id={license_id}"))["policy_version"]
    found = await answered(client, f"what-if?policy={version}")
    assert found["policy_version"] == version
    assert (found["tally"]["decisions"], found["tally"]["granted"]) == (2, 2)
    later = await answered(client, f"what-if?policy={version}&since={LATER}")
    assert later["tally"]["decisions"] == 1


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("why?device_id=tv", 400, "invalid-request"),
        ("why?device_id=tv&title_id=harbour&position=99", 422, "position-beyond-head"),
        ("why?device_id=tv&title_id=nowhere", 404, "title-not-found"),
        ("why?device_id=tv&title_id=harbour&policy=none", 422, "policy-version-unknown"),
        ("why?device_id=a%20b&title_id=harbour", 400, "invalid-request"),
        (f"why?license_id=lic-{'0' * 32}", 404, "license-not-found"),
        ("why?license_id=lic-1", 400, "invalid-request"),
        ("why?latest=0", 400, "invalid-request"),
        ("why", 422, "nothing-refused"),
        ("what-if?policy=none", 422, "policy-version-unknown"),
        ("what-if?policy=%2Fetc%2Fpasswd", 400, "invalid-request"),
        ("what-if?since=yesterday", 400, "invalid-request"),
        ("refusals?limit=0", 400, "invalid-request"),
    ],
)
async def test_a_question_that_has_no_answer_is_a_problem_that_says_why(
    client: AsgiClient, license_id: str, path: str, status: int, reason: str
) -> None:
    answer = await client.get(f"{ADMIN}/{path}")
    assert (answer.status, answer.reason) == (status, reason)


async def test_a_bundle_is_a_masked_file_of_lines(
    client: AsgiClient, license_id: str, tmp_path: Path
) -> None:
    answer = await client.get(f"{ADMIN}/bundle")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/jsonl")
    assert license_id.encode() not in answer.body
    assert b'"tv"' not in answer.body
    file = tmp_path / "case.jsonl"
    await asyncio.to_thread(file.write_bytes, answer.body)
    async with open_case(file) as case:
        replayed = case.replay()
        assert (replayed.decisions, replayed.as_before) == (2, 2)


@pytest.mark.parametrize(
    "path",
    [
        *("timeline", "state", "changes", "refusals", "what-if", "bundle"),
        "why?device_id=tv&title_id=harbour",
    ],
)
async def test_a_customer_without_history_is_not_found(client: AsgiClient, path: str) -> None:
    answer = await client.get(f"{ADMIN}/{path}")
    assert (answer.status, answer.reason) == (404, "account-not-found")
    bad = await client.get(f"/v1/admin/customers/a%20b/{path}")
    assert bad.fields == {"customer_id"}
