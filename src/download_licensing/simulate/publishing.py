"""Before the first member lives: the policies that the oracle judges by are in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from download_licensing.simulate.oracle import Terms
from download_licensing.simulate.preflight import ServiceUnfit
from download_licensing.simulate.transport import HttpTransport, Transport, Unreachable
from download_licensing.simulate.wire import HttpRequest, HttpResponse

_POLICIES = "/v1/admin/policies"
_AHEAD = timedelta(days=1)


async def publish_policies(
    urls: Sequence[str],
    policies: Sequence[Path],
    terms: Terms,
    begins_at: datetime,
    *,
    timeout_s: float,
) -> None:
    """Publish all but the first, as of the day before, and have each process look for them.

    Args:
        urls: of the processes.
        policies: the documents, the first first.
        terms: what the oracle read in them.
        begins_at: when the first member lives.
        timeout_s: how long one attempt waits for its answer.

    Raises:
        ServiceUnfit: the service began with another policy, or refuses one.
        OSError: a document cannot be read.
    """
    at = begins_at - _AHEAD
    for url in urls:
        async with HttpTransport([url], 1, timeout_s) as transport:
            first = terms.versions[0].version
            found = await _ask(transport, "GET", f"{_POLICIES}/{first}", at)
            _require_document(found, policies[0], url)
            for version, path in zip(terms.versions[1:], policies[1:], strict=True):
                body = msgspec.json.encode({"document": path.read_text(encoding="utf-8")})
                published = await _ask(transport, "PUT", f"{_POLICIES}/{version.version}", at, body)
                if published.status not in {200, 201}:
                    raise ServiceUnfit(f"The service at {url} refuses {path}: {_shown(published)}")
            await _ask(transport, "POST", f"{_POLICIES}/reload", at)


def _require_document(found: HttpResponse, path: Path, url: str) -> None:
    if found.status == 200:
        document = msgspec.json.decode(found.body)["document"]
        if document == path.read_text(encoding="utf-8"):
            return
    raise ServiceUnfit(
        f"The service at {url} does not decide by {path}. Start it on a new store with --policy"
        f" {path}, or name its policy. It said: {_shown(found)}"
    )


async def _ask(
    transport: Transport, method: str, path: str, at: datetime, body: bytes | None = None
) -> HttpResponse:
    headers = {"rehearsal-time": at.isoformat()}
    if body is not None:
        headers["content-type"] = "application/json"
    try:
        return await transport.send(HttpRequest(method, path, headers, body))
    except Unreachable as error:
        raise ServiceUnfit(f"The service gave no answer: {error}") from error


def _shown(response: HttpResponse) -> str:
    return f"{response.status} {response.body[:300].decode(errors='replace')}"
