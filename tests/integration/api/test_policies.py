"""Policies over HTTP: published, compared with the last, withdrawn, reloaded."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from helenus.stores.memory import MemoryStore
from tests.integration.api.asgi_client import Answer, AsgiClient
from tests.integration.api.conftest import POLICY

T0 = "2026-03-01T00:00:00Z"
LATER = "2026-03-01T00:00:10Z"
PATH = "/v1/admin/policies"
LICENSES = "/v1/customers/c-1/licenses"
NEXT = (
    "version: test-2\ndefault:\n  device-limit: {devices_max: 1}\n  license-duration: {hours: 1}\n"
)


async def publish(
    client: AsgiClient, version: str, document: str, *, at: str = T0, expected: str | None = None
) -> Answer:
    body = {"document": document, "expected": expected}
    return await client.call("PUT", f"{PATH}/{version}", body, at=at)


async def grant(client: AsgiClient, device: str, at: str) -> Answer:
    return await client.post(LICENSES, {"device_id": device, "title_id": "meadow"}, at=at)


async def opened(client: AsgiClient, plan: str = "standard") -> None:
    await client.call("PUT", "/v1/customers/c-1/account", {"plan": plan}, at=T0)


async def test_a_policy_holds_for_grants_and_refusals_from_its_date_on(client: AsgiClient) -> None:
    await opened(client)

    published = await publish(client, "test-2", NEXT)

    assert published.status == 201
    assert published.json() == {"version": "test-2", "effective_from": LATER, "created": True}
    before = await grant(client, "tv", T0)
    assert (before.json()["policy_version"], before.json()["expires_at"]) == ("test-1", None)
    after = await grant(client, "tv", LATER)
    assert (after.json()["policy_version"], after.json()["expires_at"]) == (
        "test-2",
        "2026-03-01T01:00:10Z",
    )
    refused = await grant(client, "laptop", LATER)
    assert (refused.status, refused.json()["policy_version"]) == (403, "test-2")


async def test_which_policy_held_when_is_listed_with_its_text(client: AsgiClient) -> None:
    await publish(client, "test-2", NEXT)

    listed = (await client.get(PATH, at=T0)).json()

    assert listed["in_force"] == "test-1"
    assert [known["version"] for known in listed["versions"]] == ["test-1", "test-2"]
    assert listed["versions"][1] == {
        "version": "test-2",
        "effective_from": LATER,
        "published_at": T0,
        "withdrawn_at": None,
    }
    assert (await client.get(PATH, at=LATER)).json()["in_force"] == "test-2"
    shown = (await client.get(f"{PATH}/test-2")).json()
    assert (shown["document"], shown["effective_from"]) == (NEXT, LATER)
    assert (await client.get(f"{PATH}/test-3")).reason == "policy-not-found"


async def test_publishing_again_changes_nothing(client: AsgiClient) -> None:
    first = await publish(client, "test-2", NEXT)
    again = await publish(client, "test-2", NEXT, at=LATER)

    assert (first.status, again.status) == (201, 200)
    assert again.json() == {**first.json(), "created": False}


async def test_an_unsound_document_is_refused_whole_with_lines_and_columns(
    client: AsgiClient,
) -> None:
    document = NEXT.replace("devices_max: 1", "devices_max: -1") + "plans: {nobody: {}}\n"

    answer = await publish(client, "test-2", document)

    assert (answer.status, answer.reason) == (422, "policy-unsound")
    problem = answer.json()
    assert problem["errors_found"] == 2
    assert [(error["line"], error["column"], error["path"]) for error in problem["errors"]] == [
        (3, 31, "default.device-limit.devices_max"),
        (5, 9, "plans.nobody"),
    ]
    assert "Expected `int` >= 0, not -1" in problem["errors"][0]["message"]
    assert [known["version"] for known in (await client.get(PATH)).json()["versions"]] == ["test-1"]
    assert (await client.get(PATH, at="2030-01-01T00:00:00Z")).json()["in_force"] == "test-1"


async def test_no_more_errors_are_listed_than_the_bound(client: AsgiClient) -> None:
    plans = "".join(f"  p{n}: {{}}\n" for n in range(100))

    problem = (await publish(client, "test-2", f"version: test-2\nplans:\n{plans}")).json()

    assert (len(problem["errors"]), problem["errors_found"]) == (20, 100)


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        ("version: &v test-2\nnote: *v\n", "anchors"),
        ("version: !!python/name:os.system x\n", "tags such as"),
        ("version: test-2\ndefault: {a: {a: {a: {a: {a: {a: {a: {a: {}}}}}}}}}\n", "inside one"),
        ("version: other\n", "not test-2 as in the path"),
        ("\u0000", "not YAML"),
        ("", "must be a mapping"),
    ],
)
async def test_what_is_no_policy_is_refused(client: AsgiClient, document: str, hint: str) -> None:
    answer = await publish(client, "test-2", document)

    assert (answer.status, answer.reason) == (422, "policy-unsound")
    assert hint in str(answer.json()["errors"])


async def test_a_body_over_the_bound_is_refused(client: AsgiClient) -> None:
    answer = await publish(client, "test-2", NEXT + "#" * 10_000_000)

    assert (answer.status, answer.reason) == (413, "body-too-large")


async def test_each_conflict_has_its_own_problem(client: AsgiClient) -> None:
    late = "effective_from: 2026-04-01T00:00:00Z\n"
    assert (await publish(client, "test-2", NEXT + late, expected="test-1")).status == 201

    for version, extra, expected, status, reason in (
        ("test-2", "# other\n", None, 409, "policy-version-taken"),
        ("test-3", "", "test-1", 409, "policy-overtaken"),
        ("test-3", "effective_from: 2026-03-31T00:00:00Z\n", None, 409, "policy-dates-overlap"),
        ("test-3", "effective_from: 2026-03-01T00:00:09Z\n", None, 422, "policy-too-early"),
    ):
        document = NEXT.replace("test-2", version) + extra
        answer = await publish(client, version, document, expected=expected)
        assert (answer.status, answer.reason) == (status, reason), answer.json()


async def test_a_policy_is_withdrawn_before_it_holds(client: AsgiClient) -> None:
    await publish(client, "test-2", NEXT)

    too_late = await client.call("DELETE", f"{PATH}/test-2", at="2026-03-01T00:00:01Z")
    assert (too_late.status, too_late.reason) == (409, "policy-in-force")
    withdrawn = await client.call("DELETE", f"{PATH}/test-2", at=T0)

    assert (withdrawn.status, withdrawn.json()["withdrawn_at"]) == (200, T0)
    assert (await client.get(PATH, at=LATER)).json()["in_force"] == "test-1"
    assert (await client.call("DELETE", f"{PATH}/none", at=T0)).reason == "policy-not-found"


async def test_a_process_takes_up_what_another_published_when_it_reloads(
    settings: Settings, catalogue: Catalogue
) -> None:
    async with (
        MemoryStore() as store,
        open_api(settings, catalogue, store) as one,
        open_api(settings, catalogue, store) as other,
    ):
        clients = [AsgiClient(api.gate) for api in (one, other)]
        await publish(clients[0], "test-2", NEXT)

        reloaded = await clients[1].call("POST", f"{PATH}/reload", at=LATER)

        assert reloaded.status == 200
        assert reloaded.json() == {
            "version": "test-2",
            "effective_from": LATER,
            "position": 2,
            "changed": True,
            "problem": "",
        }
        await opened(clients[1])
        assert (await grant(clients[1], "tv", LATER)).json()["policy_version"] == "test-2"


async def test_a_restart_finds_what_was_published(settings: Settings, catalogue: Catalogue) -> None:
    async with MemoryStore() as store:
        async with open_api(settings, catalogue, store) as api:
            await publish(AsgiClient(api.gate), "test-2", NEXT)
        async with open_api(settings, catalogue, store) as api:
            listed = (await AsgiClient(api.gate).get(PATH, at=LATER)).json()
    assert listed["in_force"] == "test-2"


async def test_the_schema_is_served_and_fits_the_policy_of_these_tests(client: AsgiClient) -> None:
    schema = (await client.get("/v1/admin/policy-schema")).json()

    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(_text(POLICY)))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
