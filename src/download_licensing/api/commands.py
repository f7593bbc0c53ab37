"""The operations that change something: each makes one command of the service."""

from __future__ import annotations

from litestar import Response, delete, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from download_licensing.api.bodies import (
    AccountBody,
    DownloadBody,
    PlanBody,
    PlayBody,
    RegionBody,
    ReleaseBody,
    RenewalBody,
    SessionBody,
)
from download_licensing.api.decoding import JsonBody
from download_licensing.api.documentation import (
    KeyableOperation,
    KeyedOperation,
    command_problems,
)
from download_licensing.api.licensing import execute
from download_licensing.api.parameters import (
    CustomerInPath,
    DeviceInPath,
    LicenseInPath,
    SessionInPath,
)
from download_licensing.api.paths import CUSTOMER, LICENSE
from download_licensing.api.requests import AnyRequest
from download_licensing.api.times import in_calendar, in_calendar_if_told
from download_licensing.service.answers import (
    Account,
    AccountOpened,
    DeviceRemoved,
    Grant,
    License,
    PlanChanged,
    SessionReported,
)
from download_licensing.service.commands import (
    ChangePlan,
    OpenAccount,
    ReleaseLicense,
    RemoveDevice,
    RenewLicense,
    ReportFirstPlay,
    ReportSession,
    RequestDownload,
    SessionEvent,
    SetRegion,
)


@put(
    f"{CUSTOMER}/account",
    status_code=201,
    dto=JsonBody.of(AccountBody),
    return_dto=None,
    summary="Open an account",
    tags=["accounts"],
    operation_id="openAccount",
    operation_class=KeyableOperation,
    response_description="The account is open now.",
    responses={
        200: ResponseSpec(Account, generate_examples=False, description="It was open already."),
        **command_problems("account-exists", "plan-unknown", "time-zone-unknown", key=False),
    },
)
async def open_account(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[AccountBody]
) -> Response[Account]:
    """Open the customer's account with a plan of the catalogue. Idempotent by nature."""
    opened: AccountOpened = await execute(
        request,
        OpenAccount(
            customer_id=customer_id,
            plan=data.plan,
            country=data.country,
            time_zone=data.time_zone,
        ),
        key_required=False,
    )
    return Response(opened.account, status_code=201 if opened.created else 200)


@put(
    f"{CUSTOMER}/account/plan",
    dto=JsonBody.of(PlanBody),
    return_dto=None,
    summary="Change the plan",
    tags=["accounts"],
    operation_id="changePlan",
    operation_class=KeyableOperation,
    response_description="The account, and whether the devices in use fit the plan.",
    responses=command_problems("account-not-found", "plan-unknown", key=False),
)
async def change_plan(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[PlanBody]
) -> PlanChanged:
    """Decide by another plan from now on. What is granted already stays until it ends."""
    changed: PlanChanged = await execute(
        request, ChangePlan(customer_id=customer_id, plan=data.plan), key_required=False
    )
    return changed


@put(
    f"{CUSTOMER}/account/region",
    dto=JsonBody.of(RegionBody),
    return_dto=None,
    summary="Say where the customer lives",
    tags=["accounts"],
    operation_id="setRegion",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", "time-zone-unknown", key=False),
)
async def set_region(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[RegionBody]
) -> Account:
    """Country and time zone for the decisions from now on. What is granted already stays."""
    account: Account = await execute(
        request,
        SetRegion(customer_id=customer_id, country=data.country, time_zone=data.time_zone),
        key_required=False,
    )
    return account


@post(
    f"{CUSTOMER}/licenses",
    dto=JsonBody.of(DownloadBody),
    return_dto=None,
    summary="Request a download permission",
    tags=["licences"],
    operation_id="requestDownload",
    operation_class=KeyedOperation,
    response_description="Granted, with what is left after it.",
    responses=command_problems(
        *("account-not-found", "title-unknown", "title-withdrawn", "plan-unknown"), rules=True
    ),
)
async def request_download(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[DownloadBody]
) -> Grant:
    """Grant a licence for a title on a device if every rule is met.

    The licence's id follows from the customer and the Idempotency-Key.
    """
    granted: Grant = await execute(
        request,
        RequestDownload(customer_id=customer_id, device_id=data.device_id, title_id=data.title_id),
        key_required=True,
    )
    return granted


