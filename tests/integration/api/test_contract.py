"""Every operation of the contract, from the first request to the last, on each store."""

from typing import Any

from tests.integration.api.asgi_client import JSON, Answer, AsgiClient

CUSTOMER = "/v1/customers/c-1"
T0 = "2026-01-01T00:00:00Z"
LATER = "2026-01-02T00:00:00Z"
EXPIRED = "2026-03-01T00:00:00Z"

GRANT = {
    *("license_id", "customer_id", "device_id", "title_id", "plan", "issued_at", "renewed_at"),
    *("expires_at", "playback_window_s", "playback_ends_at", "renewals_left"),
    *("downloads_left_this_year", "active_downloads_left_on_device", "devices_left", "warnings"),
    *("policy_version", "token"),
}
LICENSE = {
    *("license_id", "customer_id", "device_id", "title_id", "state", "issued_at", "expires_at"),
    *("first_played_at", "playback_window_s", "playback_ends_at", "effective_expires_at"),
    *("license_remaining_s", "playback_remaining_s", "renewals_used", "renewals_left"),
    *("released_at", "release_reason", "revoked_at", "revoke_reason", "cut_reason"),
    "policy_version",
}


async def opened(client: AsgiClient, plan: str = "standard") -> Answer:
    return await client.call("PUT", f"{CUSTOMER}/account", {"plan": plan}, at=T0)


async def granted(
    client: AsgiClient, title: str = "harbour", device: str = "tv", at: str = T0
) -> dict[str, Any]:
    answer = await client.post(
        f"{CUSTOMER}/licenses", {"device_id": device, "title_id": title}, at=at
    )
    assert answer.status == 201, answer
    grant: dict[str, Any] = answer.json()
    return grant


async def test_an_account_is_opened_once(client: AsgiClient) -> None:
    first, again = await opened(client), await opened(client)
    assert (first.status, again.status) == (201, 200)
    assert first.headers["content-type"] == JSON
    assert first.json() == again.json()
    assert first.json() == {
        "customer_id": "c-1",
        "plan": "standard",
        "opened_at": T0,
        "country": None,
        "time_zone": "UTC",
        "standing": "good",
        "blocked": None,
    }
    assert (await client.get(f"{CUSTOMER}/account")).json() == first.json()


async def test_an_account_is_not_opened_with_another_plan(client: AsgiClient) -> None:
    await opened(client)
    answer = await opened(client, "basic")
    assert (answer.status, answer.reason) == (409, "account-exists")


async def test_a_region_is_told_with_the_account_or_later(client: AsgiClient) -> None:
    body = {"plan": "basic", "country": "PT", "time_zone": "Europe/Lisbon"}
    told = await client.call("PUT", f"{CUSTOMER}/account", body)
    assert (told.status, told.json()["country"]) == (201, "PT")
    body = {"country": "BR", "time_zone": "America/Manaus"}
    moved = await client.call("PUT", f"{CUSTOMER}/account/region", body)
    assert (moved.status, moved.json()["time_zone"]) == (200, "America/Manaus")
    body = {"country": "BR", "time_zone": "America/Atlantis"}
    lost = await client.call("PUT", f"{CUSTOMER}/account/region", body)
    assert (lost.status, lost.reason) == (422, "time-zone-unknown")


async def test_operators_block_and_billing_says_how_a_customer_stands(client: AsgiClient) -> None:
    await opened(client)
    admin = "/v1/admin/customers/c-1"
    owing = await client.call("PUT", f"{admin}/standing", {"standing": "past-due"})
    blocked = await client.call("PUT", f"{admin}/block", {"reason": "Abuse."})
    assert (owing.status, owing.json()["standing"]) == (200, "past-due")
    assert (blocked.status, blocked.json()["blocked"]) == (200, "Abuse.")
    lifted = await client.call("DELETE", f"{admin}/block")
    assert (lifted.status, lifted.json()["blocked"]) == (200, None)
    nobody = await client.call("DELETE", "/v1/admin/customers/nobody/block")
    assert (nobody.status, nobody.reason) == (404, "account-not-found")


