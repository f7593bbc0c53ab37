"""Bad input: each gets an answer that says what to do, and none gets a 500."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from tests.integration.api.asgi_client import Answer, AsgiClient
from tests.integration.api.conftest import POLICY

CUSTOMER = "/v1/customers/c-1"
LICENSES = f"{CUSTOMER}/licenses"
LICENSE = f"{LICENSES}/lic-{'0' * 32}"
JSON_TYPE = ("content-type", "application/json")
KEY = ("idempotency-key", "k")

Opening = MemoryStore | SqliteStore


# One service answers them all: hardly any of these requests may change it.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def opening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opening:
    if request.param == "memory":
        return MemoryStore()
    return SqliteStore(tmp_path_factory.mktemp("store") / "s.sqlite3")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(opening: Opening, catalogue: Catalogue) -> AsyncIterator[AsgiClient]:
    async with (
        opening as store,
        open_api(Settings(rehearsal=True, policy=POLICY), catalogue, store) as api,
    ):
        opened = AsgiClient(api.gate)
        await opened.call("PUT", f"{CUSTOMER}/account", {"plan": "basic"})
        yield opened


async def send(client: AsgiClient, body: bytes, path: str = LICENSES) -> Answer:
    return await client.raw("POST", path, [body], [JSON_TYPE, KEY])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"device_id": "tv",}',
        b'{"device_id": tv}',
        b"\xff\xfe{}",
        b'{"device_id": "\xff"}',
        b'{"device_id": "\\ud800"}',
        b"[" * 60_000,
        b'{"x":' * 10_000,
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"true",
        b"\x00",
        b"NaN",
    ],
)
async def test_what_is_no_json_object_is_malformed(client: AsgiClient, body: bytes) -> None:
    answer = await send(client, body)
    assert (answer.status, answer.reason) == (400, "malformed-json")


async def test_malformed_json_says_where(client: AsgiClient) -> None:
    answer = await send(client, b'{"device_id": "tv", "title_id": nope}')
    assert answer.reason == "malformed-json"
    assert "byte 3" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{}", {"device_id", "title_id"}),
        (b'{"device_id": "tv"}', {"title_id"}),
        (b'{"device_id": "tv", "title_id": "harbour", "x": 1}', {"x"}),
        (b'{"device": "tv", "title_id": 7}', {"device", "device_id", "title_id"}),
        (b'{"device_id": null, "title_id": ["harbour"]}', {"device_id", "title_id"}),
        (b'{"device_id": "", "title_id": "harbour"}', {"device_id"}),
        (b'{"device_id": ".", "title_id": ".."}', {"device_id", "title_id"}),
        (b'{"device_id": "../etc", "title_id": "a/b"}', {"device_id", "title_id"}),
        (b'{"device_id": "a\\u0000b", "title_id": "a\\n"}', {"device_id", "title_id"}),
        (b'{"device_id": "a b", "title_id": "\\u0430"}', {"device_id", "title_id"}),
        (b'{"device_id": "%s", "title_id": "harbour"}' % (b"a" * 101), {"device_id"}),
        (b'{"device_id": "%s", "title_id": "harbour"}' % (b"a" * 60_000), {"device_id"}),
    ],
)
async def test_every_bad_field_is_named(client: AsgiClient, body: bytes, fields: set[str]) -> None:
    answer = await send(client, body)
    assert (answer.status, answer.fields) == (400, fields)


async def test_what_is_wrong_with_an_id_is_said_in_words(client: AsgiClient) -> None:
    answer = await send(client, b'{"device_id": "a/b", "title_id": "harbour"}')
    assert "1 to 100 characters" in answer.json()["errors"][0]["message"]


async def test_a_missing_body_is_said_to_be_missing(client: AsgiClient) -> None:
    for path in (LICENSES, f"{LICENSE}/plays"):
        assert (await send(client, b"", path)).fields == {"body"}
    answer = await client.raw("PUT", f"{CUSTOMER}/account")
    assert answer.fields == {"body"}


async def test_an_empty_body_takes_no_fields(client: AsgiClient) -> None:
    assert (await send(client, b'{"x": 1}', f"{LICENSE}/renewals")).fields == {"x"}
    assert (await send(client, b'{"x": 1}', f"{LICENSE}/release")).fields == {"x"}


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "99999-01-01T00:00:00Z",
        "1767225600",
    ],
)
async def test_a_date_that_cannot_be_used_is_refused(client: AsgiClient, moment: str) -> None:
    for path, field in ((f"{LICENSE}/plays", "played_at"), (f"{LICENSE}/release", "released_at")):
        answer = await client.post(path, {field: moment})
        assert (answer.status, answer.fields) == (400, {field})
    answer = await client.get(f"{CUSTOMER}/account", at=moment)
    assert (answer.status, answer.fields) == (400, {"Rehearsal-Time"})


async def test_a_time_of_the_decision_comes_once(client: AsgiClient) -> None:
    times = [("rehearsal-time", f"2026-01-0{day}T00:00:00Z") for day in (1, 2)]
    for path in ("account", "devices", "history"):
        answer = await client.call("GET", f"{CUSTOMER}/{path}", headers=times)
        assert (answer.status, answer.fields) == (400, {"Rehearsal-Time"})
        assert "comes more than once" in answer.json()["detail"]


async def test_a_date_may_be_a_number_nowhere(client: AsgiClient) -> None:
    assert (await client.post(f"{LICENSE}/plays", {"played_at": 1_767_225_600})).fields == {
        "played_at"
    }


@pytest.mark.parametrize(
    "customer",
    ["a%0a", "a%20b", "..", ".", "%2e%2e", "a%00", "a" * 101, "a" * 10_000, "%F0%9F%98%80", "a*b"],
)
async def test_a_hostile_id_in_a_path_is_refused(client: AsgiClient, customer: str) -> None:
    for path in ("account", "devices", "history"):
        answer = await client.get(f"/v1/customers/{customer}/{path}")
        assert answer.status == 400
        assert answer.fields <= {"customer_id", "path"}


@pytest.mark.parametrize("path", ["c-1%2faccount", "c-1%2F..%2Fc-2/account", "c-1%5caccount"])
async def test_an_encoded_separator_in_a_path_is_refused(client: AsgiClient, path: str) -> None:
    answer = await client.get(f"/v1/customers/{path}")
    assert (answer.status, answer.fields) == (400, {"path"})


@pytest.mark.parametrize(
    "license_id", ["lic-1", "lic-" + "g" * 32, "x", "lic-" + "0" * 33, "lic-" + "0" * 32 + "%0a"]
)
async def test_what_is_no_licence_id_is_refused(client: AsgiClient, license_id: str) -> None:
    answer = await client.get(f"{LICENSES}/{license_id}")
    assert (answer.status, answer.fields) == (400, {"license_id"})
    assert "32 hexadecimal digits" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
    ],
)
async def test_a_bad_query_is_refused(client: AsgiClient, query: str, field: str) -> None:
    answer = await client.get(f"{CUSTOMER}/history?{query}")
    assert (answer.status, answer.fields) == (400, {field})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("device_id=tv", "title_id"),
        ("title_id=harbour", "device_id"),
        ("title_id=harbour&device_id=..", "device_id"),
        ("title_id=a%2Fb&device_id=tv", "title_id"),
    ],
)
async def test_a_bad_allowance_query_is_refused(client: AsgiClient, query: str, field: str) -> None:
    answer = await client.get(f"{CUSTOMER}/allowance?{query}")
    assert (answer.status, answer.fields) == (400, {field})


async def test_a_missing_key_is_said_to_be_missing(client: AsgiClient) -> None:
    body = b'{"device_id": "tv", "title_id": "harbour"}'
    play = b'{"played_at": "2026-01-01T00:00:00Z"}'
    calls = (
        (LICENSES, body),
        (f"{LICENSE}/renewals", b""),
        (f"{LICENSE}/plays", play),
        (f"{LICENSE}/release", b""),
    )
    for path, content in calls:
        answer = await client.raw("POST", path, [content], [JSON_TYPE])
        assert (answer.status, answer.reason) == (400, "idempotency-key-missing")


@pytest.mark.parametrize("key", ["", "a" * 201, "a\tb", "\u00e9", "a\x7f", "a\x00"])
async def test_a_key_that_cannot_be_used_is_refused(client: AsgiClient, key: str) -> None:
    answer = await client.post(f"{LICENSE}/release", key=key)
    assert (answer.status, answer.reason) == (400, "idempotency-key-invalid")


async def test_two_keys_are_none(client: AsgiClient) -> None:
    keys = [("idempotency-key", "a"), ("idempotency-key", "b")]
    answer = await client.raw("POST", f"{LICENSE}/release", [b""], keys)
    assert (answer.status, answer.reason) == (400, "idempotency-key-invalid")


async def test_a_key_may_have_200_characters(client: AsgiClient) -> None:
    body = {"device_id": "tv", "title_id": "meadow"}
    assert (await client.post(LICENSES, body, key="~ " * 100)).status == 201


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
async def test_a_body_of_another_type_is_refused(client: AsgiClient, media_type: str) -> None:
    answer = await client.raw("POST", LICENSES, [b"{}"], [("content-type", media_type), KEY])
    assert (answer.status, answer.reason) == (415, "unsupported-media-type")


async def test_json_may_name_its_charset_or_no_type_at_all(client: AsgiClient) -> None:
    body = b'{"device_id": "tv", "title_id": "meadow"}'
    typed = [("content-type", "application/JSON; charset=utf-8"), KEY]
    assert (await client.raw("POST", LICENSES, [body], typed)).status == 201
    assert (await client.raw("POST", LICENSES, [body], [KEY])).status == 201


async def test_a_body_over_the_limit_is_refused(client: AsgiClient) -> None:
    announced = ("content-length", "65537")
    answers = [
        await client.raw("POST", LICENSES, [b" " * 65_537], [JSON_TYPE, KEY, announced]),
        await client.raw("POST", LICENSES, [b" " * 30_000] * 4, [JSON_TYPE, KEY]),
    ]
    assert [(a.status, a.reason) for a in answers] == [(413, "body-too-large")] * 2


async def test_a_body_may_come_in_pieces(client: AsgiClient) -> None:
    pieces = [b'{"device_id": "tv",', b' "title_id": "meadow"}']
    assert (await client.raw("POST", LICENSES, pieces, [JSON_TYPE, KEY])).status == 201


async def test_a_caller_that_hangs_up_leaves_nothing_behind(client: AsgiClient) -> None:
    before = (await client.get(f"{CUSTOMER}/history")).json()["head"]
    body = b'{"device_id": "phone", "title_id": "meadow"}'
    typed = [JSON_TYPE, ("idempotency-key", "hangs-up")]
    answer = await client.raw("POST", LICENSES, [body], typed, hangs_up=True)
    assert answer.status == 400
    assert (await client.get(f"{CUSTOMER}/history")).json()["head"] == before


async def test_a_path_that_is_none_is_not_found(client: AsgiClient) -> None:
    for path in ("/v1", "/v1/customers", "/v1/customers//account", "/../etc/passwd", "/schema/x"):
        answer = await client.get(path)
        assert (answer.status, answer.reason) == (404, "not-found")


async def test_a_method_that_the_path_does_not_take_is_refused(client: AsgiClient) -> None:
    answer = await client.call("PATCH", f"{CUSTOMER}/account", {"plan": "basic"})
    assert (answer.status, answer.reason) == (405, "method-not-allowed")
    assert {"GET", "PUT"} <= set(answer.headers["allow"].split(", "))


async def test_an_odd_host_is_refused(client: AsgiClient) -> None:
    answer = await client.raw("GET", "/health/live", headers=[("host", "a b\x00")])
    assert (answer.status, answer.fields) == (400, {"request"})


async def test_a_query_parameter_that_an_operation_does_not_have_is_named(
    client: AsgiClient,
) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    asked = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            of_query = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
            if not of_query:
                continue
            query = "&".join(f"{name}=1" for name in [*of_query, "surprise"])
            concrete = re.sub(r"{[^}]*}", "x", path)
            answer = await client.raw(method.upper(), f"{concrete}?{query}", [b""], [KEY])
            assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "surprise"), path
            assert ", ".join(sorted(of_query)) in answer.json()["detail"]
            asked += 1
    assert asked >= 10