@post(
    f"{LICENSE}/renewals",
    status_code=200,
    dto=JsonBody.of(RenewalBody),
    return_dto=None,
    summary="Renew a licence",
    tags=["licences"],
    operation_id="renewLicense",
    operation_class=KeyedOperation,
    response_description="Renewed, with what is left after it.",
    responses=command_problems(
        *("account-not-found", "license-not-found", "title-not-found", "title-withdrawn"),
        *("license-released", "license-revoked", "plan-unknown"),
        rules=True,
    ),
)
async def renew_license(
    request: AnyRequest,
    customer_id: CustomerInPath,
    license_id: LicenseInPath,
    data: JSONBody[RenewalBody | None] = None,
) -> Grant:
    """Extend a licence if every rule is met. Of an expired licence it is a new download."""
    granted: Grant = await execute(
        request, RenewLicense(customer_id=customer_id, license_id=license_id), key_required=True
    )
    return granted


@post(
    f"{LICENSE}/plays",
    status_code=200,
    dto=JsonBody.of(PlayBody),
    return_dto=None,
    summary="Report the first play",
    tags=["licences"],
    operation_id="reportFirstPlay",
    operation_class=KeyedOperation,
    response_description="The licence as it stands.",
    responses=command_problems("account-not-found", "license-not-found"),
)
async def report_first_play(
    request: AnyRequest,
    customer_id: CustomerInPath,
    license_id: LicenseInPath,
    data: JSONBody[PlayBody],
) -> License:
    """Start the playback window. Reports may come late, twice and out of order."""
    played: License = await execute(
        request,
        ReportFirstPlay(
            customer_id=customer_id,
            license_id=license_id,
            played_at=in_calendar(data.played_at, "played_at"),
            session_id=data.session_id,
            sent_at=in_calendar_if_told(data.sent_at, "sent_at"),
        ),
        key_required=True,
    )
    return played


@post(
    f"{LICENSE}/sessions/{{session_id:str}}",
    status_code=200,
    dto=JsonBody.of(SessionBody),
    return_dto=None,
    summary="Report a playback session",
    tags=["licences"],
    operation_id="reportSession",
    operation_class=KeyedOperation,
    response_description="The session and the licence as they stand.",
    responses=command_problems("account-not-found", "license-not-found"),
)
async def report_session(
    request: AnyRequest,
    customer_id: CustomerInPath,
    license_id: LicenseInPath,
    session_id: SessionInPath,
    data: JSONBody[SessionBody],
) -> SessionReported:
    """Starts, pauses, resumes, keep-alives and stops: late, twice, in parts and out of order."""
    reported: SessionReported = await execute(
        request,
        ReportSession(
            customer_id=customer_id,
            license_id=license_id,
            session_id=session_id,
            events=tuple(
                SessionEvent(kind=event.kind, at=in_calendar(event.at, f"events[{place}].at"))
                for place, event in enumerate(data.events)
            ),
            sent_at=in_calendar_if_told(data.sent_at, "sent_at"),
        ),
        key_required=True,
    )
    return reported


@post(
    f"{LICENSE}/release",
    status_code=200,
    dto=JsonBody.of(ReleaseBody),
    return_dto=None,
    summary="Release a licence",
    tags=["licences"],
    operation_id="releaseLicense",
    operation_class=KeyedOperation,
    response_description="The licence as it stands.",
    responses=command_problems("account-not-found", "license-not-found"),
)
async def release_license(
    request: AnyRequest,
    customer_id: CustomerInPath,
    license_id: LicenseInPath,
    data: JSONBody[ReleaseBody | None] = None,
) -> License:
    """Give a licence back because its download was deleted. Idempotent by nature."""
    released: License = await execute(
        request,
        ReleaseLicense(
            customer_id=customer_id,
            license_id=license_id,
            released_at=in_calendar_if_told(data.released_at if data else None, "released_at"),
        ),
        key_required=True,
    )
    return released


@delete(
    f"{CUSTOMER}/devices/{{device_id:str}}",
    status_code=200,
    summary="Remove a device",
    tags=["accounts"],
    operation_id="removeDevice",
    operation_class=KeyableOperation,
    response_description="The licences that this released.",
    responses=command_problems(
        "account-not-found", "device-not-found", "command-too-large", key=False, body=False
    ),
)
async def remove_device(
    request: AnyRequest, customer_id: CustomerInPath, device_id: DeviceInPath
) -> DeviceRemoved:
    """Release all licences of a device and free its slot, of a lost one too."""
    removed: DeviceRemoved = await execute(
        request, RemoveDevice(customer_id=customer_id, device_id=device_id), key_required=False
    )
    return removed


COMMANDS = (
    open_account,
    change_plan,
    set_region,
    request_download,
    renew_license,
    report_first_play,
    report_session,
    release_license,
    remove_device,
)