async def test_a_session_is_reported_in_parts(client: AsgiClient) -> None:
    await opened(client)
    license_id = (await granted(client, "meadow"))["license_id"]
    path = f"{CUSTOMER}/licenses/{license_id}/sessions/s-1"
    start = {"kind": "start", "at": "2026-01-01T01:00:00+01:00"}
    first = await client.post(path, {"events": [start]}, at=LATER)
    assert (first.status, first.json()["news"]) == (200, True)
    stop = {"kind": "stop", "at": "2025-12-31T02:00:00Z"}
    second = await client.post(path, {"events": [stop], "sent_at": T0}, at=LATER)
    assert second.json()["session"] == {
        "session_id": "s-1",
        "state": "stopped",
        "started_at": T0,
        "last_event_at": "2026-01-01T02:00:00Z",
    }
    assert second.json()["license"].keys() == LICENSE
    wrong = {"events": [{"kind": "stop", "at": "0001-01-01T00:00:00Z"}], "sent_at": T0}
    refused = await client.post(path, wrong, at=LATER)
    assert refused.json()["errors"][0]["field"] == "events[0].at"
    lost = await client.post(f"{CUSTOMER}/licenses/{license_id}/sessions/..", {"events": [stop]})
    assert lost.status in {400, 404}


async def test_a_device_brings_everything_at_once(client: AsgiClient) -> None:
    await opened(client)
    one, two = [(await granted(client, "meadow"))["license_id"] for _ in range(2)]
    unknown = "lic-" + 32 * "0"
    body = {
        "device_id": "tv",
        "sent_at": LATER,
        "releases": [{"item_id": "r", "license_id": one, "released_at": LATER}],
        "plays": [{"item_id": "p", "license_id": two, "played_at": LATER}],
        "sessions": [
            {
                "item_id": "s",
                "license_id": two,
                "session_id": "s-1",
                "events": [{"kind": "stop", "at": LATER}],
            }
        ],
        "renewals": [
            {"item_id": "n", "license_id": two},
            {"item_id": "u", "license_id": unknown},
        ],
    }
    answer = await client.post(f"{CUSTOMER}/sync", body, key="k", at=LATER)
    again = await client.post(f"{CUSTOMER}/sync", body, key="k", at=LATER)
    assert (answer.status, answer.body) == (200, again.body)
    items = {item["item_id"]: item for item in answer.json()["items"]}
    assert [items[item_id]["outcome"] for item_id in "rpsnu"] == [*4 * ["done"], "refused"]
    assert items["n"]["grant"].keys() == GRANT
    assert items["n"]["grant"]["token"]
    assert items["u"]["refusal"]["reason"] == "license-not-found"
    twice = {"device_id": "tv", "renewals": [{"item_id": "n", "license_id": two}] * 2}
    answer = await client.post(f"{CUSTOMER}/sync", twice, at=LATER)
    assert (answer.status, answer.reason) == (400, "invalid-request")
    stranger = await client.post(f"{CUSTOMER}/sync", {"device_id": "x"}, at=LATER)
    assert (stranger.status, stranger.reason) == (404, "device-not-found")
    no_key = await client.call("POST", f"{CUSTOMER}/sync", {"device_id": "tv"})
    assert (no_key.status, no_key.reason) == (400, "idempotency-key-missing")


async def test_licences_are_renewed_at_once(client: AsgiClient) -> None:
    await opened(client)
    ids = [(await granted(client, "meadow"))["license_id"] for _ in range(2)]
    answer = await client.post(f"{CUSTOMER}/renewals", {"license_ids": ids}, at=LATER)
    assert [item["outcome"] for item in answer.json()["items"]] == ["done", "done"]


async def test_an_operator_revokes_a_licence(client: AsgiClient) -> None:
    await opened(client)
    license_id = (await granted(client))["license_id"]
    path = f"/v1/admin/customers/c-1/licenses/{license_id}/revocation"
    revoked = await client.call("PUT", path, {"reason": "Studio's claim."}, at=LATER)
    assert (revoked.status, revoked.json()["state"]) == (200, "revoked")
    assert revoked.json()["revoke_reason"] == "Studio's claim."
    renewal = await client.post(f"{CUSTOMER}/licenses/{license_id}/renewals", at=LATER)
    assert (renewal.status, renewal.reason) == (409, "license-revoked")


