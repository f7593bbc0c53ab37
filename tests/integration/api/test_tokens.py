"""A grant comes with a token that a device can rely on, by keys that the service publishes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from download_licensing.tokens.verifier import Verdict, Verifier
from helenus.store import EventStore
from tests.integration.api.asgi_client import AsgiClient

CUSTOMER = "/v1/customers/c-1"
T0 = "2026-01-01T00:00:00.5Z"
LATER = "2026-01-02T00:00:00.25Z"
SECOND = timedelta(seconds=1)


async def opened(client: AsgiClient) -> None:
    await client.call("PUT", f"{CUSTOMER}/account", {"plan": "standard"}, at=T0)


async def granted(client: AsgiClient, title: str = "harbour", key: str = "k") -> dict[str, Any]:
    body = {"device_id": "tv", "title_id": title}
    answer = await client.post(f"{CUSTOMER}/licenses", body, key=key, at=T0)
    assert answer.status == 201, answer
    grant: dict[str, Any] = answer.json()
    return grant


async def verifier(client: AsgiClient) -> Verifier:
    key_set = await client.get("/.well-known/jwks.json")
    return Verifier(key_set.body, issuer="download-licensing", device_id="tv", clock_tolerance_s=0)


async def checked(client: AsgiClient, grant: dict[str, Any], at: str, **given: Any) -> Verdict:
    return (await verifier(client)).check(grant["token"], now=moment(at), **given)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_the_key_set_is_published_for_caches(client: AsgiClient) -> None:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    named = ["kty", "crv", "use", "alg"]
    assert [key[name] for name in named] == ["OKP", "Ed25519", "sig", "Ed25519"]


async def test_a_grant_says_in_its_token_what_it_says_beside_it(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    verdict = await checked(client, grant, LATER)
    assert verdict.may_play
    claims = verdict.claims
    assert claims is not None
    assert (claims.iss, claims.sub) == ("download-licensing", "c-1")
    for name in ("device_id", "title_id", "license_id", "playback_window_s", "renewals_left"):
        assert getattr(claims, name) == grant[name]
    assert claims.policy_version == grant["policy_version"] != ""
    start = int(moment(T0).timestamp())
    assert (claims.iat, claims.nbf) == (start, start)
    assert (claims.exp, claims.license_exp) == (start + 30 * 86_400,) * 2
    assert claims.playback_exp is None


async def test_a_repeated_request_gets_the_very_same_token(client: AsgiClient) -> None:
    await opened(client)
    first, again = await granted(client), await granted(client)
    assert first == again
    assert first["token"]
    assert first["token"] != (await granted(client, key="other"))["token"]


async def test_a_renewal_gets_a_token_of_its_own_from_its_time_on(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    path = f"{CUSTOMER}/licenses/{grant['license_id']}"
    await client.post(f"{path}/plays", {"played_at": T0}, at=T0)
    renewed = (await client.post(f"{path}/renewals", at=LATER)).json()
    assert renewed["renewed_at"] == "2026-01-02T00:00:00.250000Z"
    assert grant["renewed_at"] is None
    assert (await checked(client, renewed, T0)).reason == "not-yet-valid"
    verdict = await checked(client, renewed, LATER)
    assert verdict.claims is not None
    assert verdict.claims.playback_exp == int(moment(T0).timestamp()) + 48 * 3600
    assert verdict.claims.exp == verdict.claims.playback_exp
    assert verdict.claims.license_exp == int(moment(LATER).timestamp()) + 30 * 86_400
    assert verdict.claims.renewals_left == 0


async def test_what_has_no_end_has_none_in_its_token(client: AsgiClient) -> None:
    await opened(client)
    verdict = await checked(client, await granted(client, "meadow"), "2400-01-01T00:00:00Z")
    assert verdict.may_play
    assert (verdict.license_remaining_s, verdict.playback_remaining_s) == (None, None)
    assert verdict.claims is not None
    assert verdict.claims.renewals_left is None


@pytest.mark.parametrize("hours", [0, 1, 47, 48, 49, 719, 720, 721])
async def test_device_and_service_agree_on_what_is_left(client: AsgiClient, hours: int) -> None:
    await opened(client)
    grant = await granted(client)
    played, at = moment(T0) + 3600 * SECOND, moment(T0) + hours * 3600 * SECOND
    path = f"{CUSTOMER}/licenses/{grant['license_id']}"
    if at >= played:
        await client.post(f"{path}/plays", {"played_at": played.isoformat()}, at=played.isoformat())
    told = (await client.get(path, at=at.isoformat())).json()
    verdict = (await verifier(client)).check(
        grant["token"], now=at, first_played_at=played if at >= played else None
    )
    assert verdict.may_play == (told["state"] == "active")
    assert verdict.license_remaining_s in {told["license_remaining_s"] - n for n in (0, 1)} | {0}
    assert verdict.playback_remaining_s == told["playback_remaining_s"]


async def test_a_token_is_not_recorded(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    history = await client.get(f"{CUSTOMER}/history")
    assert grant["token"].encode() not in history.body


async def test_after_a_restart_with_the_same_keys_a_repetition_has_the_same_token(
    settings: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    tokens = []
    for _ in range(2):
        async with open_api(settings, catalogue, store) as api:
            client = AsgiClient(api.gate)
            await opened(client)
            tokens.append((await granted(client))["token"])
    assert tokens[0] == tokens[1]


async def test_a_licence_has_a_token_as_it_stands(client: AsgiClient) -> None:
    await opened(client)
    grant = await granted(client)
    path = f"{CUSTOMER}/licenses/{grant['license_id']}"
    same = (await client.get(f"{path}/token")).json()
    assert same == {"license_id": grant["license_id"], "token": grant["token"]}
    await client.post(f"{path}/plays", {"played_at": LATER}, at=LATER)
    played = (await client.get(f"{path}/token")).json()
    verdict = await checked(client, played, LATER)
    assert verdict.claims is not None
    assert verdict.claims.playback_exp == int(moment(LATER).timestamp()) + 48 * 3600
    assert verdict.claims.exp == verdict.claims.playback_exp
    renewed = (await client.post(f"{path}/renewals", at=LATER)).json()
    assert (await client.get(f"{path}/token")).json()["token"] == renewed["token"]
    await client.post(f"{path}/release")
    answer = await client.get(f"{path}/token")
    assert (answer.status, answer.reason) == (409, "license-released")
    answer = await client.get(f"{CUSTOMER}/licenses/lic-{'0' * 32}/token")
    assert (answer.status, answer.reason) == (404, "license-not-found")
