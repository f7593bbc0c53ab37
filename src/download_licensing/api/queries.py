"""The operations that only read."""

from __future__ import annotations

from litestar import get

from download_licensing.api.documentation import TimedOperation, query_problems
from download_licensing.api.headers import decision_time, require_sound_time
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
from download_licensing.service.answers import (
    Account,
    Allowance,
    Devices,
    License,
    LicenseToken,
    Preview,
    Remaining,
)
from download_licensing.service.history import History


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
    require_sound_time(request)
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
    require_sound_time(request)
    return await licensing_of(request).history(customer_id, after=after, limit=limit)


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