async def test_a_title_is_withdrawn_and_reinstated(client: AsgiClient) -> None:
    await opened(client)
    license_id = (await granted(client, "meadow"))["license_id"]
    path = "/v1/admin/titles/meadow/withdrawal"
    gone = await client.call("PUT", path, {"reason": "Claim."}, at=LATER)
    assert (gone.status, gone.json()["withdrawn_at"]) == (200, LATER)
    listed = await client.get("/v1/admin/withdrawals")
    assert listed.json() == {"titles": [gone.json()]}
    ended = (await client.get(f"{CUSTOMER}/licenses/{license_id}", at=EXPIRED)).json()
    assert (ended["state"], ended["cut_reason"]) == ("expired", "title-withdrawn")
    body = {"device_id": "tv", "title_id": "meadow"}
    refused = await client.post(f"{CUSTOMER}/licenses", body, at=LATER)
    assert (refused.status, refused.reason) == (409, "title-withdrawn")
    back = await client.call("DELETE", path, at=EXPIRED)
    assert (back.status, back.json()["withdrawn_at"]) == (200, None)
    assert (await client.post(f"{CUSTOMER}/licenses", body, at=EXPIRED)).status == 201
    history = (await client.get("/v1/admin/withdrawals/history")).json()
    told = [(each["position"], each["name"], each["aggregate_id"]) for each in history["events"]]
    assert told == [(1, "title-withdrawn", "meadow"), (2, "title-reinstated", "meadow")]
    page = (await client.get("/v1/admin/withdrawals/history?after=1&limit=1")).json()
    assert (page["head"], page["events"]) == (2, history["events"][1:])
    beyond = (await client.get("/v1/admin/withdrawals/history?after=7")).json()
    assert beyond == {"head": 2, "events": []}
    unknown = await client.call("PUT", "/v1/admin/titles/x/withdrawal", {"reason": "?"})
    assert (unknown.status, unknown.reason) == (404, "title-not-found")


async def test_the_plan_is_changed(client: AsgiClient) -> None:
    await opened(client)
    for device in ("tv", "phone"):
        await granted(client, "meadow", device)
    smaller = await client.call("PUT", f"{CUSTOMER}/account/plan", {"plan": "basic"}, at=LATER)
    assert (smaller.status, smaller.json()["fits"]) == (200, False)
    assert smaller.json()["account"]["plan"] == "basic"
    gold = await client.call("PUT", f"{CUSTOMER}/account/plan", {"plan": "gold"})
    assert (gold.status, gold.reason) == (422, "plan-unknown")


async def test_an_account_opened_under_a_key_is_answered_alike_again(client: AsgiClient) -> None:
    for _ in range(2):
        answer = await client.call(
            "PUT", f"{CUSTOMER}/account", {"plan": "basic"}, key="open", at=T0
        )
        assert answer.status == 201


async def test_a_plan_that_is_not_in_the_catalogue_is_refused(client: AsgiClient) -> None:
    answer = await opened(client, "gold")
    assert (answer.status, answer.reason) == (422, "plan-unknown")
    assert "standard" in answer.json()["remedy"]


