"""An id leads nowhere but to what it names: none reaches another customer, or another stream."""

from typing import Any

import pytest

from tests.integration.api.asgi_client import AsgiClient

T0 = "2026-01-01T00:00:00Z"
LICENSE = "lic-" + 32 * "0"
EVENT = {"kind": "stop", "at": T0}
REASON = {"reason": "Claim."}

EVIL = [
    *("..", ".", "%2e%2e", "a%2Fb", "%2Fetc%2Fpasswd", "..%2Fb", "a%00b", "a%0Ab", "%20", "é"),
    *("titles%2Fwithdrawn", "customer%2Fb", "a" * 101, "*", "a?b#c", "a%5Cb"),
]
PATHS: list[tuple[str, str, Any]] = [
    ("PUT", "/v1/customers/{}/account", {"plan": "basic"}),
    ("PUT", "/v1/customers/{}/account/plan", {"plan": "basic"}),
    ("PUT", "/v1/customers/{}/account/region", {"country": "PT", "time_zone": "UTC"}),
    ("POST", "/v1/customers/{}/sync", {"device_id": "tv"}),
    ("POST", "/v1/customers/{}/renewals", {"license_ids": [LICENSE]}),
    ("POST", f"/v1/customers/b/licenses/{LICENSE}/sessions/{{}}", {"events": [EVENT]}),
    ("POST", "/v1/customers/b/licenses/{}/sessions/s", {"events": [EVENT]}),
    ("PUT", "/v1/admin/customers/{}/standing", {"standing": "cancelled"}),
    ("PUT", "/v1/admin/customers/{}/block", REASON),
    ("DELETE", "/v1/admin/customers/{}/block", None),
    ("PUT", "/v1/admin/customers/b/licenses/{}/revocation", REASON),
    ("PUT", "/v1/admin/titles/{}/withdrawal", REASON),
    ("DELETE", "/v1/admin/titles/{}/withdrawal", None),
]
BODIES: list[tuple[str, Any]] = [
    ("sync", {"device_id": "{}"}),
    ("sync", {"device_id": "tv", "renewals": [{"item_id": "{}", "license_id": LICENSE}]}),
    ("sync", {"device_id": "tv", "releases": [{"item_id": "a", "license_id": "{}"}]}),
    (
        "sync",
        {
            "device_id": "tv",
            "sessions": [
                {"item_id": "a", "license_id": LICENSE, "session_id": "{}", "events": [EVENT]}
            ],
        },
    ),
    ("renewals", {"license_ids": ["{}"]}),
    (f"licenses/{LICENSE}/plays", {"played_at": T0, "session_id": "{}"}),
]


async def _histories(client: AsgiClient) -> list[Any]:
    found = [(await client.get(f"/v1/customers/{each}/history")).json() for each in "ab"]
    return [*found, (await client.get("/v1/admin/withdrawals")).json()]


@pytest.mark.parametrize(("method", "path", "body"), PATHS, ids=lambda value: str(value)[:60])
async def test_an_id_in_a_path_is_held_to_its_form(
    client: AsgiClient, method: str, path: str, body: Any
) -> None:
    for customer in "ab":
        await client.call("PUT", f"/v1/customers/{customer}/account", {"plan": "standard"}, at=T0)
    before = await _histories(client)

    for evil in EVIL:
        answer = await client.call(method, path.format(evil), body, key="k", at=T0)
        assert answer.status in {400, 404, 405}, (evil, answer)
        assert answer.reason

    assert await _histories(client) == before


@pytest.mark.parametrize(("operation", "body"), BODIES, ids=lambda value: str(value)[:60])
async def test_an_id_in_a_body_is_held_to_its_form(
    client: AsgiClient, operation: str, body: Any
) -> None:
    for customer in "ab":
        await client.call("PUT", f"/v1/customers/{customer}/account", {"plan": "standard"}, at=T0)
    before = await _histories(client)

    for evil in ("..", ".", "a/b", "../b", "customer/a", "a\x00b", "a\n", "", " ", "é", "a" * 101):
        answer = await client.post(
            f"/v1/customers/b/{operation}", _with(body, evil), key=f"k-{len(evil)}", at=T0
        )
        assert (answer.status, answer.reason) == (400, "invalid-request"), (evil, answer)

    assert await _histories(client) == before


def _with(body: Any, value: str) -> Any:
    match body:
        case dict():
            return {name: _with(part, value) for name, part in body.items()}
        case list():
            return [_with(part, value) for part in body]
        case _:
            return value if body == "{}" else body
