"""The operations that carry out many things at once, each of which is answered."""

from __future__ import annotations

import msgspec
from litestar import post
from litestar.params import JSONBody

from download_licensing.api.bodies import RenewalsBody, SyncBody
from download_licensing.api.decoding import JsonBody
from download_licensing.api.documentation import KeyedOperation, command_problems
from download_licensing.api.licensing import execute
from download_licensing.api.parameters import CustomerInPath
from download_licensing.api.paths import CUSTOMER
from download_licensing.api.requests import AnyRequest
from download_licensing.api.times import in_calendar_if_told
from download_licensing.service.answers import Renewed, Synced
from download_licensing.service.commands import RenewLicenses, Sync


@post(
    f"{CUSTOMER}/sync",
    status_code=200,
    dto=JsonBody.of(SyncBody),
    return_dto=None,
    summary="Bring all that a device did offline",
    tags=["licences"],
    operation_id="sync",
    operation_class=KeyedOperation,
    response_description="What became of each item, in the order in which they were decided.",
    responses=command_problems(
        *("account-not-found", "device-not-found", "plan-unknown", "command-too-large")
    ),
)
async def sync(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[SyncBody]
) -> Synced:
    """Releases, then plays and sessions in the order of their times, then renewals.

    What one item is refused for holds up no other. An item that was carried out before, under
    whatever key, is known by its id and takes no effect again.
    """
    brought = msgspec.structs.asdict(data)
    brought["sent_at"] = in_calendar_if_told(data.sent_at, "sent_at")
    synced: Synced = await execute(
        request, Sync(customer_id=customer_id, **brought), key_required=True
    )
    return synced


@post(
    f"{CUSTOMER}/renewals",
    status_code=200,
    dto=JsonBody.of(RenewalsBody),
    return_dto=None,
    summary="Renew several licences",
    tags=["licences"],
    operation_id="renewLicenses",
    operation_class=KeyedOperation,
    response_description="What became of each, in the order in which they were named.",
    responses=command_problems("account-not-found", "plan-unknown", "command-too-large"),
)
async def renew_licenses(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[RenewalsBody]
) -> Renewed:
    """Extend each licence for which every rule is met, on whichever devices they are."""
    renewed: Renewed = await execute(
        request,
        RenewLicenses(customer_id=customer_id, license_ids=data.license_ids),
        key_required=True,
    )
    return renewed


SYNCING = (sync, renew_licenses)
