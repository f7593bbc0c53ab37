"""The operations of billing and of those who run the service, below /v1/admin."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.params import JSONBody

from download_licensing.api.bodies import (
    BlockBody,
    RevocationBody,
    StandingBody,
    WithdrawalBody,
)
from download_licensing.api.decoding import JsonBody
from download_licensing.api.documentation import (
    KeyableOperation,
    TimedOperation,
    command_problems,
    query_problems,
)
from download_licensing.api.headers import require_sound_time
from download_licensing.api.licensing import execute, licensing_of
from download_licensing.api.parameters import (
    AfterInQuery,
    CustomerInPath,
    LicenseInPath,
    LimitInQuery,
    TitleInPath,
)
from download_licensing.api.paths import ADMIN, ADMIN_CUSTOMER, ADMIN_TITLE
from download_licensing.api.requests import AnyRequest
from download_licensing.service.answers import Account, License, Withdrawal, Withdrawals
from download_licensing.service.commands import (
    BlockAccount,
    ReinstateTitle,
    RevokeLicense,
    SetStanding,
    UnblockAccount,
    WithdrawTitle,
)
from download_licensing.service.history import TitleHistory


@put(
    f"{ADMIN_CUSTOMER}/standing",
    dto=JsonBody.of(StandingBody),
    return_dto=None,
    summary="Say how a customer stands with billing",
    tags=["administration"],
    operation_id="setStanding",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", key=False),
)
async def set_standing(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[StandingBody]
) -> Account:
    """Good, past-due or cancelled, which ends all downloads. Idempotent by nature."""
    account: Account = await execute(
        request, SetStanding(customer_id=customer_id, standing=data.standing), key_required=False
    )
    return account


@put(
    f"{ADMIN_CUSTOMER}/block",
    dto=JsonBody.of(BlockBody),
    return_dto=None,
    summary="Block a customer",
    tags=["administration"],
    operation_id="blockAccount",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", key=False),
)
async def block_account(
    request: AnyRequest, customer_id: CustomerInPath, data: JSONBody[BlockBody]
) -> Account:
    """Stop the customer's requests and renewals until the block is lifted."""
    account: Account = await execute(
        request, BlockAccount(customer_id=customer_id, reason=data.reason), key_required=False
    )
    return account


@delete(
    f"{ADMIN_CUSTOMER}/block",
    status_code=200,
    summary="Lift the block of a customer",
    tags=["administration"],
    operation_id="unblockAccount",
    operation_class=KeyableOperation,
    response_description="The account as it stands.",
    responses=command_problems("account-not-found", key=False, body=False),
)
async def unblock_account(request: AnyRequest, customer_id: CustomerInPath) -> Account:
    """Allow requests and renewals again. Idempotent by nature."""
    account: Account = await execute(
        request, UnblockAccount(customer_id=customer_id), key_required=False
    )
    return account


@put(
    f"{ADMIN_CUSTOMER}/licenses/{{license_id:str}}/revocation",
    dto=JsonBody.of(RevocationBody),
    return_dto=None,
    summary="Revoke a licence",
    tags=["administration"],
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
    revoked: License = await execute(
        request,
        RevokeLicense(customer_id=customer_id, license_id=license_id, reason=data.reason),
        key_required=False,
    )
    return revoked


@put(
    f"{ADMIN_TITLE}/withdrawal",
    dto=JsonBody.of(WithdrawalBody),
    return_dto=None,
    summary="Withdraw a title",
    tags=["administration"],
    operation_id="withdrawTitle",
    operation_class=KeyableOperation,
    response_description="How the title stands.",
    responses=command_problems("title-not-found", key=False),
)
async def withdraw_title(
    request: AnyRequest, title_id: TitleInPath, data: JSONBody[WithdrawalBody]
) -> Withdrawal:
    """End every download of the title, of all customers, at this moment. Idempotent by nature."""
    withdrawal: Withdrawal = await execute(
        request, WithdrawTitle(title_id=title_id, reason=data.reason), key_required=False
    )
    return withdrawal


@delete(
    f"{ADMIN_TITLE}/withdrawal",
    status_code=200,
    summary="Reinstate a title",
    tags=["administration"],
    operation_id="reinstateTitle",
    operation_class=KeyableOperation,
    response_description="How the title stands.",
    responses=command_problems("title-not-found", key=False, body=False),
)
async def reinstate_title(request: AnyRequest, title_id: TitleInPath) -> Withdrawal:
    """Let the title be downloaded again; what ended stays ended. Idempotent by nature."""
    withdrawal: Withdrawal = await execute(
        request, ReinstateTitle(title_id=title_id), key_required=False
    )
    return withdrawal


@get(
    f"{ADMIN}/withdrawals",
    summary="The titles that are withdrawn",
    tags=["administration"],
    operation_id="listWithdrawals",
    operation_class=TimedOperation,
    responses=query_problems(),
)
async def list_withdrawals(request: AnyRequest) -> Withdrawals:
    """By id, each since when and why."""
    require_sound_time(request)
    return await licensing_of(request).withdrawals()


@get(
    f"{ADMIN}/withdrawals/history",
    summary="What was recorded of withdrawals",
    tags=["administration"],
    operation_id="getWithdrawalHistory",
    operation_class=TimedOperation,
    responses=query_problems("history-unreadable"),
)
async def get_withdrawal_history(
    request: AnyRequest, after: AfterInQuery = 0, limit: LimitInQuery = 1_000
) -> TitleHistory:
    """Which titles were withdrawn and reinstated, after a position, oldest first."""
    require_sound_time(request)
    return await licensing_of(request).withdrawal_history(after=after, limit=limit)


ADMINISTRATION = (
    set_standing,
    block_account,
    unblock_account,
    revoke_license,
    withdraw_title,
    reinstate_title,
    list_withdrawals,
    get_withdrawal_history,
)