async def test_a_request_is_granted(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    assert grant.keys() == GRANT
    assert grant["license_id"].startswith("lic-")
    assert grant["expires_at"] == "2026-01-31T00:00:00Z"
    assert (grant["renewals_left"], grant["downloads_left_this_year"]) == (1, 1)
    assert (grant["devices_left"], grant["active_downloads_left_on_device"]) == (1, 2)


async def test_a_licence_without_end_has_no_expiry(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client, "meadow")
    unlimited = ("expires_at", "playback_ends_at", "renewals_left", "downloads_left_this_year")
    assert [grant[name] for name in unlimited] == [None] * 4
    assert grant["playback_window_s"] == 0


async def test_a_repeated_request_has_the_same_answer(client: AsgiClient) -> None:
    await opened(client)
    body = {"device_id": "tv", "title_id": "harbour"}
    first = await client.post(f"{CUSTOMER}/licenses", body, key="k", at=T0)
    again = await client.post(f"{CUSTOMER}/licenses", body, key="k", at=LATER)
    assert (first.status, first.body) == (again.status, again.body)


async def test_a_key_is_not_taken_for_another_request(client: AsgiClient) -> None:
    await opened(client)
    body = {"device_id": "tv", "title_id": "harbour"}
    assert (await client.post(f"{CUSTOMER}/licenses", body, key="k", at=T0)).status == 201
    other = {"device_id": "phone", "title_id": "harbour"}
    answer = await client.post(f"{CUSTOMER}/licenses", other, key="k", at=T0)
    assert (answer.status, answer.reason) == (422, "idempotency-key-reused")


async def test_a_key_is_not_taken_for_another_operation(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client, "meadow")
    body = {"device_id": "tv", "title_id": "meadow"}
    await client.post(f"{CUSTOMER}/licenses", body, key="k", at=T0)
    answer = await client.post(f"{CUSTOMER}/licenses/{grant['license_id']}/release", key="k")
    assert (answer.status, answer.reason) == (422, "idempotency-key-reused")


async def test_two_customers_may_use_the_same_key(client: AsgiClient) -> None:
    ids = set()
    for customer in ("a", "b"):
        path = f"/v1/customers/{customer}"
        await client.call("PUT", f"{path}/account", {"plan": "basic"})
        body = {"device_id": "tv", "title_id": "meadow"}
        answer = await client.post(f"{path}/licenses", body, key="k")
        ids.add(answer.json()["license_id"])
    assert len(ids) == 2


async def test_a_refusal_lists_every_unmet_rule(client: AsgiClient) -> None:
    await opened(client, "basic")
    await granted(client)
    await granted(client)
    body = {"device_id": "phone", "title_id": "harbour"}
    answer = await client.post(f"{CUSTOMER}/licenses", body, at=LATER)
    assert (answer.status, answer.reason) == (403, "device-limit")
    problem = answer.json()
    assert [unmet["reason"] for unmet in problem["unmet"]] == [
        "device-limit",
        "title-downloads-per-year",
    ]
    first = problem["unmet"][0]
    assert first.keys() == {
        *("reason", "rule", "limit", "used", "resets_at", "frees", "remedy", "detail")
    }
    for name in first:
        assert problem[name] == first[name]
    assert (problem["limit"], problem["resets_at"]) == (1, "2026-01-31T00:00:00Z")
    assert (problem["at"], problem["position"]) == (LATER, 8)
    assert problem["policy_version"] == "test-1"


async def test_a_title_that_is_not_in_the_catalogue_is_refused(client: AsgiClient) -> None:
    await opened(client)
    body = {"device_id": "tv", "title_id": "nowhere"}
    answer = await client.post(f"{CUSTOMER}/licenses", body)
    assert (answer.status, answer.reason) == (422, "title-unknown")


async def test_a_licence_is_renewed_with_and_without_a_body(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client, "summit")
    path = f"{CUSTOMER}/licenses/{grant['license_id']}/renewals"
    without = await client.post(path, at=LATER)
    with_body = await client.post(path, {}, at=LATER)
    assert (without.status, with_body.status) == (200, 200)
    assert with_body.json().keys() == GRANT
    assert with_body.json()["expires_at"] == "2026-02-01T00:00:00Z"
    assert with_body.json()["renewals_left"] == 3


async def test_renewals_run_out(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    path = f"{CUSTOMER}/licenses/{grant['license_id']}/renewals"
    await client.post(path, at=LATER)
    answer = await client.post(path, at=LATER)
    assert (answer.status, answer.reason) == (403, "renewals-exhausted")
    assert answer.json()["resets_at"] is None


async def test_a_released_licence_is_not_renewed(client: AsgiClient) -> None:
    await opened(client)
    path = f"{CUSTOMER}/licenses/{(await granted(client))['license_id']}"
    await client.post(f"{path}/release")
    answer = await client.post(f"{path}/renewals")
    assert (answer.status, answer.reason) == (409, "license-released")


async def test_a_first_play_starts_the_playback_window(client: AsgiClient) -> None:
    await opened(client)
    path = f"{CUSTOMER}/licenses/{(await granted(client))['license_id']}"
    played = await client.post(
        f"{path}/plays", {"played_at": "2026-01-01T12:00:00+02:00"}, at=LATER
    )
    assert played.status == 200
    assert played.json().keys() == LICENSE
    assert played.json()["first_played_at"] == "2026-01-01T10:00:00Z"
    assert played.json()["effective_expires_at"] == "2026-01-03T10:00:00Z"
    assert played.json()["playback_remaining_s"] == 34 * 3600


async def test_a_release_frees_and_is_acknowledged_again(client: AsgiClient) -> None:
    await opened(client)
    path = f"{CUSTOMER}/licenses/{(await granted(client))['license_id']}"
    answers = [
        await client.post(f"{path}/release", {"released_at": LATER}, at=LATER),
        await client.post(f"{path}/release", {}, at=LATER),
        await client.post(f"{path}/release", at=LATER),
    ]
    assert [answer.status for answer in answers] == [200] * 3
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].json()["state"] == "released"
    assert answers[0].json()["release_reason"] == "deleted"
    assert (await client.get(path, at=LATER)).json() == answers[0].json()


async def test_a_licence_expires(client: AsgiClient) -> None:
    await opened(client)
    path = f"{CUSTOMER}/licenses/{(await granted(client))['license_id']}"
    states = [(await client.get(path, at=at)).json()["state"] for at in (LATER, EXPIRED)]
    assert states == ["active", "expired"]


async def test_a_device_is_removed_and_its_slot_is_free(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    removed = await client.call("DELETE", f"{CUSTOMER}/devices/tv", at=LATER)
    again = await client.call("DELETE", f"{CUSTOMER}/devices/tv", at=LATER)
    assert (removed.status, again.status) == (200, 200)
    assert removed.json() == {"device_id": "tv", "released_licenses": [grant["license_id"]]}
    assert again.json() == {"device_id": "tv", "released_licenses": []}
    devices = (await client.get(f"{CUSTOMER}/devices", at=LATER)).json()
    assert (devices["plan"], devices["devices_max"], devices["devices_in_use"]) == (
        *("standard", 2),
        0,
    )
    assert devices["devices"] == [
        {
            "device_id": "tv",
            "registered_at": T0,
            "removed_at": LATER,
            "active_downloads": 0,
            "holds_slot": False,
        }
    ]


async def test_what_is_left_is_told_without_an_event(client: AsgiClient) -> None:
    await opened(client)
    await granted(client)
    before = (await client.get(f"{CUSTOMER}/history")).json()["head"]
    answer = await client.get(f"{CUSTOMER}/allowance?title_id=harbour&device_id=tv", at=LATER)
    assert answer.status == 200
    assert answer.json().keys() == {
        *("title_id", "device_id", "allowed", "refusals", "downloads_left_this_year"),
        *("active_downloads_left_on_device", "devices_left", "warnings", "policy_version"),
    }
    assert answer.json()["allowed"] is True
    assert answer.json()["downloads_left_this_year"] == 1
    assert (await client.get(f"{CUSTOMER}/history")).json()["head"] == before


async def test_the_history_tells_all_that_was_recorded(client: AsgiClient) -> None:
    await opened(client)
    answer = await client.call(
        "POST",
        f"{CUSTOMER}/licenses",
        {"device_id": "tv", "title_id": "harbour"},
        key="k",
        at=T0,
        headers=[("X-Request-Id", "request-7")],
    )
    history = (await client.get(f"{CUSTOMER}/history")).json()
    assert (history["customer_id"], history["head"]) == ("c-1", 5)
    events = history["events"]
    assert [event["position"] for event in events] == [1, 2, 3, 4, 5]
    assert {(event["aggregate_type"], event["name"]) for event in events} == {
        ("account", "account-opened"),
        ("account", "device-registered"),
        ("downloaded-title", "download-counted"),
        ("device", "download-held"),
        ("license", "license-issued"),
    }
    issued = next(event for event in events if event["name"] == "license-issued")
    assert issued.keys() == {
        *("position", "aggregate_type", "aggregate_id", "name", "version", "commit_id"),
        *("recorded_at", "command_id", "actor", "correlation_id", "causation_id", "data"),
    }
    assert issued["aggregate_id"] == answer.json()["license_id"]
    assert (issued["command_id"], issued["correlation_id"]) == ("k", "request-7")
    assert issued["data"] == {
        "title_id": "harbour",
        "device_id": "tv",
        "plan": "standard",
        "expires_at": "2026-01-31T00:00:00Z",
        "playback_window_s": 48 * 3600,
        "renewals_max": 1,
        "at": T0,
        "policy_version": answer.json()["policy_version"],
    }


async def test_the_history_comes_in_parts(client: AsgiClient) -> None:
    await opened(client)
    await granted(client)
    positions = []
    after = 0
    while True:
        part = (await client.get(f"{CUSTOMER}/history?after={after}&limit=2")).json()
        assert part["head"] == 5
        if not part["events"]:
            break
        assert len(part["events"]) <= 2
        positions += [event["position"] for event in part["events"]]
        after = positions[-1]
    assert positions == [1, 2, 3, 4, 5]
    assert (await client.get(f"{CUSTOMER}/history?after=99")).json()["events"] == []


async def test_what_is_not_there_is_not_found(client: AsgiClient) -> None:
    license_path = f"{CUSTOMER}/licenses/lic-{'0' * 32}"
    allowance = f"{CUSTOMER}/allowance?device_id=tv&title_id="
    for path in ("account", "devices", "history", "allowance?device_id=d&title_id=harbour"):
        answer = await client.get(f"{CUSTOMER}/{path}")
        assert (answer.status, answer.reason) == (404, "account-not-found")
    request = await client.post(f"{CUSTOMER}/licenses", {"device_id": "tv", "title_id": "harbour"})
    assert (request.status, request.reason) == (404, "account-not-found")
    await opened(client)
    calls = [
        (await client.get(license_path), "license-not-found"),
        (await client.post(f"{license_path}/renewals"), "license-not-found"),
        (await client.post(f"{license_path}/plays", {"played_at": T0}), "license-not-found"),
        (await client.post(f"{license_path}/release"), "license-not-found"),
        (await client.call("DELETE", f"{CUSTOMER}/devices/none"), "device-not-found"),
        (await client.get(f"{allowance}none"), "title-not-found"),
    ]
    assert [(answer.status, answer.reason) for answer, _ in calls] == [
        (404, reason) for _, reason in calls
    ]


async def test_what_a_request_would_be_answered_is_told_without_an_event(
    client: AsgiClient,
) -> None:
    await opened(client, "basic")
    path = f"{CUSTOMER}/preview?title_id=harbour&device_id="
    granted_ = (await client.get(f"{path}tv", at=T0)).json()
    assert granted_.keys() == {
        *("allowed", "grant", "refusals", "policy_version", "at", "position"),
    }
    assert (granted_["allowed"], granted_["at"], granted_["position"]) == (True, T0, 1)
    assert granted_["grant"].keys() == {
        *("expires_at", "playback_window_s", "playback_ends_at", "renewals_left", "warnings"),
        *("downloads_left_this_year", "active_downloads_left_on_device", "devices_left"),
    }
    await granted(client)
    refused = (await client.get(f"{path}phone", at=LATER)).json()
    assert (refused["allowed"], refused["grant"]) == (False, None)
    assert [unmet["reason"] for unmet in refused["refusals"]] == ["device-limit"]
    assert (await client.get(f"{CUSTOMER}/history")).json()["head"] == refused["position"] == 5


async def test_what_a_renewal_would_be_answered_is_told_without_an_event(
    client: AsgiClient,
) -> None:
    await opened(client)
    path = f"{CUSTOMER}/licenses/{(await granted(client))['license_id']}/renewals"
    preview = (await client.get(f"{path}/preview", at=LATER)).json()
    assert preview["grant"]["expires_at"] == "2026-02-01T00:00:00Z"
    assert preview["grant"]["renewals_left"] == 0
    assert (await client.post(path, at=LATER)).status == 200
    preview = (await client.get(f"{path}/preview", at=LATER)).json()
    assert [unmet["reason"] for unmet in preview["refusals"]] == ["renewals-exhausted"]


async def test_what_remains_is_told_apart_for_licence_and_window(client: AsgiClient) -> None:
    await opened(client)
    path = f"{CUSTOMER}/licenses/{(await granted(client))['license_id']}"
    fields = {"license_id", "state", "at", "license_remaining_s", "playback_remaining_s"}
    unplayed = (await client.get(f"{path}/remaining", at=LATER)).json()
    assert unplayed.keys() == fields
    assert (unplayed["license_remaining_s"], unplayed["playback_remaining_s"]) == (
        *(29 * 86_400, 48 * 3600),
    )
    await client.post(f"{path}/plays", {"played_at": T0}, at=LATER)
    played = (await client.get(f"{path}/remaining", at=LATER)).json()
    assert (played["license_remaining_s"], played["playback_remaining_s"]) == (
        *(29 * 86_400, 24 * 3600),
    )
    await client.post(f"{path}/release", at=LATER)
    released = (await client.get(f"{path}/remaining", at=LATER)).json()
    assert (released["state"], released["license_remaining_s"]) == ("released", 0)
    forever = f"{CUSTOMER}/licenses/{(await granted(client, 'meadow'))['license_id']}"
    unlimited = (await client.get(f"{forever}/remaining", at=LATER)).json()
    assert (unlimited["license_remaining_s"], unlimited["playback_remaining_s"]) == (None, None)
