"""The operations that only read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get

from download_licensing.api.documentation import TimedOperation, query_problems
from download_licensing.api.headers import decision_time
from download_licensing.api.licensing import licensing_of
from download_licensing.api.parameters import (
    AfterInQuery,
    CustomerInPath,
    DeviceInQuery,
    LicenseInPath,
    LimitInQuery,
    TitleInQuery,
)
from download_licensing.api.paths import CUSTOMER, LICENSE
from download_licensing.api.requests import AnyRequest
from download_licensing.domain.refusals import AccountNotFound
from download_licensing.service.answers import (
    Account,
    Allowance,
    Devices,
    License,
    LicenseToken,
    Preview,
    Remaining,
)
from download_licensing.service.licensing import stream_of
from helenus.events import Event, RecordedEvent


class HistoryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was recorded.

    Attributes:
        position: 1, 2, 3 … in the customer's history, without gaps.
        aggregate_type: account, downloaded-title, device or license.
        aggregate_id: which of them.
        name: of the event.
        version: of its form.
        commit_id: the same for events that were recorded together.
        recorded_at: when; UTC.
        command_id: the Idempotency-Key of the command.
        actor: who acted.
        correlation_id: the X-Request-Id of the request.
        causation_id: the message that caused the command.
        data: the fields of the event.
    """

    position: int
    aggregate_type: str
    aggregate_id: str
    name: str
    version: int
    commit_id: UUID
    recorded_at: datetime
    command_id: str | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    data: dict[str, Any]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a customer's history.

    Attributes:
        customer_id: whose.
        head: the position of the last event there is.
        events: in order.
    """

    customer_id: str
    head: int
    events: list[HistoryEvent]


def history_event(recorded: RecordedEvent[Event]) -> HistoryEvent:
    """A recorded event in the form that leaves the service."""
    return HistoryEvent(
        position=recorded.position,
        aggregate_type=recorded.aggregate_type,
        aggregate_id=recorded.aggregate_id,
        name=recorded.name,
        version=recorded.version,
        commit_id=recorded.commit_id,
        recorded_at=recorded.recorded_at,
        command_id=recorded.command_id,
        actor=recorded.actor,
        correlation_id=recorded.correlation_id,
        causation_id=recorded.causation_id,
        data=msgspec.structs.asdict(recorded.event),
    )


@get(
    f"{CUSTOMER}/account",
    summary="The account",
    tags=["accounts"],
    operation_id="getAccount",
    operation_class=TimedOperation,
    responses=query_problems("account-not-found"),
)
async def get_account(request: AnyRequest, customer_id: CustomerInPath) -> Account:
    """The customer's plan, and since when the account is open."""
    decision_time(request)
    return await licensing_of(request).account(customer_id)


@get(
    LICENSE,
    summary="A licence",
    tags=["licences"],
    operation_id="getLicense",
    operation_class=TimedOperation,
    responses=query_problems("account-not-found", "license-not-found"),
)
async def get_license(
    request: AnyRequest, customer_id: CustomerInPath, license_id: LicenseInPath
) -> License:
    """A licence, with what is left of it and of its playback window."""
    return await licensing_of(request).license(customer_id, license_id, decision_time(request))


@get(
    f"{LICENSE}/remaining",
    summary="What remains",
    tags=["licences"],
    operation_id="getRemaining",
    operation_class=TimedOperation,
    responses=query_problems("account-not-found", "license-not-found"),
)
async def get_remaining(
    request: AnyRequest, customer_id: CustomerInPath, license_id: LicenseInPath
) -> Remaining:
    """What remains of a licence and of its playback window, each by itself."""
    return await licensing_of(request).remaining(customer_id, license_id, decision_time(request))


@get(
    f"{LICENSE}/token",
    summary="A new token",
    tags=["tokens"],
    operation_id="getLicenseToken",
    operation_class=TimedOperation,
    responses=query_problems(
        *("account-not-found", "license-not-found", "license-released", "license-revoked")
    ),
)
async def get_license_token(
    request: AnyRequest, customer_id: CustomerInPath, license_id: LicenseInPath
) -> LicenseToken:
    """The token of a licence as it stands.

    For a device that lost its own, or that wants one which says when its playback window ends.
    """
    return await licensing_of(request).token(customer_id, license_id, decision_time(request))


@get(
    f"{LICENSE}/renewals/preview",
    summary="Would it be renewed?",
    tags=["licences"],
    operation_id="previewRenewal",
    operation_class=TimedOperation,
    responses=query_problems(
        *("account-not-found", "license-not-found", "title-not-found"),
        *("license-released", "license-revoked", "plan-unknown"),
    ),
)
async def preview_renewal(
    request: AnyRequest, customer_id: CustomerInPath, license_id: LicenseInPath
) -> Preview:
    """What a renewal would be answered now. Records nothing."""
    return await licensing_of(request).preview_renewal(
        customer_id, license_id, decision_time(request)
    )


@get(
    f"{CUSTOMER}/preview",
    summary="Would it be granted?",
    tags=["licences"],
    operation_id="previewDownload",
    operation_class=TimedOperation,
    responses=query_problems("account-not-found", "title-unknown", "plan-unknown"),
)
async def preview_download(
    request: AnyRequest,
    customer_id: CustomerInPath,
    title_id: TitleInQuery,
    device_id: DeviceInQuery,
) -> Preview:
    """What a request would be answered now. Records nothing."""
    return await licensing_of(request).preview_download(
        customer_id, title_id, device_id, decision_time(request)
    )


@get(
    f"{CUSTOMER}/devices",
    summary="The devices",
    tags=["accounts"],
    operation_id="listDevices",
    operation_class=TimedOperation,
    responses=query_problems("account-not-found", "plan-unknown"),
)
async def list_devices(request: AnyRequest, customer_id: CustomerInPath) -> Devices:
    """Every device the account ever had, what it holds, and which count against the plan."""
    return await licensing_of(request).devices(customer_id, decision_time(request))


@get(
    f"{CUSTOMER}/allowance",
    summary="What is left",
    tags=["licences"],
    operation_id="getAllowance",
    operation_class=TimedOperation,
    responses=query_problems(
        "account-not-found", "title-not-found", "title-withdrawn", "plan-unknown"
    ),
)
async def get_allowance(
    request: AnyRequest,
    customer_id: CustomerInPath,
    title_id: TitleInQuery,
    device_id: DeviceInQuery,
) -> Allowance:
    """What is left of a title on a device. Records nothing."""
    return await licensing_of(request).allowance(
        customer_id, title_id, device_id, decision_time(request)
    )


@get(
    f"{CUSTOMER}/history",
    summary="What was recorded",
    tags=["history"],
    operation_id="getHistory",
    operation_class=TimedOperation,
    responses=query_problems("account-not-found", "history-unreadable"),
)
async def get_history(
    request: AnyRequest,
    customer_id: CustomerInPath,
    after: AfterInQuery = 0,
    limit: LimitInQuery = 1_000,
) -> History:
    """The customer's events after a position, oldest first."""
    decision_time(request)
    stream = stream_of(customer_id)
    repository = licensing_of(request).repository
    head = (await repository.load(stream)).position
    if not head:
        raise AccountNotFound(customer_id)
    upto = min(after + limit, head)
    recorded = repository.history(stream, after=after, upto=max(after, upto))
    events = [history_event(event) async for event in recorded]
    return History(customer_id=customer_id, head=head, events=events)


QUERIES = (
    get_account,
    get_license,
    get_remaining,
    get_license_token,
    preview_renewal,
    preview_download,
    list_devices,
    get_allowance,
    get_history,
)
