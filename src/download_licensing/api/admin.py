"""The operations of billing and of those who run the service, below /v1/admin."""

from __future__ import annotations

from typing import Any

from litestar import Request, delete, put
from litestar.params import JSONBody

from download_licensing.api.bodies import BlockBody, JsonBody, RevocationBody, StandingBody
from download_licensing.api.documentation import KeyableOperation, command_problems
from download_licensing.api.headers import command_context
from download_licensing.api.parameters import CustomerInPath, LicenseInPath
from download_licensing.service.answers import Account, License
from download_licensing.service.commands import (
    BlockAccount,
    RevokeLicense,
    SetStanding,
    UnblockAccount,
)

AnyRequest = Request[Any, Any, Any]

CUSTOMER = "/v1/admin/customers/{customer_id:str}"


@put(
    f"{CUSTOMER}/standing",
    dto=JsonBody.of(StandingBody),
    return_dto=None,
    summary="Say how a customer stands with billing",
    tags=["operations"],
    operation_id="setStanding",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", key=False),
)
async def set_standing(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[StandingBody]
) -> Account:
    """Good, past-due or cancelled. Idempotent by nature."""
    account: Account = await request.app.state.licensing.execute(
        SetStanding(customer_id=customer_id, standing=data.standing),
        command_context(request, key_required=False),
    )
    return account


@put(
    f"{CUSTOMER}/block",
    dto=JsonBody.of(BlockBody),
    return_dto=None,
    summary="Block a customer",
    tags=["operations"],
    operation_id="blockAccount",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", key=False),
)
async def block_account(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[BlockBody]
) -> Account:
    """Stop the customer's requests and renewals until the block is lifted."""
    account: Account = await request.app.state.licensing.execute(
        BlockAccount(customer_id=customer_id, reason=data.reason),
        command_context(request, key_required=False),
    )
    return account


@delete(
    f"{CUSTOMER}/block",
    status_code=200,
    summary="Lift the block of a customer",
    tags=["operations"],
    operation_id="unblockAccount",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", key=False, body=False),
)
async def unblock_account(request: AnyRequest, customer_id: CustomerInPath) -> Account:
    """Allow requests and renewals again. Idempotent by nature."""
    account: Account = await request.app.state.licensing.execute(
        UnblockAccount(customer_id=customer_id), command_context(request, key_required=False)
    )
    return account


@put(
    f"{CUSTOMER}/licenses/{{license_id:str}}/revocation",
    dto=JsonBody.of(RevocationBody),
    return_dto=None,
    summary="Revoke a licence",
    tags=["operations"],
    operation_id="revokeLicense",
    operation_class=KeyableOperation,
    response_description="The licence as it stands.",
    responses=command_problems("account-not-found", "license-not-found", key=False),
)
async def revoke_license(
    request: AnyRequest,
    customer_id: CustomerInPath,
    license_id: LicenseInPath,
    data: JSONBody[RevocationBody],
) -> License:
    """Take a licence away for good, which frees what it held. Idempotent by nature."""
    revoked: License = await request.app.state.licensing.execute(
        RevokeLicense(customer_id=customer_id, license_id=license_id, reason=data.reason),
        command_context(request, key_required=False),
    )
    return revoked


ADMIN = (set_standing, block_account, unblock_account, revoke_license)
