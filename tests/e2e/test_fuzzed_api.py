"""The API, fuzzed from its own OpenAPI document: no failure, and every answer as it is documented.

Requests are made from the document alone: ones that fit it, and ones that break it in one place.
Half of those that fit are led to customers and licences that exist, or all would end at "not
found". Nothing is left to chance: the same requests are made each time.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.e2e.server_process import serving

EXAMPLES_MAX = 5
"""Of requests of one operation that fit the document, and as many that do not."""

# Valid by the document and refused all the same are unknown titles, over-long pauses and the like:
# "positive data is accepted" is no property of this API.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
]
TITLES = ("glass-harbour", "the-salt-road", "button-town")
DEVICES = ("phone", "tablet")
JANUARY = "2026-01-01T00:00:00Z"

Known = dict[str, str]
Operation = APIOperation[Any, Any, Any, Any]
AnyCase = Case[Any]


def call(url: str, method: str, path: str, body: object, *, key: str) -> Any:
    request = urllib.request.Request(
        f"{url}{path}",
        data=json.dumps(body).encode(),
        method=method,
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "Rehearsal-Time": JANUARY,
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def populate(url: str) -> list[Known]:
    """Customers of each plan with licences: fresh, played, released."""
    known: list[Known] = []
    for plan in ("basic", "standard", "premium"):
        customer = f"/v1/customers/{plan}-customer"
        call(url, "PUT", f"{customer}/account", {"plan": plan}, key="open")
        for deed, title in zip(("", "plays", "release"), TITLES, strict=True):
            wish = {"device_id": DEVICES[0], "title_id": title}
            granted = call(url, "POST", f"{customer}/licenses", wish, key=f"{deed}-{title}")
            if deed:
                path = f"{customer}/licenses/{granted['license_id']}/{deed}"
                call(url, "POST", path, {"played_at": JANUARY} if deed == "plays" else {}, key=deed)
            known.append(
                {
                    "customer_id": f"{plan}-customer",
                    "license_id": granted["license_id"],
                    "device_id": DEVICES[0],
                }
            )
    return known


def led(case: AnyCase, known: Known, title: str) -> None:
    """Replace the ids of a request that fits the document by ones that exist."""
    for name in known.keys() & case.path_parameters.keys():
        case.path_parameters[name] = known[name]
    for part in (case.query, case.body):
        if isinstance(part, dict):
            if isinstance(part.get("title_id"), str):
                part["title_id"] = title
            if isinstance(part.get("plan"), str):
                part["plan"] = "standard"


def fuzzed(
    url: str, operation: Operation, mode: GenerationMode, known: list[Known]
) -> Iterator[str]:
    """What is wrong with the answers of one operation to requests that fit, or that do not."""

    @settings(
        max_examples=EXAMPLES_MAX,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        lead=st.booleans(),
        ids=st.sampled_from(known),
        title=st.sampled_from(TITLES),
    )
    def run(case: AnyCase, lead: bool, ids: Known, title: str) -> None:
        if lead and mode is GenerationMode.POSITIVE:
            led(case, ids, title)
        case.validate_response(case.call(base_url=url), checks=CHECKS)

    try:
        run()
    except FailureGroup as group:
        notes = "\n".join(getattr(group, "__notes__", []))
        for failure in group.exceptions:
            yield f"{operation.label} ({mode.value}): {failure}\n{notes}"


def modes(operation: Operation) -> Iterator[GenerationMode]:
    yield GenerationMode.POSITIVE
    if operation.body or list(operation.iter_parameters()):
        yield GenerationMode.NEGATIVE


@pytest.mark.timeout(300)  # a quarter of a minute on a machine that does nothing else
async def test_no_request_made_from_its_document_breaks_the_api_or_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with serving(tmp_path, "--rehearsal") as server:
        url = server.url
        schema: BaseSchema = await asyncio.to_thread(
            schemathesis.openapi.from_url, f"{url}/schema/openapi.json"
        )
        known = await asyncio.to_thread(populate, url)
        operations = [
            result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)
        ]
        assert {operation.path for operation in operations} >= {
            *("/.well-known/jwks.json", "/v1/customers/{customer_id}/licenses"),
        }
        wrong = [
            failure
            for operation in operations
            for mode in modes(operation)
            for failure in await asyncio.to_thread(list, fuzzed(url, operation, mode, known))
        ]
    assert not wrong, "\n\n".join(wrong)
